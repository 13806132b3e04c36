"""How the best creatures of a run look and move, on a layout that selection never saw."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from homeostat.workloads.evolution import scores as S
from homeostat.workloads.evolution.chance import HELD_OUT, key_at, key_of
from homeostat.workloads.evolution.film import Film
from homeostat.workloads.evolution.gait import Gait, gait_of, strain_of
from homeostat.workloads.evolution.lab import Lab
from homeostat.workloads.evolution.replay import FRAMES_PER_S, film_of, genome_of, typical_layout
from homeostat.workloads.evolution.space import SPACE
from homeostat.workloads.evolution.winners import Array, load_winners

SHOWN = 3
SETTLING_S = 5.0
"""Left out of the gait: the fall, and the first steps."""


@dataclass(frozen=True)
class CreatureFilm:
    """One creature, seen on one layout.

    Attributes:
        name: Its number in the run.
        fitness: Mean over the held-out layouts.
        genome: Its nodes, muscles and links.
        film: Its frames, as far as it lived; 15 a second.
        strain_TM: Of each muscle, frame by frame.
        gait: None if it lived too short, or does not move.
    """

    name: int
    fitness: float
    genome: dict[str, Any]
    film: Film
    strain_TM: Array
    gait: Gait | None


def behaviours(path: Path) -> tuple[CreatureFilm, ...]:
    """The best three of a file of winners, on the layout on which the best scores its median.

    Raises:
        RecordError: If the file is damaged.
    """
    return _behaviours(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _behaviours(path: Path, changed_ns: int) -> tuple[CreatureFilm, ...]:
    winners = load_winners(path, SPACE)
    lab = Lab.of(winners.config, winners.seed, winners.population, winners.generation)
    chosen = range(min(SHOWN, len(winners.population.name)))
    creatures, world = lab.creatures(np.array(chosen)), lab.world
    layouts = winners.config.held_out_layouts
    judged = [typical_layout(creatures, i, world, layouts) for i in chosen]
    key = np.uint64(key_at(key_of(HELD_OUT, 0), judged[0][0]))
    found = []
    for i in chosen:
        genome = genome_of(creatures, i)
        film = _alive(film_of(creatures, i, key, world)[0])
        ends_M2 = np.array([m["ends"] for m in genome["muscles"]], dtype=int).reshape(-1, 2)
        strain_TM = strain_of(film.nodes, ends_M2)
        walking_TM = strain_TM[int(SETTLING_S * FRAMES_PER_S) :]
        found.append(
            CreatureFilm(
                name=int(winners.population.name[i]),
                fitness=float(judged[i][1][:, S.FITNESS].mean()),
                genome=genome,
                film=film,
                strain_TM=strain_TM,
                gait=gait_of(walking_TM, FRAMES_PER_S),
            )
        )
    return tuple(found)


def _alive(film: Film) -> Film:
    """The frames before a creature was disqualified: all, for most."""
    here_T = np.isfinite(film.nodes).all(axis=(1, 2)) & (film.nodes != 0).any(axis=(1, 2))
    frames = int(np.argmin(here_T)) if not here_T.all() else len(here_T)
    return Film(*(part[:frames] for part in film))
