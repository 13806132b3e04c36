"""How often intervals hold the truth, and verdicts err: importance, compare, verify.

PYTHONPATH=src python benchmarks/coverage.py verify compare importance --runs 200

Everything is simulated, so that the truth is known. A line is one case; `docs/benchmarks.md` has
what was measured.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import homeostat as hs
from homeostat.evidence.anova.decompose import decompose
from homeostat.evidence.differences import p_differs, p_within
from homeostat.evidence.sequential import FEWEST
from homeostat.evidence.statistics import holm_pairs
from homeostat.evidence.verdicts import Verdict, judge
from homeostat.search.importance import MARGIN, STRETCH

Noise = Callable[[np.random.Generator, int], np.ndarray]
MOST = 20
"""Pairs after which `verify` gives up."""


def lognormal(rng: np.random.Generator, count: int) -> np.ndarray:
    """Mean 0, s.d. 1, and a long tail on the right."""
    drawn = rng.lognormal(0.0, 1.0, count)
    return np.asarray((drawn - math.exp(0.5)) / math.sqrt((math.e - 1) * math.e))


NOISES: dict[str, Noise] = {
    "normal": lambda rng, count: rng.normal(size=count),
    "t3": lambda rng, count: rng.standard_t(3, size=count) / math.sqrt(3.0),
    "lognormal, both sides": lambda rng, n: (lognormal(rng, n) - lognormal(rng, n)) / 2**0.5,
    "a rare gain": lognormal,
    "a rare loss": lambda rng, count: -lognormal(rng, count),
}


def verify(runs: int) -> None:
    """Of claims without an effect, and of 4.5 % claimed as 5 to 10 %: how many are said wrongly."""
    for name, noise in NOISES.items():
        rng = np.random.default_rng(0)
        for effect, claim in ((0.0, None), (0.0, (0.02, 0.05)), (0.045, (0.05, 0.10))):
            wrong = 0
            for _ in range(runs):
                sample = (effect + 0.02 * noise(rng, MOST)).tolist()
                looks = (judge(sample[:n], claim, last=n == MOST) for n in range(FEWEST, MOST + 1))
                verdict = next(judged.verdict for judged in looks if judged is not None)
                wrong += verdict in (Verdict.SUPPORTED, Verdict.LARGER) or (
                    effect == 0.0 and verdict is Verdict.CONTRADICTED
                )
            print(f"verify   {name:22} effect {effect:.3f} claim {claim}: wrong {wrong / runs:.3f}")


def compare(runs: int) -> None:
    """Of ten runs, one wrong verdict or more: equal ones, and ones that differ by the margin."""
    for name in ("normal", "t3", "a rare gain"):
        noise = NOISES[name]
        for seeds in (3, 5, 10):
            for effect in (0.0, 0.01):
                rng, wrong = np.random.default_rng(1), 0
                for _ in range(runs):
                    base = 1.0 + 0.01 * noise(rng, seeds)
                    arms = [1.0 + effect + 0.01 * noise(rng, seeds) - base for _ in range(9)]
                    tests = [(p_differs(a.tolist()), p_within(a.tolist(), 0.01)) for a in arms]
                    said = holm_pairs(tests)
                    wrong += any((p if effect == 0.0 else q) < 0.05 for p, q in said)
                print(
                    f"compare  {name:12} {seeds:2} seeds, off by {effect}: wrong {wrong / runs:.3f}"
                )


UNIT = {f"x{i}": hs.Float(0.0, 1.0) for i in range(6)}
PLANTED: dict[str, Callable[[Mapping[str, Any]], float]] = {
    "linear": lambda t: float(4 * t["x0"] + 2.8 * t["x1"] + 2 * t["x2"] + 1.4 * t["x3"]),
    "bowl": lambda t: float((t["x0"] - 0.3) ** 2 + 0.5 * (t["x1"] - 0.7) ** 2),
    "product": lambda t: float(4 * (t["x0"] - 0.5) * (t["x1"] - 0.5) + t["x2"]),
    "step": lambda t: float((t["x0"] > 0.6) + 0.5 * t["x1"]),
    "valley": lambda t: float(0.3 * t["x1"] - math.exp(-(((t["x0"] - 0.35) / 0.12) ** 2))),
}


def importance(runs: int) -> None:
    """How often the interval of a share holds the share that was planted."""
    searched = hs.Space(**UNIT).searched()
    for name, function in PLANTED.items():
        variances, whole = _truth(function)
        for noise in (0.02, 0.3, 2.0):
            for count in (40, 120):
                rng, held = np.random.default_rng(2), []
                shares_D = variances / (whole * (1.0 + noise))
                for run in range(runs):
                    trials = [{n: float(rng.random()) for n in UNIT} for _ in range(count)]
                    luck_N = math.sqrt(noise * whole) * rng.normal(size=count)
                    values_N = np.array([function(t) for t in trials]) + luck_N
                    split = decompose(searched, trials, values_N, seed=run)
                    low_D, high_D = np.percentile(split.shares_TD, [2.5, 97.5], axis=0)
                    mean_D = split.shares_TD.mean(axis=0)
                    low_D = np.where(
                        low_D > split.chance, mean_D - STRETCH * (mean_D - low_D) - MARGIN, 0.0
                    )
                    high_D = mean_D + STRETCH * (high_D - mean_D) + MARGIN
                    held.append((low_D <= shares_D) & (shares_D <= high_D))
                live = np.array(held)[:, shares_D > 1e-9].mean()
                dead = np.array(held)[:, shares_D <= 1e-9].mean()
                print(
                    f"importance {name:8} noise {noise:4} of {count:3}: {live:.2f}, dead {dead:.2f}"
                )


def _truth(function: Callable[[Mapping[str, Any]], float]) -> tuple[np.ndarray, float]:
    """The variance that involves each parameter, and the whole, by many draws."""
    rng, names = np.random.default_rng(0), list(UNIT)
    one_ND, other_ND = rng.random((20_000, 6)), rng.random((20_000, 6))

    def at(points_ND: np.ndarray) -> np.ndarray:
        return np.array([function(dict(zip(names, row, strict=True))) for row in points_ND])

    values_N = at(one_ND)
    involved = []
    for place in range(6):
        mixed_ND = one_ND.copy()
        mixed_ND[:, place] = other_ND[:, place]
        involved.append(float(((values_N - at(mixed_ND)) ** 2).mean() / 2))
    return np.array(involved), float(values_N.var())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="+", choices=("verify", "compare", "importance"))
    parser.add_argument("--runs", type=int, default=200)
    chosen = parser.parse_args()
    for what in chosen.what:
        {"verify": verify, "compare": compare, "importance": importance}[what](chosen.runs)


if __name__ == "__main__":
    main()
