"""Replay: how the creatures of a run moved, frame by frame, in files a page or a script can play.

replay.npz    frames at 15 a second for the top 10, the bottom 5 and 10 others, and the archive's;
              the winner's activations. Plain arrays, no pickle.
replay.json   genomes and networks of the same creatures, the fitness curve, the winner's line
track.png     the path of the winner over the ground, past its pellets
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from homeostat.record.files import write_json
from homeostat.workloads.evolution import scores as S
from homeostat.workloads.evolution.archive import Elites, strategy
from homeostat.workloads.evolution.capacity import (
    BIAS,
    CONTACT,
    DIRECTION,
    DISTANCE,
    FIRST_HIDDEN,
    MAX_MUSCLES,
    MAX_NODES,
    MOTION,
    STRAIN,
    VELOCITY,
)
from homeostat.workloads.evolution.chance import HELD_OUT, SAMPLE, key_at, key_of
from homeostat.workloads.evolution.creatures import Creatures
from homeostat.workloads.evolution.film import Film, new_film
from homeostat.workloads.evolution.kernel_scalar import new_body, run_creature
from homeostat.workloads.evolution.lab import Lab
from homeostat.workloads.evolution.population import Population
from homeostat.workloads.evolution.simulate import evaluate
from homeostat.workloads.evolution.world import World

Array = npt.NDArray[Any]

FRAMES_PER_S = 15
_TOP, _BOTTOM, _OTHERS = 10, 5, 10


def film_of(creatures: Creatures, i: int, key: Any, world: World) -> tuple[Film, Array]:
    """Creature `i` on the layout of `key`, 15 frames a second; and its scores."""
    every = max(1, round(1.0 / world.step_s / FRAMES_PER_S))
    film, score = new_film(-(-world.steps // every)), np.zeros(S.COLUMNS, np.float32)
    run_creature(i, creatures, key, world, new_body(), film, every, score)
    return film, score


def shown(fitness: Array, seed: int) -> Array:
    """Whom to film: the top 10, the bottom 5, and 10 of the others; best first."""
    order = np.argsort(-fitness, kind="stable")
    if len(order) <= _TOP + _BOTTOM + _OTHERS:
        return np.asarray(order)
    rest = order[_TOP:-_BOTTOM]
    rng = np.random.default_rng([SAMPLE, seed])
    others = np.sort(rng.choice(len(rest), _OTHERS, replace=False))
    return np.concatenate([order[:_TOP], rest[others], order[-_BOTTOM:]])


def typical_layout(creatures: Creatures, i: int, world: World, layouts: int) -> tuple[int, Array]:
    """The held-out layout on which creature `i` scores its median, and its scores on all."""
    some = Creatures(*creatures)
    keys = np.full(len(creatures.nodes), key_of(HELD_OUT, 0), np.uint64)
    scores = evaluate(some, keys, layouts, world)[i]
    order = np.argsort(scores[:, S.FITNESS], kind="stable")
    return int(order[len(order) // 2]), scores


@dataclass(frozen=True)
class Filmed:
    """One creature, filmed."""

    film: Film
    score: Array
    """On the layout of the film."""
    facts: dict[str, Any]
    """What replay.json says of it: its name, fitness, parents, genome, place in the archive."""


def write_replay(
    lab: Lab,
    folder: Path,
    ancestors: list[int],
    elites: Elites | None = None,
    *,
    curve: list[list[float]] | None = None,
) -> Path:
    """Film the generation a lab judged last, and the archive.

    Args:
        lab: A lab whose last generation has been judged, not bred from.
        folder: Where the three files go.
        ancestors: The line of mothers of the best creature.
        elites: The archive's creatures.
        curve: [generation, best, average, median] rows for the fitness chart.

    Returns:
        The folder.
    """
    assert lab.last is not None
    chosen = shown(lab.last.fitness, lab.seed)
    creatures = lab.creatures(chosen)
    layout, scores = typical_layout(creatures, 0, lab.world, lab.config.held_out_layouts)
    key = np.uint64(key_at(key_of(HELD_OUT, 0), layout))
    filmed = _filmed(
        creatures, lab.world, key, _told(lab.population, chosen, lab.last.fitness[chosen])
    )
    if elites is not None:
        stored = Lab.of(lab.config, lab.seed, elites.population, lab.number)
        told = _told(elites.population, np.arange(len(elites.cells)), elites.fitness)
        for facts, cell in zip(told, elites.cells, strict=True):
            facts |= in_archive(cell)
        filmed += _filmed(stored.creatures(), lab.world, key, told)
    about = {
        "config": dict(lab.config),
        "seed": lab.seed,
        "generation": lab.number,
        "layout": layout,
        "judged": "in selection",
        "archive_of": "Of all generations of this run",
        "fitness_curve": curve or [],
        "held_out": {
            "fitness": float(scores[:, S.FITNESS].mean()),
            "pellets": float(scores[:, S.PELLETS].mean()),
            "layouts": len(scores),
        },
        "ancestors": ancestors,
    }
    return write_films(filmed, folder, about)


def write_films(filmed: Sequence[Filmed], folder: Path, about: dict[str, Any]) -> Path:
    """Write the three files; the first creature is the winner.

    Args:
        filmed: The creatures.
        folder: Where the files go.
        about: What else replay.json says.
    """
    folder.mkdir(parents=True, exist_ok=True)
    winner = filmed[0]
    films = [one.film for one in filmed]
    np.savez_compressed(
        folder / "replay.npz",
        nodes=np.stack([film.nodes for film in films]),
        pellet=np.stack([film.pellet for film in films]),
        drive=np.stack([film.drive for film in films]),
        length=np.stack([film.length for film in films]),
        activations=winner.film.signal,
        fitness=np.array([one.score[S.FITNESS] for one in filmed]),
        frames_per_s=np.array(FRAMES_PER_S),
    )
    creatures = [one.facts for one in filmed]
    told = {"frames_per_s": FRAMES_PER_S, **about, "creatures": creatures}
    write_json(str(folder / "replay.json"), told)
    draw_track(winner.film, winner.score, folder / "track.png")
    return folder


def film_one(
    lab: Lab, i: int, key: Any, fitness: float, whose: str, cell: tuple[int, int]
) -> Filmed:
    """Film creature `i` of a lab, which holds a cell of an archive."""
    one = np.array([i])
    [facts] = _told(lab.population, one, np.array([fitness]))
    facts |= {"name": f"{facts['name']} {whose}", **in_archive(cell)}
    return _filmed(lab.creatures(one), lab.world, key, [facts])[0]


def in_archive(cell: Any) -> dict[str, Any]:
    """What replay.json says of the creature of a cell."""
    return {"cell": [int(part) for part in cell], "strategy": strategy(cell)}


def _filmed(
    creatures: Creatures, world: World, key: Any, told: Sequence[dict[str, Any]]
) -> list[Filmed]:
    return [
        Filmed(*film_of(creatures, i, key, world), {**facts, **genome_of(creatures, i)})
        for i, facts in enumerate(told)
    ]


def _told(population: Population, chosen: Array, fitness: Array) -> list[dict[str, Any]]:
    return [
        {
            "name": int(population.name[i]),
            "fitness": float(score),
            "streak": int(population.streak[i]),
            "parents": population.parents[i].tolist(),
        }
        for i, score in zip(chosen, fitness, strict=True)
    ]


def genome_of(creatures: Creatures, i: int) -> dict[str, Any]:
    """One creature as plain data: nodes, muscles and the links of its network."""
    nodes, muscles, hidden = creatures.nodes[i], creatures.muscles[i], int(creatures.hidden[i])
    first = creatures.first_link[i]
    links = []
    for row in range(hidden + muscles):
        for k in range(creatures.row_link[i, row], creatures.row_link[i, row + 1]):
            weight = float(creatures.link_weight[first + k])
            links.append([int(creatures.link_from[first + k]), row, weight])
    return {
        "nodes": [
            {
                "place": creatures.place[i, n].tolist(),
                "radius": float(creatures.radius[i, n]),
                "mass": float(creatures.mass[i, n]),
                "grip": float(creatures.grip[i, n]),
            }
            for n in range(nodes)
        ],
        "muscles": [
            {
                "ends": creatures.ends[i, m].tolist(),
                "spring": creatures.spring[i, m].tolist(),
            }
            for m in range(muscles)
        ],
        "hidden": hidden,
        "links": links,
    }


def network_of(genome: dict[str, Any], world: World) -> list[dict[str, Any]]:
    """The links of a creature by name: [{"from": "distance", "to": "muscle 0", "weight": 0.5}]."""
    names = {BIAS: "bias", DISTANCE: "distance"}
    names |= {world.time_sin: "-cos(pi t)", world.time_cos: "sin(pi t)", world.time_raw: "2t/T - 1"}
    names[BIAS] = "bias"  # a clock that is absent has this column
    for k, axis in enumerate("xyz"):
        names |= {DIRECTION + k: f"direction {axis}", MOTION + k: f"motion {axis}"}
        names |= {VELOCITY + 3 * n + k: f"velocity {n} {axis}" for n in range(MAX_NODES)}
    names |= {STRAIN + m: f"strain {m}" for m in range(MAX_MUSCLES)}
    names |= {CONTACT + n: f"contact {n}" for n in range(MAX_NODES)}
    names |= {FIRST_HIDDEN + h: f"hidden {h}" for h in range(genome["hidden"])}
    hidden = genome["hidden"]
    return [
        {
            "from": names[source],
            "to": f"hidden {row}" if row < hidden else f"muscle {row - hidden}",
            "weight": weight,
        }
        for source, row, weight in genome["links"]
    ]


def draw_track(film: Film, score: Array, path: Path) -> None:
    """Draw the path of a creature's centre of mass, with the pellets it went for."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 6), layout="constrained")
    axes = figure.add_subplot()
    x, z = film.centre[:, 0], film.centre[:, 2]
    axes.plot(x, z, color="0.7", linewidth=1)
    dots = axes.scatter(x, z, c=np.arange(len(x)) / FRAMES_PER_S, s=6, cmap="viridis")
    figure.colorbar(dots, ax=axes, label="time (s)", shrink=0.7)
    changes = np.flatnonzero(np.diff(film.collected)) + 1
    for index, frame in enumerate([0, *changes]):
        taken = index < len(changes)
        axes.plot(
            film.pellet[frame, 0],
            film.pellet[frame, 2],
            marker="o" if taken else "x",
            color="tab:green" if taken else "tab:red",
            markersize=9,
        )
        axes.annotate(
            str(index + 1),
            (film.pellet[frame, 0], film.pellet[frame, 2]),
            textcoords="offset points",
            xytext=(7, 5),
        )
    axes.plot(x[0], z[0], marker="s", color="black", markersize=6)
    axes.set(xlabel="x (m)", ylabel="z (m)", aspect="equal")
    axes.set_title(f"{int(score[S.PELLETS])} pellets, fitness {score[S.FITNESS]:.0f}")
    figure.savefig(path, dpi=120)
