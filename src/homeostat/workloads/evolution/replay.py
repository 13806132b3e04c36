"""Replay: how the creatures of a run moved, frame by frame, in files a page or a script can play.

replay.npz    frames at 15 a second for the top 10, the bottom 5 and 10 others; the winner's
              activations. Plain arrays, no pickle.
replay.json   genomes and networks of the same creatures, the fitness curve, the winner's line
track.png     the path of the winner over the ground, past its pellets
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from homeostat.record.files import write_json
from homeostat.workloads.evolution import scores as S
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


def write_replay(
    lab: Lab, folder: Path, ancestors: list[int], *, curve: list[list[float]] | None = None
) -> Path:
    """Film the generation a lab judged last.

    Args:
        lab: A lab whose last generation has been judged, not bred from.
        folder: Where the three files go.
        ancestors: The line of mothers of the best creature.
        curve: [generation, best, average, median] rows for the fitness chart.

    Returns:
        The folder.
    """
    assert lab.last is not None
    folder.mkdir(parents=True, exist_ok=True)
    chosen = shown(lab.last.fitness, lab.seed)
    creatures, world = lab.creatures(chosen), lab.world
    layout, scores = typical_layout(creatures, 0, world, lab.config.held_out_layouts)
    key = np.uint64(key_at(key_of(HELD_OUT, 0), layout))
    films = [film_of(creatures, i, key, world) for i in range(len(chosen))]
    winner = films[0][0]
    np.savez_compressed(
        folder / "replay.npz",
        nodes=np.stack([film.nodes for film, _ in films]),
        pellet=np.stack([film.pellet for film, _ in films]),
        drive=np.stack([film.drive for film, _ in films]),
        length=np.stack([film.length for film, _ in films]),
        activations=winner.signal,
        fitness=np.array([score[S.FITNESS] for _, score in films]),
        frames_per_s=np.array(FRAMES_PER_S),
    )
    write_json(
        str(folder / "replay.json"),
        {
            "frames_per_s": FRAMES_PER_S,
            "config": dict(lab.config),
            "seed": lab.seed,
            "generation": lab.number,
            "layout": layout,
            "fitness_curve": curve or [],
            "held_out": {
                "fitness": float(scores[:, S.FITNESS].mean()),
                "pellets": float(scores[:, S.PELLETS].mean()),
                "layouts": len(scores),
            },
            "ancestors": ancestors,
            "creatures": [
                {
                    "name": int(lab.population.name[i]),
                    "fitness": float(lab.last.fitness[i]),
                    "streak": int(lab.population.streak[i]),
                    "parents": lab.population.parents[i].tolist(),
                    **genome_of(creatures, place),
                }
                for place, i in enumerate(chosen)
            ],
        },
    )
    draw_track(winner, films[0][1], folder / "track.png")
    return folder


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
