"""Parameter: what every knob that can be set has in common."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from homeostat.errors import SpaceError
from homeostat.space.conditions import When, normalise


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
    def count(self) -> float:
        """How many values it can have; infinity if they cannot be counted."""
        raise NotImplementedError

    def nth(self, place: int) -> Any:
        """The value at a place from 0 to `count` - 1."""
        raise NotImplementedError

    def nearest(self, value: float) -> float:
        """The value of the range that is closest to a number; options are left as they are."""
        return value

    @property
    def range_text(self) -> str:
        """Its range in words."""
        raise NotImplementedError

    def _label(self) -> str:
        return f"{type(self).__name__}({self.range_text})"

    def _settle(self) -> None:
        """Check the fields that every parameter has, and normalise `when`."""
        if isinstance(self.tier, bool) or self.tier not in (1, 2, 3, 4):
            raise SpaceError(f"{self._label()}: tier must be 1, 2, 3 or 4, got {self.tier!r}.")
        for name in ("fixed", "help"):
            if not isinstance(getattr(self, name), str):
                raise SpaceError(f"{self._label()}: {name} must be a sentence.")
        object.__setattr__(self, "when", normalise(self.when, self._label()))
