"""By hand: the steps of a loop that moves its weights itself, without an optimiser."""

from __future__ import annotations

from typing import Any

from homeostat.inspect.tracer.recording import HandStep
from homeostat.inspect.tracer.sampling import sample

MOST_WEIGHTS = 20
MOST_STEPS = 200


class ByHand:
    """Compares weights and gradients from one backward pass to the next.

    after_backward(weights)    the gradients that a step would follow
    before_backward()          what became of the weights since
    """

    def __init__(self) -> None:
        self.steps: list[HandStep] = []
        self._before: list[tuple[Any, Any, Any]] = []

    def after_backward(self, weights: list[Any]) -> None:
        """Remember the weights and gradients as the pass left them."""
        if len(self.steps) < MOST_STEPS:
            self._before = [
                (w, sample(w).clone(), sample(w.grad).clone())
                for w in weights[:MOST_WEIGHTS]
                if w.grad is not None and not w.grad.is_sparse
            ]

    def before_backward(self) -> None:
        """Note the step that was made since, if one was."""
        slope = 0.0
        moved = cleared = False
        for weight, values, grad in self._before:
            change = sample(weight) - values
            moved |= bool((change != 0).any())
            slope += float((change * grad).double().sum())
            cleared |= weight.grad is None or not bool((weight.grad != 0).any())
        if self._before and moved:
            self.steps.append(HandStep(slope, cleared))
        self._before = []
