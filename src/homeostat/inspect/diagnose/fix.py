"""Fix: the changes that were applied, and the run that came of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Fix:
    """What was applied, and the run that came of it."""

    changes: Mapping[str, Any]
    cures: tuple[str, ...]
    """Names of the remedies, in the order in which they were needed."""
    run: Path | None
    """The folder of the last run."""
    outcome: str
    value: float | None
    stable: bool
    """Whether every seed completed within bounds."""

    def to_json(self) -> dict[str, Any]:
        return vars(self) | {"run": str(self.run) if self.run else None}
