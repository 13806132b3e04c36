"""Death inside a layer: the least useful neurons give way to offspring of useful ones."""

from __future__ import annotations

import copy

import torch
from torch import Generator, Tensor, nn
from torch.optim import Optimizer

from homeostat.workloads.apoptosis.influence import Block
from homeostat.workloads.apoptosis.model import initialise

SHARE = 0.1
"""Of a layer's neurons, how many are replaced each time: the guide's bottom tenth."""
SHRINK = 0.5


@torch.no_grad()
def replace_weakest(
    block: Block,
    worth_N: Tensor,
    *,
    birth: str,
    strength: float,
    rng: Generator,
    optimizer: Optimizer | None,
) -> int:
    """Replace the least useful tenth of a block's hidden neurons; returns how many.

    Args:
        block: Its `incoming` and `outgoing` layers make and read the neurons.
        worth_N: What each neuron is worth, at least 0.
        birth: "parent": a fitter neuron's weights with noise; "zero_output": the same, but silent
            at first; "reinit": fresh; "shrink_perturb": its own, halved, with the noise of fresh.
        strength: Noise in units of each matrix's s.d.
        rng: Where parents and noise are drawn from.
        optimizer: Its averages for these neurons are forgotten.
    """
    weak = worth_N.argsort()[: max(1, round(SHARE * len(worth_N)))]
    chances = worth_N.clone().cpu()
    chances[weak.cpu()] = 0
    if chances.sum() == 0:
        return 0  # nothing is worth copying: the block is silent
    parents = torch.multinomial(chances, len(weak), replacement=True, generator=rng)
    parents = parents.to(weak.device)
    for layer, axis in ((block.incoming, 0), (block.outgoing, 1)):
        fresh = copy.deepcopy(layer)
        initialise(fresh, rng)
        rows = layer.weight.transpose(0, axis)  # neurons first; writes go through
        new = fresh.weight.transpose(0, axis)[weak]
        if birth == "shrink_perturb":
            rows[weak] = SHRINK * rows[weak] + strength * new
        elif birth == "reinit":
            rows[weak] = new
        elif birth == "zero_output" and axis == 1:
            rows[weak] = 0
        else:
            noise = torch.randn(new.shape, generator=rng).to(new.device) * layer.weight.std()
            rows[weak] = rows[parents] + strength * noise
        if axis == 0 and layer.bias is not None and birth in ("parent", "zero_output"):
            layer.bias[weak] = layer.bias[parents]
        _forget(optimizer, layer, weak, axis)
    return len(weak)


def _forget(optimizer: Optimizer | None, layer: nn.Module, neurons: Tensor, axis: int) -> None:
    if optimizer is None:
        return
    for weights in layer.parameters():
        along = axis if weights.dim() > 1 else 0
        if weights.dim() == 1 and axis == 1:
            continue  # the bias of the layer that reads the neurons is not theirs
        for average in optimizer.state.get(weights, {}).values():
            if isinstance(average, Tensor) and average.shape == weights.shape:
                average.transpose(0, along)[neurons] = 0
