"""The guide's lines while a search runs: which trial, which generation, how good, how long still.

[Trial 47/100] gen 45/100 | fitness: 342.5 | best: 456.2 | 12m10s left
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from homeostat.cli.output import Output, cell_text
from homeostat.cli.progress import LINE_EVERY_S, PlanProgress
from homeostat.wording import format_duration, some

if TYPE_CHECKING:
    from homeostat.execute.job import Job, Reported
    from homeostat.search.optimise import SearchEvent


class TrialProgress(PlanProgress):
    """Follows a search; call it with each event.

    On a terminal the last line moves; elsewhere a line is printed every two seconds at most. The
    fitness is held-out, so it stands there from the first generation on that it was measured in.
    """

    def __init__(self, out: Output, *, trials: int, start: Mapping[str, Any]) -> None:
        super().__init__(out)
        self._trials = trials
        self._start = start
        self._began = time.monotonic()
        self._printed = 0.0
        self._fitness: dict[Job, float] = {}
        self._done: dict[Job, float] = {}
        """The share done of every attempt that runs."""
        self._first: int | None = None
        """The first trial of this call."""
        self._ended = 0
        self._best: float | None = None
        self._told_parameters: set[str] = set()

    def __call__(self, event: SearchEvent) -> None:
        from homeostat.execute.job import Finished, Reported
        from homeostat.search.optimise import Told

        if isinstance(event, Reported):
            self._moved(event)
            return
        if isinstance(event, Finished):
            self._done.pop(event.job, None)
            self._fitness.pop(event.job, None)
        if isinstance(event, Told):
            self._ended += 1
            if event.best is not None:
                self._best = event.best.values.get("fitness", self._best)
        super().__call__(event)

    def line(self, event: Reported) -> str:
        """The guide's line for a report; empty until its attempt has a fitness."""
        job, report = event.job, event.report
        folder = job.folder.parent.name
        self._done[job] = (report.step + 1) / job.budget
        if "fitness" in report.metrics:
            self._fitness[job] = report.metrics["fitness"]
        fitness = self._fitness.get(job)
        if fitness is None:
            return ""
        number = folder.removeprefix("trial_")
        if not number.isdecimal():
            place = f"[{folder}, seed {job.seed}]"  # a confirmation
        else:
            self._first = int(number) if self._first is None else self._first
            place = f"[Trial {int(number)}/{self._trials}]"
        best = fitness if self._best is None else max(self._best, fitness)
        left = self._left_s()
        ending = "" if left is None else f" | {format_duration(left)} left"
        return (
            f"{place} gen {report.step + 1}/{job.budget} | fitness: {fitness:.1f} | "
            f"best: {best:.1f}{ending}"
        )

    def _moved(self, event: Reported) -> None:
        text, now = self.line(event), time.monotonic()
        if not text:
            return
        if self._status is not None:
            from rich.text import Text

            self._status.update(Text(text))
        elif now - self._printed >= LINE_EVERY_S:
            self._printed = now
            self._out.line(text)
            self._say_parameters(event.job)

    def _say_parameters(self, job: Job) -> None:
        """Once for each trial: what it has other than the start."""
        folder = job.folder.parent.name
        if folder in self._told_parameters:
            return
        self._told_parameters.add(folder)
        others = [
            f"{name}={cell_text(value)}"
            for name, value in job.config.items()
            if name in self._start and self._start[name] != value and job.config.acts(name)
        ]
        self._out.line(f"Parameters: {some(others) or 'those of the start'}")

    def _left_s(self) -> float | None:
        """Seconds until the last trial, by what the trials of this call took so far."""
        done = self._ended + sum(self._done.values())
        if self._first is None or done < 0.5:
            return None
        left = max(0.0, self._trials - self._first - done)
        return (time.monotonic() - self._began) / done * left
