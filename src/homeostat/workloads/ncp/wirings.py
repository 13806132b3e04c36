"""Wirings: which neuron of a circuit listens to which, and with what sign.

A *rule* (`FullyConnected`, `Random`, `NCP`, `AutoNCP`) says how to connect, and its
`build(input_size)` makes the `Wiring`, which never changes. The same rule and seed always give the
same wiring; draws are in the order of the reference package `ncps`, so its seeds mean the same
circuit here.

Neurons are numbered motor first, then command, then inter: the outputs of a circuit are its first
`output_size` neurons.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from homeostat.errors import SpaceError

# I inputs, N neurons.  A synapse is +1 (excites), -1 (inhibits) or 0 (absent), at [from, to].
Signs = npt.NDArray[np.int8]


@dataclass(frozen=True)
class Wiring:
    """A finished circuit.

    Attributes:
        synapses_NN: Signs from neuron to neuron, shape (N, N).
        sensory_IN: Signs from input to neuron, shape (I, N).
        layers: Indices of the neurons in the order in which a signal passes them; the last layer
            is the output. One layer holding every neuron where the circuit has no order.
        output_size: How many neurons, the first ones, are read out.
    """

    synapses_NN: Signs
    sensory_IN: Signs
    layers: tuple[tuple[int, ...], ...]
    output_size: int

    @property
    def units(self) -> int:
        return int(self.synapses_NN.shape[0])

    @property
    def input_size(self) -> int:
        return int(self.sensory_IN.shape[0])

    @property
    def num_synapses(self) -> int:
        """Synapses between neurons; the sensory ones are counted apart."""
        return int(np.count_nonzero(self.synapses_NN))

    @property
    def num_sensory_synapses(self) -> int:
        return int(np.count_nonzero(self.sensory_IN))

    def kind(self, neuron: int) -> str:
        """`motor`, `command` or `inter`: the part a neuron plays."""
        if neuron < self.output_size:
            return "motor"
        return "command" if len(self.layers) == 3 and neuron in self.layers[1] else "inter"


class WiringRule(Protocol):
    """How to wire a circuit once the number of its inputs is known."""

    @property
    def units(self) -> int: ...

    @property
    def outputs(self) -> int: ...

    def build(self, input_size: int) -> Wiring: ...


@dataclass(frozen=True)
class FullyConnected:
    """Every input and every neuron reaches every neuron; two synapses in three excite.

    Args:
        units: Number of neurons.
        output_size: How many are read out; all of them by default.
        seed: Decides the signs.
        self_connections: Whether a neuron also listens to itself.
    """

    units: int
    output_size: int | None = None
    seed: int = 1111
    self_connections: bool = True

    def __post_init__(self) -> None:
        _check_outputs(self, self.units, self.output_size)

    @property
    def outputs(self) -> int:
        return self.units if self.output_size is None else self.output_size

    def build(self, input_size: int) -> Wiring:
        rng = np.random.default_rng(self.seed)
        synapses_NN = _none(self.units, self.units)
        for source in range(self.units):
            for target in range(self.units):
                if source != target or self.self_connections:
                    synapses_NN[source, target] = rng.choice([-1, 1, 1])
        sensory_IN = _none(_positive("input_size", input_size), self.units)
        for source in range(input_size):
            for target in range(self.units):
                sensory_IN[source, target] = rng.choice([-1, 1, 1])
        return _freeze(synapses_NN, sensory_IN, _one_layer(self.units), self.outputs)


@dataclass(frozen=True)
class Random:
    """A share of all possible synapses, drawn without regard to order.

    Args:
        units: Number of neurons.
        output_size: How many are read out; all of them by default.
        sparsity: Share of synapses left out, from 0 (none) to below 1.
        seed: Decides which synapses there are, and their signs.
    """

    units: int
    output_size: int | None = None
    sparsity: float = 0.5
    seed: int = 1111

    def __post_init__(self) -> None:
        _check_outputs(self, self.units, self.output_size)
        _check_sparsity(self, self.sparsity)

    @property
    def outputs(self) -> int:
        return self.units if self.output_size is None else self.output_size

    def build(self, input_size: int) -> Wiring:
        rng = np.random.default_rng(self.seed)
        synapses_NN = self._draw(rng, self.units)
        sensory_IN = self._draw(rng, _positive("input_size", input_size))
        return _freeze(synapses_NN, sensory_IN, _one_layer(self.units), self.outputs)

    def _draw(self, rng: np.random.Generator, num_sources: int) -> Signs:
        signs = _none(num_sources, self.units)
        pairs = [(source, target) for source in range(num_sources) for target in range(self.units)]
        chosen = rng.choice(pairs, size=round(len(pairs) * (1 - self.sparsity)), replace=False)
        for source, target in chosen:
            signs[source, target] = rng.choice([-1, 1, 1])
        return signs


@dataclass(frozen=True)
class NCP:
    """A Neural Circuit Policy: inputs -> inter -> command (with recurrence) -> motor neurons.

    The plan of the tap-withdrawal circuit of the worm *C. elegans*: sparse, four layers deep,
    with its memory in the command neurons.

    Args:
        inter, command, motor: Number of neurons in each layer; the motor neurons are the outputs.
        sensory_fanout: Inter neurons each input reaches.
        inter_fanout: Command neurons each inter neuron reaches.
        recurrent_command_synapses: Draws of a synapse inside the command layer (a pair drawn
            twice is one synapse).
        motor_fanin: Command neurons each motor neuron listens to.
        seed: Decides who is connected, and the signs.

    Source: Lechner et al. 2020, Nature Machine Intelligence 2:642, section "Designing NCPs".
    """

    inter: int
    command: int
    motor: int
    sensory_fanout: int
    inter_fanout: int
    recurrent_command_synapses: int
    motor_fanin: int
    seed: int = 22222

    def __post_init__(self) -> None:
        for name in ("inter", "command", "motor"):
            _positive(name, getattr(self, name))
        for name, limit, of in (
            ("sensory_fanout", self.inter, "inter"),
            ("inter_fanout", self.command, "command"),
            ("motor_fanin", self.command, "command"),
        ):
            value = getattr(self, name)
            if not 1 <= value <= limit:
                raise SpaceError(
                    f"NCP: {name} is {value}, but there are {limit} {of} neurons.",
                    hint=f"Choose {name} from 1 to {limit}.",
                )
        if self.recurrent_command_synapses < 0:
            raise SpaceError(
                f"NCP: recurrent_command_synapses must be 0 or more, got "
                f"{self.recurrent_command_synapses}."
            )

    @property
    def units(self) -> int:
        return self.inter + self.command + self.motor

    @property
    def outputs(self) -> int:
        return self.motor

    def build(self, input_size: int) -> Wiring:
        # The old generator on purpose: the reference draws from it, so seeds carry over.
        rng = np.random.RandomState(self.seed)
        motor = range(self.motor)
        command = range(self.motor, self.motor + self.command)
        inter = range(self.motor + self.command, self.units)
        inputs = range(_positive("input_size", input_size))
        synapses_NN = _none(self.units, self.units)
        sensory_IN = _none(input_size, self.units)

        # 1) each input reaches `sensory_fanout` inter neurons
        _fan_out(rng, sensory_IN, inputs, inter, self.sensory_fanout)
        # 2) each inter neuron reaches `inter_fanout` command neurons
        _fan_out(rng, synapses_NN, inter, command, self.inter_fanout)
        # 3) the command layer talks to itself
        for _ in range(self.recurrent_command_synapses):
            source, target = rng.choice(command), rng.choice(command)
            synapses_NN[source, target] = rng.choice([-1, 1])
        # 4) each motor neuron listens to `motor_fanin` command neurons: a fan-out read backwards
        _fan_out(rng, synapses_NN.T, motor, command, self.motor_fanin)
        return _freeze(
            synapses_NN, sensory_IN, (tuple(inter), tuple(command), tuple(motor)), self.motor
        )


@dataclass(frozen=True)
class AutoNCP:
    """An `NCP` from two numbers: the neurons in all, and how many of them are outputs.

    Of the neurons that are not outputs, two in five are command neurons and the rest inter
    neurons; every fan-out and fan-in is the share `1 - sparsity` of its layer, at least one.

    Args:
        units: Number of neurons in all.
        output_size: Number of motor neurons, below `units - 2`; about 0.3 `units` is usual.
        sparsity: From 0 (dense) to below 1 (every fan-out is one synapse).
        seed: Decides who is connected, and the signs.

    Example:
        >>> AutoNCP(28, 4).build(input_size=10).num_synapses
        85
    """

    units: int
    output_size: int
    sparsity: float = 0.5
    seed: int = 22222

    def __post_init__(self) -> None:
        _positive("output_size", self.output_size)
        if self.output_size >= self.units - 2:
            raise SpaceError(
                f"AutoNCP: {self.output_size} outputs do not fit a circuit of {self.units} "
                f"neurons, which needs at least three more neurons than outputs.",
                hint=f"Use AutoNCP({self.output_size + 3}, {self.output_size}) or larger.",
            )
        _check_sparsity(self, self.sparsity)

    @property
    def outputs(self) -> int:
        return self.output_size

    def rule(self) -> NCP:
        """The NCP these numbers stand for."""
        density = 1.0 - self.sparsity
        hidden = self.units - self.output_size
        command = max(int(0.4 * hidden), 1)
        inter = hidden - command
        return NCP(
            inter=inter,
            command=command,
            motor=self.output_size,
            sensory_fanout=max(int(inter * density), 1),
            inter_fanout=max(int(command * density), 1),
            recurrent_command_synapses=max(int(command * density * 2), 1),
            motor_fanin=max(int(command * density), 1),
            seed=self.seed,
        )

    def build(self, input_size: int) -> Wiring:
        return self.rule().build(input_size)


def as_rule(units: int | WiringRule) -> WiringRule:
    """A number of neurons means all of them, fully connected."""
    return FullyConnected(units) if isinstance(units, int) else units


def _fan_out(
    rng: np.random.RandomState,
    signs: Signs,
    sources: Sequence[int],
    targets: Sequence[int],
    fanout: int,
) -> None:
    """Connect each source to `fanout` targets, then each target that was left out."""
    left_out = list(targets)
    for source in sources:
        for target in rng.choice(targets, size=fanout, replace=False):
            if target in left_out:
                left_out.remove(target)
            signs[source, target] = rng.choice([-1, 1])
    # A target nobody chose gets the average number of sources, at least one and at most all.
    fanin = min(max(len(sources) * fanout // len(targets), 1), len(sources))
    for target in left_out:
        for source in rng.choice(sources, size=fanin, replace=False):
            signs[source, target] = rng.choice([-1, 1])


def _none(num_sources: int, num_targets: int) -> Signs:
    return np.zeros((num_sources, num_targets), dtype=np.int8)


def _one_layer(units: int) -> tuple[tuple[int, ...], ...]:
    return (tuple(range(units)),)


def _freeze(
    synapses_NN: Signs, sensory_IN: Signs, layers: tuple[tuple[int, ...], ...], output_size: int
) -> Wiring:
    synapses_NN.setflags(write=False)
    sensory_IN.setflags(write=False)
    return Wiring(synapses_NN, sensory_IN, layers, output_size)


def _positive(name: str, value: int) -> int:
    if value < 1:
        raise SpaceError(f"{name} must be 1 or more, got {value}.")
    return value


def _check_outputs(rule: object, units: int, output_size: int | None) -> None:
    _positive("units", units)
    if output_size is not None and not 1 <= output_size <= units:
        raise SpaceError(
            f"{type(rule).__name__}: {output_size} outputs do not fit {units} neurons.",
            hint=f"Choose output_size from 1 to {units}.",
        )


def _check_sparsity(rule: object, sparsity: float) -> None:
    if not 0.0 <= sparsity < 1.0:
        raise SpaceError(
            f"{type(rule).__name__}: sparsity must be from 0 to below 1, got {sparsity}."
        )
