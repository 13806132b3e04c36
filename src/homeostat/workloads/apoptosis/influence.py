"""Ways to hold a weak block back, by its influence a between 0 and 1.

    gate              h + a (block(h) - h): the block fades, what flows past it stays
    stream            a block(h): as documented; fades everything, so a = 0 silences the network
    stochastic_depth  the block is skipped with probability 1 - a while training, gated otherwise
    element_dropout   numbers of the block's output are dropped with probability 1 - a in training
    weight_pruning    the block works without its smallest 1 - a of weights
    none              no effect

At a = 1 every one of them is the plain block, bit for bit.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from homeostat.workloads.apoptosis.senescence import Influence, LayerState, Mechanisms


class Block(nn.Module):
    """A block that knows its layer's condition: `forward(h, layer, rng, keep)`."""

    incoming: nn.Linear | nn.Conv2d
    """Makes the block's hidden neurons,"""
    activation: nn.Module
    """which pass through this,"""
    outgoing: nn.Linear | nn.Conv2d
    """and are read by this."""


class AgeingNetwork(nn.Module):
    """A network of blocks, each with a condition that a manager may change."""

    blocks: nn.ModuleList
    senescence: list[LayerState]
    rules: Mechanisms

    def parameter_groups(self) -> list[dict[str, Any]]:
        """One group per layer, so that each can have its rate, and one for all the rest."""
        layers = [list(block.parameters()) for block in self.blocks]
        inside = {id(p) for layer in layers for p in layer}
        rest = [p for p in self.parameters() if id(p) not in inside]
        return [{"params": group} for group in (*layers, rest)]


def drop(x: Tensor, rate: float, rng: Generator | None) -> Tensor:
    """Dropout with its own random stream; the identity for `rng` None, as when evaluating."""
    if rng is None or rate == 0:
        return x
    keep = torch.rand(x.shape, generator=rng).to(x.device) >= rate
    return x * keep / (1 - rate)


def linear(x: Tensor, layer: nn.Linear, keep: float) -> Tensor:
    """A linear layer with only its largest share `keep` of weights."""
    if keep >= 1:
        out: Tensor = layer(x)
        return out
    return F.linear(x, prune(layer.weight, keep), layer.bias)


def prune(weight: Tensor, keep: float) -> Tensor:
    """The weights with all but the largest share `keep`, by size, set to 0."""
    cut = round((1 - keep) * weight.numel())
    if cut == 0:
        return weight
    bar = weight.detach().abs().flatten().kthvalue(cut).values
    return weight * (weight.abs() > bar)


def influenced(
    mode: Influence, block: Block, h: Tensor, layer: LayerState, rng: Generator | None
) -> Tensor:
    """The output of a block, scaled by the influence of its layer.

    Args:
        mode: One of the ways above.
        block: Keeps the shape of what it is given.
        h: Any shape.
        layer: The block's condition.
        rng: The random stream for dropping things; None when evaluating.
    """
    a = layer.influence_weight
    if a == 1 or mode == "none":
        return _run(block, h, layer, rng)
    if mode == "weight_pruning":
        return _run(block, h, layer, rng, keep=a)
    if mode == "stochastic_depth" and rng is not None:
        # The draw decides before the block runs: a skipped block costs nothing.
        skipped = torch.rand((), generator=rng).item() >= a
        return h if skipped else _run(block, h, layer, rng)
    out = _run(block, h, layer, rng)
    if mode == "stream":
        return out * a
    if mode == "element_dropout":
        return drop(out, 1 - a, rng)
    return torch.lerp(h, out, a)


def _run(
    block: Block, h: Tensor, layer: LayerState, rng: Generator | None, keep: float = 1.0
) -> Tensor:
    out: Tensor = block(h, layer, rng, keep)
    return out
