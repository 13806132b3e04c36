"""Elementary effects: what a parameter's own step does, measured along walks through the space.

A walk starts anywhere on a grid of four levels and moves one parameter a step, by two thirds of
its range. The difference that a step makes, divided by its length, is an elementary effect; mu* is
the mean of their sizes and sigma their spread (large where a parameter interacts or bends).
Source: Morris 1991, Technometrics 33(2); mu*: Campolongo et al. 2007, Environ. Model. Softw. 22.
"""

# D parameters, S points of a walk, E effects of one parameter, B resamples.

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

LEVELS = 4
DELTA = 2 / 3
"""Length of a step, in parts of a range: each level has one other at this distance."""
RESAMPLES = 2_000


@dataclass(frozen=True)
class Walked:
    """One walk: its points in the unit cube, and which parameter moved between them."""

    points_SD: np.ndarray
    moved: tuple[int, ...]
    """S - 1 places of parameters."""


def walk(moving: Sequence[int], dimensions: int, rng: np.random.Generator) -> Walked:
    """A random walk that moves each of `moving` once, in random order."""
    start_D = rng.integers(LEVELS, size=dimensions) / (LEVELS - 1)
    order = rng.permutation(np.asarray(moving, int))
    points_SD = np.repeat(start_D[None], len(order) + 1, axis=0)
    for step, place in enumerate(order, start=1):
        points_SD[step:, place] += DELTA if start_D[place] < 0.5 else -DELTA
    return Walked(points_SD.clip(0.0, 1.0), tuple(order.tolist()))


def effects(walked: Walked, values_S: np.ndarray) -> dict[int, float]:
    """The elementary effect of each parameter that moved: change in value over change in place."""
    found = {}
    for step, place in enumerate(walked.moved):
        change = walked.points_SD[step + 1, place] - walked.points_SD[step, place]
        found[place] = float((values_S[step + 1] - values_S[step]) / change)
    return found


@dataclass(frozen=True)
class Elementary:
    """What the effects of one parameter come to."""

    mu_star: float
    """Mean absolute effect; nan where it never had one."""
    sigma: float
    """Spread of its effects (n - 1); nan with fewer than two."""
    low: float
    high: float
    """The 95 % interval of mu*, for the replicate noise."""
    count: int


def summarise(
    found: Mapping[int, Sequence[float]], dimensions: int, noise: float, seed: int = 0
) -> list[Elementary]:
    """mu*, sigma and an interval for each parameter.

    The interval is a bootstrap over the noise: the effects again with new noise added, many times.
    Noise makes any mean of sizes larger, so its ends are reflected about mu* (the basic bootstrap):
    the lower end of a parameter that does nothing is then below what noise alone would show.

    Args:
        found: Place of a parameter -> its effects; those that were never active are missing.
        noise: s.d. of a value between replicates.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for place in range(dimensions):
        effects_E = np.asarray(found.get(place, ()), float)
        if not len(effects_E):
            rows.append(Elementary(math.nan, math.nan, math.nan, math.nan, 0))
            continue
        mu_star = float(np.abs(effects_E).mean())
        again_BE = effects_E + rng.normal(
            0.0, math.sqrt(2) * noise / DELTA, (RESAMPLES, len(effects_E))
        )
        ends = np.quantile(np.abs(again_BE).mean(axis=1), (0.975, 0.025))
        low, high = np.maximum(2 * mu_star - ends, 0.0).tolist()
        sigma = float(effects_E.std(ddof=1)) if len(effects_E) > 1 else math.nan
        rows.append(Elementary(mu_star, sigma, low, high, len(effects_E)))
    return rows


def floor(noise: float) -> float:
    """The mu* that noise alone gives to a parameter that does nothing."""
    return math.sqrt(2 / math.pi) * math.sqrt(2) * noise / DELTA
