"""Sheet: one setting of a space, where each value is computed when it is first read.

As in a spreadsheet, a formula, a condition or a rule may read any other value; what it reads is
computed before, whatever the order of declaration. So each value is settled once:

    1. its condition decides whether it is active; if it is not, it has its default
    2. if a rule in force sets it, it has the rule's value
    3. otherwise it is drawn, or was given, or follows from its formula, or has its default

An inactive parameter reads as its default, so that a value without effect has none on formulas
either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from homeostat.errors import SpaceError, did_you_mean
from homeostat.space.conditions import NO_CIRCLE, When
from homeostat.space.parameters import Derived
from homeostat.space.rules import Rule
from homeostat.space.values import among, finite_json, is_number, same, show


class Declared(Protocol):
    """What is read of a space here; `Space` has it."""

    defaults: dict[str, Any]
    conditions: dict[str, When]
    formulas: dict[str, Derived]
    rules_for: dict[str, list[Rule]]


class Sheet(Mapping[str, Any]):
    """Values by name; the facts about them are complete once every value has been read.

    Args:
        space: Its defaults, conditions, formulas and rules.
        given: What replaces defaults and formulas.
        rules: Whether the rules of the space count.
        drawn: Names that are drawn where they are active and no rule sets them.
        draw: Draws one of them, by name.

    Raises:
        SpaceError: On reading, if a formula fails, reads an unknown name, or a value depends on
            itself.
    """

    def __init__(
        self,
        space: Declared,
        given: Mapping[str, Any],
        *,
        rules: bool = True,
        drawn: Mapping[str, Any] | None = None,
        draw: Callable[[str], Any] | None = None,
    ) -> None:
        self._space = space
        self._given = given
        self._rules: Mapping[str, Sequence[Rule]] = space.rules_for if rules else {}
        self._drawn = drawn or {}
        self._draw = draw
        self._values: dict[str, Any] = {}
        self._reading: list[str] = []
        self.active: dict[str, bool] = {}
        """Which parameters have an effect."""
        self.enforced: dict[str, Rule] = {}
        """Which rule sets a parameter, whatever else was given or drawn for it."""
        self.amended: dict[str, Rule] = {}
        """Which rule changed a value because of that very value."""
        self.moved: list[str] = []
        """A sentence for each computed value that had to be moved into its range."""
        self.reads: dict[str, set[str]] = {}
        """What each value was computed from."""
        self.gates: dict[str, frozenset[str]] = {}
        """What decided whether it is active and free of rules."""

    def __getitem__(self, name: str) -> Any:
        if self._reading:
            self.reads[self._reading[-1]].add(name)
        if name not in self._values:
            self._check_readable(name)
            self._reading.append(name)
            self.reads[name] = set()
            self._values[name] = self._compute(name)
            self._reading.pop()
        return self._values[name]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._space.conditions)

    def __len__(self) -> int:
        return len(self._space.conditions)

    def holds(self, when: When) -> bool:
        """Whether every name in `when` is active and has one of its values."""
        return all(among(self[name], values) and self.active[name] for name, values in when.items())

    def _check_readable(self, name: str) -> None:
        known = self._space.conditions
        if name not in known:
            asker = self._reading[-1] if self._reading else name
            raise SpaceError(
                f"{asker}: its formula reads {name!r}, which is not a parameter.",
                hint=did_you_mean(name, known),
            )
        if name in self._reading:
            circle = " -> ".join((*self._reading[self._reading.index(name) :], name))
            raise SpaceError(f"{name}: it depends on itself: {circle}.", hint=NO_CIRCLE)

    def _compute(self, name: str) -> Any:
        self.active[name] = active = self.holds(self._space.conditions[name])
        rules = self._rules.get(name, ()) if active else ()
        rule = next((r for r in rules if name not in r.when and self.holds(r.when)), None)
        self.gates[name] = frozenset(self.reads[name])
        if rule is not None:
            self.enforced[name] = rule
            return rule.set[name]
        value = self._base(name, active)
        return self._amended(name, value, [r for r in rules if name in r.when])

    def _base(self, name: str, active: bool) -> Any:
        """The value before any rule reads it."""
        if active and name in self._drawn and self._draw is not None:
            return self._draw(name)
        if active and name in self._given:
            return self._given[name]
        if name in self._space.formulas:
            return self._derive(name, self._space.formulas[name])
        return self._space.defaults[name]

    def _amended(self, name: str, value: Any, rules: Sequence[Rule]) -> Any:
        """The value after the rules that read the name they set: "of 1 and 2, take 1"."""
        for rule in rules:
            others = {n: values for n, values in rule.when.items() if n != name}
            if among(value, rule.when[name]) and self.holds(others):
                if not same(value, rule.set[name]):
                    self.amended[name] = rule
                return rule.set[name]
        return value

    def _derive(self, name: str, derived: Derived) -> Any:
        try:
            value = derived.fn(self)
        except SpaceError:
            raise
        except Exception as error:  # the formula is the user's own code
            problem = f"{type(error).__name__}: {error}"
            raise SpaceError(f"{name}: its formula failed with {problem}.") from error
        value = finite_json(name, value)
        if derived.of is None:
            return value
        if is_number(value):
            nearest = derived.of.nearest(value)
            if nearest != value:
                self.moved.append(
                    f"{name}: {show(value)} -> {show(nearest)}, "
                    f"because its range is {derived.of.range_text} ({derived.why})."
                )
                value = nearest
        return derived.of.check(value, name)
