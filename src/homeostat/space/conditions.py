"""Conditions: a parameter is active only when the parameters it depends on have certain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from homeostat.errors import SpaceError, did_you_mean
from homeostat.space.values import plain, show_all

When: TypeAlias = Mapping[str, Any]
"""As written: {"method": "tournament"} or {"method": ("tournament", "rank")}; all must hold."""

NO_CIRCLE = "Conditions, rules and formulas must not go round in a circle."


def normalise(when: When | None, label: str) -> dict[str, tuple[Any, ...]]:
    """Every alternative as a tuple.

    Raises:
        SpaceError: If it is not a mapping of names to values, or a tuple is empty.
    """
    if not isinstance(when, Mapping | None):
        raise SpaceError(f"{label}: when= must be a mapping of names to values, got {when!r}.")
    result = {}
    for name, values in (when or {}).items():
        several = isinstance(values, tuple | list | set | frozenset)
        alternatives = tuple(plain(value) for value in values) if several else (plain(values),)
        if not alternatives:
            raise SpaceError(f"{label}: when= gives no value for {name!r}.")
        result[name] = alternatives
    return result


def check_names(when: When, known: Mapping[str, Any], label: str) -> None:
    """Refuse a condition on a parameter that does not exist."""
    for name in when:
        if name not in known:
            raise SpaceError(
                f"{label}: its condition names {name!r}, which is not a parameter.",
                hint=did_you_mean(name, known),
            )


def sentence(when: When) -> str:
    """A condition in words: "method is tournament or rank, and neural_mode is pure"."""
    return ", and ".join(f"{name} is {show_all(values)}" for name, values in when.items())
