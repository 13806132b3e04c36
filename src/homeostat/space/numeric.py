"""Numbers: parameters between two ends, on a plain or a log scale."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

from homeostat.errors import SpaceError
from homeostat.space.parameter import Parameter
from homeostat.space.values import is_number, plain, show


@dataclass(frozen=True)
class Float(Parameter):
    """A real number between `low` and `high`, both included.

    Without a default it starts in the middle: the geometric one when `log`.
    """

    kind: ClassVar[str] = "float"

    low: float
    high: float
    log: bool = field(default=False, kw_only=True)
    default: float = field(default=None, kw_only=True)  # type: ignore[assignment]  # set below

    def __post_init__(self) -> None:
        _check_ends(self)
        object.__setattr__(self, "low", float(self.low))
        object.__setattr__(self, "high", float(self.high))
        self._settle()
        # Rounded, so that the middle of 1e-5..0.1 is 0.001 and not 0.0010000000000000002.
        middle = min(max(float(f"{self.from_unit(0.5):.12g}"), self.low), self.high)
        default = middle if self.default is None else self.default
        object.__setattr__(self, "default", self.check(default, f"{self._label()} default"))

    def check(self, value: Any, name: str = "value") -> float:
        value = plain(value)
        if not is_number(value):
            raise SpaceError(f"{name}: {value!r} is not a finite number; expected {self._wanted}.")
        if not self.low <= value <= self.high:
            raise SpaceError(f"{name}: {show(value)} is outside {self.range_text}.")
        return float(value)

    def parse(self, text: str, name: str = "value") -> float:
        try:
            value = float(text)
        except ValueError:
            raise SpaceError(
                f"{name}: {text!r} is not a number; expected {self._wanted}."
            ) from None
        return self.check(value, name)

    def from_unit(self, u: float) -> float:
        if self.log:
            value = math.exp(math.log(self.low) + u * (math.log(self.high) - math.log(self.low)))
        else:
            value = self.low + u * (self.high - self.low)
        return min(max(value, self.low), self.high)

    def to_unit(self, value: Any) -> float:
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return float((value - self.low) / (self.high - self.low))

    @property
    def range_text(self) -> str:
        return f"{show(self.low)}..{show(self.high)}"

    @property
    def _wanted(self) -> str:
        return f"a number in {self.range_text}"


@dataclass(frozen=True)
class Int(Parameter):
    """A whole number between `low` and `high`, both included."""

    kind: ClassVar[str] = "int"

    low: int
    high: int
    log: bool = field(default=False, kw_only=True)
    default: int = field(default=None, kw_only=True)  # type: ignore[assignment]  # set below

    def __post_init__(self) -> None:
        _check_ends(self)
        for end in ("low", "high"):
            value = getattr(self, end)
            if value != int(value):
                raise SpaceError(f"{self._label()}: {end} must be a whole number, got {value!r}.")
            object.__setattr__(self, end, int(value))
        self._settle()
        middle = math.sqrt(self.low * self.high) if self.log else (self.low + self.high) / 2
        default = round(middle) if self.default is None else self.default
        object.__setattr__(self, "default", self.check(default, f"{self._label()} default"))

    def check(self, value: Any, name: str = "value") -> int:
        value = plain(value)
        if not is_number(value) or value != int(value):
            raise SpaceError(f"{name}: {value!r} is not a whole number; expected {self._wanted}.")
        if not self.low <= value <= self.high:
            raise SpaceError(f"{name}: {show(value)} is outside {self.range_text}.")
        return int(value)

    def parse(self, text: str, name: str = "value") -> int:
        try:
            value: float = int(text)
        except ValueError:
            try:
                value = float(text)
            except ValueError:
                raise SpaceError(
                    f"{name}: {text!r} is not a whole number; expected {self._wanted}."
                ) from None
        return self.check(value, name)

    # Each whole number owns an equal share of the scale, the two ends as well: without the halves
    # the ends would be drawn half as often as their neighbours.
    def from_unit(self, u: float) -> int:
        low, high = self.low - 0.5, self.high + 0.5
        if self.log:
            value = math.exp(math.log(low) + u * (math.log(high) - math.log(low)))
        else:
            value = low + u * (high - low)
        return min(max(math.floor(value + 0.5), self.low), self.high)

    def to_unit(self, value: Any) -> float:
        low, high = self.low - 0.5, self.high + 0.5
        if self.log:
            return math.log(value / low) / math.log(high / low)
        return float((value - low) / (high - low))

    @property
    def range_text(self) -> str:
        return f"{self.low}..{self.high}"

    @property
    def _wanted(self) -> str:
        return f"a whole number in {self.range_text}"


def _check_ends(parameter: Float | Int) -> None:
    label = type(parameter).__name__
    low, high = plain(parameter.low), plain(parameter.high)
    object.__setattr__(parameter, "low", low)
    object.__setattr__(parameter, "high", high)
    if not is_number(low) or not is_number(high):
        raise SpaceError(f"{label}: low and high must be finite numbers, got {low=} and {high=}.")
    if low >= high:
        raise SpaceError(f"{label}: low must be below high, got {low=} and {high=}.")
    if parameter.log and low <= 0:
        raise SpaceError(f"{label}: a log scale needs low above 0, got {low=}.")
