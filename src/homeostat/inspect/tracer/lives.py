"""Lives: when optimisers and schedulers are made and stepped, and what is loaded into models."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import torch
from torch import nn
from torch.optim import lr_scheduler

from homeostat.inspect.tracer.facts import Birth, Load, Turn
from homeostat.inspect.tracer.sampling import few
from homeostat.inspect.tracer.shared import Shared

MOST_BIRTHS = 60
MOST_LOADS = 200
MOST_NUMBERS = 5_000_000
"""A larger model is not compared with what is loaded into it."""

Replace = Callable[[ExitStack, Any, str, Callable[[Any], Any]], None]


def watch(stack: ExitStack, shared: Shared, replace: Replace) -> None:
    """Note births, schedulers' steps and loads until the stack is closed."""
    replace(stack, torch.optim.Optimizer, "__init__", lambda init: _born(init, shared, False))
    kinds: list[Any] = [lr_scheduler.LRScheduler]
    if "__init__" in lr_scheduler.ReduceLROnPlateau.__dict__:
        kinds.append(lr_scheduler.ReduceLROnPlateau)
    for kind in kinds:
        replace(stack, kind, "__init__", lambda init: _born(init, shared, True))
    replace(stack, nn.Module, "load_state_dict", lambda load: _loaded(load, shared))


def turned(shared: Shared, scheduler: Any, args: tuple[Any, ...], kwargs: Any) -> None:
    """Note a scheduler's step."""
    metric = None
    if isinstance(scheduler, lr_scheduler.ReduceLROnPlateau):
        given = args[0] if args else kwargs.get("metrics")
        metric = float(given) if given is not None else None
    recording = shared.recording
    recording.facts.turns.append(
        Turn(
            type(scheduler).__name__, scheduler, len(recording.reports), shared.update, metric
        )
    )  # fmt: skip


def overwritten(shared: Shared) -> None:
    """Before the first step: which weights are no longer what was loaded into them."""
    loads = shared.recording.facts.loads
    for load in loads:
        load.lost = sum(not torch.equal(few(p), was) for p, was in load.held)
        load.held_count = len(load.held)
        load.held = []


def _born(init: Any, shared: Shared, scheduler: bool) -> Any:
    def start(self: Any, *args: Any, **kwargs: Any) -> Any:
        made = init(self, *args, **kwargs)
        facts = shared.recording.facts
        known = any(birth.thing is self for birth in facts.births[-3:])
        if not shared.busy and not known and len(facts.births) < MOST_BIRTHS:
            thing = getattr(self, "optimizer", None) if scheduler else self
            groups = getattr(thing, "param_groups", [])
            ids = frozenset(id(p) for group in groups for p in group["params"])
            kind = type(self).__name__
            plain = kind == "SGD" and not any(g.get("momentum") for g in groups)
            facts.births.append(
                Birth(
                    kind, self, scheduler, shared.tick(), len(shared.recording.reports),
                    facts.passes, ids, not plain,
                )
            )  # fmt: skip
        return made

    return start


def _loaded(load: Any, shared: Shared) -> Any:
    def load_state_dict(self: Any, state: Any, *args: Any, **kwargs: Any) -> Any:
        own = self.state_dict() if not shared.busy else {}
        size = sum(t.numel() for t in own.values() if isinstance(t, torch.Tensor))
        facts = shared.recording.facts
        if not own or size > MOST_NUMBERS or len(facts.loads) >= MOST_LOADS:
            return load(self, state, *args, **kwargs)
        before = {n: t.clone() for n, t in own.items() if isinstance(t, torch.Tensor)}
        places = {t.data_ptr() for n, t in own.items() if n in before and t.numel()}
        alias = sum(
            t.data_ptr() in places for t in state.values()
            if isinstance(t, torch.Tensor) and t.numel()
        )  # fmt: skip
        result = load(self, state, *args, **kwargs)
        after = self.state_dict()
        changed = sum(not torch.equal(t, after[n]) for n, t in before.items() if n in after)
        missing = list(getattr(result, "missing_keys", ()))
        unexpected = list(getattr(result, "unexpected_keys", ()))
        made = Load(
            shared.names.module(self), len(shared.recording.reports), len(before), changed,
            alias, len(missing), len(unexpected), next(iter(unexpected or missing), ""),
        )  # fmt: skip
        facts.loads.append(made)
        if changed and not shared.update:
            made.held = [(p, few(p).clone()) for p in self.parameters()]
        return result

    return load_state_dict
