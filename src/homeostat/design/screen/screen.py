"""Screen a workload: every run is kept, and the same call resumes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from homeostat.design.designs import BASE, DesignPoint
from homeostat.design.run_design import DesignResult, DesignRow, run_design
from homeostat.design.screen.result import Screening
from homeostat.design.screen.screening import screen_points
from homeostat.errors import StudyError
from homeostat.execute.job import Event
from homeostat.record import seeds as seed_list
from homeostat.space import configs
from homeostat.space.order import SearchSpace
from homeostat.workload import load
from homeostat.workload.workload import Workload

KIND = "screen"


class Stopped(Exception):  # not an error: somebody pressed Ctrl-C
    """The engine takes no more runs."""


@dataclass(frozen=True)
class ScreenResult:
    """A workload's screening.

    result.kept          names worth searching
    result.best          the best configuration seen on the way, as what it sets
    result.screening     every parameter with its importance, interval and more
    """

    workload: Workload
    screening: Screening | None
    """None if it was interrupted."""
    best: Mapping[str, Any]
    value: float
    """Of the best, by one seed; nan without any."""
    folder: Path | None

    @property
    def interrupted(self) -> bool:
        """Whether a Ctrl-C ended it; the same call goes on."""
        return self.screening is None

    @property
    def kept(self) -> tuple[str, ...]:
        """The parameters worth searching, the strongest first: at most 20 whose interval clears the
        noise, and the switches on which these depend.
        """
        if self.screening is None:
            return ()
        kept = list(self.screening.kept)
        screened = {p.name for p in self.screening.parameters}
        for name in kept:  # grows while it is read
            parents = self.workload.space.conditions[name]
            kept += [parent for parent in parents if parent in screened and parent not in kept]
        return tuple(kept)

    def to_json(self) -> dict[str, Any]:
        """The same as plain data."""
        found = self.screening.to_json() if self.screening is not None else {}
        return {
            "workload": self.workload.name,
            "interrupted": self.interrupted,
            **found,
            "best": dict(self.best),
            "value": self.value,
            "folder": str(self.folder) if self.folder is not None else None,
        }


def screen(
    workload: Workload | str | Path,
    *,
    method: str = "auto",
    runs: int | None = None,
    walks: int | None = None,
    names: Collection[str] | None = None,
    start: Mapping[str, Any] | str | Path | None = None,
    pins: Mapping[str, Any] | None = None,
    budget: int | None = None,
    seed: int = 0,
    name: str | None = None,
    results: str | Path = "results",
    engine: str = "inline",
    jobs: int = 1,
    budget_s: float | None = None,
    timeout_s: float | None = None,
    memory_mb: float | None = None,
    device: str = "cpu",
    on_event: Callable[[Event], None] | None = None,
    on_row: Callable[[DesignRow], None] | None = None,
) -> ScreenResult:
    """Find the parameters that matter, before a search goes deep.

    The default runs on four seeds to see how much is luck. Then one parameter at a time is moved
    along random walks (Morris); where luck is a large part of all differences, a quasi-random
    design read by a forest takes their place. All further runs have the same seed.

    Args:
        workload: A workload, or what `load.find` takes.
        method: auto, morris, sobol (indices; thousands of runs) or forest.
        runs, walks: The most runs altogether, and the most walks; see `screen_points`.
        names: Which parameters; all that a search varies by default.
        start: Values in place of the defaults, or a configuration's name or file.
        pins: Values held in every run.
        budget: Steps of each run, in place of the workload's.
        seed: Of the design.
        budget_s: Seconds for this call; the same call goes on.
        name: Of the folders; by default of the workload and what was asked of it.
        on_row: Called with each run that has ended.

    Raises:
        StudyError: If nothing is left to screen, the runs do not suffice, or none gave a value.
        UnknownNameError: If a name or method does not exist.

    Example:
        >>> import homeostat as hs
        >>> space = hs.Space(lr=hs.Float(0.01, 1.0, log=True), unused=hs.Float(0.0, 1.0))
        >>> @hs.workload(space=space, metric="loss", goal="minimize", budget=5)
        ... def valley(config, trial):
        ...     x = 1.0
        ...     for step in trial.steps():
        ...         x -= config.lr * x
        ...         yield hs.Report(step, loss=x * x)
        >>> found = hs.screen(valley, runs=30)
        >>> found.screening.kept
        ('lr',)
    """
    load.refuse_while_loading()
    workload = load.find(workload)
    if isinstance(start, str | Path):
        named = configs.load(start, workload)
        start = named.resolve(workload.space).given
        budget = named.budget if budget is None else budget
    bench = WorkloadBench(
        workload, {**(start or {}), **(pins or {})}, names, pins or {},
        {
            "name": name, "budget": budget, "results": results, "engine": engine, "jobs": jobs,
            "budget_s": budget_s, "timeout_s": timeout_s, "memory_mb": memory_mb, "device": device,
            "on_event": on_event, "on_row": on_row,
        },
    )  # fmt: skip
    try:
        screening = screen_points(bench, method=method, runs=runs, walks=walks, seed=seed)
    except Stopped:
        screening = None
    best = bench.best
    return ScreenResult(
        workload,
        screening,
        dict(best.config.given) if best is not None else {},
        best.mean if best is not None else math.nan,
        bench.folder,
    )


class WorkloadBench:
    """A workload's space as the unit cube, each point a run."""

    def __init__(
        self,
        workload: Workload,
        given: Mapping[str, Any],
        names: Collection[str] | None,
        pins: Mapping[str, Any],
        running: Mapping[str, Any],
    ) -> None:
        """
        Args:
            given: The values of what is not varied, the pins among them.
            running: How `run_design` is to run.
        """
        space = workload.space
        ranges = {n: p for n, p in space.searched(names=names).items() if n not in pins}
        never = SearchSpace(space, ranges, given).never
        searched = {n: p for n, p in ranges.items() if n not in never}
        if not searched:
            raise StudyError("There is nothing to screen: every parameter is pinned or inactive.")
        self._workload = workload
        self._search_space = SearchSpace(space, searched, given)
        self._given = dict(given)
        self._running = dict(running)
        budget_s = self._running.pop("budget_s", None)
        self._end = None if budget_s is None else time.monotonic() + budget_s
        self._sign = workload.goal.sign
        self.names: Sequence[str] = tuple(searched)
        self.best: DesignRow | None = None
        self.folder: Path | None = None

    @cached_property
    def _place(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self.names)}

    def drawn(self, point_D: np.ndarray) -> dict[str, Any]:
        """The values at a point; those without effect there are left out."""
        searched = self._search_space.searched
        return self._search_space.draw(
            lambda name: searched[name].from_unit(float(point_D[self._place[name]]))
        )

    def active(self, point_D: np.ndarray) -> frozenset[str]:
        return frozenset(self.drawn(point_D))

    def measure(self, points_ND: np.ndarray) -> np.ndarray:
        points = [
            DesignPoint(f"run {n}", self.drawn(point_D)) for n, point_D in enumerate(points_ND)
        ]
        result = self._run(points, seeds=seed_list.first(1), kind=KIND)
        return np.array([self._sign * row.mean for row in result.rows])

    def replicate(self, first: int, count: int) -> np.ndarray:
        chosen = seed_list.first(first + count)[first:]
        kind = f"{KIND}-noise" if first == 0 else f"{KIND}-noise-{first}"
        result = self._run([DesignPoint(BASE)], seeds=chosen, kind=kind)
        values = result.rows[0].run.values()
        return self._sign * np.array([*values.values(), *[math.nan] * (count - len(values))])

    def _run(self, points: list[DesignPoint], *, seeds: Sequence[int], kind: str) -> DesignResult:
        result = run_design(
            self._workload,
            points,
            kind=kind,
            pins=self._given,
            seeds=seeds,
            budget_s=None if self._end is None else self._end - time.monotonic(),
            **self._running,
        )
        if result.interrupted or len(result.rows) < len(points):
            raise Stopped
        self.folder = result.folder
        for row in result.completed:
            if self.best is None or self._sign * row.mean < self._sign * self.best.mean:
                self.best = row
        return result
