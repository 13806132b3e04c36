"""Bisect: set one parameter so that a metric lands in a target range, in few runs.

The metric must be monotone in the parameter, rising or falling. 1) what no setting can reach is
refused before a step is spent, where the workload has a formula; 2) both ends are measured and
must lie on either side of the target; 3) the bracket is halved, on the parameter's own scale.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homeostat.design.designs import acting_points, named
from homeostat.design.run_design import DesignRow, run_design
from homeostat.errors import SpaceError, StudyError
from homeostat.execute.rerun import Place, rerun_run
from homeostat.execute.run import checked_budget
from homeostat.space import Float, Int
from homeostat.space.values import show
from homeostat.workload import load
from homeostat.workload.workload import Workload

MOST_POINTS = 12
NOISE = 2.0
"""How many standard errors a point may be out of order before the metric is not monotone."""


@dataclass(frozen=True)
class TargetRange:
    """A metric and the closed range it should land in."""

    metric: str
    low: float
    high: float

    @staticmethod
    def parse(text: str) -> TargetRange:
        """Read `deaths=10..15`, or `val_loss=0.5..0.6`.

        Raises:
            SpaceError: If it is not written so, or the range is empty.
        """
        metric, equals, span = text.partition("=")
        ends = span.split("..")
        try:
            low, high = float(ends[0]), float(ends[-1])
        except ValueError:
            low, high = math.nan, math.nan
        if not equals or not metric.strip() or len(ends) != 2 or not low <= high:
            raise SpaceError(f"{text!r} is not a target.", hint="Write it like deaths=10..15.")
        return TargetRange(metric.strip(), low, high)

    def side(self, value: float) -> int:
        """-1 below the range, 0 in it, 1 above it."""
        return -1 if value < self.low else int(value > self.high)

    def __str__(self) -> str:
        return f"{self.metric} in {self.low:g}..{self.high:g}"


@dataclass(frozen=True)
class MetricReading:
    """The metric at one value of the parameter, over the seeds."""

    value: float
    mean: float
    error: float
    """Standard error of the mean; 0 for a single seed."""


@dataclass(frozen=True)
class BisectResult:
    """Where the target is met."""

    parameter: str
    target: TargetRange
    value: float
    measured: tuple[MetricReading, ...]
    """Every point, in the order of the parameter."""
    command: str

    def to_json(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "parameter": self.parameter,
            "target": vars(self.target),
            "value": self.value,
            "measured": [vars(point) for point in self.measured],
            "command": self.command,
        }


def bisect(
    workload: Workload | str | Path,
    parameter: str,
    target: TargetRange | str,
    *,
    low: float | None = None,
    high: float | None = None,
    pins: Mapping[str, Any] | None = None,
    seeds: int = 1,
    budget: int | None = None,
    most: int = MOST_POINTS,
    on_point: Callable[[MetricReading], None] | None = None,
    **running: Any,
) -> BisectResult:
    """Find a value of `parameter` at which a metric lies in the target range.

    Args:
        workload: A workload, or what `load.find` takes.
        parameter: A number of its space.
        target: The metric and its range, or text such as `deaths=10..15`.
        low, high: Where to look; the parameter's range by default.
        pins: Values of other parameters.
        seeds: Repeats of each point, for a noisy metric.
        budget: Steps of each run.
        most: How many points at most.
        on_point: Called with each point that was measured.
        running: How to run: `results`, `engine`, `jobs`, `device`, `budget_s` (the time for all
            of it), `timeout_s`, `name`.

    Raises:
        StudyError: If the target is out of reach, the metric is not monotone, or the points are
            used up; with the points that were measured.
        SpaceError: If the parameter is not a number, or the target no range.
    """
    load.refuse_while_loading()
    workload = load.find(workload)
    aim = TargetRange.parse(target) if isinstance(target, str) else target
    space = workload.space
    range_ = space.searched(names=[parameter])[parameter]
    if not isinstance(range_, (Float, Int)):
        numbers = sorted(n for n, p in space.searched().items() if isinstance(p, (Float, Int)))
        raise SpaceError(
            f"{parameter} is not a number, so it cannot be bisected.",
            hint=f"Numbers: {', '.join(numbers)}." if numbers else "",
        )
    ends = [
        space.check(parameter, end if end is not None else default)
        for end, default in ((low, range_.low), (high, range_.high))
    ]
    if not ends[0] < ends[1]:
        raise SpaceError(f"{parameter}: low must be below high, got {ends[0]} and {ends[1]}.")
    held, steps = dict(pins or {}), checked_budget(workload, budget)
    acting_points([named({parameter: end}) for end in ends], space, held)  # refuses a dead one
    _refuse_unreachable(workload, aim, held, steps)
    search = _Bisection(workload, parameter, range_, aim, held, seeds, steps, on_point, running)
    return search.run(ends[0], ends[1], most)


def _refuse_unreachable(
    workload: Workload, aim: TargetRange, pins: Mapping[str, Any], steps: int
) -> None:
    """Ask the workload's own formula, if it has one, before a step is spent."""
    if workload.reachable is None:
        return
    reach = workload.reachable(workload.space.resolve(pins, inherited=pins), aim.metric, steps)
    if reach is None:
        return
    least, most = reach
    if aim.low > most or aim.high < least:
        raise StudyError(
            f"{aim} cannot be reached: in {steps} {workload.unit}s this configuration gives "
            f"{least:g} to {most:g}, whatever is set.",
            hint="Change the target, the number of steps, or what limits it.",
        )


