"""Hooks: how a recorder attaches itself to PyTorch during a run, and detaches afterwards."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.modules import module as module_hooks
from torch.nn.utils import clip_grad
from torch.optim import lr_scheduler
from torch.optim import optimizer as optimizer_hooks

from homeostat.execute.loop.optimizer_steps import OutermostSteps
from homeostat.inspect.tracer import lives
from homeostat.inspect.tracer.recorder import Tracer


@contextmanager
def attached(recorder: Tracer) -> Iterator[None]:
    """The recorder sees everything until the end of the block."""
    with ExitStack() as stack:
        _watch_optimizers(stack, recorder)
        _watch_schedulers(stack, recorder)
        _watch_clips(stack, recorder)
        lives.watch(stack, recorder.shared, _replace)
        if recorder.recording.anatomy:
            _watch_modules(stack, recorder)
            _watch_backward(stack, recorder)
            _watch_seeding(stack, recorder)
        yield


def _replace(stack: ExitStack, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    original = owner.__dict__[name]
    setattr(owner, name, make(original))
    stack.callback(setattr, owner, name, original)


def _watch_optimizers(stack: ExitStack, recorder: Tracer) -> None:
    steps = OutermostSteps(recorder.steps.before, recorder.steps.after)
    before = optimizer_hooks.register_optimizer_step_pre_hook(steps.before)
    after = optimizer_hooks.register_optimizer_step_post_hook(steps.after)
    stack.callback(before.remove)
    stack.callback(after.remove)
    if not recorder.recording.anatomy:
        return

    def optimizer_zero(original: Any) -> Any:
        def zero_grad(self: Any, *args: Any, **kwargs: Any) -> Any:
            recorder.steps.zeroed([p for group in self.param_groups for p in group["params"]])
            return original(self, *args, **kwargs)

        return zero_grad

    def module_zero(original: Any) -> Any:
        def zero_grad(self: Any, *args: Any, **kwargs: Any) -> Any:
            recorder.steps.zeroed(list(self.parameters()))
            return original(self, *args, **kwargs)

        return zero_grad

    _replace(stack, torch.optim.Optimizer, "zero_grad", optimizer_zero)
    _replace(stack, nn.Module, "zero_grad", module_zero)


def _watch_schedulers(stack: ExitStack, recorder: Tracer) -> None:
    inside = [0]  # a scheduler made of others steps them itself, and each steps once when made

    def counted(original: Any) -> Any:
        def step(self: Any, *args: Any, **kwargs: Any) -> Any:
            inside[0] += 1
            try:
                return original(self, *args, **kwargs)
            finally:
                inside[0] -= 1
                if not inside[0]:
                    recorder.steps.scheduled(self)
                    lives.turned(recorder.shared, self, args, kwargs)

        return step

    def not_counted(original: Any) -> Any:
        def start(self: Any, *args: Any, **kwargs: Any) -> Any:
            inside[0] += 1
            try:
                return original(self, *args, **kwargs)
            finally:
                inside[0] -= 1

        return start

    waiting: list[Any] = [lr_scheduler.LRScheduler]
    kinds: list[Any] = []
    while waiting:
        kind = waiting.pop()
        kinds.append(kind)
        waiting.extend(kind.__subclasses__())
    for kind in kinds:
        if "step" in kind.__dict__:
            _replace(stack, kind, "step", counted)
    _replace(stack, lr_scheduler.LRScheduler, "_initial_step", not_counted)


def _watch_clips(stack: ExitStack, recorder: Tracer) -> None:
    def noted(original: Any) -> Any:
        def clip(parameters: Any, max_norm: float, total_norm: Any, *args: Any, **kw: Any) -> Any:
            recorder.steps.clipped(total_norm, max_norm)
            return original(parameters, max_norm, total_norm, *args, **kw)

        return clip

    # The function behind `clip_grad_norm_`, however that was imported.
    _replace(stack, clip_grad, "_clip_grads_with_norm_", noted)

    def unscale(original: Any) -> Any:
        def unscale_(self: Any, *args: Any, **kwargs: Any) -> Any:
            recorder.steps.unscaled()
            return original(self, *args, **kwargs)

        return unscale_

    def scale(original: Any) -> Any:
        def scale(self: Any, *args: Any, **kwargs: Any) -> Any:
            recorder.recording.scaler |= bool(self.is_enabled())
            return original(self, *args, **kwargs)

        return scale

    _replace(stack, torch.amp.GradScaler, "unscale_", unscale)
    _replace(stack, torch.amp.GradScaler, "scale", scale)


def _watch_modules(stack: ExitStack, recorder: Tracer) -> None:
    before = module_hooks.register_module_forward_pre_hook(recorder.forward.before)
    after = module_hooks.register_module_forward_hook(recorder.forward.after, with_kwargs=True)
    stack.callback(before.remove)
    stack.callback(after.remove)


def _watch_backward(stack: ExitStack, recorder: Tracer) -> None:
    def backward(original: Any) -> Any:
        def run(tensors: Any, *args: Any, **kwargs: Any) -> Any:
            roots = [tensors] if isinstance(tensors, torch.Tensor) else list(tensors)
            given = args[0] if args else kwargs.get("grad_tensors")
            starts = given if isinstance(given, list | tuple) else [given]
            recorder.backward.before(roots, starts[0] if starts else None)
            try:
                return original(tensors, *args, **kwargs)
            finally:
                recorder.backward.after()

        return run

    def grad(original: Any) -> Any:
        def run(outputs: Any, *args: Any, **kwargs: Any) -> Any:
            roots = [outputs] if isinstance(outputs, torch.Tensor) else list(outputs)
            recorder.backward.before_grad(roots)
            return original(outputs, *args, **kwargs)

        return run

    _replace(stack, torch.autograd, "backward", backward)
    _replace(stack, torch.autograd, "grad", grad)


def _watch_seeding(stack: ExitStack, recorder: Tracer) -> None:
    def noted(label: str) -> Callable[[Any], Any]:
        def make(original: Any) -> Any:
            def seed(*args: Any, **kwargs: Any) -> Any:
                given = args[0] if args else next(iter(kwargs.values()), None)
                if isinstance(given, int):
                    recorder.recording.seeded.append(f"{label}({given})")
                    _note_seeding(recorder, f"{label}({given})")
                return original(*args, **kwargs)

            return seed

        return make

    def generator(original: Any) -> Any:
        class GeneratorType(type(original)):  # type: ignore[misc]  # whatever made PyTorch's own class
            def __instancecheck__(cls, instance: Any) -> bool:
                return isinstance(instance, original)

        class Generator(original, metaclass=GeneratorType):  # type: ignore[misc]
            def manual_seed(self, seed: int) -> Any:
                _note_seeding(recorder, f"Generator.manual_seed({seed})")
                return super().manual_seed(seed)

        return Generator

    _replace(stack, torch, "Generator", generator)
    _replace(stack, torch, "manual_seed", noted("torch.manual_seed"))
    _replace(stack, np.random, "seed", noted("np.random.seed"))
    _replace(stack, np.random, "default_rng", noted("np.random.default_rng"))
    _replace(stack, random, "seed", noted("random.seed"))


def _note_seeding(recorder: Tracer, how: str) -> None:
    if not recorder.shared.busy:
        seedings = recorder.recording.facts.seedings
        seedings.setdefault(how, set()).add(len(recorder.recording.reports))
