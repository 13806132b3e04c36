"""Own update: an optimiser's step made weights that are not finite from gradients that were."""

from __future__ import annotations

from typing import Any

import torch


def why_not_finite(optimizer: Any, parameter: Any) -> tuple[str, str]:
    """Why a step with finite gradients ends in a weight that is not finite, and what to change.

    Args:
        optimizer: It has just stepped.
        parameter: The weight that was finite before the step.

    Returns:
        A sentence, and an advice.
    """
    kind = type(optimizer).__name__
    number = str(parameter.dtype).removeprefix("torch.")
    group: dict[str, Any] = next((g for g in optimizer.param_groups if _holds(g, parameter)), {})
    eps = group.get("eps")
    if isinstance(eps, float) and float(torch.tensor(eps, dtype=parameter.dtype)) == 0.0:
        return (
            f"the epsilon of {kind}, {eps:g}, is 0 in {number}: its step divides by the root of a "
            "second moment that is 0 there too",
            "keep the weights in float32 (autocast), or give the optimiser eps=1e-4",
        )
    largest = torch.finfo(parameter.dtype).max
    rate = float(group.get("lr", 0.0))
    grad = parameter.grad
    size = float(grad.detach().abs().max()) if grad is not None else 0.0
    return (
        f"the gradient was finite (up to {size:.3g}), and a step of {kind} at a rate of {rate:.3g} "
        f"leaves what {number} can hold ({largest:.3g})",
        "lower the rate, clip the gradient, or keep the weights in a wider type",
    )


def _holds(group: dict[str, Any], parameter: Any) -> bool:
    return any(p is parameter for p in group["params"])
