"""Live: one line that says where a search stands, for a terminal, a notebook or a page.

12 of 24 trials | best val_loss 0.315 (trial 10), default 1.38 | 1m20s left | trial 11 ...
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Self

from homeostat.execute.job import Job, Reported
from homeostat.wording import format_duration

if TYPE_CHECKING:
    from homeostat.search.optimise import SearchEvent
    from homeostat.study.records import TrialRow

REDRAW_S = 0.2


class Standing:
    """Follows a search by its events; `text` is where it stands.

    Args:
        trials: How many it is to make in all, if that is known.
        seconds: How long it may take, if that is known.
    """

    def __init__(self, *, trials: int | None = None, seconds: float | None = None) -> None:
        self._trials = trials
        self._began = time.monotonic()
        self._ends = None if seconds is None else self._began + seconds
        self._ended = 0
        self._before: int | None = None
        self._metric = ""
        self._default: TrialRow | None = None
        self._best: TrialRow | None = None
        self._phase = ""
        self._now = ""

    def enter(self, phase: str) -> None:
        """Another phase of a plan has begun, in a word or two."""
        self._phase, self._now = phase, ""

    def __call__(self, event: SearchEvent) -> None:
        from homeostat.search.optimise import Confirming, Told

        if isinstance(event, Told):
            if self._before is None:  # of an earlier call
                self._before = event.trial.number
            self._ended += 1
            self._best = event.best
            if event.trial.number == 0:
                self._default = event.trial
        elif isinstance(event, Confirming):
            self._now = f"{event.attempts} attempts on fresh seeds"
            self._trials = None
        elif isinstance(event, Reported):
            self._metric = event.job.workload.metric
            self._now = _progress(event.job, event.report)

    @property
    def done(self) -> int:
        """How many trials have ended, those of earlier calls among them."""
        return (self._before or 0) + self._ended

    @property
    def left_s(self) -> float | None:
        """Seconds until the end: by the time there is, or by the pace so far."""
        now = time.monotonic()
        if self._ends is not None:
            return max(0.0, self._ends - now)
        if self._trials is None or not self._ended:
            return None
        return (now - self._began) / self._ended * max(0, self._trials - self.done)

    @property
    def count(self) -> str:
        """ "12 of 24 trials"; empty before the first has ended."""
        if not self._ended:
            return ""
        whole = f" of {self._trials}" if self._trials is not None else ""
        return f"{self.done}{whole} trials"

    @property
    def best(self) -> str:
        """The best so far beside the default; empty while there is none."""
        if self._best is None or self._metric not in self._best.values:
            return ""
        value = self._best.values[self._metric]
        told = f"best {self._metric} {value:.4g} (trial {self._best.number})"
        if self._default is not None and self._metric in self._default.values:
            told += f", default {self._default.values[self._metric]:.4g}"
        return told

    @property
    def text(self) -> str:
        """Where the search stands, in a line."""
        left = "" if self.left_s is None else f"{format_duration(self.left_s)} left"
        parts = (self._phase, self.count, self.best, left, self._now)
        return " | ".join(part for part in parts if part)


class Live:
    """Shows a search's standing in a notebook's cell, or on a terminal's last line, or nowhere.

    Output that nobody watches (a file, a pipe) stays as it is.
    """

    def __init__(self, *, trials: int | None = None, seconds: float | None = None) -> None:
        self.standing = Standing(trials=trials, seconds=seconds)
        self._cell: Any = _notebook_cell()
        self._terminal = self._cell is None and sys.stderr is not None and sys.stderr.isatty()
        self._drawn = 0.0

    def __call__(self, event: SearchEvent) -> None:
        self.standing(event)
        if time.monotonic() - self._drawn >= REDRAW_S:
            self._draw(self.standing.text)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._terminal:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()
        elif self._cell is not None:
            self._draw(self.standing.count or "done")

    def _draw(self, text: str) -> None:
        self._drawn = time.monotonic()
        if self._terminal:
            import shutil

            width = shutil.get_terminal_size().columns
            sys.stderr.write(f"\r\x1b[2K{text[: width - 1]}")
            sys.stderr.flush()
        elif self._cell is not None:
            self._cell.update({"text/plain": text}, raw=True)


def _notebook_cell() -> Any:
    """A place in the running notebook cell that can be drawn anew; None outside of notebooks."""
    if "ipykernel" not in sys.modules:
        return None
    from IPython import get_ipython
    from IPython.display import display

    if get_ipython() is None:
        return None
    return display({"text/plain": "starting"}, raw=True, display_id=True)  # type: ignore[no-untyped-call]  # IPython has no types


def _progress(job: Job, report: Any) -> str:
    value = report.metrics.get(job.workload.metric)
    shown = "" if value is None else f" | {job.workload.metric} {value:.4g}"
    place = f"{job.workload.unit} {report.step + 1}/{job.budget}"
    return f"{job.folder.parent.name} seed {job.seed}: {place}{shown}"
