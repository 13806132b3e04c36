"""Edges: values at an end of their range, beyond which something better may lie."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from homeostat.space.numeric import Float, Int
from homeostat.space.values import show

NEAR = 0.02
"""Closer to an end than this share of the range counts as at the end."""


@dataclass(frozen=True)
class RangeEnd:
    """A value at an end of its range."""

    name: str
    value: Any
    side: str
    """lower or upper."""
    range_text: str
    wider: str
    """A range that goes further; empty where nothing lies beyond (below 0, say)."""


def at_an_end(
    space: Mapping[str, Any], values: Mapping[str, Any], near: float = NEAR
) -> list[RangeEnd]:
    """Which of these values lie at an end of their ranges; options have no ends."""
    found = []
    for name, value in values.items():
        parameter = space.get(name)
        if not isinstance(parameter, Float | Int):
            continue
        place = parameter.to_unit(value)
        if value == parameter.low or place <= near:
            found.append(_end(name, value, parameter, "lower"))
        elif value == parameter.high or place >= 1 - near:
            found.append(_end(name, value, parameter, "upper"))
    return found


def _end(name: str, value: Any, parameter: Float | Int, side: str) -> RangeEnd:
    return RangeEnd(name, value, side, parameter.range_text, _wider(parameter, side))


def _wider(parameter: Float | Int, side: str) -> str:
    """Half a range further, or on a log scale a factor of 10 (of whole numbers 4)."""
    low, high = parameter.low, parameter.high
    whole = isinstance(parameter, Int)
    if side == "lower" and (low == 0 or (whole and low == 1)):
        return ""
    share = high == 1 and low >= 0 and not (whole or parameter.log)
    if side == "upper" and share:
        return ""
    if parameter.log:
        factor = 4 if whole else 10
        end = low / factor if side == "lower" else high * factor
    else:
        half = max(1, (high - low) // 2) if whole else (high - low) / 2
        end = low - half if side == "lower" else high + half
    if side == "lower" and low > 0:
        end = max(end, 1 if whole else 0)
    if parameter.step and not parameter.log:  # on as many whole steps
        steps = math.ceil(abs(end - (low if side == "lower" else high)) / parameter.step)
        end = low - steps * parameter.step if side == "lower" else high + steps * parameter.step
        if side == "lower" and end < 0 <= low:
            end = low % parameter.step
    end = round(end) if whole else float(f"{end:.6g}")
    ends = (end, high) if side == "lower" else (low, end)
    return f"{show(ends[0])}..{show(ends[1])}"
