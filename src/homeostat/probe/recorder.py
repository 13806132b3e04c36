"""Recorder: an observer that notes what a run does, through PyTorch's own hooks.

    forward     hooks that every module passes            -> calls, weights, modes
    backward    torch.autograd.backward                   -> losses, what they lead to
    step        hooks that every optimiser passes         -> updates, rates, gradients
    clip, zero_grad, schedulers, seeding                  -> the order of things

Nothing here changes a number of the run.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.parameter import UninitializedParameter

from homeostat.execute.drive import Watcher
from homeostat.probe.by_hand import ByHand
from homeostat.probe.names import Names
from homeostat.probe.recording import Backward, Call, Clip, Optimizer, Recording, Update, Weight
from homeostat.workload.report import Report
from homeostat.workload.trial import Trial

Look = Callable[[int], bool]

MOST_NODES = 200_000
MOST_WALKS = 24
MOST_SPANS = 20_000
KEPT_CALLS = 400
KEPT_ROWS = 1000
KEPT_CALLS_OF_A_KIND = 40
MOST_NUMBERS = 2_000_000
MOST_ROWS = 4096


class Halt(BaseException):
    """Ends a run from inside the loop; not an Exception, so that no loop eats it."""


class Recorder(Watcher):
    """Fills a Recording.

    Args:
        recording: Where to note.
        look: Which updates are looked at closely; the number counts from 0.
        most_updates: The run is ended before the update after these.
        keep_going: Asked at each update; False ends the run.
    """

    def __init__(
        self,
        recording: Recording,
        look: Look,
        *,
        most_updates: int | None = None,
        keep_going: Callable[[], bool] = lambda: True,
    ) -> None:
        self.recording = recording
        self.names = Names()
        self.stack: list[nn.Module] = []
        self.spans: list[tuple[int, int, str]] = []
        self._starts: list[int] = []
        self.call: Call | None = None
        self.backward_depth = 0
        self.busy = False
        self.update = 0
        self._by_hand = ByHand()
        self._leaves: dict[int, Any] = {}
        self._look = look
        self._most_updates = most_updates
        self._keep_going = keep_going
        self._clock = 0
        self._walks = 0
        self._weights: dict[int, Weight] = {}
        self._optimizers: dict[int, int] = {}
        self._open: list[Call] = []
        self._cleared: dict[int, bool] = {}
        self._before: dict[int, Any] = {}
        self._seen_backward = False
        self._zeroed_since_backward = False
        self._used: dict[int, int] = {}
        self._unscaled = False
        self._last_loss: float | None = None
        self._scheduler_steps: dict[str, int] = {}
        self._schedulers: dict[str, Any] = {}
        self.known_losses: list[tuple[str, Any]] = []
        self.grad = torch.autograd.grad
        self._rows_of: dict[str, int] = {}
        self._kept: dict[str, tuple[int, int]] = {}
        self._trial: Trial | None = None

    @property
    def looking(self) -> bool:
        return not self.busy and self._look(self.update)

    def tick(self) -> int:
        self._clock += 1
        return self._clock

    # What the loop shows

    def on_watch(self, trial: Trial) -> None:
        self._trial = trial
        recording = self.recording
        recording.watched = True
        recording.train_data = trial.train_data
        recording.validation_data = trial.validation_data
        for label, model in trial.modules.items():
            if label not in recording.models:
                recording.models[label] = model
                self.names.add(label, model)
                if recording.anatomy:
                    for parameter in model.parameters():
                        self.weight(parameter).registered = True
        for label, optimizer in trial.optimizers.items():
            self.optimizer(optimizer, label)

    def after_report(self, step: int, report: Report) -> None:
        recording = self.recording
        recording.reports.append(report)
        recording.report_times.append(self.tick())
        for call in self._open:
            call.node = None
        self._open = []
        if not self._keep_going():
            recording.cut = "time"
            raise Halt

    # Weights

    def weight(self, tensor: Any) -> Weight:
        found = self._weights.get(id(tensor))
        if found is None:
            start = None
            if not isinstance(tensor, UninitializedParameter):
                start = tensor.detach().clone()
            found = Weight(tensor, "", start=start)
            self._weights[id(tensor)] = found
            self.recording.weights.append(found)
        elif found.start is None and not isinstance(tensor, UninitializedParameter):
            found.start = tensor.detach().clone()
        return found

    # Forward

    def before_forward(self, module: nn.Module, args: Any) -> None:
        if self.busy:
            return
        if not self.stack:
            self._start_call(module, args)
        self.stack.append(module)
        self._starts.append(_sequence())
        call = self.call
        if call is None:
            return
        grad = torch.is_grad_enabled()
        if self.update < KEPT_CALLS:
            for parameter in module._parameters.values():
                if parameter is not None:
                    weight = self.weight(parameter)
                    weight.owner = module
                    weight.called_with_grad |= grad
        if isinstance(module, nn.modules.dropout._DropoutNd) and module.p > 0:
            call.dropouts.add((self.names.module(module), module.training))
        elif isinstance(module, nn.modules.batchnorm._BatchNorm) and module.track_running_stats:
            batch = module.training and module.momentum is not None
            call.norms.add((self.names.module(module), batch))
        elif isinstance(module, nn.RNNBase | nn.MultiheadAttention) and module.dropout > 0:
            call.dropouts.add((self.names.module(module), module.training))

    def _start_call(self, module: nn.Module, args: Any) -> None:
        self.call = None
        if self.backward_depth or next(module.parameters(), None) is None:
            return  # a loss, or a checkpoint computed anew
        recording = self.recording
        if len(recording.calls) >= KEPT_CALLS and not self._open:
            recording.calls = [c for c in recording.calls if c.inputs or c.evaluation][:KEPT_CALLS]
        if not self.names.knows(module):
            self.names.add(type(module).__name__, module)
            if not recording.watched:
                recording.models[type(module).__name__] = module
        self.call = Call(
            time=self.tick(),
            report=len(recording.reports),
            model=self.names.module(module),
            module=module,
            grad=torch.is_grad_enabled(),
            training=module.training,
        )
        tensors = [a for a in args if isinstance(a, torch.Tensor)]
        self.call.coordinates = any(t.requires_grad and t.is_leaf for t in tensors)
        kind = f"{self.call.model} {self.call.grad}"
        rows, calls = self._kept.get(kind, (0, 0))
        small = sum(t.numel() for t in tensors) < MOST_NUMBERS or not calls
        if tensors and small and (calls < 3 or (rows < KEPT_ROWS and calls < KEPT_CALLS_OF_A_KIND)):
            self.call.inputs = tuple(t.detach().clone() for t in tensors)
            self._kept[kind] = (rows + (len(tensors[0]) if tensors[0].ndim else 1), calls + 1)
        if tensors:
            self.call.rows = self._rows(tensors[0], kind)
        recording.calls.append(self.call)
        self._open.append(self.call)

    def _rows(self, tensor: Any, kind: str) -> tuple[int, ...]:
        if tensor.ndim == 0 or self._rows_of.get(kind, 0) > 20 * MOST_ROWS:
            return ()
        rows = tensor.detach()[:MOST_ROWS]
        if rows.numel() > 4_000_000 or rows.dtype == torch.bfloat16:
            rows = rows[:64].float()
        array = np.ascontiguousarray(rows.reshape(len(rows), -1).cpu().numpy())
        self._rows_of[kind] = self._rows_of.get(kind, 0) + len(array)
        return tuple(hash(row.tobytes()) for row in array)

    def after_forward(self, module: nn.Module, args: Any, output: Any) -> None:
        if self.busy or not self.stack:
            return
        while self.stack:  # a module that raised did not come back here
            start = self._starts.pop()
            if self.stack.pop() is module:
                break
        if self.looking and len(self.spans) < MOST_SPANS:
            now = _sequence()
            self.spans.append((start, now, self.names.module(module)))
        if self.stack or self.call is None:
            return
        tensor = first_tensor(output)
        if tensor is not None:
            self.call.node = tensor.grad_fn
            self.call.pointer = tensor.data_ptr()
            if self.call.inputs:
                self.call.output = tensor.detach()
                self.call.gain = _gain(self.call.inputs[0], tensor)

    # Backward

    def before_backward(self, roots: list[Any]) -> None:
        recording = self.recording
        self.backward_depth += 1
        if self.busy or self.backward_depth > 1:
            return
        if not self.update:
            self._by_hand.before_backward()
        time = self.tick()
        root = roots[0] if roots else None
        if root is None or not isinstance(root, torch.Tensor):
            return
        loss = float(root.detach().float().sum()) if root.numel() < 1e6 else math.nan
        self._last_loss = loss
        self._seen_backward = True
        self._zeroed_since_backward = False
        self._unscaled = False
        self._used.clear()
        recording.backwards.append(Backward(time, len(recording.reports), loss, str(root.dtype)))
        for call in self._open:
            call.followed_by_backward = True
        for index, optimizer in enumerate(recording.optimizers):
            if not self._cleared.get(index, True) and _is_clear(optimizer.thing):
                self._cleared[index] = True
        if recording.anatomy and (self._walks < MOST_WALKS or self.looking):
            self._walk(roots)
            recording.backwards[-1].slopes = self._slopes(root)
        self.known_losses.clear()

    def _slopes(self, root: Any) -> list[tuple[str, float]]:
        """How the root changes with each known loss below it: below 0, the loss is driven up."""
        losses = [(n, t) for n, t in self.known_losses if t is not root]
        found = [(n, 1.0) for n, t in self.known_losses if t is root]
        if not losses or root.numel() != 1 or root.grad_fn is None:
            return found
        self.busy = True
        try:
            slopes = self.grad(root, [t for _, t in losses], retain_graph=True, allow_unused=True)
        except RuntimeError:  # a graph that can be walked once only
            return found
        finally:
            self.busy = False
        return found + [
            (name, float(slope))
            for (name, _), slope in zip(losses, slopes, strict=True)
            if slope is not None
        ]

    def _walk(self, roots: list[Any]) -> None:
        """Everything that the gradient will reach."""
        self._walks += 1
        seen: set[Any] = set()
        todo: list[Any] = [r.grad_fn for r in roots if isinstance(r, torch.Tensor)]
        todo = [node for node in todo if node is not None]
        while todo and len(seen) < MOST_NODES:
            node = todo.pop()
            if node in seen:
                continue
            seen.add(node)
            variable = getattr(node, "variable", None)
            if variable is not None and self._is_weight(variable):
                self.weight(variable).reached = True
            elif variable is not None and not self.update:
                self._leaves[id(variable)] = variable
            todo.extend(n for n, _ in node.next_functions if n is not None and n not in seen)
        for call in self._open:
            if call.node is not None and call.node in seen:
                call.learnt_from = True

    def module_of(self, sequence: int) -> str:
        """The innermost module in whose forward pass an autograd node was made."""
        around = [(end - start, name) for start, end, name in self.spans if start <= sequence < end]
        return min(around)[1] if around else ""

    def before_grad(self, roots: list[Any]) -> None:
        """`torch.autograd.grad`: the loop takes gradients itself, and may step by hand."""
        if self.busy or self.backward_depth:
            return
        for call in self._open:
            call.followed_by_backward = True
        if self._walks < MOST_WALKS or self.looking:
            self._walk(roots)

    def _is_weight(self, variable: Any) -> bool:
        """Rather than an input whose gradient is wanted."""
        return isinstance(variable, nn.Parameter) or id(variable) in self._weights

    def after_backward(self) -> None:
        self.backward_depth -= 1
        if not self.backward_depth and not self.update and self.recording.anatomy:
            named = [w.tensor for w in self.recording.weights if w.reached]
            self._by_hand.after_backward([*named, *self._leaves.values()])
            self._leaves.clear()

    # Optimisers

    def optimizer(self, thing: Any, label: str = "") -> int:
        index = self._optimizers.get(id(thing))
        if index is None:
            index = len(self.recording.optimizers)
            self._optimizers[id(thing)] = index
            kind = type(thing).__name__
            self.recording.optimizers.append(Optimizer(thing, label or kind, kind))
        self.recording.optimizers[index].shown |= bool(label)
        if self.recording.anatomy:
            for group in thing.param_groups:
                for parameter in group["params"]:
                    self.weight(parameter)
        return index

    def before_update(self, thing: Any, args: Any, kwargs: Any) -> None:
        index = self.optimizer(thing)
        recording = self.recording
        if self._most_updates is not None and self.update >= self._most_updates:
            recording.cut = "updates"
            raise Halt
        if self.update % 8 == 0 and not self._keep_going():
            recording.cut = "time"
            raise Halt
        optimizer = recording.optimizers[index]
        optimizer.rates.append(tuple(float(g.get("lr", math.nan)) for g in thing.param_groups))
        if not recording.anatomy:
            return
        if _has_closure(args, kwargs):
            self._before[index] = _copies(thing) if self._look(self.update) else None
            return
        self._note_order(index, thing)
        self._before[index] = _copies(thing) if self._look(self.update) else None
        self._note_gradients(index, thing)

    def _note_order(self, index: int, thing: Any) -> None:
        optimizer = self.recording.optimizers[index]
        if optimizer.steps and not self._cleared.get(index, True):
            optimizer.leftovers += 1
        if _is_clear(thing, most=10_000):
            optimizer.without_grad += 1
            optimizer.wiped += self._zeroed_since_backward and self._seen_backward
        mine = {id(p) for group in thing.param_groups for p in group["params"]}
        for call in self._open:
            if call.grad and not call.learnt_from and call.node is not None:
                own = {id(p) for p in call.module.parameters()}
                if own & mine:
                    call.stepped_over.append(index)
        used = [self._used[key] for key in mine if key in self._used]
        if any(other != index for other in used):
            optimizer.repeats += 1
        for key in mine:
            self._used[key] = index

    def _note_gradients(self, index: int, thing: Any) -> None:
        recording = self.recording
        total = norm = 0.0
        nonfinite: list[str] = []
        layers: dict[str, tuple[float, float]] = {}
        close = self._look(self.update)
        for group in thing.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                weight = self.weight(parameter)
                grad = parameter.grad.detach()
                grad = grad.coalesce().values() if grad.is_sparse else grad
                size = float(grad.double().norm())
                if not math.isfinite(size):
                    nonfinite.append(self.names.weight(parameter, self._weights))
                    if weight.nonfinite_at is None:
                        weight.nonfinite_at = self.update
                    continue
                weight.largest_grad = max(weight.largest_grad or 0.0, size)
                total += size**2
                if close:
                    own = float(parameter.detach().double().norm())
                    norm += own**2
                    layers[self.names.weight(parameter, self._weights)] = (size, own)
        recording.updates.append(
            Update(
                self.update, index, self.tick(), len(recording.reports), math.sqrt(total),
                nonfinite, math.sqrt(norm), layers, loss=self._last_loss,
            )
        )  # fmt: skip

    def after_update(self, thing: Any, args: Any, kwargs: Any) -> None:
        index = self.optimizer(thing)
        recording = self.recording
        if recording.anatomy:
            if _has_closure(args, kwargs):
                self._note_gradients(index, thing)
            before = self._before.pop(index, None)
            if before is not None:
                self._note_move(thing, before)
        recording.optimizers[index].steps += 1
        self._cleared[index] = False
        self._seen_backward = False
        self.update += 1

    def _note_move(self, thing: Any, before: dict[int, Any]) -> None:
        descent = 0.0
        for group in thing.param_groups:
            for parameter in group["params"]:
                if id(parameter) not in before:
                    continue
                change = parameter.detach() - before[id(parameter)]
                own = float(before[id(parameter)].norm())
                if not self.update:
                    name = self.names.weight(parameter, self._weights)
                    self.recording.first_move[name] = change
                weight = self.weight(parameter)
                weight.move = max(weight.move, float(change.norm()) / (own or 1.0))
                if parameter.grad is not None and not parameter.grad.is_sparse:
                    descent += float((change * parameter.grad).double().sum())
        if self.recording.updates:
            self.recording.updates[-1].descent = descent

    def zeroed(self, parameters: list[Any]) -> None:
        keys = {id(p) for p in parameters}
        if self._seen_backward:
            self._zeroed_since_backward = True
        for index, optimizer in enumerate(self.recording.optimizers):
            if any(id(p) in keys for g in optimizer.thing.param_groups for p in g["params"]):
                self._cleared[index] = True

    def clipped(self, total: Any, limit: float) -> None:
        self.recording.clips.append(
            Clip(
                self.tick(), float(total), float(limit), self._seen_backward,
                scaled=self.recording.scaler and not self._unscaled,
            )
        )  # fmt: skip

    def unscaled(self) -> None:
        self._unscaled = True

    def scheduled(self, scheduler: Any) -> None:
        thing = getattr(scheduler, "optimizer", None)
        if thing is not None:
            optimizer = self.recording.optimizers[self.optimizer(thing)]
            key = f"{type(scheduler).__name__} {id(scheduler)}"
            self._schedulers[key] = scheduler
            steps = self._scheduler_steps.setdefault(key, 0)
            self._scheduler_steps[key] = steps + 1
            if steps + 1 > optimizer.scheduler_steps:
                optimizer.scheduler_steps = steps + 1
                optimizer.scheduler = type(scheduler).__name__

    # The end

    def finish(self) -> None:
        """Settle what can only be told when the run is over."""
        recording = self.recording
        for label, model in recording.models.items():
            self.names.add(label, model)
        places: dict[int, list[tuple[int, int]]] = {}
        for i, optimizer in enumerate(recording.optimizers):
            for g, group in enumerate(optimizer.thing.param_groups):
                for parameter in group["params"]:
                    places.setdefault(id(parameter), []).append((i, g))
        now = {id(p) for model in recording.models.values() for p in model.parameters()}
        for weight in recording.weights:
            key = id(weight.tensor)
            weight.name = self.names.weight(weight.tensor, self._weights, places.get(key))
            weight.optimizers = places.get(key, [])
            weight.late = recording.watched and not weight.registered and key in now
            if weight.start is not None and weight.start.shape == weight.tensor.shape:
                weight.moved = not torch.equal(weight.start, weight.tensor.detach())
            weight.start = None
        recording.settings = self._settings()
        if not self.update:
            recording.hand_steps = self._by_hand.steps
        for call in recording.calls:
            call.node = None
            for index in call.stepped_over if call.learnt_from else ():
                recording.optimizers[index].stale += 1
        recording.digest = digest([*recording.models.values()], [o.thing for o in self._shown()])

    def _shown(self) -> list[Optimizer]:
        """The optimisers that were watched, or all if none was: a side experiment is not ours."""
        optimizers = self.recording.optimizers
        return [o for o in optimizers if o.shown] or optimizers

    def _settings(self) -> tuple[Any, ...]:
        """What optimisers, schedulers and clips were told, in comparable form."""
        recording = self.recording
        told: list[Any] = []
        for optimizer in self._shown():
            for group in optimizer.thing.param_groups:
                told.append((optimizer.kind, len(group["params"]), _plain_settings(group)))
        watched = self._trial.watched.values() if self._trial is not None else ()
        for thing in [*self._schedulers.values(), *watched]:
            if hasattr(thing, "last_epoch") or hasattr(thing, "decay"):
                told.append((type(thing).__name__, _plain_settings(vars(thing))))
        told += [clip.limit for clip in recording.clips[:1]]
        return tuple(repr(part) for part in told)


def _plain_settings(settings: dict[str, Any]) -> dict[str, Any]:
    kinds = (bool, int, float, str, type(None))
    return {
        name: value
        for name, value in sorted(settings.items())
        if isinstance(value, kinds)
        or (isinstance(value, (list, tuple)) and all(isinstance(v, kinds) for v in value))
    }


def _sequence() -> int:
    """The number that PyTorch gives to the next node of the graph."""
    number: int = torch.autograd._get_sequence_nr()  # type: ignore[attr-defined]  # not exported
    return number


def first_tensor(output: Any) -> Any:
    """The first tensor in whatever a module returned."""
    if isinstance(output, torch.Tensor):
        return output
    if isinstance(output, dict):
        output = list(output.values())
    if not isinstance(output, (tuple, list)):
        output = list(vars(output).values()) if hasattr(output, "__dict__") else []
    for part in output:
        found = first_tensor(part) if isinstance(part, (torch.Tensor, tuple, list)) else None
        if found is not None:
            return found
    return None


def _gain(shown: Any, output: Any) -> float | None:
    if not output.is_floating_point() or not output.numel():
        return None
    size = float(output.detach().double().square().mean().sqrt())
    before = float(shown.double().square().mean().sqrt()) if shown.is_floating_point() else 1.0
    return size / (before or 1.0)


def _has_closure(args: Any, kwargs: Any) -> bool:
    """Whether `step` computes the gradient itself. The optimiser is the first argument."""
    return (len(args) > 1 and args[1] is not None) or kwargs.get("closure") is not None


def _is_clear(optimizer: Any, most: int = 3) -> bool:
    """Whether its gradients are none or zero, by the first few."""
    looked = 0
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if parameter.grad is not None:
                looked += 1
                values = parameter.grad
                if values.is_sparse:
                    values = values.coalesce().values()
                if bool((values != 0).any()):
                    return False
                if looked >= most:
                    return True
    return True


def _copies(optimizer: Any) -> dict[int, Any]:
    return {
        id(p): p.detach().clone()
        for group in optimizer.param_groups
        for p in group["params"]
        if not isinstance(p, UninitializedParameter)
    }


def digest(models: list[Any], optimizers: list[Any]) -> str:
    """One word for the bits of every weight."""
    found = hashlib.blake2b(digest_size=16)
    tensors = [t for model in models for t in model.state_dict().values()]
    tensors += [p for o in optimizers for group in o.param_groups for p in group["params"]]
    for tensor in tensors:
        if isinstance(tensor, torch.Tensor) and not isinstance(tensor, UninitializedParameter):
            flat = tensor.detach().cpu().contiguous().reshape(-1)
            found.update(flat.view(torch.uint8).numpy().tobytes())
    return found.hexdigest()
