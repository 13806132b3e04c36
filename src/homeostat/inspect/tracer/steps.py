"""Steps: every step of every optimiser, and what is done to gradients and rates around it."""

from __future__ import annotations

import math
import weakref
from typing import Any

import torch

from homeostat.inspect.tracer import lives
from homeostat.inspect.tracer.facts import Gap
from homeostat.inspect.tracer.ledger import Ledger
from homeostat.inspect.tracer.recording import ClipCall, Optimizer, Update
from homeostat.inspect.tracer.sampling import few, norm, sample
from homeostat.inspect.tracer.shared import Halt, Shared
from homeostat.inspect.tracer.tensors import copies, is_clear

MOST_GAPS = 200
MOST_TENSORS = 64


class Steps:
    """Notes updates, and whether gradients are cleared, computed and used in order.

    Args:
        most_updates: The run is ended before the update after these.
    """

    def __init__(self, shared: Shared, most_updates: int | None, ledger: Ledger) -> None:
        self.schedulers: dict[str, Any] = {}
        self._shared = shared
        self._ledger = ledger
        self._most_updates = most_updates
        self._optimizers: dict[int, int] = {}
        self._cleared: dict[int, bool] = {}
        self._before: dict[int, Any] = {}
        self._after: dict[int, tuple[int, list[tuple[Any, Any]]]] = {}
        """Optimiser -> report of its last step, and some of its weights with values after that."""
        self._seen_backward = False
        self._zeroed_since_backward = False
        self._used: dict[int, int] = {}
        self._unscaled = False
        self._last_loss: float | None = None
        self._scheduler_steps: dict[str, int] = {}
        self._used_grads: dict[int, list[Any]] = {}
        """Optimiser -> the gradients of its last step, not kept alive."""

    def optimizer(self, thing: Any, label: str = "") -> int:
        index = self._optimizers.get(id(thing))
        if index is None:
            index = len(self._shared.recording.optimizers)
            self._optimizers[id(thing)] = index
            kind = type(thing).__name__
            self._shared.recording.optimizers.append(Optimizer(thing, label or kind, kind))
        self._shared.recording.optimizers[index].shown |= bool(label)
        if self._shared.recording.anatomy:
            for group in thing.param_groups:
                for parameter in group["params"]:
                    self._shared.weight(parameter)
        return index

    def before(self, thing: Any, args: Any, kwargs: Any) -> None:
        index = self.optimizer(thing)
        recording = self._shared.recording
        if self._most_updates is not None and self._shared.update >= self._most_updates:
            recording.cut = "updates"
            raise Halt
        if not self._shared.keep_going():
            recording.cut = "time"
            raise Halt
        optimizer = recording.optimizers[index]
        self._shared.stepping = not _has_closure(args, kwargs)
        optimizer.rates.append(tuple(float(g.get("lr", math.nan)) for g in thing.param_groups))
        if not recording.anatomy:
            return
        if not self._shared.update:
            lives.overwritten(self._shared)
        self._ledger.stepped(index)
        if _has_closure(args, kwargs):
            self._before[index] = copies(thing) if self._shared.close_look else None
            return
        self._note_order(index, thing)
        self._before[index] = copies(thing) if self._shared.close_look else None
        self._note_gap(index)
        self._note_gradients(index, thing)

    def _note_gap(self, index: int) -> None:
        """Whether something else moved the weights since the optimiser's last step."""
        last = self._after.pop(index, None)
        if last is None:
            return
        report, values = last
        moved = 0.0
        for parameter, value in values:
            now = few(parameter)
            if now.shape == value.shape and not torch.equal(now, value):
                size = float(value.norm()) or 1.0
                moved = max(moved, float((now - value).norm()) / size)
        gaps = self._shared.recording.facts.gaps
        if len(gaps) < MOST_GAPS:
            gaps.append(Gap(index, len(self._shared.recording.reports) > report, moved))

    def _note_order(self, index: int, thing: Any) -> None:
        optimizer = self._shared.recording.optimizers[index]
        if (
            optimizer.steps
            and not self._cleared.get(index, True)
            and self._same_grads(index, thing)
        ):
            optimizer.leftovers += 1
        if is_clear(thing, most=10_000):
            optimizer.without_grad += 1
            optimizer.wiped += self._zeroed_since_backward and self._seen_backward
        mine = {id(p) for group in thing.param_groups for p in group["params"]}
        for call in self._shared.open:
            if call.grad and not call.learnt_from and call.node is not None:
                own = {id(p) for p in call.module.parameters()}
                if own & mine:
                    call.stepped_over.append(index)
        used = [self._used[key] for key in mine if key in self._used]
        if any(other != index for other in used):
            optimizer.repeats += 1
        for key in mine:
            self._used[key] = index

    def _same_grads(self, index: int, thing: Any) -> bool:
        """Whether any gradient is the tensor of the last step, and none that the loop put there."""
        last = [g for ref in self._used_grads.get(index, ()) if (g := ref()) is not None]
        return any(g is old for g in _gradients(thing) for old in last)

    def _note_gradients(self, index: int, thing: Any) -> None:
        recording = self._shared.recording
        total = weights = 0.0
        nonfinite: list[str] = []
        layers: dict[str, tuple[float, float]] = {}
        close = self._shared.close_look
        for group in thing.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                weight = self._shared.weight(parameter)
                grad = parameter.grad.detach()
                grad = grad.coalesce().values() if grad.is_sparse else grad
                size = norm(grad)
                if not math.isfinite(size):
                    nonfinite.append(self._shared.names.weight(parameter, self._shared.weights))
                    if weight.nonfinite_at is None:
                        weight.nonfinite_at = self._shared.update
                    continue
                weight.largest_grad = max(weight.largest_grad or 0.0, size)
                total += size**2
                if close:
                    own = norm(parameter)
                    weights += own**2
                    layers[self._shared.names.weight(parameter, self._shared.weights)] = (size, own)
        recording.updates.append(
            Update(
                self._shared.update, index, self._shared.tick(), len(recording.reports),
                math.sqrt(total), nonfinite, math.sqrt(weights), layers, loss=self._last_loss,
            )
        )  # fmt: skip

    def after(self, thing: Any, args: Any, kwargs: Any) -> None:
        index = self.optimizer(thing)
        recording = self._shared.recording
        if recording.anatomy:
            if _has_closure(args, kwargs):
                self._note_gradients(index, thing)
            before = self._before.pop(index, None)
            if before is not None:
                self._note_move(thing, before)
                weights = [p for group in thing.param_groups for p in group["params"]]
                kept = [(p, few(p).clone()) for p in weights[:MOST_TENSORS]]
                self._after[index] = (len(recording.reports), kept)
        self._shared.stepping = False
        recording.optimizers[index].steps += 1
        self._cleared[index] = False
        self._used_grads[index] = [weakref.ref(g) for g in _gradients(thing)]
        self._seen_backward = False
        self._shared.update += 1

    def _note_move(self, thing: Any, before: dict[int, Any]) -> None:
        descent = 0.0
        for group in thing.param_groups:
            for parameter in group["params"]:
                if id(parameter) not in before:
                    continue
                change = sample(parameter) - before[id(parameter)]
                own = float(before[id(parameter)].norm())
                if not self._shared.update:
                    name = self._shared.names.weight(parameter, self._shared.weights)
                    self._shared.recording.first_move[name] = change
                weight = self._shared.weight(parameter)
                if not parameter.requires_grad and bool(change.any()):
                    moves = self._shared.recording.facts.frozen_moves
                    name = self._shared.names.weight(parameter, self._shared.weights)
                    moves[name] = moves.get(name, 0) + 1
                weight.move = max(weight.move, float(change.norm()) / (own or 1.0))
                if parameter.grad is not None and not parameter.grad.is_sparse:
                    # Of a large tensor a share stands for all of it.
                    share = parameter.numel() / max(change.numel(), 1)
                    slope = (change * sample(parameter.grad)).double().sum()
                    descent += share * float(slope)
        if self._shared.recording.updates:
            self._shared.recording.updates[-1].descent = descent

    def zeroed(self, parameters: list[Any]) -> None:
        keys = {id(p) for p in parameters}
        if self._seen_backward:
            self._zeroed_since_backward = True
        for index, optimizer in enumerate(self._shared.recording.optimizers):
            if any(id(p) in keys for g in optimizer.thing.param_groups for p in g["params"]):
                self._cleared[index] = True
                self._ledger.cleared(index)

    def clipped(self, total: Any, limit: float) -> None:
        self._shared.recording.clips.append(
            ClipCall(
                self._shared.tick(), float(total), float(limit), self._seen_backward,
                scaled=self._shared.recording.scaler and not self._unscaled,
            )
        )  # fmt: skip

    def unscaled(self) -> None:
        self._unscaled = True

    def scheduled(self, scheduler: Any) -> None:
        thing = getattr(scheduler, "optimizer", None)
        if thing is not None:
            optimizer = self._shared.recording.optimizers[self.optimizer(thing)]
            key = f"{type(scheduler).__name__} {id(scheduler)}"
            self.schedulers[key] = scheduler
            steps = self._scheduler_steps.setdefault(key, 0)
            self._scheduler_steps[key] = steps + 1
            if steps + 1 > optimizer.scheduler_steps:
                optimizer.scheduler_steps = steps + 1
                optimizer.scheduler = type(scheduler).__name__

    def after_pass_from(self, loss: float) -> None:
        """A backward pass begins: gradients from here on are new."""
        self._last_loss = loss
        self._seen_backward = True
        self._zeroed_since_backward = False
        self._unscaled = False
        self._used.clear()
        for index, optimizer in enumerate(self._shared.recording.optimizers):
            if not self._cleared.get(index, True) and is_clear(optimizer.thing):
                self._cleared[index] = True


def _gradients(thing: Any) -> list[Any]:
    """The first few gradients of an optimiser's weights."""
    parameters = [p for group in thing.param_groups for p in group["params"]]
    return [p.grad for p in parameters[:MOST_TENSORS] if p.grad is not None]


def _has_closure(args: Any, kwargs: Any) -> bool:
    """Whether `step` computes the gradient itself. The optimiser is the first argument."""
    return (len(args) > 1 and args[1] is not None) or kwargs.get("closure") is not None
