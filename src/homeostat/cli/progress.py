"""Live progress: a bar with the time left on a terminal, plain lines anywhere else."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from homeostat.cli.output import Output, cell_text
from homeostat.search.live import Standing
from homeostat.wording import format_duration, some

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID
    from rich.status import Status
    from rich.text import Text

    from homeostat.execute.job import Event, Finished, Job, Reported
    from homeostat.search.optimise import SearchEvent, Told

LINE_EVERY_S = 2.0


class RunProgress:
    """Follows the seeds of one run; call it with each event.

    On a terminal every seed has a bar. Elsewhere a seed prints a line at most every two seconds,
    as `[seed 42, 1/3] step 25/200 | val_loss 2.31 | 0.02 s/step`, and one when it ends.
    """

    def __init__(self, out: Output, *, seeds: list[int], budget: int, unit: str) -> None:
        self._out = out
        self._seeds = seeds
        self._budget = budget
        self._unit = unit
        self._started: dict[int, tuple[float, int]] = {}
        self._printed: dict[int, float] = {}
        self._bars: Progress | None = None
        self._tasks: dict[int, TaskID] = {}

    def __enter__(self) -> Self:
        if self._out.console.is_terminal:
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            self._bars = Progress(
                TextColumn("{task.description}", markup=False), BarColumn(bar_width=24),
                TextColumn("{task.completed:.0f}/{task.total:.0f}"), TimeRemainingColumn(),
                TextColumn("{task.fields[metrics]}", markup=False),
                console=self._out.console, transient=True,
            )  # fmt: skip
            for seed in self._seeds:
                self._tasks[seed] = self._bars.add_task(
                    self._label(seed), total=self._budget, metrics="waiting"
                )
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars is not None:
            self._bars.stop()

    def __call__(self, event: Event) -> None:
        from homeostat.execute.job import Finished

        if isinstance(event, Finished):
            self._finished(event)
        else:
            self._reported(event)

    def _label(self, seed: int) -> str:
        return f"[seed {seed}, {self._seeds.index(seed) + 1}/{len(self._seeds)}]"

    def _reported(self, event: Reported) -> None:
        job, report = event.job, event.report
        now = time.monotonic()
        start, first = self._started.setdefault(job.seed, (now, report.step))
        metrics = _metrics_text(report.metrics, main=job.workload.metric)
        if self._bars is not None:
            self._bars.update(self._tasks[job.seed], completed=report.step + 1, metrics=metrics)
        elif now - self._printed.get(job.seed, 0.0) >= LINE_EVERY_S:
            self._printed[job.seed] = now
            done = report.step - first
            pace = f" | {_pace((now - start) / done)}/{self._unit}" if done > 0 else ""
            place = f"{self._unit} {report.step + 1}/{self._budget}"
            self._out.line(f"{self._label(job.seed)} {place} | {metrics}{pace}")

    def _finished(self, event: Finished) -> None:
        job, attempt = event.job, event.attempt
        if self._bars is not None and job.seed in self._tasks:
            self._bars.remove_task(self._tasks.pop(job.seed))
        value = attempt.values.get(job.workload.metric)
        ending = f"{job.workload.metric} {cell_text(value)}" if value is not None else "no value"
        reason = f" ({attempt.reason})" if attempt.reason else ""
        self._out.line(
            f"{self._label(job.seed)} {attempt.outcome}{reason} | {ending} | "
            f"{format_duration(attempt.wall_s)}"
        )


def _metrics_text(metrics: dict[str, float], *, main: str, most: int = 4) -> str:
    names = sorted(metrics, key=lambda name: name != main)[:most]
    return " | ".join(f"{name} {cell_text(metrics[name])}" for name in names)


def _pace(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


class PlanProgress:
    """Follows a search or a whole plan: its lines as they come, and below them one that moves.

    On a terminal the last line says how many trials are done, the best beside the default, the time
    left and what runs now, and only an attempt that failed gets a line of its own; elsewhere every
    attempt does.
    """

    def __init__(
        self, out: Output, *, trials: int | None = None, budget_s: float | None = None
    ) -> None:
        self._out = out
        self._before: dict[str, Any] = {}
        self._standing = Standing(trials=trials, seconds=budget_s)
        self._status: Status | None = None

    def __enter__(self) -> Self:
        if self._out.console.is_terminal:
            # Written anew with each turn of the spinner, so that the time runs without any event.
            self._status = self._out.console.status(_StandingLine(self._standing))
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def say(self, text: str) -> None:
        """Print one of the plan's own lines."""
        heading = text.startswith("==")
        if heading:
            self._standing.enter(text.removeprefix("== ").partition(":")[0])
        self._out.line(text, style="bold" if heading else None)

    def __call__(self, event: SearchEvent) -> None:
        from homeostat.execute.job import Finished
        from homeostat.search.optimise import Told

        self._standing(event)
        if isinstance(event, Told):
            self._told(event)
        elif isinstance(event, Finished):
            self._finished(event)

    def _finished(self, event: Finished) -> None:
        if self._status is not None and event.attempt.outcome == "completed":
            return
        metric = event.job.workload.metric
        value = event.attempt.values.get(metric)
        ending = f" | {metric} {cell_text(value)}" if value is not None else ""
        why = f" ({event.attempt.reason})" if event.attempt.reason else ""
        self._out.line(f"   {_place(event.job)}: {event.attempt.outcome}{why}{ending}")

    def _told(self, event: Told) -> None:
        """A line where there is news: a new best, or a trial that did not complete."""
        trial, best = event.trial, event.best
        leads = best is not None and best.number == trial.number
        if trial.outcome == "completed" and not leads:
            return
        values = " | ".join(f"{name} {cell_text(value)}" for name, value in trial.values.items())
        ending = f"best so far | {values}" if leads else f"{trial.outcome} ({trial.reason})"
        changed = self._changed(trial.parameters)
        self._out.line(f"   trial {trial.number} ({self._standing.count}): {ending} | {changed}")
        if leads:
            self._before = dict(trial.parameters)

    def _changed(self, parameters: Mapping[str, Any]) -> str:
        """What is other than in the best so far, in a few words; `best` lists the whole."""
        settings = [
            f"{name}={cell_text(value)}"
            for name, value in parameters.items()
            if name not in self._before or self._before[name] != value
        ]
        return some(settings) or "the same settings"


class _StandingLine:
    """A standing as rich draws it: afresh each time."""

    def __init__(self, standing: Standing) -> None:
        self._standing = standing

    def __rich__(self) -> Text:
        from rich.text import Text

        return Text(self._standing.text, overflow="ellipsis", no_wrap=True)


def _place(job: Job) -> str:
    return f"{job.folder.parent.name} seed {job.seed}"
