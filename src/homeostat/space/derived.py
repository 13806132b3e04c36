"""Derived values: computed from the others, each after those it reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from homeostat.errors import SpaceError, did_you_mean
from homeostat.space.parameters import Derived, Float, Int
from homeostat.space.values import finite_json, is_number, show


class _Sheet(Mapping[str, Any]):
    """A spreadsheet: reading a cell computes it first, and remembers which cell asked."""

    def __init__(self, values: dict[str, Any], formulas: Mapping[str, Derived]) -> None:
        self._values = values
        self._formulas = formulas
        self._reading: list[str] = []
        self.moved: list[str] = []

    def __getitem__(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        asker = self._reading[-1] if self._reading else name
        if name not in self._formulas:
            known = [*self._values, *self._formulas]
            raise SpaceError(
                f"{asker}: its formula reads {name!r}, which is not a parameter.",
                hint=did_you_mean(name, known),
            )
        if name in self._reading:
            circle = " -> ".join((*self._reading[self._reading.index(name) :], name))
            raise SpaceError(f"{name}: its formula goes round in a circle: {circle}.")
        self._reading.append(name)
        self._values[name] = self._compute(name, self._formulas[name])
        self._reading.pop()
        return self._values[name]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __iter__(self) -> Iterator[str]:
        return iter([*self._values, *(n for n in self._formulas if n not in self._values)])

    def __len__(self) -> int:
        return len(self._values.keys() | self._formulas.keys())

    def _compute(self, name: str, derived: Derived) -> Any:
        try:
            value = derived.fn(self)
        except SpaceError:
            raise
        except Exception as error:  # the formula is the user's own code
            problem = f"{type(error).__name__}: {error}"
            raise SpaceError(f"{name}: its formula failed with {problem}.") from error
        value = finite_json(name, value)
        if isinstance(derived.of, Float | Int) and is_number(value):
            nearest = min(max(value, derived.of.low), derived.of.high)
            if nearest != value:
                self.moved.append(
                    f"{name}: {show(value)} -> {show(nearest)}, "
                    f"because its range is {derived.of.range_text} ({derived.why})."
                )
                value = nearest
        return derived.of.check(value, name) if derived.of is not None else value


def fill(values: dict[str, Any], formulas: Mapping[str, Derived]) -> list[str]:
    """Computes every formula whose name is not in `values` yet, and adds it there.

    Formulas may read each other in any order.

    Returns:
        A sentence for each value that had to be moved into its range.

    Raises:
        SpaceError: If a formula fails, reads an unknown name, or depends on itself.
    """
    sheet = _Sheet(values, formulas)
    for name in formulas:
        sheet[name]
    return sheet.moved
