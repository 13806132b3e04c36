"""Meetings: what a prediction can be, by the operation that made it, against its targets."""

from __future__ import annotations

import math
from typing import Any

import torch

from homeostat.inspect.tracer.facts import Meeting
from homeostat.inspect.tracer.misuse import made_by

INFINITE = math.inf
RANGES = {
    "ReluBackward0": (0.0, INFINITE),
    "SoftplusBackward0": (0.0, INFINITE),
    "ExpBackward0": (0.0, INFINITE),
    "AbsBackward0": (0.0, INFINITE),
    "SigmoidBackward0": (0.0, 1.0),
    "SoftmaxBackward0": (0.0, 1.0),
    "TanhBackward0": (-1.0, 1.0),
    "LogSigmoidBackward0": (-INFINITE, 0.0),
    "LogSoftmaxBackward0": (-INFINITE, 0.0),
    "EluBackward0": (-1.0, INFINITE),
}
ELSEWHERE = ("kl_div", "poisson_nll_loss", "gaussian_nll_loss")
"""Losses that are given logarithms, or more than one number for each target."""
PROBABILITIES = ("binary_cross_entropy", "binary_cross_entropy_with_logits")
CLOSE = 1e-3
"""A target that is nearer to the range than this share of its spread is in it."""
MOST_MEETINGS = 300
MOST_NUMBERS = 50_000


def meeting(
    function: str, predicted: Any, target: Any, ignored: int | None, loss: Any, update: int,
    call: Any = None,
) -> Meeting:  # fmt: skip
    """What one loss was given; `call` is the model's that came before it."""
    origin = made_by(predicted)
    values = target.detach()
    numbers = values.reshape(-1)[:MOST_NUMBERS].double()
    outside, gap = 0.0, 0.0
    if values.is_floating_point() and numbers.numel() and function not in ELSEWHERE:
        low, high = RANGES.get(origin, (-INFINITE, INFINITE))
        if function in PROBABILITIES:
            low, high = 0.0, 1.0
        spread = float(numbers.std(correction=0)) or 1.0
        distance = (low - numbers).clamp(min=0) + (numbers - high).clamp(min=0)
        distance = distance.nan_to_num(0.0, 0.0, 0.0)
        outside = float((distance > CLOSE * spread).double().mean())
        gap = float(distance.square().mean().sqrt()) / spread
    return Meeting(
        function,
        origin.split("Backward")[0],
        _scrambled(function, predicted, call),
        _single(function, predicted),
        tuple(predicted.shape),
        float(numbers.min()) if numbers.numel() else math.nan,
        float(numbers.max()) if numbers.numel() else math.nan,
        outside,
        gap,
        ignored,
        float(loss.detach()) if isinstance(loss, torch.Tensor) and loss.ndim == 0 else math.nan,
        update,
        call.model if call is not None else "",
        values.clone() if values.numel() <= MOST_NUMBERS else None,
    )


def _scrambled(function: str, predicted: Any, call: Any) -> tuple[int, ...]:
    """The shape of an output (rows, classes, ...) that was viewed as (..., classes)."""
    if function not in ("cross_entropy", "nll_loss") or call is None or predicted.ndim != 2:
        return ()
    shape = call.shape
    classes = predicted.shape[1]
    if len(shape) < 3 or shape[1] != classes or shape[-1] == classes:
        return ()
    try:
        same = call.pointer == predicted.data_ptr() and predicted.is_contiguous()
    except RuntimeError:  # inside a transform of functions, tensors have no memory of their own
        return ()
    return shape if same and predicted.numel() == math.prod(shape) else ()


def _single(function: str, predicted: Any) -> bool:
    """Whether there is nothing to choose: one class, or a softmax over one unit."""
    if function == "cross_entropy":
        return bool(predicted.ndim and predicted.shape[1 if predicted.ndim > 1 else 0] == 1)
    node = predicted.grad_fn
    for _ in range(8):
        if node is None:
            return False
        if node.name() in ("SoftmaxBackward0", "LogSoftmaxBackward0"):
            result = getattr(node, "_saved_result", None)
            if result is None or not result.ndim:
                return False
            axis = getattr(node, "_saved_dim", -1)
            axis = axis - 2**64 if axis >= 2**63 else axis
            return bool(result.shape[axis] == 1)
        if not node.next_functions or len([n for n, _ in node.next_functions if n]) != 1:
            return False
        node = node.next_functions[0][0]
    return False
