"""Rules: when some values hold, others must too; each adjustment is recorded as a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from homeostat.errors import SpaceError
from homeostat.space.conditions import When, normalise, sentence
from homeostat.space.values import among, plain, same, show


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Whenever `when` holds, the parameters in `set` take these values, because of `why`.

    A rule is in force while every name in `when` is active and has one of its values; it leaves
    inactive parameters alone.

    Example:
        >>> import homeostat as hs
        >>> space = hs.Space(
        ...     optimizer=hs.Choice(["adam", "sgd"]), momentum=hs.Float(0.0, 0.99),
        ...     rules=[hs.Rule(when={"optimizer": "adam"}, set={"momentum": 0.9}, why="beta 1")],
        ... )
        >>> space.resolve({"momentum": 0.5}).momentum
        0.9
    """

    when: When
    set: Mapping[str, Any]
    why: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "when", normalise(self.when, "Rule"))
        if not isinstance(self.set, Mapping) or not self.set:
            raise SpaceError("Rule: set= must be a mapping of names to values.")
        object.__setattr__(self, "set", {name: plain(v) for name, v in self.set.items()})
        if not self.why:
            raise SpaceError(f"{self.label}: say why.")
        for name, value in self.set.items():
            if name in self.when and not among(value, self.when[name]):
                raise SpaceError(f"{self.label}: it undoes its own condition on {name}.")

    @property
    def label(self) -> str:
        """How errors name the rule."""
        changes = ", ".join(f"{name}={show(value)}" for name, value in self.set.items())
        return f"Rule(when {sentence(self.when) or 'always'}: {changes})"

    def tell(self, name: str, before: Any) -> str:
        """The adjustment as a sentence."""
        because = f", because {sentence(self.when)}" if self.when else ""
        return f"{name}: {show(before)} -> {show(self.set[name])}{because} ({self.why})."


def check_no_contradiction(rules: Sequence[Rule]) -> None:
    """Refuse two rules that can be in force together and set one name to two values.

    So the order of rules never matters: whichever rules are in force, they agree.
    """
    for a, b in combinations(rules, 2):
        together = all(
            any(among(value, b.when[name]) for value in a.when[name])
            for name in a.when.keys() & b.when.keys()
        )
        for name in a.set.keys() & b.set.keys():
            if together and not same(a.set[name], b.set[name]):
                raise SpaceError(
                    f"{name}: two rules contradict each other: {a.label} and {b.label}.",
                    hint="Give one of them a narrower when=.",
                )
