"""Option: one thing that a script can be told, and how it is written."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Number = int | float

WORDS: Mapping[str, str] = {
    "separate": "--lr 0.1",
    "equals": "--lr=0.1, and without dashes: lr=0.1",
    "switch": "--amp when true, nothing when false",
    "negated": "--no-amp when false, nothing when true",
    "pair": "--amp when true, its opposite when false",
    "constant": "nothing: the number in the source is another one while it runs",
}
"""How an option with its value is written."""


@dataclass(frozen=True, kw_only=True)
class Option:
    """One option, as plain data.

    Option(name="lr", flag="--lr", kind="float", default=0.1)
    """

    name: str
    """What it is called in Python: args.NAME."""
    flag: str
    """What is typed: --warmup, or the name of a constant."""
    kind: str
    """float, int, bool, choice or text."""
    default: Any = None
    written: str = "separate"
    """One of WORDS."""
    opposite: str = ""
    """For a pair: what is typed for false."""
    choices: tuple[Any, ...] = ()
    given: bool = False
    """Whether the user's own arguments set it."""
    required: bool = False
    first: bool = False
    """Whether it stands before the user's own arguments, as the options before a sub-command do."""
    read: bool = True
    """Whether the script's own files look at it anywhere."""
    line: int = 0
    """Where a constant stands."""
    column: int = 0
    help: str = ""

    @property
    def word(self) -> str:
        """What it is called without what it is a part of: max_epochs of --trainer.max_epochs."""
        return self.flag.lstrip("-").rpartition(".")[2] or self.name

    def words(self, value: Any) -> list[str]:
        """The arguments that set it."""
        if self.written == "constant":
            return []
        if self.written == "switch":
            return [self.flag] if value else []
        if self.written == "negated":
            return [] if value else [self.flag]
        if self.written == "pair":
            return [self.flag if value else self.opposite]
        text = shown(value)
        # A value that begins with a dash would be taken for an option.
        if self.written == "equals" or text.startswith("-"):
            return [f"{self.flag}={text}"]
        return [self.flag, text]

    def to_json(self) -> dict[str, Any]:
        """What differs from an option's defaults."""
        plain = dataclasses.asdict(self)
        blank = Option(name="", flag="", kind="")
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in plain.items()
            if key in ("name", "flag", "kind") or value != getattr(blank, key)
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Option:
        return cls(**{**content, "choices": tuple(content.get("choices", ()))})


def shown(value: Any) -> str:
    """A value as it is typed: a float with as many digits as bring it back."""
    return repr(value) if isinstance(value, float) else str(value)


def command_line(
    options: Iterable[Option], values: Mapping[str, Any], own: Sequence[str]
) -> list[str]:
    """The script's arguments: the user's own as they are, and those values that are not defaults.

    command_line([lr], {"lr": 0.2}, ["--data", "a.csv"])    ["--data", "a.csv", "--lr", "0.2"]
    """
    first: list[str] = []
    last: list[str] = []
    for option in options:
        if option.name not in values:
            continue
        value = values[option.name]
        if type(value) is type(option.default) and value == option.default:
            continue  # as when nothing is typed
        (first if option.first else last).extend(option.words(value))
    return [*first, *own, *last]


def type_of(default: Any) -> str:
    """The kind of an option by its default; empty if that says nothing."""
    if isinstance(default, bool):
        return "bool"
    if isinstance(default, int):
        return "int"
    if isinstance(default, float):
        return "float"
    return "text" if isinstance(default, str) else ""
