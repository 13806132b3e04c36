"""PyTorch: every optimiser with its models, its steps, and the loss of each backward pass.

What a tap costs in a step: two hooks and a detached scalar, a few microseconds.
"""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Iterator
from contextlib import ExitStack
from types import ModuleType
from typing import TYPE_CHECKING, Any

from homeostat.script.taps import closely, seeds
from homeostat.script.taps.replace import replace

if TYPE_CHECKING:
    from homeostat.script.taps.hearer import Hearer


def attach(run: Hearer, stack: ExitStack, torch: ModuleType) -> None:
    """Until the stack is closed, `run` hears of steps and backward passes."""
    _backward(run, stack, torch)
    _steps(run, stack, torch)
    _Models(run).attach(stack, torch)
    for owner in (torch, torch.random):
        seeds.shift(run, stack, owner, "manual_seed")
    if run.close:
        closely.attach(run, stack, torch)


def _backward(run: Hearer, stack: ExitStack, torch: Any) -> None:
    depth = [0]  # a checkpoint runs one pass inside another

    def around(original: Any) -> Any:
        def backward(tensors: Any, *args: Any, **kwargs: Any) -> Any:
            if run.listening and not depth[0]:
                run.before_backward(tensors)
            depth[0] += 1
            try:
                return original(tensors, *args, **kwargs)
            finally:
                depth[0] -= 1

        return backward

    replace(stack, torch.autograd, "backward", around)


def _steps(run: Hearer, stack: ExitStack, torch: Any) -> None:
    from torch.optim import optimizer as hooks

    depth: dict[int, int] = {}  # a class whose `step` calls its parent's runs each hook twice

    def before(optimizer: Any, *_: Any) -> None:
        depth[id(optimizer)] = depth.get(id(optimizer), 0) + 1

    def after(optimizer: Any, *_: Any) -> None:
        left = depth.pop(id(optimizer), 1) - 1
        if left > 0:
            depth[id(optimizer)] = left
        elif run.listening:
            run.stepped(optimizer)

    stack.callback(hooks.register_optimizer_step_pre_hook(before).remove)
    stack.callback(hooks.register_optimizer_step_post_hook(after).remove)


class _Models:
    """Shows the trial each optimiser when it is made, and the modules whose weights it has."""

    def __init__(self, run: Hearer) -> None:
        self._run = run
        self._modules: list[weakref.ref[Any]] = []

    def attach(self, stack: ExitStack, torch: Any) -> None:
        modules, run = self._modules, self._run

        def module_made(original: Any) -> Any:
            def start(self: Any, *args: Any, **kwargs: Any) -> None:
                original(self, *args, **kwargs)
                if run.inside:
                    modules.append(weakref.ref(self))

            return start

        def optimizer_made(original: Any) -> Any:
            def start(this: Any, *args: Any, **kwargs: Any) -> None:
                original(this, *args, **kwargs)
                if run.listening:
                    self._show(this, torch)

            return start

        replace(stack, torch.nn.Module, "__init__", module_made)
        replace(stack, torch.optim.Optimizer, "__init__", optimizer_made)

    def _show(self, optimizer: Any, torch: Any) -> None:
        wanted = {id(p) for group in optimizer.param_groups for p in group["params"]}
        models = list(self._roots(wanted, torch))
        trial = self._run.trial
        known = {id(thing) for thing in trial.watched.values()}
        named: dict[str, Any] = {}
        for model in models:
            if id(model) not in known:
                named[_free(_variable(model), {*trial.watched, *named})] = model
        trial.watch(optimizer, **named)

    def _roots(self, wanted: set[int], torch: Any) -> Iterator[Any]:
        """The outermost modules that have one of the parameters, in the order they were made."""
        alive = [m for m in (ref() for ref in self._modules) if m is not None and _started(m)]
        covered = {id(p) for m in alive for p in m._parameters.values() if p is not None}
        if wanted - covered:  # a copy, or one read from a file, has not passed `__init__`
            known = {id(m) for m in alive}
            alive += [
                thing
                for thing in gc.get_objects()
                if isinstance(thing, torch.nn.Module) and id(thing) not in known and _started(thing)
            ]
        inner = {id(child) for module in alive for child in module.children()}
        for module in alive:
            if id(module) not in inner and any(id(p) in wanted for p in module.parameters()):
                yield module


def _started(module: Any) -> bool:
    return "_modules" in module.__dict__ and "_parameters" in module.__dict__


def _variable(thing: Any) -> str:
    """What the script calls something: a variable around the place that is being executed."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        if "homeostat" not in frame.f_globals.get("__name__", "").split(".")[0]:
            for names in (frame.f_locals, frame.f_globals):
                for name, value in list(names.items()):
                    if value is thing and name not in ("self", "module") and name[0] != "_":
                        return str(name)
        frame = frame.f_back
    return type(thing).__name__


def _free(name: str, taken: set[str]) -> str:
    number, free = 2, name
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free
