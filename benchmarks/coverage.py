"""How often intervals hold the truth, and verdicts err: verify, compare, confirm, importance.

PYTHONPATH=src python benchmarks/coverage.py verify compare confirm --runs 200
PYTHONPATH=src python benchmarks/coverage.py importance --runs 10

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
from homeostat.evidence.differences import p_differs, p_within
from homeostat.evidence.sequential import FEWEST
from homeostat.evidence.statistics import holm_pairs
from homeostat.evidence.verdicts import Verdict, judge
from homeostat.record.outcome import Outcome
from homeostat.sample.samplers import Setting, make_sampler
from homeostat.search.importance import importance as rank
from homeostat.search.scores import FreshScore, gain_over
from homeostat.space.order import SearchSpace
from homeostat.study.records import TrialRow
from homeostat.workload.goal import Goal

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


def confirm(runs: int) -> None:
    """Of the best of several on fresh seeds, all as good as the default: told as better or worse.

    Seed by seed each differs from the default by noise with mean 0.
    """
    for finalists, seeds in ((1, 3), (2, 3), (4, 3), (5, 4), (5, 10)):
        for name, noise in NOISES.items():
            rng, wrong = np.random.default_rng(3), 0
            for _ in range(runs):
                default = FreshScore(dict.fromkeys(range(seeds), 0.0), seeds)
                arms = [
                    FreshScore(dict(enumerate(noise(rng, seeds).tolist())), seeds)
                    for _ in range(finalists)
                ]
                best = max(arms, key=lambda arm: arm.mean)
                gain = gain_over(default, best, Goal.MAXIMIZE, among=finalists)
                assert gain is not None
                wrong += gain.decided
            print(
                f"confirm  best of {finalists} on {seeds:2} seeds, {name:22}: "
                f"wrong {wrong / runs:.3f}"
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
    """How often the interval of a share holds the share that was planted, however it was drawn."""
    for method in ("random", "tpe", "auto"):
        for name, function in PLANTED.items():
            variances, whole = _truth(function)
            for noise in (0.02, 0.3, 2.0):
                shares_D = variances / (whole * (1.0 + noise))
                held: dict[int, list[np.ndarray]] = {40: [], 120: []}
                dead_clear = dict.fromkeys(held, 0)
                for run in range(runs):
                    luck_sd = math.sqrt(noise * whole)
                    trials = _study(function, luck_sd, method=method, count=max(held), seed=run)
                    for count in held:
                        found = rank(trials[:count], hs.Space(**UNIT), metric="loss", seed=run)
                        rows = {row.name: row for row in found.rows}
                        held[count].append(
                            np.array([rows[n].low <= s <= rows[n].high
                                      for n, s in zip(UNIT, shares_D, strict=True)])
                        )  # fmt: skip
                        dead = [n for n, s in zip(UNIT, shares_D, strict=True) if s <= 1e-9]
                        dead_clear[count] += any(rows[name].clear for name in dead)
                for count, ran in held.items():
                    live = np.array(ran)[:, shares_D > 1e-9].mean()
                    dull = np.array(ran)[:, shares_D <= 1e-9].mean()
                    print(
                        f"importance {method:6} {name:8} noise {noise:4} of {count:3}: {live:.2f}, "
                        f"dead {dull:.2f}, dead but clear of chance in {dead_clear[count]}",
                        flush=True,
                    )


def _study(
    function: Callable[[Mapping[str, Any]], float],
    luck_sd: float,
    *,
    method: str,
    count: int,
    seed: int,
) -> list[TrialRow]:
    """The trials of a search of a planted function, each result shown at once."""
    space, rng = hs.Space(**UNIT), np.random.default_rng(seed)
    search_space = SearchSpace(space, space.searched(), {})
    sampler = make_sampler(method, Setting(search_space, {"loss": "minimize"}, seed))
    trials = []
    for number in range(count):
        drawn = search_space.draw(sampler.start(number))
        value = function(drawn) + luck_sd * float(rng.normal())
        sampler.learn(number, (value,))
        trials.append(
            TrialRow(
                key=number, number=number, outcome=Outcome.COMPLETED, values={"loss": value},
                parameters=drawn,
            )
        )  # fmt: skip
    return trials


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


MEASURED = {"verify": verify, "compare": compare, "confirm": confirm, "importance": importance}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="+", choices=tuple(MEASURED))
    parser.add_argument("--runs", type=int, default=200)
    chosen = parser.parse_args()
    for what in chosen.what:
        MEASURED[what](chosen.runs)


if __name__ == "__main__":
    main()
