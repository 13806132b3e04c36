"""What a run reports: in-sample numbers every generation, held-out numbers now and then.

In-sample numbers come from the layouts selection went by, and flatter; held-out numbers come from
64 layouts nothing was ever selected on. `fitness`, the objective, is held-out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from homeostat.space import Config
from homeostat.workloads.evolution import scores as S
from homeostat.workloads.evolution.diversity import Grid, behaviour, diversity, vendi
from homeostat.workloads.evolution.lab import Generation, Lab, held_out

TOP = 5


def seen(lab: Lab, generation: Generation) -> dict[str, float]:
    """The in-sample numbers of a generation, and of how many species its parents were."""
    fitness = generation.fitness
    species = {"species": float(len(lab.species))} if len(lab.species) else {}
    return {
        **species,
        "best": float(fitness.max()),
        "average": float(fitness.mean()),
        "median": float(np.median(fitness)),
        "worst": float(fitness.min()),
        "disqualified": float((generation.scores[:, S.REASON] > 0).mean()),
    }


def due(number: int, budget: int, every: int) -> bool:
    """Whether held-out numbers are measured after this generation."""
    return (number + 1) % every == 0 or number + 1 == budget


def clones(held: np.ndarray, config: Config, duration_s: float) -> float:
    """The diversity of a population of one creature: what of it is luck with the layouts.

    Judged as a population is: by its mean over as many layouts, among those in order in the upper
    half. Where all meet the same layouts, clones are alike: 1.

    Args:
        held: Its scores on the held-out layouts, (layouts, columns).
    """
    if config.common_layouts:
        return 1.0
    count = len(held) // config.eval_layouts
    by_clone = held[: count * config.eval_layouts].reshape(count, config.eval_layouts, -1)
    means = by_clone.mean(axis=1)
    means[:, S.REASON] = by_clone[:, :, S.REASON].max(axis=1)
    in_order = (means[:, S.REASON] == 0) & (means[:, S.FITNESS] >= np.median(means[:, S.FITNESS]))
    # Their bodies are alike, which is a factor of 1 in the mean of behaviours and bodies.
    return float(np.sqrt(max(1.0, vendi(behaviour(means[in_order], duration_s)))))


def true_numbers(labs: Sequence[Lab], grids: Sequence[Grid]) -> list[dict[str, float]]:
    """Held-out fitness and diversity of the generations the labs judged last."""
    results = []
    for lab, grid, held in zip(labs, grids, held_out(labs, TOP), strict=True):
        assert lab.last is not None
        scores, body = lab.last.scores, lab.population.body
        duration_s = lab.world.steps * lab.world.step_s
        # Chosen on one half of the layouts and measured on the other: no luck is carried over.
        best = int(held[:, ::2, S.FITNESS].mean(axis=1).argmax())
        results.append(
            {
                "fitness": float(held[:, :, S.FITNESS].mean()),
                "fitness_in_sample": float(np.sort(lab.last.fitness)[-TOP:].mean()),
                "pellets": float(held[best, 1::2, S.PELLETS].mean()),
                **diversity(scores, body, lab.population.brain, lab.seed, duration_s),
                "noise_floor": clones(held[best], lab.config, duration_s),
                "coverage": grid.coverage,
                "qd_score": grid.qd_score,
                "nodes": float(body.nodes.mean()),
                "muscles": float(body.muscles.mean()),
                "hidden": float(lab.population.brain.hidden.mean()) if lab.rules.neat else 0.0,
            }
        )
    return results
