"""Sheet: one setting of a space, where each value is computed when it is first read.

As in a spreadsheet, a formula may read any other value, and a condition any other value too; what
they read is computed before them, whatever the order of declaration. An inactive parameter reads
as its default, so that a value without effect has none on formulas either.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from homeostat.errors import SpaceError, did_you_mean
from homeostat.space.conditions import When
from homeostat.space.parameters import Derived, Float, Int
from homeostat.space.values import among, finite_json, is_number, show


class Sheet(Mapping[str, Any]):
    """Values by name; `active` and `moved` are complete once every value has been read.

    Args:
        defaults: The default of every parameter that is not derived.
        chosen: What replaces defaults and formulas: given by hand, or set by a rule.
        conditions: When each parameter is active.
        formulas: The derived parameters.

    Raises:
        SpaceError: On reading, if a formula fails, reads an unknown name, or depends on itself.
    """

    def __init__(
        self,
        defaults: Mapping[str, Any],
        chosen: Mapping[str, Any],
        conditions: Mapping[str, When],
        formulas: Mapping[str, Derived],
    ) -> None:
        self._defaults = defaults
        self._chosen = chosen
        self._conditions = conditions
        self._formulas = formulas
        self._values: dict[str, Any] = {}
        self._reading: list[str] = []
        self.active: dict[str, bool] = {}
        """Which parameters have an effect."""
        self.moved: list[str] = []
        """A sentence for each computed value that had to be moved into its range."""

    def __getitem__(self, name: str) -> Any:
        if name not in self._values:
            self._check_readable(name)
            self._reading.append(name)
            self._values[name] = self._compute(name)
            self._reading.pop()
        return self._values[name]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._conditions)

    def __len__(self) -> int:
        return len(self._conditions)

    def holds(self, when: When) -> bool:
        """Whether every name in `when` is active and has one of its values."""
        return all(among(self[name], values) and self.active[name] for name, values in when.items())

    def _check_readable(self, name: str) -> None:
        if name not in self._conditions:
            asker = self._reading[-1] if self._reading else name
            raise SpaceError(
                f"{asker}: its formula reads {name!r}, which is not a parameter.",
                hint=did_you_mean(name, self._conditions),
            )
        if name in self._reading:
            circle = " -> ".join((*self._reading[self._reading.index(name) :], name))
            raise SpaceError(f"{name}: it depends on itself: {circle}.")

    def _compute(self, name: str) -> Any:
        self.active[name] = active = self.holds(self._conditions[name])
        if name in self._chosen and active:
            return self._chosen[name]
        if name in self._formulas:
            return self._derive(name, self._formulas[name])
        return self._defaults[name]

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
        if isinstance(derived.of, Float | Int) and is_number(value):
            nearest = min(max(value, derived.of.low), derived.of.high)
            if nearest != value:
                self.moved.append(
                    f"{name}: {show(value)} -> {show(nearest)}, "
                    f"because its range is {derived.of.range_text} ({derived.why})."
                )
                value = nearest
        return derived.of.check(value, name)
