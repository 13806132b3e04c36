"""Options: parameters that are one of several values, a switch, or free text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from homeostat.errors import SpaceError, did_you_mean
from homeostat.space.parameter import Parameter
from homeostat.space.values import Value, among, is_number, plain, quoted, same, show


@dataclass(frozen=True)
class Choice(Parameter):
    """One of several values: text, numbers, true or false, or none.

    Without a default it starts at none if that is an option, at the first option otherwise.

    Example:
        >>> import homeostat as hs
        >>> hs.Choice(["relu", "tanh"]).default
        'relu'
        >>> hs.Choice([None, 0.1, 1.0]).default is None
        True
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
        # Sentences and tables write None as "none"; so may a configuration file.
        if value == "none" and among(None, self.options):
            return None
        raise self._no_option(value, name)

    def parse(self, text: str, name: str = "value") -> Value:
        inside = quoted(text)
        if inside is not None and among(inside, self.options):
            return inside
        # A word that is both, such as none, means the value; the text is typed in quotes.
        others = (option for option in self.options if not isinstance(option, str))
        for option in others:
            if text.lower() == show(option):
                return option
        if among(text, self.options):
            return text
        try:
            return self.check(float(text), name)
        except ValueError:
            raise self._no_option(text, name) from None

    def _no_option(self, value: Any, name: str) -> SpaceError:
        texts = [show(option) for option in self.options if isinstance(option, str)]
        guess = did_you_mean(str(value), texts)
        guess = guess if guess.startswith("Did") else ""  # the sentence lists them all already
        return SpaceError(f"{name}: {show(value)} is not one of {self.range_text}.", hint=guess)

    @property
    def count(self) -> int:
        """How many options there are."""
        return len(self.options)

    def nth(self, place: int) -> Value:
        return self.options[place]

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
    """A switch.

    Example:
        >>> import homeostat as hs
        >>> hs.Bool(False, help="Nesterov momentum.").default
        False
    """

    kind: ClassVar[str] = "bool"

    default: bool = False

    def __post_init__(self) -> None:
        self._settle()
        object.__setattr__(self, "default", self.check(self.default, "Bool default"))

    @property
    def options(self) -> tuple[bool, bool]:
        """False and True."""
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

    @property
    def count(self) -> int:
        """Two."""
        return 2

    def nth(self, place: int) -> bool:
        return self.options[place]

    def from_unit(self, u: float) -> bool:
        return u >= 0.5

    def to_unit(self, value: Any) -> float:
        return 0.75 if value else 0.25

    @property
    def range_text(self) -> str:
        return "true or false"


@dataclass(frozen=True)
class Text(Parameter):
    """Free text, such as the name of a file. It has no range, so no search varies it.

    Example:
        >>> import homeostat as hs
        >>> hs.Space(file=hs.Text("series.csv")).resolve({"file": "mine.csv"}).file
        'mine.csv'
    """

    kind: ClassVar[str] = "text"

    default: str = ""

    def __post_init__(self) -> None:
        self._settle()
        object.__setattr__(self, "default", self.check(self.default, "Text default"))

    def check(self, value: Any, name: str = "value") -> str:
        if not isinstance(value, str):
            raise SpaceError(f"{name}: {value!r} is not text.")
        return value

    def parse(self, text: str, name: str = "value") -> str:
        inside = quoted(text)
        return self.check(text if inside is None else inside, name)

    @property
    def range_text(self) -> str:
        return "text"
