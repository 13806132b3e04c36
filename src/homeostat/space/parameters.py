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

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

from homeostat.errors import SpaceError
from homeostat.space.numeric import Float, Int
from homeostat.space.options import Bool, Choice, Text
from homeostat.space.parameter import Parameter
from homeostat.space.values import finite_json, show

__all__ = [
    "AnyParameter",
    "Bool",
    "Choice",
    "Derived",
    "Fixed",
    "Float",
    "Int",
    "Parameter",
    "Range",
    "Settable",
    "Text",
    "settable",
]

Range: TypeAlias = Float | Int | Choice | Bool
"""What a search can vary."""
Settable: TypeAlias = Range | Text
"""What can be set by hand."""


@dataclass(frozen=True)
class Fixed:
    """A settled value that nobody can set, with the reason it is settled.

    Example:
        >>> import homeostat as hs
        >>> settled = hs.Fixed(1e-8, why="it made no difference")
        >>> space = hs.Space(lr=hs.Float(1e-4, 1.0), eps=settled)
        >>> space.resolve().eps
        1e-08
    """

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

    Example:
        >>> import homeostat as hs
        >>> heads = hs.Derived(lambda values: values["width"] // 8, why="heads are 8 wide")
        >>> space = hs.Space(width=hs.Int(8, 64, default=32), heads=heads)
        >>> space.resolve({"width": 64}).heads
        8
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


def settable(parameter: AnyParameter) -> Settable | None:
    """What a parameter accepts when set by hand; none if it cannot be."""
    if isinstance(parameter, Fixed):
        return None
    return parameter.of if isinstance(parameter, Derived) else parameter
