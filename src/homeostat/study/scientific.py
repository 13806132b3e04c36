"""Scientific parameters: those whose values a study compares, a few values each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from homeostat.errors import StudyError, UnknownNameError, did_you_mean
from homeostat.space import Bool, Choice, Int, Range
from homeostat.study.definition import Definition
from homeostat.study.described import ranges

MOST_VALUES = 10
"""A whole number with more values than this is searched, not compared."""


def check_scientific(definition: Definition, names: Iterable[str]) -> None:
    """Refuse what cannot be compared.

    Raises:
        UnknownNameError: If a name is not searched.
        StudyError: If it has more than a few values.
    """
    searched = ranges(definition.searched)
    for name in names:
        if name not in searched:
            raise UnknownNameError(
                f"{name!r} is not searched, so no two values of it can be compared.",
                hint=did_you_mean(name, searched),
            )
        if not values_of(searched[name]):
            raise StudyError(
                f"{name} has a whole range of values, and a scientific parameter a few.",
                hint=f"Make it a Choice of those in question, or see:  homeostat sweep WORKLOAD "
                f"--over {name}=...",
            )


def values_of(parameter: Range) -> list[Any]:
    """What a parameter can be, if that is a few values."""
    if isinstance(parameter, Choice | Bool):
        return list(parameter.options)
    if isinstance(parameter, Int) and parameter.high - parameter.low < MOST_VALUES:
        return list(range(int(parameter.low), int(parameter.high) + 1))
    return []
