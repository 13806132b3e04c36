"""How fast evolution runs here, beside the table of the guide."""

from __future__ import annotations

import time
from collections.abc import Sequence

from homeostat.space import Config
from homeostat.workloads.evolution.lab import Lab, evaluate_labs

GUIDE: dict[tuple[str, int], tuple[float, float]] = {
    ("neat", 200): (132, 31),
    ("neat", 300): (135, 35),
    ("neat", 500): (162, 35),
    ("pure", 300): (327, 100),
}
"""(mode, population) -> creatures a second on an Apple M3 Max (16 cores) and on 8 EPYC cores."""


def creatures_per_s(config: Config, generations: int) -> tuple[float, float]:
    """Creatures evaluated a second: by the kernels alone, and with breeding."""
    warm = Lab(config, 0)
    evaluate_labs([warm])
    warm.breed()
    lab = Lab(config, 42)
    evaluating_s, start = 0.0, time.perf_counter()
    for _ in range(generations):
        before = time.perf_counter()
        evaluate_labs([lab])
        evaluating_s += time.perf_counter() - before
        lab.breed()
    whole_s = time.perf_counter() - start
    count = len(lab.population.name) * generations * config.eval_layouts
    return count / evaluating_s, count / whole_s


def measure(
    cases: Sequence[tuple[str, Config]], generations: int
) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    """Heads and rows of the table `nas benchmark` prints."""
    heads = ("config", "population", "evaluations/s", "with breeding/s", "M3 Max", "EPYC 7V12")
    rows: list[tuple[object, ...]] = []
    for name, config in cases:
        alone, whole = creatures_per_s(config, generations)
        guide = GUIDE.get((config.neural_mode, config.population_size), (None, None))
        rows.append((name, config.population_size, round(alone), round(whole), *guide))
    return heads, rows
