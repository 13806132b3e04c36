"""Screening: measure the noise, walk once, and choose the method by what that shows.

1) the base again with other seeds: how much of a difference is luck
2) one walk through the space: how much the parameters do, together
3) little noise: more walks (Morris); much noise: a quasi-random design, read by a forest
4) keep what clears the noise, the strongest first
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from homeostat.design.screen import elementary
from homeostat.design.screen.measurements import REPLICATES, Measurements, ScreeningRuns
from homeostat.design.screen.result import Screened, Screening
from homeostat.errors import StudyError, UnknownNameError, did_you_mean
from homeostat.evidence import forest

LOW_NOISE = 0.15
"""Noise over spread up to which walks suffice: a parameter with a twentieth of the variance has an
effect of some five times the noise there, which two walks tell from nothing."""
WALKS = 2
"""Walks that are made where no number of runs is given."""
PER_PARAMETER, MOST_RUNS = 16, 500
"""Runs of the forest's design."""
SOBOL_BASE, LEAST_BASE = 64, 8
"""Points of a Sobol design, each run for every parameter and twice more."""


def screen_points(
    bench: ScreeningRuns,
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
    measured = Measurements(bench, runs, walks, np.random.default_rng(seed), seed)
    if method != "auto":
        return METHODS[method](measured)
    measured.walk()
    if measured.ratio <= LOW_NOISE < measured.unrest:
        measured.replicate()  # four replicates may agree by luck, once in fifty times by a third
    return _morris(measured) if measured.ratio <= LOW_NOISE else _forest(measured)


def _morris(measured: Measurements) -> Screening:
    """Walk on; where a whole walk no longer fits, the clearest parameters stay out of it."""
    runs = measured.runs or WALKS * (measured.dimensions + 1)
    if not measured.walks:
        measured.walk()
    while (steps := min(runs - measured.used - 1, measured.dimensions)) > 0:
        if measured.most_walks is not None and len(measured.walks) >= measured.most_walks:
            break
        sizes = {place: np.mean(np.abs(found)) for place, found in measured.effects().items()}
        unclear = sorted(range(measured.dimensions), key=lambda place: sizes.get(place, 0.0))
        measured.walk(unclear[:steps])
    rows = elementary.summarise(
        measured.effects(), measured.dimensions, measured.noise, measured.seed
    )
    screened = [
        Screened(name, row.mu_star, row.low, row.high, False, {"sigma": row.sigma})
        for name, row in zip(measured.bench.names, rows, strict=True)
    ]
    return measured.conclude("morris", screened, elementary.floor(measured.noise))


def _forest(measured: Measurements) -> Screening:
    """Fill the space evenly; what was walked before counts too."""
    from scipy.stats import qmc

    runs = measured.runs or min(MOST_RUNS, PER_PARAMETER * measured.dimensions)
    design = qmc.Sobol(measured.dimensions, rng=np.random.default_rng(measured.seed))
    if runs > measured.used:
        measured.measure(design.random_base2(math.ceil(math.log2(runs)))[: runs - measured.used])
    grown = forest.grow(measured.points_ND, measured.values_N, seed=measured.seed)
    low_D, high_D = np.quantile(grown.shares_BD, (0.025, 0.975), axis=0)
    screened = [
        Screened(name, float(share), float(low), float(high), False)
        for name, share, low, high in zip(
            measured.bench.names, grown.shares_BD.mean(axis=0), low_D, high_D, strict=True
        )
    ]
    return measured.conclude("forest", screened, grown.floor, grown.r2)


def _sobol(measured: Measurements) -> Screening:
    """First-order and total indices; the noise takes its own part of the variance."""
    from SALib.analyze import sobol as analysis
    from SALib.sample import sobol as design

    problem = {
        "num_vars": measured.dimensions,
        "names": list(measured.bench.names),
        "bounds": [[0.0, 1.0]] * measured.dimensions,
    }
    runs = measured.runs or SOBOL_BASE * (measured.dimensions + 2)
    base = 2 ** int(math.log2(max(1.0, (runs - measured.used) / (measured.dimensions + 2))))
    if base < LEAST_BASE:
        needed = LEAST_BASE * (measured.dimensions + 2) + measured.used
        raise StudyError(
            f"Sobol indices of {measured.dimensions} parameters take at least {needed} runs.",
            hint="Give more --runs, or use morris.",
        )
    measured.measure(design.sample(problem, base, calc_second_order=False, seed=measured.seed))
    found = analysis.analyze(
        problem, measured.values_N, calc_second_order=False, seed=measured.seed
    )
    screened = [
        Screened(name, total, total - half, total + half, False, {"first_order": first})
        for name, total, half, first in zip(
            measured.bench.names,
            found["ST"].tolist(),
            found["ST_conf"].tolist(),
            found["S1"].tolist(),
            strict=True,
        )
    ]
    # The total index of a parameter that does nothing is the noise's share of the variance.
    return measured.conclude("sobol", screened, min(1.0, measured.ratio) ** 2)


METHODS: dict[str, Callable[[Measurements], Screening]] = {
    "morris": _morris,
    "sobol": _sobol,
    "forest": _forest,
}
"""Name -> how the screening goes on."""
