"""Walk: draw a configuration parameter by parameter, leaving out what would have no effect.

A parameter with a condition is drawn after those it depends on, and only where they made it
active. Rules and derived values may switch a condition too, so the space itself is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from homeostat.space import Config, Range, Space


@dataclass(frozen=True)
class Walk:
    """The parameters a study varies, in the order in which they can be drawn."""

    space: Space
    searched: Mapping[str, Range]
    given: Mapping[str, Any]
    """The value of what is not varied, where it is not the default."""

    @cached_property
    def order(self) -> tuple[str, ...]:
        return tuple(name for name in self.space.conditions if name in self.searched)

    @cached_property
    def always(self) -> tuple[str, ...]:
        """Those that every trial has."""
        first = self.default()
        return tuple(name for name in self.order if name in first and not self._may_vary(name))

    @cached_property
    def never(self) -> tuple[str, ...]:
        """Those that no trial has, because what they depend on is not varied."""
        first = self.default()
        return tuple(n for n in self.order if n not in first and not self._may_vary(n))

    @cached_property
    def _switches(self) -> frozenset[str]:
        """Parameters on which a condition depends."""
        return frozenset(parent for when in self.space.conditions.values() for parent in when)

    def _may_vary(self, name: str) -> bool:
        """Whether some trials may lack it: something it depends on is drawn, set or computed."""
        enforced = {target for rule in self.space.rules for target in rule.set}
        return any(
            parent in self.searched
            or parent in enforced
            or parent in self.space.formulas
            or self._may_vary(parent)
            for parent in self.space.conditions[name]
        )

    def draw(self, draw: Callable[[str], Any]) -> dict[str, Any]:
        """Call `draw(name)` for each parameter that is active given those before it."""
        drawn: dict[str, Any] = {}
        active: frozenset[str] | None = None
        for name in self.order:
            if self.space.conditions[name]:
                if active is None:
                    active = self.resolve(drawn).active
                if name not in active:
                    continue
            drawn[name] = draw(name)
            if name in self._switches:
                active = None
        return drawn

    def default(self) -> dict[str, Any]:
        """The starting configuration's own values of what is varied."""
        config = self.resolve({})
        return {name: config[name] for name in self.order if name in config.active}

    def resolve(self, drawn: Mapping[str, Any], source: str = "") -> Config:
        """The whole configuration; given values without effect are dropped with a sentence."""
        values = {**self.given, **drawn}
        return self.space.resolve(values, source=source, inherited=values.keys())
