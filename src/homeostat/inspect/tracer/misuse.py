"""Misuse: a loss that is given something other than it expects, judged by what made its input."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch.nn import functional as F

from homeostat.inspect.tracer.recording import Misuse

# Operations that only rearrange numbers: the value is still that of the operation before.
ARRANGING = (
    "View", "UnsafeView", "Reshape", "Squeeze", "Unsqueeze", "Select", "Slice", "Index",
    "Transpose", "Permute", "TBackward", "Expand", "Clone", "Alias", "ToCopy",
)  # fmt: skip
MOST_NODES = 8
OFF = 1e-2
"""How far probabilities may be from a sum of 1, as a logarithm."""


def of_loss(function: Any, predicted: Any, target: Any) -> Misuse | None:
    """What is wrong with one call of a loss function; None if nothing is."""
    if function in (F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss):
        return of_difference(function.__name__, predicted, target)
    kind: Literal["softmax", "sigmoid", "logits", "probabilities"] | None = None
    origin = made_by(predicted)
    if function is F.cross_entropy and origin == "SoftmaxBackward0":
        kind = "softmax"
    elif function is F.binary_cross_entropy_with_logits and origin == "SigmoidBackward0":
        kind = "sigmoid"
    elif function in (F.nll_loss, F.kl_div) and origin == "SoftmaxBackward0":
        kind = "probabilities"
    elif function is F.nll_loss and not _sums_to_one(predicted):
        kind = "logits"
    return Misuse(function.__name__, kind) if kind else None


def of_difference(function: str, one: Any, two: Any) -> Misuse | None:
    """(N, 1) against (N,): each prediction meets every target."""
    if not isinstance(two, torch.Tensor) or abs(one.ndim - two.ndim) != 1:
        return None
    more, less = (one, two) if one.ndim > two.ndim else (two, one)
    if more.shape[-1] != 1 or more.shape[:-1] != less.shape or less.shape[-1] < 2:
        return None
    return Misuse(function, "broadcast", (tuple(one.shape), tuple(two.shape)))


def made_by(tensor: Any) -> str:
    """The operation that computed a tensor's values."""
    node = tensor.grad_fn
    for _ in range(MOST_NODES):
        if node is None or not node.name().startswith(ARRANGING) or not node.next_functions:
            break
        node = node.next_functions[0][0]
    return node.name() if node is not None else ""


def _sums_to_one(logarithms: Any) -> bool:
    """Whether most rows are logarithms of probabilities."""
    classes = 1 if logarithms.ndim > 1 else 0
    total = logarithms.detach().double().logsumexp(classes)
    return bool((total.abs() < OFF).double().mean() > 0.5)
