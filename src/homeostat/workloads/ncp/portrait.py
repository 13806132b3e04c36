"""What a run keeps of its trained network: the strength of its connections, and states over time.

T steps, I inputs, N neurons, O outputs.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch

from homeostat.space import Config
from homeostat.workloads.ncp.learner import TorchLearner
from homeostat.workloads.ncp.model import Stack
from homeostat.workloads.ncp.problem import Array, Problem, SequenceSet
from homeostat.workloads.ncp.settings import units
from homeostat.workloads.ncp.wirings import Wiring

MOST_STEPS = 128


def portrait(config: Config, problem: Problem, weights: dict[str, Array]) -> dict[str, Any]:
    """All that views draw, from weights of either backend: their names and shapes are the same."""
    learner = TorchLearner(config, problem, np.random.default_rng(0), "cpu")
    learner.use(weights)
    learner.model.eval()
    kept: dict[str, Any] = {"states": _states(learner, problem), "wiring": None}
    size = units(config)
    if config.model != "lstm" and not isinstance(size, int):
        sensory, synapses = strengths(config, learner)
        wiring = size.build(len(sensory))
        kept["wiring"] = {
            "sensory_IN": sensory * np.abs(wiring.sensory_IN),
            "synapses_NN": synapses * np.abs(wiring.synapses_NN),
            "layers": [list(layer) for layer in wiring.layers],
            "kinds": [wiring.kind(neuron) for neuron in range(wiring.units)],
            "inputs": "feature" if config.model == "ltc" and config.backbone_layers else "input",
        }
        kept["states"]["kinds"] = [kept["wiring"]["kinds"][n] for n in _in_order(wiring)]
    return kept


def strengths(config: Config, learner: TorchLearner) -> tuple[Array, Array]:
    """Signed strength of what may pass in the first layer: (I, N) from inputs, (N, N) between.

    Above 0 the source drives its target up. LTC: the trained conductance times the reversal
    potential. CfC: the weight into the next state with its gate half open, or in the pure mode
    into the value it decays from.
    """
    cells = cast(Stack, learner.model.recurrent).depths()[0]
    values = [{n: p.detach().numpy() for n, p in cell.named_parameters()} for cell in cells]
    if config.model == "ltc":
        only = values[0]
        sensory_IN, synapses_NN = (
            np.logaddexp(0.0, only[f"{at}w"]) * only[f"{at}erev"] for at in ("sensory_", "")
        )
        return sensory_IN, synapses_NN
    wiring = _wiring(config, cells[0].spec.input_size)
    synapses_NN = np.zeros((wiring.units, wiring.units), np.float32)
    sensory_IN = np.zeros((wiring.input_size, wiring.units), np.float32)
    for depth, (layer, own) in enumerate(zip(wiring.layers, values, strict=True)):
        here = list(layer)
        drive = _drive(config.mode, own, len(here))
        num_in = drive.shape[1] - len(here)
        if depth:
            synapses_NN[np.ix_(list(wiring.layers[depth - 1]), here)] = drive[:, :num_in].T
        else:
            sensory_IN[:, here] = drive[:, :num_in].T
        synapses_NN[np.ix_(here, here)] = drive[:, num_in:].T
    return sensory_IN, synapses_NN


def _wiring(config: Config, input_size: int) -> Wiring:
    size = units(config)
    assert not isinstance(size, int)
    return size.build(input_size)


def _in_order(wiring: Wiring) -> list[int]:
    """Neurons as a signal passes them."""
    return [neuron for layer in wiring.layers for neuron in layer]


def _drive(mode: str, values: dict[str, Array], size: int) -> Array:
    """Weights (H, I + H) into the next state."""
    heads = values["heads_weight"]
    if mode == "pure":
        return cast(Array, -values["A"][:, None] * heads)
    first = 1.0 if mode == "no_gate" else 0.5
    return cast(Array, first * heads[:size] + 0.5 * heads[size : 2 * size])


def _states(learner: TorchLearner, problem: Problem) -> dict[str, Any]:
    """One validation sequence: what was asked and answered, and every neuron on the way."""
    part, row, column = _most_varied(problem.validation)
    output_TO = learner.predict(part)[0]
    if problem.loss == "cross_entropy":
        output_TO = 1.0 / (1.0 + np.exp(-output_TO))
    return {
        "row": row,
        "column": column,
        "columns": int(part.target_STO.shape[2]),
        "time_T": np.cumsum(part.dt_ST[0]),
        "target_T": np.where(part.weight_ST[0] > 0, part.target_STO[0, :, column], np.nan),
        "output_T": output_TO[:, column],
        "probability": problem.loss == "cross_entropy",
        "layers": _trace(learner, part),
        "kinds": None,
    }


def _most_varied(part: SequenceSet) -> tuple[SequenceSet, int, int]:
    """The sequence and the output column whose target moves most: there is most to see."""
    spread_SO = np.where(part.weight_ST[:, :, None] > 0, part.target_STO, 0.0).std(axis=1)
    row, column = (int(i) for i in np.unravel_index(np.argmax(spread_SO), spread_SO.shape))
    one = part.take(slice(row, row + 1))
    short = [a[:, :MOST_STEPS] for a in (one.x_STI, one.dt_ST, one.target_STO, one.weight_ST)]
    return SequenceSet(*short).trimmed(), row, column


@torch.no_grad()
def _trace(learner: TorchLearner, part: SequenceSet) -> list[Array]:
    """Every neuron of each layer after each step, (T, N), in the order a signal passes them."""
    x_BTI, dt_BT = torch.from_numpy(part.x_STI), torch.from_numpy(part.dt_ST)
    network = learner.model.recurrent
    if not isinstance(network, Stack):
        return [network(x_BTI, dt_BT)[0][0].numpy()]
    depths = network.depths()
    traces: list[list[Array]] = [[] for _ in depths]
    state = None
    for step in range(x_BTI.shape[1]):
        _, state = network.step(x_BTI[:, step], dt_BT[:, step], state)
        cells = iter(state)
        for depth, trace in zip(depths, traces, strict=True):
            trace.append(np.concatenate([next(cells)[0][0].numpy() for _ in depth]))
    wirings = [depth[0].spec.wiring() for depth in depths if hasattr(depth[0].spec, "wiring")]
    arrays = [np.array(trace) for trace in traces]
    # A CfC's cells come in the order of the signal; an LTC's neurons by number, motor ones first.
    return [a[:, _in_order(w)] for a, w in zip(arrays, wirings, strict=True)] if wirings else arrays
