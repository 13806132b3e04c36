"""Optimiser audit: which overridden methods were never called, which points left their manifold."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from homeostat.execute.loop.drive import Watcher
from homeostat.execute.loop.optimizer_steps import OutermostSteps
from homeostat.record.outcome import Outcome
from homeostat.wording import plural
from homeostat.workload.trial import Trial

# Called by snapshots and set-up rather than by training, so that no call means nothing.
_NOT_TRAINING = frozenset({"step", "zero_grad", "state_dict", "load_state_dict", "add_param_group"})
_LIBRARIES = ("torch.", "geoopt.", "lightning.", "pytorch_lightning.", "bitsandbytes.")


@dataclass
class OptimizerAudit:
    """One optimiser, as it was used."""

    name: str
    kind: str
    """Its class."""
    num_steps: int = 0
    num_parameters: int = 0
    calls: dict[str, int] = field(default_factory=dict)
    """Methods that its own class adds or overrides, and how often each was called."""
    off_manifold: tuple[str, ...] = ()
    """Parameters that should be points of a manifold and are not."""
    on_manifold: int = 0

    @property
    def dead(self) -> tuple[str, ...]:
        """Methods of its own that nothing called."""
        return tuple(name for name, calls in self.calls.items() if not calls)

    @property
    def sentence(self) -> str:
        parts = [f"{self.name} ({self.kind}): {plural(self.num_steps, 'step')}"]
        if self.dead and self.num_steps:
            parts.append(f"{', '.join(self.dead)}: defined and never called")
        if self.off_manifold:
            parts.append(f"off their manifold: {', '.join(self.off_manifold)}")
        elif self.on_manifold:
            parts.append(f"{plural(self.on_manifold, 'parameter')} on a manifold")
        return "; ".join(parts) + "."

    def to_json(self) -> dict[str, Any]:
        return vars(self) | {"dead": list(self.dead), "off_manifold": list(self.off_manifold)}


class Auditor(Watcher):
    """Counts calls of an optimiser's own methods, and checks points against their manifolds."""

    def __init__(self) -> None:
        self._trial: Trial | None = None
        self._undo: list[Callable[[], object]] = []
        self.audits: dict[int, OptimizerAudit] = {}

    def on_watch(self, trial: Trial) -> None:
        self._trial = trial
        for name, optimizer in trial.optimizers.items():
            if id(optimizer) in self.audits:
                continue
            audit = OptimizerAudit(name, type(optimizer).__name__)
            audit.num_parameters = sum(len(g["params"]) for g in optimizer.param_groups)
            self.audits[id(optimizer)] = audit
            if hasattr(optimizer, "register_step_post_hook"):
                steps = OutermostSteps(after=_counter(audit))
                self._undo += [
                    optimizer.register_step_pre_hook(steps.before).remove,
                    optimizer.register_step_post_hook(steps.after).remove,
                ]
            for method in _own_methods(type(optimizer)):
                self._count(optimizer, method, audit)

    def on_end(self, outcome: Outcome) -> None:
        self._check_points()
        for undo in self._undo:
            undo()
        self._undo.clear()

    def _count(self, optimizer: Any, method: str, audit: OptimizerAudit) -> None:
        original = getattr(optimizer, method)
        audit.calls[method] = 0

        @functools.wraps(original)
        def counted(*args: Any, **kwargs: Any) -> Any:
            audit.calls[method] += 1
            return original(*args, **kwargs)

        setattr(optimizer, method, counted)
        self._undo.append(lambda: vars(optimizer).pop(method, None))

    def _check_points(self) -> None:
        """Points of a geoopt manifold, by the manifold's own check."""
        modules = self._trial.modules if self._trial is not None else {}
        names = {
            id(p): path for module in modules.values() for path, p in module.named_parameters()
        }
        optimizers = self._trial.optimizers.values() if self._trial is not None else ()
        for optimizer in optimizers:
            audit, away = self.audits[id(optimizer)], []
            for point in (p for group in optimizer.param_groups for p in group["params"]):
                manifold = getattr(point, "manifold", None)
                if manifold is None or not hasattr(manifold, "check_point_on_manifold"):
                    continue
                audit.on_manifold += 1
                if not manifold.check_point_on_manifold(point.detach()):
                    away.append(names.get(id(point), "a parameter"))
            audit.off_manifold = tuple(away)


def _counter(audit: OptimizerAudit) -> Callable[..., None]:
    def count(*_: Any) -> None:
        audit.num_steps += 1

    return count


def _own_methods(kind: type) -> list[str]:
    """Public methods, and single-underscore ones, defined by classes that are not a library's."""
    return sorted(
        {
            name
            for base in kind.__mro__
            if base is not object and not f"{base.__module__}.".startswith(_LIBRARIES)
            for name, value in vars(base).items()
            if callable(value)
            and not name.startswith("__")
            and name not in _NOT_TRAINING
            and not isinstance(value, (staticmethod, classmethod, type))
        }
    )
