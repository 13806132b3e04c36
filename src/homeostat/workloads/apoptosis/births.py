"""Births: five ways to make the layer that takes a dead one's place.

    parent           a healthy layer's weights with noise (the guide's way)
    zero_output      the same, but silent at first: the network keeps its function until it learns
                     (exactly so with norms first; with norms last, up to a normalisation)
    reinit           fresh random weights
    shrink_perturb   its own weights, halved, with the noise of fresh ones (Ash & Adams 2020,
                     arXiv:1910.08475)
    distil           fresh weights, trained for some steps to imitate the layer that died

The noise is `strength` times each matrix's own s.d., on matrices only: the same noise on every
number, gains and biases included, was three times the signal in the documented code.
"""

from __future__ import annotations

import copy

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from homeostat.workloads.apoptosis.influence import Block
from homeostat.workloads.apoptosis.model import initialise
from homeostat.workloads.apoptosis.senescence import LayerState

SHRINK = 0.5
DISTIL_STEPS = 20
DISTIL_LR = 3e-3


@torch.no_grad()
def inherit(child: nn.Module, parent: nn.Module, strength: float, how: str, rng: Generator) -> None:
    """Give `child` its parent's weights with noise, "relative" or "absolute"."""
    for weights, inherited in zip(child.parameters(), parent.parameters(), strict=True):
        weights.copy_(inherited)
        if how == "absolute":
            weights.add_(_normal(weights, rng), alpha=strength)
        elif weights.dim() >= 2:
            weights.add_(_normal(weights, rng) * inherited.std(), alpha=strength)


def reinit(block: nn.Module, rng: Generator) -> None:
    """Fresh weights, drawn as at the very start."""
    for module in block.modules():
        initialise(module, rng)


@torch.no_grad()
def silence(block: nn.Module) -> None:
    """Zero what each part of a block adds, so that only the residual stream is left."""
    for name in ("attention_out", "outgoing"):
        part = getattr(block, name, None)
        if part is not None:
            nn.init.zeros_(part.weight)
            if part.bias is not None:
                nn.init.zeros_(part.bias)


@torch.no_grad()
def shrink_and_perturb(block: nn.Module, strength: float, rng: Generator) -> None:
    """Halve the matrices and add `strength` times what a fresh network would have there."""
    fresh = copy.deepcopy(block)
    reinit(fresh, rng)
    for weights, noise in zip(block.parameters(), fresh.parameters(), strict=True):
        if weights.dim() >= 2:
            weights.mul_(SHRINK).add_(noise, alpha=strength)


def distil(block: Block, inputs: Tensor, rng: Generator) -> None:
    """Start afresh, and learn to do to `inputs` what the block did before.

    Args:
        block: The layer that died; it is changed in place.
        inputs: What reached it for a probe batch.
    """
    full_strength = LayerState(dropout_rate=0.0)
    with torch.no_grad():
        target = block(inputs, full_strength, None, 1.0)
    reinit(block, rng)
    optimizer = torch.optim.Adam(block.parameters(), lr=DISTIL_LR)
    with torch.enable_grad():
        for _ in range(DISTIL_STEPS):
            optimizer.zero_grad()
            F.mse_loss(block(inputs, full_strength, None, 1.0), target).backward()
            optimizer.step()
    optimizer.zero_grad()


def _normal(like: Tensor, rng: Generator) -> Tensor:
    return torch.randn(like.shape, generator=rng).to(like.device)
