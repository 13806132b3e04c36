"""What a layer, or a neuron, is worth to the network on a fixed batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Batch = tuple[Tensor, Tensor]


def batch_loss(model: nn.Module, batch: Batch, **options: Any) -> Tensor:
    """Mean cross-entropy in nats, of characters or of images."""
    inputs, targets = batch
    return F.cross_entropy(model(inputs, **options).flatten(0, -2), targets.flatten())


@torch.no_grad()
def by_skipping(model: nn.Module, batch: Batch, layers: int) -> list[float]:
    """How much the loss grows when a block is left out: one forward pass per layer."""
    whole = batch_loss(model, batch).item()
    return [batch_loss(model, batch, skip=layer).item() - whole for layer in range(layers)]


def by_gradient(model: nn.Module, batch: Batch, blocks: nn.ModuleList) -> list[float]:
    """Sum of |gradient x weight| of each block: first order, one backward pass for all."""
    weights = [p for block in blocks for p in block.parameters()]
    with torch.enable_grad():
        gradients = torch.autograd.grad(batch_loss(model, batch), weights)
    parts = zip(weights, gradients, strict=True)
    sums = iter([(gradient * weight.detach()).abs().sum().item() for weight, gradient in parts])
    return [sum(next(sums) for _ in block.parameters()) for block in blocks]


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Dropout off for a while; afterwards the model is training or not, as it was."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


def of_neurons(model: nn.Module, batch: Batch, hidden: list[nn.Module]) -> list[Tensor]:
    """Mean |gradient x activation| of every neuron that the given layers produce.

    Args:
        model: Evaluated as it stands.
        batch: Inputs and targets.
        hidden: Linear layers whose outputs are the neurons (before their nonlinearity).
    """
    seen: dict[int, Tensor] = {}

    def keep(module: nn.Module, _: Any, output: Tensor) -> None:
        seen[id(module)] = output

    hooks = [module.register_forward_hook(keep) for module in hidden]
    try:
        with torch.enable_grad():
            loss = batch_loss(model, batch)
    finally:
        for hook in hooks:
            hook.remove()
    outputs = [seen[id(module)] for module in hidden]
    gradients = torch.autograd.grad(loss, outputs)
    return [
        (gradient * output.detach()).abs().flatten(0, -2).mean(0)
        for gradient, output in zip(gradients, outputs, strict=True)
    ]
