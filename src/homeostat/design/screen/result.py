"""What a screening found, parameter by parameter."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Screened:
    """One parameter."""

    name: str
    importance: float
    """mu* of a walk, share of a forest, total index of a Sobol analysis."""
    low: float
    high: float
    """Its 95 % interval."""
    kept: bool
    more: dict[str, float] = field(default_factory=dict)
    """sigma; first_order."""


@dataclass(frozen=True)
class Screening:
    """What a screening found, the most important parameter first."""

    method: str
    parameters: tuple[Screened, ...]
    floor: float
    """Importance that noise alone gives."""
    noise: float
    """s.d. between replicates of the base."""
    spread: float
    """s.d. of the values over the space."""
    runs: int
    r2: float | None
    """Of a forest, out of bag."""
    notes: tuple[str, ...] = ()

    @property
    def kept(self) -> tuple[str, ...]:
        """Those worth searching."""
        return tuple(p.name for p in self.parameters if p.kept)

    def to_json(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "method": self.method,
            "runs": self.runs,
            "noise": self.noise,
            "spread": self.spread,
            "floor": self.floor,
            "r2": self.r2,
            "kept": list(self.kept),
            "parameters": [
                {
                    "name": p.name,
                    "importance": p.importance,
                    "low": p.low,
                    "high": p.high,
                    "kept": p.kept,
                    **p.more,
                }
                for p in self.parameters
            ],
            "notes": list(self.notes),
        }
