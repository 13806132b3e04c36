"""Something to film: a configuration evolved once more, or the winners of a run that ended."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from homeostat.errors import RecordError
from homeostat.record.run_writer import new_folder
from homeostat.record.runs import read_run, seed_folder
from homeostat.space import Config, Space
from homeostat.workload.workload import Workload
from homeostat.workloads.evolution.archive import Archive
from homeostat.workloads.evolution.lab import Lab, evaluate_labs
from homeostat.workloads.evolution.replay import write_replay
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


def film_winners(kept: Path, folder: Path, space: Space) -> Path:
    """Film the creatures of a file of winners; returns the folder of the files.

    Raises:
        RecordError: If the file is damaged.
    """
    winners = load_winners(kept, space)
    lab = Lab.of(winners.config, winners.seed, winners.population, winners.generation)
    evaluate_labs([lab])
    return write_replay(lab, folder, winners.ancestors, winners.elites)
