"""Specification of a CfC or LTC layer for every backend: sizes, choices, initial parameters.

Both backends build their layers from these, so the same generator gives the same network on each,
and parameters carry the same names and shapes everywhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from homeostat.errors import SpaceError
from homeostat.workloads.ncp.wirings import Wiring, WiringRule, as_rule

# I inputs, H (CfC) or N (LTC) neurons, U backbone units, K heads.
Parameters = dict[str, npt.NDArray[np.float32]]
Mask = npt.NDArray[np.float32]

MODES = ("default", "no_gate", "pure")
ACTIVATIONS = ("lecun_tanh", "tanh", "relu", "gelu", "silu")
SOLVERS = ("semi_implicit", "explicit", "rk4")

# lecun_tanh(z) = 1.7159 tanh(0.666 z): unit variance in, about unit variance out (LeCun 1998).
LECUN_OUT, LECUN_IN = 1.7159, 0.666

# Numbers of a batch's heads (sequences times heads) below which a CfC's step is mostly bookkeeping,
# so that several run faster as one.
SMALL_STEP = 2**13

# Over what part of the gates' span one gate opens: steep against the span, so that neighbours say
# which of two near moments it is; not so steep that its slope is lost outside of them.
GATE_WIDTH = 1.0 / 24.0

# Keeps the semi-implicit step's division finite when a neuron has no leak and no synapse.
LTC_EPSILON = 1e-8


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """The dense layers before a cell: `layers` times (linear, activation, dropout)."""

    units: int
    layers: int = 0
    activation: str = "lecun_tanh"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        _known("activation", self.activation, ACTIVATIONS)
        if self.layers < 0:
            raise SpaceError(f"backbone_layers must be 0 or more, got {self.layers}.")
        if self.layers and self.units < 1:
            raise SpaceError(f"backbone_units must be 1 or more, got {self.units}.")
        if not 0.0 <= self.dropout < 1.0:
            raise SpaceError(f"backbone_dropout must be from 0 to below 1, got {self.dropout}.")

    def output_size(self, input_size: int) -> int:
        return self.units if self.layers else input_size

    def initial(self, input_size: int, rng: np.random.Generator) -> Parameters:
        values: Parameters = {}
        for layer in range(self.layers):
            fan_in = self.units if layer else input_size
            values[f"backbone_weight_{layer}"] = _xavier(rng, self.units, fan_in)
            values[f"backbone_bias_{layer}"] = _bias(rng, self.units, fan_in)
        return values


@dataclass(frozen=True, kw_only=True)
class CfCSpec:
    """One closed-form continuous-time layer.

    `mask`, of shape (H, I + H), lets a wiring forbid inputs of each head; without a backbone only.
    With a `gate_span` above 0, fresh gates open one after another over that much time.
    """

    input_size: int
    hidden_size: int
    mode: str = "default"
    backbone: Backbone
    mixed_memory: bool = False
    gate_span: float = 0.0
    mask: Mask | None = None

    def __post_init__(self) -> None:
        _known("mode", self.mode, MODES)
        _sizes(self.input_size, self.hidden_size)
        if self.gate_span < 0.0 or (self.gate_span and self.mode == "pure"):
            raise SpaceError(
                f"gate_span must be 0 or more, and 0 in the pure mode, which has no gates;"
                f" got {self.gate_span} in mode {self.mode!r}."
            )

    @property
    def num_heads(self) -> int:
        """f1, f2, t_a and t_b; the pure mode has f1 alone."""
        return 1 if self.mode == "pure" else 4

    def initial(self, rng: np.random.Generator) -> Parameters:
        """First values: Xavier weights per head; in the pure mode A = 1 and w_tau = 0."""
        seen = self.input_size + self.hidden_size
        values = self.backbone.initial(seen, rng)
        fan_in = self.backbone.output_size(seen)
        heads = [_xavier(rng, self.hidden_size, fan_in) for _ in range(self.num_heads)]
        values["heads_weight"] = np.concatenate(heads)
        values["heads_bias"] = _bias(rng, self.num_heads * self.hidden_size, fan_in)
        if self.gate_span:
            _spread_gates(values["heads_bias"], self.hidden_size, self.gate_span)
        if self.mode == "pure":
            values["w_tau"] = np.zeros(self.hidden_size, dtype=np.float32)
            values["A"] = np.ones(self.hidden_size, dtype=np.float32)
        if self.mixed_memory:
            values |= initial_memory(self.input_size, self.hidden_size, rng)
        return values


@dataclass(frozen=True)
class LTCSpec:
    """One liquid time-constant layer on a wiring, with an optional backbone on its inputs."""

    input_size: int
    rule: WiringRule
    backbone: Backbone
    solver: str = "semi_implicit"
    unfolds: int = 6
    mixed_memory: bool = False

    def __post_init__(self) -> None:
        _known("solver", self.solver, SOLVERS)
        _sizes(self.input_size, self.rule.units)
        if self.unfolds < 1:
            raise SpaceError(f"unfolds must be 1 or more solver steps, got {self.unfolds}.")

    @property
    def sensory_size(self) -> int:
        return self.backbone.output_size(self.input_size)

    def wiring(self) -> Wiring:
        return self.rule.build(self.sensory_size)

    def initial(self, rng: np.random.Generator) -> Parameters:
        """First values, uniform in the published ranges once the softplus has been applied."""
        wiring = self.wiring()
        inputs, neurons, outputs = self.sensory_size, wiring.units, wiring.output_size
        values = self.backbone.initial(self.input_size, rng)
        values["gleak"] = softplus_inverse(_uniform(rng, 0.001, 1.0, (neurons,)))
        values["vleak"] = _uniform(rng, -0.2, 0.2, (neurons,))
        values["cm"] = softplus_inverse(_uniform(rng, 0.4, 0.6, (neurons,)))
        for prefix, shape, signs in (
            ("", (neurons, neurons), wiring.synapses_NN),
            ("sensory_", (inputs, neurons), wiring.sensory_IN),
        ):
            values[prefix + "w"] = softplus_inverse(_uniform(rng, 0.001, 1.0, shape))
            values[prefix + "sigma"] = _uniform(rng, 3.0, 8.0, shape)
            values[prefix + "mu"] = _uniform(rng, 0.3, 0.8, shape)
            values[prefix + "erev"] = signs.astype(np.float32)
        values["input_weight"] = np.ones(inputs, dtype=np.float32)
        values["input_bias"] = np.zeros(inputs, dtype=np.float32)
        values["output_weight"] = np.ones(outputs, dtype=np.float32)
        values["output_bias"] = np.zeros(outputs, dtype=np.float32)
        if self.mixed_memory:
            values |= initial_memory(self.input_size, neurons, rng)
        return values


def _spread_gates(bias_K: npt.NDArray[np.float32], size: int, span: float) -> None:
    """Biases of t_a and t_b with which gate i is half open at the i-th of even parts of the span.

    A random gate is half open at -t_b / t_a: most before 1, and hardly one late. What lasts longer
    is told apart only once gates have wandered there, one after another.

    Source: for gates of LSTMs, Tallec & Ollivier 2018, arXiv:1804.11188, section 2.
    """
    opens_H = span * (np.arange(size) + 0.5) / size
    slope = 1.0 / (GATE_WIDTH * span)
    bias_K[2 * size : 3 * size] = slope
    bias_K[3 * size :] = -slope * opens_H


def cfc_layers(
    input_size: int,
    units: int | WiringRule,
    *,
    mode: str,
    backbone: Backbone,
    mixed_memory: bool,
    gate_span: float = 0.0,
) -> tuple[list[CfCSpec], int]:
    """The cells one CfC layer is made of, in the signal's order, and how many neurons it gives out.

    A plain number of units is one cell. A wiring is one cell per layer of the circuit, without a
    backbone, in which an absent synapse carries nothing: not to the values, and not to the gate.
    Each neuron sees its own state, and that of its layer where the wiring has a synapse.
    """
    if isinstance(units, int):
        cell = CfCSpec(
            input_size=input_size,
            hidden_size=units,
            mode=mode,
            backbone=backbone,
            mixed_memory=mixed_memory,
            gate_span=gate_span,
        )
        return [cell], units
    if backbone.layers:
        raise SpaceError(
            "A wired CfC has no backbone: it would connect every input to every neuron.",
            hint="Set backbone_layers=0, or give a number of units in place of the wiring.",
        )
    wiring = units.build(input_size)
    cells = []
    previous: tuple[int, ...] = ()
    for depth, layer in enumerate(wiring.layers):
        here = list(layer)
        incoming = wiring.synapses_NN[list(previous)] if depth else wiring.sensory_IN
        within_HH = np.abs(wiring.synapses_NN[np.ix_(here, here)]) | np.eye(len(here), dtype=int)
        seen = np.concatenate([np.abs(incoming[:, here]), within_HH])
        cells.append(
            CfCSpec(
                input_size=len(previous) if depth else input_size,
                hidden_size=len(here),
                mode=mode,
                backbone=backbone,
                mixed_memory=mixed_memory,
                gate_span=gate_span,
                mask=np.ascontiguousarray(seen.T, dtype=np.float32),
            )
        )
        previous = layer
    return cells, wiring.output_size


def ltc_layer(
    input_size: int,
    units: int | WiringRule,
    *,
    backbone: Backbone,
    solver: str,
    unfolds: int,
    mixed_memory: bool,
) -> LTCSpec:
    return LTCSpec(input_size, as_rule(units), backbone, solver, unfolds, mixed_memory)


def layer_inputs(input_size: int, outputs: int, num_layers: int, share_layers: bool) -> list[int]:
    """Input size of each layer that has weights of its own."""
    if num_layers < 1:
        raise SpaceError(f"num_layers must be 1 or more, got {num_layers}.")
    return [outputs] if share_layers else [input_size] + [outputs] * (num_layers - 1)


def initial_dense(input_size: int, output_size: int, rng: np.random.Generator) -> Parameters:
    """First values of a linear map: Xavier weight, (O, I), and bias."""
    return {
        "weight": _xavier(rng, output_size, input_size),
        "bias": _bias(rng, output_size, input_size),
    }


def initial_memory(input_size: int, hidden_size: int, rng: np.random.Generator) -> Parameters:
    """First values of an LSTM cell; its gates are in the order input, forget, cell, output."""
    return {
        "memory_input_weight": _xavier(rng, 4 * hidden_size, input_size),
        "memory_input_bias": _uniform(rng, -0.1, 0.1, (4 * hidden_size,)),
        "memory_recurrent_weight": np.concatenate(
            [_orthogonal(rng, hidden_size) for _ in range(4)]
        ),
    }


def softplus_inverse(value: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The raw parameter whose softplus is `value` (above 0)."""
    return np.log(np.expm1(value.astype(np.float64))).astype(np.float32)


