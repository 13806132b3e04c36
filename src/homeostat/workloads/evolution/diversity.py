"""How many different creatures there really are: effective numbers of gaits and of bodies.

The Vendi score of n creatures is exp of the Shannon entropy of the eigenvalues of K / n, K their
similarities: n when all differ, 1 when all are alike, and copies count once. Variance of fitness
would point the wrong way: it grew eightfold while distinct bodies fell from 49 to 1.

Source: Friedman & Dieng 2023, TMLR, "The Vendi score"; Lehman & Stanley 2011 for novelty; Mouret &
Clune 2015 for the grid of elites.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from homeostat.workloads.evolution import scores as S
from homeostat.workloads.evolution.body import NODE_X, SIZE, Bodies
from homeostat.workloads.evolution.capacity import MAX_HIDDEN, MAX_MUSCLES, MAX_NODES
from homeostat.workloads.evolution.chance import SAMPLE
from homeostat.workloads.evolution.neat.genome import Genomes

Array = npt.NDArray[Any]

SIDE = 10
"""Cells of the map of elites, along ground contact and along speed."""
SAMPLED = 100  # the smallest population searched, so that scores of all sizes compare
_BANDWIDTH = 0.2
_NEIGHBOURS = 15
# Bounds behaviour is scaled by. Not of the population: a number must mean the same in every run.
_SPEED, _TRACK, _HEIGHT, _BOUNCE = 2.0, 20.0, 3.0, 4.0  # m/s, m, m, Hz


def behaviour(scores: Array, duration_s: float) -> Array:
    """(N, 16) how creatures move, each feature within 0..1, from scores averaged over layouts."""
    net, path = scores[:, S.NET], scores[:, S.PATH]
    columns = [
        path / duration_s / _SPEED,
        net / np.maximum(path, 1e-6),
        *(0.5 + 0.5 * scores[:, S.TRACK + k] / _TRACK for k in range(8)),
        scores[:, S.CONTACT],
        scores[:, S.CONTACT_SD],
        scores[:, S.HEIGHT] / _HEIGHT,
        scores[:, S.HEIGHT_SD] / _HEIGHT,
        scores[:, S.BOUNCE] / _BOUNCE,
        scores[:, S.EFFORT],
    ]
    return np.asarray(np.clip(np.stack(columns, axis=1), 0.0, 1.0))


def cells_of(scores: Array, duration_s: float) -> tuple[Array, Array]:
    """For each creature its place on the map of elites: ground contact and speed, 0 .. SIDE - 1."""
    shares = scores[:, S.CONTACT], scores[:, S.PATH] / duration_s / _SPEED
    contact, speed = (np.clip((share * SIDE).astype(int), 0, SIDE - 1) for share in shares)
    return contact, speed


def build(bodies: Bodies, brain: Genomes) -> Array:
    """(N, 9) what creatures are made of, each feature within 0..1."""
    rows = []
    for i, (nodes, muscles) in enumerate(zip(bodies.nodes, bodies.muscles, strict=True)):
        genes = bodies.node[i, :nodes].astype(float)
        places, radius = genes[:, NODE_X:], genes[:, SIZE] / 2
        mass = np.maximum(0.5, 4 / 3 * np.pi * radius**3 * 10)
        away = places - mass @ places / mass.sum()
        extent = np.ptp(places, axis=0)
        width = max(float(np.hypot(extent[0], extent[2])), 1e-6)
        rows.append(
            [
                nodes / MAX_NODES,
                muscles / MAX_MUSCLES,
                muscles / (nodes * (nodes - 1) / 2),
                np.sqrt(mass @ (away**2).sum(axis=1) / mass.sum()) / 2.5,
                extent[1] / (extent[1] + width),
                mass.sum() / (2.0 * MAX_NODES),
                genes[:, SIZE].mean() / 0.6,
                brain.hidden[i] / MAX_HIDDEN,
                np.log1p(brain.genes[i]) / np.log(513),
            ]
        )
    return np.clip(np.array(rows), 0.0, 1.0)


def vendi(features: Array) -> float:
    """The effective number of different rows, from 1 to their count; 0 without rows."""
    count, width = features.shape
    if count == 0:
        return 0.0
    squared = ((features[:, None] - features[None]) ** 2).sum(axis=2)
    similar = np.exp(-squared / (2 * _BANDWIDTH**2 * width))
    shares = np.linalg.eigvalsh(similar / count)
    shares = shares[shares > 1e-12]
    return float(np.exp(-(shares * np.log(shares)).sum()))


def novelty(features: Array) -> float:
    """The mean distance of a row to its nearest 15 neighbours."""
    if len(features) < 2:
        return 0.0
    apart = np.sqrt(((features[:, None] - features[None]) ** 2).sum(axis=2))
    nearest = np.sort(apart, axis=1)[:, 1 : 1 + _NEIGHBOURS]
    return float(nearest.mean())


def viable(scores: Array, seed: int) -> Array:
    """Up to 100 creatures in order and in the upper half by fitness, always drawn alike."""
    fitness = scores[:, S.FITNESS]
    fit = np.flatnonzero((scores[:, S.REASON] == 0) & (fitness >= np.median(fitness)))
    rng = np.random.default_rng([SAMPLE, seed])
    return np.sort(rng.permutation(fit)[:SAMPLED])


def diversity(
    scores: Array, bodies: Bodies, brain: Genomes, seed: int, duration_s: float
) -> dict[str, float]:
    """The diversity of a population, and what it is made of."""
    chosen = viable(scores, seed)
    moves = behaviour(scores[chosen], duration_s)
    builds = (
        build(
            Bodies(*(part[chosen] for part in bodies)), Genomes(*(part[chosen] for part in brain))
        )
        if len(chosen)
        else np.zeros((0, 9))
    )
    of_behaviour, of_body = vendi(moves), vendi(builds)
    return {
        "diversity": float(np.sqrt(of_behaviour * of_body)),
        "diversity_behaviour": of_behaviour,
        "diversity_body": of_body,
        "novelty": novelty(moves),
    }


class Grid:
    """MAP-Elites' map: the best ever seen in each cell of ground contact x speed x nodes."""

    shape = (SIDE, SIDE, MAX_NODES - 2)

    def __init__(self) -> None:
        self.best = np.full(self.shape, -1.0)

    def add(self, scores: Array, nodes: Array, duration_s: float) -> None:
        """Enter a generation."""
        fit = scores[:, S.REASON] == 0
        scores, nodes = scores[fit], nodes[fit]
        np.maximum.at(self.best, (*cells_of(scores, duration_s), nodes - 3), scores[:, S.FITNESS])

    @property
    def coverage(self) -> float:
        """The share of cells ever reached."""
        return float((self.best >= 0).mean())

    @property
    def qd_score(self) -> float:
        """The sum of the best of all cells."""
        return float(np.maximum(self.best, 0.0).sum())

    def state_dict(self) -> dict[str, Any]:
        """The map."""
        return {"best": self.best}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take a map back."""
        self.best = np.array(state["best"])
