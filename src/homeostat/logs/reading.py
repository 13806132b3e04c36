"""What one line of a log measured, and where."""

from __future__ import annotations

from typing import NamedTuple

from homeostat.logs.clean import BarProgress
from homeostat.logs.position import NOWHERE, Position


class Reading(NamedTuple):
    """A line's measurements; the first two fields are what a reader of live output needs."""

    at: Position
    """Where it was measured; of a line that does not say, where the lines before it were."""
    metrics: dict[str, float]
    own: bool = True
    """Whether the line says itself where it is."""
    progress: BarProgress | None = None
    """How far its progress bar is; of a bar's updates the last counts."""
    settings: bool = False
    """Whether these are settings of a run and no measurements."""
    run: str = ""
    """The run that the line names, if any."""
    line: int = 0
    """From 1."""
    text: str = ""
    kind: str = "text"
    """text, table, jsonl, dict or json."""

    def placed(self, **where: float | None) -> Reading:
        """The same at another position."""
        return self._replace(at=NOWHERE._replace(**where))