def _uniform(
    rng: np.random.Generator, low: float, high: float, shape: tuple[int, ...]
) -> npt.NDArray[np.float32]:
    return rng.uniform(low, high, shape).astype(np.float32)


def _xavier(rng: np.random.Generator, fan_out: int, fan_in: int) -> npt.NDArray[np.float32]:
    limit = math.sqrt(6.0 / (fan_in + fan_out))
    return _uniform(rng, -limit, limit, (fan_out, fan_in))


def _bias(rng: np.random.Generator, size: int, fan_in: int) -> npt.NDArray[np.float32]:
    limit = 1.0 / math.sqrt(fan_in)
    return _uniform(rng, -limit, limit, (size,))


def _orthogonal(rng: np.random.Generator, size: int) -> npt.NDArray[np.float32]:
    q, r = np.linalg.qr(rng.standard_normal((size, size)))
    # The signs of r's diagonal make the rotation uniform over all of them.
    return np.ascontiguousarray(q * np.sign(np.diag(r)), dtype=np.float32)


def _known(what: str, name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise SpaceError(f"No {what} {name!r}.", hint=f"Choose one of: {', '.join(known)}.")


def _sizes(input_size: int, units: int) -> None:
    if input_size < 1 or units < 1:
        raise SpaceError(
            f"A layer needs at least one input and one neuron, got {input_size} and {units}."
        )
