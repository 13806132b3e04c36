"""Numbers: parameters between two ends, on a plain or a log scale, or in equal steps."""

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

    With a `step` it is one of low, low + step, ..., high. Without a default it starts in the
    middle: the geometric one when `log`.

    Example:
        >>> import homeostat as hs
        >>> hs.Float(1e-4, 1.0, log=True).default
        0.01
        >>> hs.Float(0.0, 1.0, step=0.25).default
        0.5
    """

    kind: ClassVar[str] = "float"

    low: float
    high: float
    log: bool = field(default=False, kw_only=True)
    step: float | None = field(default=None, kw_only=True)
    default: float = field(default=None, kw_only=True)  # type: ignore[assignment]  # set below

    def __post_init__(self) -> None:
        _check_ends(self)
        object.__setattr__(self, "low", float(self.low))
        object.__setattr__(self, "high", float(self.high))
        _check_step(self)
        self._settle()
        # Rounded, so that the middle of 1e-5..0.1 is 0.001 and not 0.0010000000000000002.
        middle = self.nearest(float(f"{self.from_unit(0.5):.12g}"))
        default = middle if self.default is None else self.default
        object.__setattr__(self, "default", self.check(default, f"{self._label()} default"))

    def check(self, value: Any, name: str = "value") -> float:
        value = plain(value)
        if not is_number(value):
            raise SpaceError(f"{name}: {value!r} is not a finite number; expected {self._wanted}.")
        if not self.low <= value <= self.high:
            raise SpaceError(f"{name}: {show(value)} is outside {self.range_text}.")
        return float(_on_step(self, value, name))

    def parse(self, text: str, name: str = "value") -> float:
        try:
            value = float(text)
        except ValueError:
            raise SpaceError(
                f"{name}: {text!r} is not a number; expected {self._wanted}."
            ) from None
        return self.check(value, name)

    def from_unit(self, u: float) -> float:
        if self.step:
            return float(self.nth(_nth_of_unit(u, self.count)))
        if self.log:
            value = math.exp(math.log(self.low) + u * (math.log(self.high) - math.log(self.low)))
        else:
            value = self.low + u * (self.high - self.low)
        return min(max(value, self.low), self.high)

    def to_unit(self, value: Any) -> float:
        if self.step:
            return float((_steps(self, value) + 0.5) / self.count)
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return float((value - self.low) / (self.high - self.low))

    def nearest(self, value: float) -> float:
        return _nearest(self, value)

    @property
    def count(self) -> float:
        """How many values it can have: infinity without a step."""
        return _count(self) if self.step else math.inf

    def nth(self, place: int) -> float:
        """The value at a place from 0 to `count` - 1, where there is a step."""
        assert self.step
        # Rounded, so that 0 + 3 * 0.1 is 0.3 and not 0.30000000000000004.
        return min(float(f"{self.low + place * self.step:.12g}"), self.high)

    @property
    def range_text(self) -> str:
        return f"{show(self.low)}..{show(self.high)}{_step_text(self)}"

    @property
    def _wanted(self) -> str:
        return f"a number in {self.range_text}"


@dataclass(frozen=True)
class Int(Parameter):
    """A whole number between `low` and `high`, both included; every `step`-th from `low` on.

    Int(8, 256, step=8)   8, 16, ..., 256

    Example:
        >>> import homeostat as hs
        >>> hs.Int(8, 256, log=True).default
        45
    """

    kind: ClassVar[str] = "int"

    low: int
    high: int
    log: bool = field(default=False, kw_only=True)
    step: int = field(default=1, kw_only=True)
    default: int = field(default=None, kw_only=True)  # type: ignore[assignment]  # set below

    def __post_init__(self) -> None:
        _check_ends(self)
        for end in ("low", "high"):
            value = getattr(self, end)
            if value != int(value):
                raise SpaceError(f"{self._label()}: {end} must be a whole number, got {value!r}.")
            object.__setattr__(self, end, int(value))
        _check_step(self)
        self._settle()
        middle = math.sqrt(self.low * self.high) if self.log else (self.low + self.high) / 2
        default = self.nearest(round(middle)) if self.default is None else self.default
        object.__setattr__(self, "default", self.check(default, f"{self._label()} default"))

    def check(self, value: Any, name: str = "value") -> int:
        value = plain(value)
        if not is_number(value) or value != int(value):
            raise SpaceError(f"{name}: {value!r} is not a whole number; expected {self._wanted}.")
        if not self.low <= value <= self.high:
            raise SpaceError(f"{name}: {show(value)} is outside {self.range_text}.")
        return int(_on_step(self, value, name))

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

    # Each value owns an equal share of the scale, the two ends as well: without the halves the ends
    # would be drawn half as often as their neighbours.
    def from_unit(self, u: float) -> int:
        if not self.log:
            return self.nth(_nth_of_unit(u, self.count))
        low, high = self.low - 0.5, self.high + 0.5
        value = math.exp(math.log(low) + u * (math.log(high) - math.log(low)))
        return min(max(math.floor(value + 0.5), self.low), self.high)

    def to_unit(self, value: Any) -> float:
        if not self.log:
            return float(((value - self.low) / self.step + 0.5) / self.count)
        low, high = self.low - 0.5, self.high + 0.5
        return math.log(value / low) / math.log(high / low)

    def nearest(self, value: float) -> float:
        return _nearest(self, value)

    @property
    def count(self) -> int:
        """How many values it can have."""
        return _count(self)

    def nth(self, place: int) -> int:
        """The value at a place from 0 to `count` - 1."""
        return self.low + place * self.step

    @property
    def range_text(self) -> str:
        return f"{self.low}..{self.high}{_step_text(self)}"

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


def _check_step(parameter: Float | Int) -> None:
    """Refuse a step that does not lead from one end to the other."""
    step = plain(parameter.step)
    object.__setattr__(parameter, "step", step)
    label, whole = type(parameter).__name__, isinstance(parameter, Int)
    if step is None and not whole:
        return
    if not is_number(step) or step <= 0 or (whole and step != int(step)):
        raise SpaceError(
            f"{label}: step must be a {'whole ' if whole else ''}number above 0, got {step!r}."
        )
    object.__setattr__(parameter, "step", int(step) if whole else float(step))
    if whole and step == 1:
        return
    if parameter.log:
        raise SpaceError(f"{label}: a step and a log scale do not go together.")
    if _off_step(parameter, parameter.high):
        below = parameter.low + math.floor((parameter.high - parameter.low) / step) * step
        above = below + step
        ends = [show(type(step)(f"{end:.12g}")) for end in (below, above) if end > parameter.low]
        raise SpaceError(
            f"{label}: steps of {show(step)} from {show(parameter.low)} do not meet "
            f"{show(parameter.high)}.",
            hint=f"End it at {' or '.join(ends)}.",
        )


def _steps(parameter: Float | Int, value: Any) -> float:
    """How many steps a value is from the lower end."""
    assert parameter.step
    return float((value - parameter.low) / parameter.step)


def _off_step(parameter: Float | Int, value: Any) -> bool:
    """Whether a value lies between two steps; of a float, by more than its last digits."""
    if not parameter.step:
        return False
    if isinstance(parameter, Int):
        return bool((value - parameter.low) % parameter.step)
    steps = _steps(parameter, value)
    return abs(steps - round(steps)) > 1e-9 * (1 + steps)


def _on_step(parameter: Float | Int, value: float, name: str) -> float:
    """A value in the range, if a step leads there.

    Raises:
        SpaceError: If it lies between two; it names the nearer one.
    """
    if _off_step(parameter, value):
        raise SpaceError(
            f"{name}: {show(value)} is not in {parameter.range_text}.",
            hint=f"The nearest is {show(parameter.nearest(value))}.",
        )
    if isinstance(parameter, Int) or not parameter.step:
        return value
    return parameter.nth(round(_steps(parameter, value)))


def _nearest(parameter: Float | Int, value: float) -> float:
    inside = min(max(value, parameter.low), parameter.high)
    if not _off_step(parameter, inside):
        return inside
    return parameter.nth(round(_steps(parameter, inside)))


def _count(parameter: Float | Int) -> int:
    if isinstance(parameter, Int):
        return (parameter.high - parameter.low) // parameter.step + 1
    return round(_steps(parameter, parameter.high)) + 1


def _nth_of_unit(u: float, count: float) -> int:
    return min(max(math.floor(u * count), 0), int(count) - 1)


def _step_text(parameter: Float | Int) -> str:
    plain_one = parameter.step is None or (isinstance(parameter, Int) and parameter.step == 1)
    return "" if plain_one else f" in steps of {show(parameter.step)}"
