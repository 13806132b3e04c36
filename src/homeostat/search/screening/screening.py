"""Screening: measure the noise, walk once, and choose the method by what that shows.

1) the base again with other seeds: how much of a difference is luck
2) one walk through the space: how much the parameters do, together
3) little noise: more walks (Morris); much noise: a quasi-random design, read by a forest
4) keep what clears the noise, the strongest first

Values are the lower the better, nan where a run gave none.
"""

# N runs, D parameters.

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from homeostat.errors import StudyError, UnknownNameError, did_you_mean
from homeostat.search.adaptive import squashed
from homeostat.search.screening import elementary, forest
from homeostat.search.screening.elementary import Walked

MOST_KEPT = 20
"""The most parameters kept: a search over more would not go deep."""
REPLICATES = 4
LOW_NOISE = 0.15
"""Noise over spread up to which walks suffice: a parameter with a twentieth of the variance has an
effect of some five times the noise there, which two walks tell from nothing."""
WALKS = 2
PER_PARAMETER, MOST_RUNS = 16, 500
"""Runs of the forest's design."""
CANDIDATES = 16
"""Walks drawn for each one taken, where parameters have conditions."""


class Bench(Protocol):
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


def screen_points(
    bench: Bench,
    *,
    method: str = "auto",
    runs: int | None = None,
    walks: int | None = None,
    seed: int = 0,
) -> Screening:
    """Screen a bench.

    Args:
        method: auto, morris, sobol or forest.
        runs: The most runs, those of the noise included; by default two walks' worth with little
            noise, 16 a parameter (at most 500) with much.
        walks: The most walks; by default as many as `runs` allow, and two if that is not given.
        seed: Of the design.

    Raises:
        UnknownNameError: If there is no such method.
        StudyError: If the runs do not suffice for one walk, or nothing could be measured.
    """
    if method != "auto" and method not in METHODS:
        raise UnknownNameError(f"No way to screen {method!r}.", hint=did_you_mean(method, METHODS))
    least = REPLICATES + len(bench.names) + 1
    if runs is not None and runs < least:
        raise StudyError(
            f"Too few runs, {runs}, to screen {len(bench.names)} parameters.",
            hint=f"Give at least {least}, or leave parameters out with --only.",
        )
    work = _Work(bench, runs, walks, np.random.default_rng(seed), seed)
    if method != "auto":
        return METHODS[method](work)
    work.walk()
    if work.ratio <= LOW_NOISE < work.unrest:
        work.replicate()  # four replicates may agree by luck, once in fifty times by a third
    return _morris(work) if work.ratio <= LOW_NOISE else _forest(work)


class _Work:
    """The runs of one screening and what they gave."""

    def __init__(
        self,
        bench: Bench,
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
            self.notes.append(f"{lost} runs without a value count as the worst.")
        never = [p.name for p in ranked if math.isnan(p.importance)]
        if never:
            self.notes.append(f"Never active in these runs, so not known: {', '.join(never)}.")
        marked = tuple(
            Screened(p.name, p.importance, p.low, p.high, p.name in kept, p.more) for p in ranked
        )
        return Screening(
            method, marked, floor, self.noise, self.spread, self.used, r2, tuple(self.notes)
        )


def _morris(work: _Work) -> Screening:
    """Walk on; where a whole walk no longer fits, the clearest parameters stay out of it."""
    runs = work.runs or WALKS * (work.dimensions + 1)
    if not work.walks:
        work.walk()
    while (steps := min(runs - work.used - 1, work.dimensions)) > 0:
        if work.most_walks is not None and len(work.walks) >= work.most_walks:
            break
        sizes = {place: np.mean(np.abs(found)) for place, found in work.effects().items()}
        unclear = sorted(range(work.dimensions), key=lambda place: sizes.get(place, 0.0))
        work.walk(unclear[:steps])
    rows = elementary.summarise(work.effects(), work.dimensions, work.noise, work.seed)
    screened = [
        Screened(name, row.mu_star, row.low, row.high, False, {"sigma": row.sigma})
        for name, row in zip(work.bench.names, rows, strict=True)
    ]
    return work.conclude("morris", screened, elementary.floor(work.noise))


def _forest(work: _Work) -> Screening:
    """Fill the space evenly; what was walked before counts too."""
    from scipy.stats import qmc

    runs = work.runs or min(MOST_RUNS, PER_PARAMETER * work.dimensions)
    design = qmc.Sobol(work.dimensions, rng=np.random.default_rng(work.seed))
    if runs > work.used:
        work.measure(design.random_base2(math.ceil(math.log2(runs)))[: runs - work.used])
    grown = forest.grow(work.points_ND, work.values_N, seed=work.seed)
    low_D, high_D = np.quantile(grown.shares_BD, (0.025, 0.975), axis=0)
    screened = [
        Screened(name, float(share), float(low), float(high), False)
        for name, share, low, high in zip(
            work.bench.names, grown.shares_BD.mean(axis=0), low_D, high_D, strict=True
        )
    ]
    return work.conclude("forest", screened, grown.floor, grown.r2)


def _sobol(work: _Work) -> Screening:
    """First-order and total indices; the noise takes its own part of the variance."""
    from SALib.analyze import sobol as analysis
    from SALib.sample import sobol as design

    problem = {
        "num_vars": work.dimensions,
        "names": list(work.bench.names),
        "bounds": [[0.0, 1.0]] * work.dimensions,
    }
    runs = work.runs or SOBOL_BASE * (work.dimensions + 2)
    base = 2 ** int(math.log2(max(1.0, (runs - work.used) / (work.dimensions + 2))))
    if base < LEAST_BASE:
        needed = LEAST_BASE * (work.dimensions + 2) + work.used
        raise StudyError(
            f"Sobol indices of {work.dimensions} parameters take at least {needed} runs.",
            hint="Give more --runs, or use morris.",
        )
    work.measure(design.sample(problem, base, calc_second_order=False, seed=work.seed))
    found = analysis.analyze(problem, work.values_N, calc_second_order=False, seed=work.seed)
    screened = [
        Screened(name, total, total - half, total + half, False, {"first_order": first})
        for name, total, half, first in zip(
            work.bench.names,
            found["ST"].tolist(),
            found["ST_conf"].tolist(),
            found["S1"].tolist(),
            strict=True,
        )
    ]
    # The total index of a parameter that does nothing is the noise's share of the variance.
    return work.conclude("sobol", screened, min(1.0, work.ratio) ** 2)


SOBOL_BASE, LEAST_BASE = 64, 8
METHODS: dict[str, Callable[[_Work], Screening]] = {
    "morris": _morris,
    "sobol": _sobol,
    "forest": _forest,
}
"""Name -> how the screening goes on."""


def to_json(screening: Screening) -> dict[str, Any]:
    """The same as plain data."""
    return {
        "method": screening.method,
        "runs": screening.runs,
        "noise": screening.noise,
        "spread": screening.spread,
        "floor": screening.floor,
        "r2": screening.r2,
        "kept": list(screening.kept),
        "parameters": [
            {
                "name": p.name,
                "importance": p.importance,
                "low": p.low,
                "high": p.high,
                "kept": p.kept,
                **p.more,
            }
            for p in screening.parameters
        ],
        "notes": list(screening.notes),
    }
