"""Interventions: one thing about a loop is changed while it runs, without touching its code.

Each is a context manager around a run. They work through PyTorch's own hooks, and leave nothing
behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from weakref import WeakSet

import torch
from torch import nn
from torch.nn.modules import module as module_hooks
from torch.optim import lr_scheduler
from torch.optim import optimizer as optimizer_hooks
from torch.utils.data import DataLoader, RandomSampler, SequentialSampler

from homeostat.execute.loop.optimizer_steps import OutermostSteps

LARGEST_NORM = 1.0
HALF_EPS = 1e-4
LEAST_SD = 1e-6


@contextmanager
def rate_times(factor: float) -> Iterator[None]:
    """Every learning rate is multiplied at the moment of each step."""
    kept: list[Any] = []

    def before(optimizer: Any, *_: Any) -> None:
        kept.append([group.get("lr") for group in optimizer.param_groups])
        for group in optimizer.param_groups:
            if "lr" in group:
                group["lr"] = group["lr"] * factor

    def after(optimizer: Any, *_: Any) -> None:
        for group, rate in zip(optimizer.param_groups, kept.pop(), strict=True):
            if rate is not None:
                group["lr"] = rate

    with _around_steps(before, after):
        yield


@contextmanager
def clipped() -> Iterator[None]:
    """The gradient of each step is clipped to a norm of 1."""

    def before(optimizer: Any, *_: Any) -> None:
        held = [p for g in optimizer.param_groups for p in g["params"] if p.grad is not None]
        dense = [p for p in held if not p.grad.is_sparse]
        if dense:
            nn.utils.clip_grad_norm_(dense, LARGEST_NORM)

    with _around_steps(before, None):
        yield


@contextmanager
def larger_epsilon() -> Iterator[None]:
    """The small number that an optimiser divides by is one that half precision can hold."""

    def before(optimizer: Any, *_: Any) -> None:
        for group in optimizer.param_groups:
            if "eps" in group:
                group["eps"] = max(group["eps"], HALF_EPS)

    with _around_steps(before, None):
        yield


@contextmanager
def double_precision() -> Iterator[None]:
    """Models compute in float64, from their first call on."""
    done: WeakSet[Any] = WeakSet()  # not addresses: a model that is gone leaves its own to another

    def widened(value: Any) -> Any:
        floating = isinstance(value, torch.Tensor) and value.is_floating_point()
        return value.double() if floating else value

    def widen(model: Any, args: Any) -> Any:
        if model not in done:
            done.add(model)
            model.double()  # in place: optimisers keep the weights that they have
        return tuple(map(widened, args))

    with _around_models(widen):
        yield


@contextmanager
def cleared_after_each_step() -> Iterator[None]:
    """Gradients are cleared when an optimiser has used them."""

    def after(optimizer: Any, *_: Any) -> None:
        optimizer.zero_grad()

    with _around_steps(None, after):
        yield


@contextmanager
def constant_rate() -> Iterator[None]:
    """Schedulers do nothing: every rate stays as it was made."""
    with ExitStack() as stack:
        waiting: list[Any] = [lr_scheduler.LRScheduler]
        while waiting:
            kind = waiting.pop()
            waiting.extend(kind.__subclasses__())
            if "step" in kind.__dict__:
                stack.callback(setattr, kind, "step", kind.__dict__["step"])
                kind.step = lambda self, *args, **kwargs: None
        yield


@contextmanager
def fresh_weights() -> Iterator[None]:
    """Every layer that knows how is initialised as PyTorch does, before its model's first call."""
    done: WeakSet[Any] = WeakSet()

    def reset(model: Any, args: Any) -> Any:
        if model not in done:
            for part in model.modules():
                done.add(part)
                if hasattr(part, "reset_parameters"):
                    part.reset_parameters()
        return args

    with _around_models(reset):
        yield


@contextmanager
def modes_that_fit() -> Iterator[None]:
    """Models are in training mode where gradients are recorded, in evaluation mode elsewhere."""

    def switch(model: Any, args: Any) -> Any:
        model.train(torch.is_grad_enabled())
        return args

    with _around_models(switch):
        yield


@contextmanager
def normalised_inputs(mean: Any, sd: Any) -> Iterator[None]:
    """What a model is given is standardised, column by column.

    Args:
        mean, sd: Of the training inputs, in the shape of one row.
    """
    scale = torch.where(sd > LEAST_SD, sd, torch.ones_like(sd))

    def standardise(model: Any, args: Any) -> Any:
        first = args[0] if args else None
        if not isinstance(first, torch.Tensor) or not first.is_floating_point():
            return args
        if first.ndim < 2 or first.shape[1:] != mean.shape:
            return args
        return ((first - mean.to(first)) / scale.to(first), *args[1:])

    with _around_models(standardise):
        yield


@contextmanager
def shuffled() -> Iterator[None]:
    """A loader that gives its rows in order gives them in random order, in training."""
    original = DataLoader.__iter__

    def iterate(self: Any) -> Any:
        ordered = isinstance(getattr(self, "sampler", None), SequentialSampler)
        if ordered and torch.is_grad_enabled() and self.batch_sampler is not None:
            self.batch_sampler.sampler = RandomSampler(self.dataset)
        return original(self)

    DataLoader.__iter__ = iterate  # type: ignore[method-assign]
    try:
        yield
    finally:
        DataLoader.__iter__ = original  # type: ignore[method-assign]


@contextmanager
def _around_steps(
    before: Callable[..., None] | None, after: Callable[..., None] | None
) -> Iterator[None]:
    steps = OutermostSteps(before, after)
    handles = [
        optimizer_hooks.register_optimizer_step_pre_hook(steps.before),
        optimizer_hooks.register_optimizer_step_post_hook(steps.after),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _around_models(change: Callable[[Any, Any], Any]) -> Iterator[None]:
    """`change(model, args)` gives the arguments of outermost calls of modules with weights."""
    depth: list[Any] = []

    def before(module: Any, args: Any) -> Any:
        if not depth and next(module.parameters(), None) is None:
            return None
        outermost = not depth
        depth.append(module)
        return change(module, args) if outermost else None

    def after(module: Any, args: Any, output: Any) -> None:
        while depth:  # a module that raised did not come back here
            if depth.pop() is module:
                break

    handles = [
        module_hooks.register_module_forward_pre_hook(before),
        module_hooks.register_module_forward_hook(after),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
