"""Parameters: the knobs of a space, each with its range, its default and its place in the search.

    Float, Int     a number between two ends, searched on a log scale when log=True
    Choice, Bool   one of several values
    Text           free text, such as a file's name; never searched
    Fixed          settled: cannot be set at all, and says why
    Derived        computed from the other values

A parameter does not know its own name; the space that holds it passes the name in, so that every
sentence can begin with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

from homeostat.errors import SpaceError, did_you_mean
from homeostat.space.conditions import When, normalise
from homeostat.space.values import Value, among, finite_json, is_number, plain, same, show


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """What Float, Int, Choice and Bool share; not used by itself."""

    kind: ClassVar[str]

    tier: int = 1
    """1 is searched first, 4 last."""
    when: When = field(default_factory=dict)
    """Active only when these other parameters have these values: {"name": value or (values)}."""
    fixed: str = ""
    """If given, why no search varies it; it can still be set by hand."""
    help: str = ""

    def check(self, value: Any, name: str = "value") -> Any:
        """The value in this parameter's own type.

        Raises:
            SpaceError: If it is of another type or out of range. The sentence opens with `name`.
        """
        raise NotImplementedError

    def parse(self, text: str, name: str = "value") -> Any:
        """The value a person typed, such as "1e-3", "true" or "none": the only reading of text.

        Raises:
            SpaceError: As `check` does.
        """
        raise NotImplementedError

    def from_unit(self, u: float) -> Any:
        """The value at `u` in 0..1 along the range, on its own scale; equal shares for options."""
        raise NotImplementedError

    def to_unit(self, value: Any) -> float:
        """Where in 0..1 a value lies; undoes `from_unit` (for whole numbers, to rounding)."""
        raise NotImplementedError

    @property
    def range_text(self) -> str:
        raise NotImplementedError

    def _label(self) -> str:
        return f"{type(self).__name__}({self.range_text})"

    def _settle(self) -> None:
        """Checks the fields that every parameter has, and normalises `when`."""
        if isinstance(self.tier, bool) or self.tier not in (1, 2, 3, 4):
            raise SpaceError(f"{self._label()}: tier must be 1, 2, 3 or 4, got {self.tier!r}.")
        for name in ("fixed", "help"):
            if not isinstance(getattr(self, name), str):
                raise SpaceError(f"{self._label()}: {name} must be a sentence.")
        object.__setattr__(self, "when", normalise(self.when, self._label()))


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
        middle = math.sqrt(self.low) * math.sqrt(self.high) if self.log else self.from_unit(0.5)
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


@dataclass(frozen=True)
class Choice(Parameter):
    """One of several values: text, numbers, true or false, or none.

    Without a default it starts at none if that is an option, at the first option otherwise.
    """

    kind: ClassVar[str] = "choice"

    options: Sequence[Value]
    default: Value = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if isinstance(self.options, str) or not isinstance(self.options, Sequence):
            raise SpaceError(f"Choice: options must be a list, got {self.options!r}.")
        options = tuple(plain(option) for option in self.options)
        object.__setattr__(self, "options", options)
        if not options:
            raise SpaceError("Choice: give at least one option.")
        for i, option in enumerate(options):
            if not (option is None or isinstance(option, bool | str) or is_number(option)):
                raise SpaceError(
                    f"Choice: {option!r} cannot be an option; "
                    f"use text, finite numbers, true or false, or none."
                )
            if among(option, options[:i]):
                raise SpaceError(f"{self._label()}: {show(option)} is listed twice.")
        self._settle()
        if self.default is None and not among(None, options):
            object.__setattr__(self, "default", options[0])
        object.__setattr__(self, "default", self.check(self.default, f"{self._label()} default"))

    def check(self, value: Any, name: str = "value") -> Value:
        value = plain(value)
        for option in self.options:
            if same(option, value):
                return option
        raise self._no_option(value, name)

    def parse(self, text: str, name: str = "value") -> Value:
        for option in self.options:
            if text == option or (not isinstance(option, str) and text.lower() == show(option)):
                return option
        try:
            return self.check(float(text), name)
        except ValueError:
            raise self._no_option(text, name) from None

    def _no_option(self, value: Any, name: str) -> SpaceError:
        guess = did_you_mean(str(value), [show(option) for option in self.options])
        guess = guess if guess.startswith("Did") else ""
        return SpaceError(f"{name}: {show(value)} is not one of {self.range_text}.", hint=guess)

    def from_unit(self, u: float) -> Value:
        return self.options[min(int(u * len(self.options)), len(self.options) - 1)]

    def to_unit(self, value: Any) -> float:
        index = next(i for i, option in enumerate(self.options) if same(option, value))
        return (index + 0.5) / len(self.options)

    @property
    def range_text(self) -> str:
        return ", ".join(show(option) for option in self.options)


_WORDS = {"true": True, "yes": True, "on": True, "1": True}
_WORDS |= {"false": False, "no": False, "off": False, "0": False}


@dataclass(frozen=True)
class Bool(Parameter):
    """A switch."""

    kind: ClassVar[str] = "bool"

    default: bool = False

    def __post_init__(self) -> None:
        self._settle()
        object.__setattr__(self, "default", self.check(self.default, "Bool default"))

    @property
    def options(self) -> tuple[bool, bool]:
        return (False, True)

    def check(self, value: Any, name: str = "value") -> bool:
        value = plain(value)
        if not isinstance(value, bool):
            raise SpaceError(f"{name}: {value!r} is not a switch; expected true or false.")
        return value

    def parse(self, text: str, name: str = "value") -> bool:
        if text.lower() not in _WORDS:
            raise SpaceError(f"{name}: {text!r} is not a switch; expected true or false.")
        return _WORDS[text.lower()]

    def from_unit(self, u: float) -> bool:
        return u >= 0.5

    def to_unit(self, value: Any) -> float:
        return 0.75 if value else 0.25

    @property
    def range_text(self) -> str:
        return "true or false"


@dataclass(frozen=True)
class Text(Parameter):
    """Free text, such as the name of a file. It has no range, so no search varies it."""

    kind: ClassVar[str] = "text"

    default: str = ""
    fixed: str = field(default="text has no range to search", kw_only=True)

    def __post_init__(self) -> None:
        self._settle()
        object.__setattr__(self, "default", self.check(self.default, "Text default"))

    def check(self, value: Any, name: str = "value") -> str:
        if not isinstance(value, str):
            raise SpaceError(f"{name}: {value!r} is not text.")
        return value

    def parse(self, text: str, name: str = "value") -> str:
        return self.check(text, name)

    def from_unit(self, u: float) -> str:
        return self.default

    def to_unit(self, value: Any) -> float:
        return 0.5

    @property
    def range_text(self) -> str:
        return "text"


Range: TypeAlias = Float | Int | Choice | Bool | Text


@dataclass(frozen=True)
class Fixed:
    """A settled value that nobody can set, with the reason it is settled."""

    kind: ClassVar[str] = "fixed"

    value: Any
    why: str = field(kw_only=True)
    help: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", finite_json("Fixed", self.value))
        if not self.why:
            raise SpaceError(f"Fixed({show(self.value)}): say why it is settled.")


@dataclass(frozen=True)
class Derived:
    """A value computed from the others by `fn`, which reads them by name from a mapping.

    With `of`, a range, it may also be set by hand: then the given value wins over the formula, and
    the configuration says so. A computed number outside that range is moved to its nearest end,
    and the configuration says that too.
    """

    kind: ClassVar[str] = "derived"

    fn: Callable[[Mapping[str, Any]], Any]
    why: str = field(kw_only=True)
    of: Range | None = field(default=None, kw_only=True)
    help: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        if not callable(self.fn):
            raise SpaceError(f"Derived: expected a function of the other values, got {self.fn!r}.")
        if not self.why:
            raise SpaceError("Derived: say why it follows from the others.")
        if self.of is not None and not isinstance(self.of, Float | Int | Choice | Bool):
            raise SpaceError(f"Derived: of= must be Float, Int, Choice or Bool, got {self.of!r}.")
        if self.of is not None and self.of.when:
            raise SpaceError("Derived: of= cannot have a condition; a derived value always exists.")


AnyParameter: TypeAlias = Float | Int | Choice | Bool | Text | Fixed | Derived


def settable(parameter: AnyParameter) -> Range | None:
    """The range in which a parameter can be set by hand; none if it cannot be."""
    if isinstance(parameter, Fixed):
        return None
    return parameter.of if isinstance(parameter, Derived) else parameter


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
