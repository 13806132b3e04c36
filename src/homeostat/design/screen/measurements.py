"""Measurements: the runs of one screening, and what they say about noise and effects.

Values are the lower the better, nan where a run gave none.
"""

# N runs, D parameters.

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from homeostat.design.screen import elementary
from homeostat.design.screen.elementary import Walked
from homeostat.design.screen.result import Screened, Screening
from homeostat.errors import StudyError
from homeostat.sample.optuna_sampler import squashed
from homeostat.wording import plural

MOST_KEPT = 20
"""The most parameters kept: a search over more would not go deep."""
REPLICATES = 4
"""Runs of the base that are made at a time, each with a seed of its own."""
CANDIDATES = 16
"""Walks drawn for each one taken, where parameters have conditions."""


class ScreeningRuns(Protocol):
    """What is screened."""

    @property
    def names(self) -> Sequence[str]: ...

    def active(self, point_D: np.ndarray) -> frozenset[str]:
        """The parameters that have an effect at a point of the unit cube."""
        ...

    def measure(self, points_ND: np.ndarray) -> np.ndarray:
        """A value for each point, by the same seeds."""
        ...

    def replicate(self, first: int, count: int) -> np.ndarray:
        """Values of the base with `count` seeds, from seed number `first` on."""
        ...


class Measurements:
    """The runs of one screening and what they gave."""

    def __init__(
        self,
        bench: ScreeningRuns,
        runs: int | None,
        walks: int | None,
        rng: np.random.Generator,
        seed: int,
    ) -> None:
        self.bench, self.runs, self.most_walks, self.rng, self.seed = bench, runs, walks, rng, seed
        self.dimensions = len(bench.names)
        self.walks: list[Walked] = []
        self.points_ND = np.empty((0, self.dimensions))
        self.raw_N = np.empty(0)
        self.replicates = np.empty(0)
        self.used = 0
        self.notes: list[str] = []
        self.replicate()
        if not np.isfinite(self.replicates).sum() > 1:
            self.notes.append("The base has no value on two seeds, so the noise is not known.")

    def replicate(self) -> None:
        """Measure the base by four more seeds."""
        more = self.bench.replicate(len(self.replicates), REPLICATES)
        self.replicates = np.concatenate([self.replicates, more])
        self.used += len(more)

    @property
    def noise(self) -> float:
        """s.d. between the replicates; 0 where there are none to tell."""
        known = self.replicates[np.isfinite(self.replicates)]
        return float(known.std(ddof=1)) if len(known) > 1 else 0.0

    @property
    def values_N(self) -> np.ndarray:
        """The values; a run without one counts as the worst, and a few huge ones are clipped."""
        known = np.isfinite(self.raw_N)
        if not known.any():
            raise StudyError(
                f"None of {len(self.raw_N)} runs of the screening gave a value.",
                hint="See why:  homeostat diagnose WORKLOAD",
            )
        values_N = self.raw_N.copy()
        values_N[known] = squashed(self.raw_N[known, None])[:, 0]
        values_N[~known] = values_N[known].max()
        return values_N

    @property
    def spread(self) -> float:
        return float(self.values_N.std(ddof=1))

    @property
    def ratio(self) -> float:
        """Noise over spread; infinite if nothing differs."""
        return self.noise / self.spread if self.spread > 0 else math.inf

    @property
    def unrest(self) -> float:
        """The same, with the noise read from the steps of the walks, as if half did nothing.

        Source: Lenth 1989, Technometrics 31(4), on effects without replicates.
        """
        steps = np.array([size for found in self.effects().values() for size in found])
        noise = 1.5 * float(np.median(np.abs(steps))) * elementary.DELTA / math.sqrt(2)
        return noise / self.spread if self.spread > 0 else math.inf

    def measure(self, points_ND: np.ndarray) -> None:
        values_N = self.bench.measure(points_ND)
        self.points_ND = np.vstack([self.points_ND, points_ND])
        self.raw_N = np.concatenate([self.raw_N, values_N])
        self.used += len(points_ND)

    def walk(self, moving: Sequence[int] | None = None) -> None:
        """Measure one more walk, over all parameters unless told which."""
        moving = range(self.dimensions) if moving is None else moving
        walked = self._draw(moving)
        self.walks.append(walked)
        self.measure(walked.points_SD)

    def _draw(self, moving: Sequence[int]) -> Walked:
        """Of several walks, the one in which most steps move something active not yet seen."""
        drawn = [elementary.walk(moving, self.dimensions, self.rng) for _ in range(CANDIDATES)]
        seen = self.effects()
        return max(
            drawn,
            key=lambda w: sum(1 / (1 + len(seen.get(place, ()))) for place in self._active(w)),
        )

    def _active(self, walked: Walked) -> list[int]:
        """Those that moved where they have an effect."""
        names = self.bench.names
        return [
            place
            for step, place in enumerate(walked.moved)
            if names[place] in self.bench.active(walked.points_SD[step])
        ]

    def effects(self) -> dict[int, list[float]]:
        """Every elementary effect so far, by parameter; where it was active only."""
        found: dict[int, list[float]] = {}
        end = 0
        for walked in self.walks:
            begin, end = end, end + len(walked.points_SD)
            measured = elementary.effects(walked, self.values_N[begin:end])
            for place in self._active(walked):
                found.setdefault(place, []).append(measured[place])
        return found

    def conclude(
        self,
        method: str,
        rows: Sequence[Screened],
        floor: float,
        r2: float | None = None,
    ) -> Screening:
        """Mark the strongest of those that clear the floor."""
        ranked = sorted(rows, key=lambda p: -p.importance if p.importance == p.importance else 1.0)
        clear = [p.name for p in ranked if p.low > floor]
        kept = set(clear[:MOST_KEPT])
        if len(clear) > MOST_KEPT:
            self.notes.append(f"{len(clear)} clear the noise; the strongest {MOST_KEPT} are kept.")
        lost = int(np.sum(~np.isfinite(self.raw_N)))
        if lost:
            self.notes.append(f"{plural(lost, 'run')} without a value: counted as the worst.")
        never = [p.name for p in ranked if math.isnan(p.importance)]
        if never:
            self.notes.append(f"Never active in these runs, so not known: {', '.join(never)}.")
        marked = tuple(
            Screened(p.name, p.importance, p.low, p.high, p.name in kept, p.more) for p in ranked
        )
        return Screening(
            method, marked, floor, self.noise, self.spread, self.used, r2, tuple(self.notes)
        )
