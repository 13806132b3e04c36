"""Backward: every backward pass, what it starts from, and what it leads to."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from homeostat.inspect.tracer.ledger import Ledger
from homeostat.inspect.tracer.manual_updates import ByHand
from homeostat.inspect.tracer.recording import BackwardPass
from homeostat.inspect.tracer.shared import Shared
from homeostat.inspect.tracer.steps import Steps

MOST_NODES = 200_000
MOST_WALKS = 24


class BackwardTracer:
    """Notes backward passes, and the steps of loops that move their weights by hand."""

    def __init__(self, shared: Shared, steps: Steps, ledger: Ledger) -> None:
        self.known_losses: list[tuple[str, Any]] = []
        """(function, value) of each known loss function since the last pass."""
        self._shared = shared
        self._steps = steps
        self._ledger = ledger
        self._grad = torch.autograd.grad
        self._by_hand = ByHand()
        self._walks = 0

    def before(self, roots: list[Any], start: Any = None) -> None:
        recording = self._shared.recording
        self._shared.backward_depth += 1
        if self._shared.busy or self._shared.backward_depth > 1:
            return
        if not self._shared.update:
            self._by_hand.before_backward()
        time = self._shared.tick()
        root = roots[0] if roots else None
        if root is None or not isinstance(root, torch.Tensor):
            return
        loss = float(root.detach().float().sum()) if root.numel() < 1e6 else math.nan
        self._steps.after_pass_from(loss)
        recording.backwards.append(
            BackwardPass(time, len(recording.reports), loss, str(root.dtype))
        )
        if isinstance(start, torch.Tensor) and start.numel() == root.numel() == 1:
            recording.backwards[-1].start = float(start)
        for call in self._shared.open:
            call.followed_by_backward = True
        if recording.anatomy and (self._walks < MOST_WALKS or self._shared.looking):
            self._ledger.passed(root, self._walk(roots))
            recording.backwards[-1].walked = True
            recording.backwards[-1].slopes = self._slopes(root)
        elif recording.anatomy:
            self._ledger.passed(root, None)
        self.known_losses.clear()

    def _slopes(self, root: Any) -> list[tuple[str, float]]:
        """How the root changes with each known loss below it; where negative, the loss is driven
        up."""
        losses = [(n, t) for n, t in self.known_losses if t is not root]
        found = [(n, 1.0) for n, t in self.known_losses if t is root]
        if not losses or root.numel() != 1 or root.grad_fn is None:
            return found
        self._shared.busy = True
        try:
            slopes = self._grad(root, [t for _, t in losses], retain_graph=True, allow_unused=True)
        except RuntimeError:  # a graph that can be walked once only
            return found
        finally:
            self._shared.busy = False
        return found + [
            (name, float(slope))
            for (name, _), slope in zip(losses, slopes, strict=True)
            if slope is not None
        ]

    def _walk(self, roots: list[Any]) -> set[int]:
        """Everything that the gradient will reach; the identities of the weights among it."""
        self._walks += 1
        reached: set[int] = set()
        seen: set[Any] = set()
        waiting: list[Any] = [r.grad_fn for r in roots if isinstance(r, torch.Tensor)]
        waiting = [node for node in waiting if node is not None]
        while waiting and len(seen) < MOST_NODES:
            node = waiting.pop()
            if node in seen:
                continue
            seen.add(node)
            variable = getattr(node, "variable", None)
            if variable is not None and self._is_weight(variable):
                self._shared.weight(variable).reached = True
                reached.add(id(variable))
            elif variable is not None and not self._shared.update:
                self._shared.leaves[id(variable)] = variable
            waiting.extend(n for n, _ in node.next_functions if n is not None and n not in seen)
        for call in self._shared.open:
            if call.node is not None and call.node in seen:
                call.learnt_from = True
        return reached

    def before_grad(self, roots: list[Any]) -> None:
        """`torch.autograd.grad`: the loop takes gradients itself, and may step by hand."""
        if self._shared.busy or self._shared.backward_depth:
            return
        for call in self._shared.open:
            call.followed_by_backward = True
        if self._walks < MOST_WALKS or self._shared.looking:
            self._walk(roots)

    def _is_weight(self, variable: Any) -> bool:
        """Whether a tensor is a weight, not an input whose gradient is wanted."""
        return isinstance(variable, nn.Parameter) or id(variable) in self._shared.weights

    def after(self) -> None:
        self._shared.backward_depth -= 1
        if (
            not self._shared.backward_depth
            and not self._shared.update
            and self._shared.recording.anatomy
        ):
            named = [w.tensor for w in self._shared.recording.weights if w.reached]
            self._by_hand.after_backward([*named, *self._shared.leaves.values()])
            self._shared.leaves.clear()

    def finish(self) -> None:
        """Give out the steps made by hand, if no optimiser made any."""
        if not self._shared.update:
            self._shared.recording.hand_steps = self._by_hand.steps
