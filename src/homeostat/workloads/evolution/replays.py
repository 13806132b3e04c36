"""Something to film: a configuration evolved once more, or the winners of a run that ended."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from homeostat.errors import RecordError
from homeostat.record.run_writer import new_folder
from homeostat.record.runs import read_run, seed_folder
from homeostat.space import Config, Space
from homeostat.workload.workload import Workload
from homeostat.workloads.evolution import scores as S
from homeostat.workloads.evolution.archive import Archive
from homeostat.workloads.evolution.chance import HELD_OUT, key_at, key_of
from homeostat.workloads.evolution.diversity import cells_of
from homeostat.workloads.evolution.lab import Lab, evaluate_labs
from homeostat.workloads.evolution.replay import (
    film_one,
    typical_layout,
    write_films,
    write_replay,
)
from homeostat.workloads.evolution.simulate import evaluate
from homeostat.workloads.evolution.winners import FILE, load_winners


def replay_config(
    config: Config, name: str, *, generations: int, results: Path, seed: int = 42
) -> Path:
    """Evolve a configuration and film its last generation; returns the folder of the files."""
    lab, curve = Lab(config, seed), []
    archive = Archive(lab)
    for number in range(generations):
        [generation] = evaluate_labs([lab])
        archive.add(lab)
        fitness = generation.fitness
        curve.append(
            [
                number + 1,
                float(fitness.max()),
                float(fitness.mean()),
                float(np.median(fitness)),
            ]
        )
        if number + 1 < generations:
            lab.breed()
    ancestors = lab.ancestors(int(lab.population.name[lab.top(1)[0]]))
    folder = new_folder(results, f"replay_{name}")
    return write_replay(lab, folder, ancestors, archive.elites, curve=curve)


def replay_run(workload: Workload, folder: Path) -> Path:
    """Film the winners that the best seed of a run kept; returns the folder of the files.

    Raises:
        RecordError: If the run kept none.
    """
    record = read_run(folder)
    values = record.values(record.metric)
    best = max(values, key=lambda seed: values[seed], default=None)
    kept = seed_folder(record.folder, best or 0) / "artifacts" / FILE
    if not kept.exists():
        raise RecordError(
            f"{folder} holds no winners: it has not ended, or is not a run of evolution.",
            hint=f"Go on with it:  nas run --resume {folder}",
        )
    return film_winners(kept, kept.parent / "replay", workload.space)


def replay_study(folder: Path, space: Space) -> Path:
    """Film the archive of a whole study: of all trials the best of each way to move.

    Every elite of every trial is judged again, on the held-out layouts; those say which cell it
    belongs to, and who is best there.

    Returns:
        The folder of the files, below the study's.

    Raises:
        RecordError: If no trial kept an archive.
    """
    best: dict[tuple[int, int], tuple[float, Lab, int, str]] = {}
    pellets, lines = {}, {}
    for kept in sorted(folder.glob("trial_*/seed_*/artifacts/" + FILE)):
        winners = load_winners(kept, space)
        if winners.elites is None:
            continue
        found = winners.elites.population
        lab = Lab.of(winners.config, winners.seed, found, winners.generation)
        keys = np.full(len(found.name), key_of(HELD_OUT, 0), np.uint64)
        scores = evaluate(lab.creatures(), keys, winners.config.held_out_layouts, lab.world)
        generation = lab.judge(scores)
        cells = zip(*cells_of(generation.scores, lab.world.steps * lab.world.step_s), strict=True)
        trial = kept.parents[2].name.removeprefix("trial_").lstrip("0") or "0"
        lines[id(lab)] = winners.ancestors
        for i, cell in enumerate(cells):
            fitness = float(generation.fitness[i])
            where = (int(cell[0]), int(cell[1]))
            if not generation.scores[i, S.REASON] and fitness > best.get(where, (-1.0,))[0]:
                best[where] = (fitness, lab, i, trial)
                pellets[where] = float(generation.scores[i, S.PELLETS])
    if not best:
        raise RecordError(
            f"{folder} holds no trial that kept its archive.",
            hint="A search of this version keeps one for each complete trial.",
        )
    ranked = sorted(best.items(), key=lambda item: -item[1][0])
    _, (fitness, winner, place, _) = ranked[0]
    layouts = winner.config.held_out_layouts
    layout, _ = typical_layout(winner.creatures(np.array([place])), 0, winner.world, layouts)
    key = np.uint64(key_at(key_of(HELD_OUT, 0), layout))
    filmed = [film_one(lab, i, key, score, f"of trial {trial}", cell)
              for cell, (score, lab, i, trial) in ranked]  # fmt: skip
    about = {
        "config": dict(winner.config), "seed": winner.seed, "generation": winner.number,
        "layout": layout, "judged": "on held-out layouts",
        "archive_of": "Of all trials of this study, judged again on held-out layouts",
        "fitness_curve": [], "ancestors": lines[id(winner)],
        "held_out": {"fitness": fitness, "pellets": pellets[ranked[0][0]], "layouts": layouts},
    }  # fmt: skip
    return write_films(filmed, folder / "replay", about)


def film_winners(kept: Path, folder: Path, space: Space) -> Path:
    """Film the creatures of a file of winners; returns the folder of the files.

    Raises:
        RecordError: If the file is damaged.
    """
    winners = load_winners(kept, space)
    lab = Lab.of(winners.config, winners.seed, winners.population, winners.generation)
    evaluate_labs([lab])
    return write_replay(lab, folder, winners.ancestors, winners.elites)