class _Bisection:
    """One search; remembers what it measured."""

    def __init__(
        self,
        workload: Workload,
        parameter: str,
        range_: Float | Int,
        aim: TargetRange,
        pins: Mapping[str, Any],
        seeds: int,
        budget: int,
        on_point: Callable[[MetricReading], None] | None,
        running: Mapping[str, Any],
    ) -> None:
        self._workload = workload
        self._parameter = parameter
        self._range = range_
        self._aim = aim
        self._pins = pins
        self._seeds = seeds
        self._budget = budget
        self._on_point = on_point or (lambda point: None)
        self._running = dict(running)
        budget_s = self._running.pop("budget_s", None)
        self._end = None if budget_s is None else time.monotonic() + budget_s
        self._points: dict[float, MetricReading] = {}
        self._rows: dict[float, DesignRow] = {}

    def run(self, low: float, high: float, most: int) -> BisectResult:
        a, b = self._measure(low), self._measure(high)
        for point in (a, b):
            if self._aim.side(point.mean) == 0:
                return self._found(point)
        if self._aim.side(a.mean) == self._aim.side(b.mean):
            raise self._failed(f"{self._aim} is out of reach of {self._parameter}")
        while len(self._points) < most:
            middle = self._between(a.value, b.value)
            if middle in (a.value, b.value):
                raise self._failed(f"No value of {self._parameter} in between gives {self._aim}")
            point = self._measure(middle)
            self._check_order()
            if self._aim.side(point.mean) == 0:
                return self._found(point)
            a, b = (
                (point, b) if self._aim.side(point.mean) == self._aim.side(a.mean) else (a, point)
            )
        raise self._failed(f"{self._aim} was not met in {most} points")

    def _between(self, a: float, b: float) -> float:
        middle = (self._range.to_unit(a) + self._range.to_unit(b)) / 2
        return float(self._range.from_unit(middle))

    def _measure(self, value: float) -> MetricReading:
        exact = self._workload.space.check(self._parameter, value)
        found = run_design(
            self._workload,
            [named({self._parameter: exact})],
            kind="bisect",
            pins=self._pins,
            seeds=self._seeds,
            budget=self._budget,
            budget_s=None if self._end is None else self._end - time.monotonic(),
            **self._running,
        )
        if found.time_was_up:
            raise self._failed("The time was up; the same command goes on")
        if found.interrupted or not found.rows:
            raise self._failed("Stopped; the same command goes on")
        row = found.rows[0]
        values = list(_last_values(row, self._aim.metric))
        if not values:
            raise self._failed(
                f"{self._aim.metric} was not reported at {self._parameter}={show(exact)} "
                f"({_instead(row)})"
            )
        mean = sum(values) / len(values)
        spread = math.sqrt(sum((v - mean) ** 2 for v in values) / max(1, len(values) - 1))
        point = MetricReading(float(exact), mean, spread / math.sqrt(len(values)))
        self._points[point.value] = point
        self._rows[point.value] = row
        self._on_point(point)
        return point

    def _ordered(self) -> list[MetricReading]:
        return [self._points[value] for value in sorted(self._points)]

    def _check_order(self) -> None:
        """Refuse a metric that rises and falls, beyond what its noise explains."""
        points = self._ordered()
        rising = points[-1].mean > points[0].mean
        for p, q in itertools.pairwise(points):
            step = (q.mean - p.mean) * (1 if rising else -1)
            if step < 0 and -step > NOISE * math.hypot(p.error, q.error):
                raise self._failed(f"{self._aim.metric} is not monotone in {self._parameter}")

    def _found(self, point: MetricReading) -> BisectResult:
        run = self._rows[point.value].run
        return BisectResult(
            self._parameter,
            self._aim,
            point.value,
            tuple(self._ordered()),
            rerun_run(run, Place.of(run.folder.parent.parent)),
        )

    def _failed(self, why: str) -> StudyError:
        points = ", ".join(
            f"{self._parameter}={show(p.value)} gives {p.mean:.4g}" for p in self._ordered()
        )
        return StudyError(f"{why}." if not points else f"{why}; measured: {points}.")


def _instead(row: DesignRow) -> str:
    """What a run without the metric reported, or why it reported nothing."""
    metrics = {name for curves in row.run.curves().values() for name in curves.metrics}
    if metrics:
        return f"reported: {', '.join(sorted(metrics))}"
    return f"{row.run.outcome}: {row.run.reason}"


def _last_values(row: DesignRow, metric: str) -> Sequence[float]:
    found = (curves.last(metric) for curves in row.run.curves().values())
    return [value for value in found if value is not None]
