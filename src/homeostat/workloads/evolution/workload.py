"""The workload: creatures of nodes and muscles evolve to collect pellets."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from homeostat.space import Config
from homeostat.workload.report import Report
from homeostat.workload.workload import workload
from homeostat.workloads.evolution.space import SPACE
from homeostat.workloads.evolution.symptoms import SYMPTOMS
from homeostat.workloads.evolution.views import VIEWS

if TYPE_CHECKING:
    from homeostat.workload.trial import Trial


@workload(
    space=SPACE,
    objectives={"fitness": "maximize", "diversity": "maximize"},
    budget=100,
    unit="generation",
    configs=Path(__file__).parent / "configs",
    symptoms=SYMPTOMS,
    views=VIEWS,
)
def evolution(config: Config, trial: Trial) -> Iterator[Report]:
    """Bodies and brains evolve to walk to pellets (the guide of seed 004)."""
    # Numba is imported when evolution starts, so that asking about the space stays quick.
    from homeostat.workloads.evolution.archive import Archive
    from homeostat.workloads.evolution.diversity import Grid
    from homeostat.workloads.evolution.lab import Lab, evaluate_labs
    from homeostat.workloads.evolution.measure import due, seen, true_numbers
    from homeostat.workloads.evolution.warm import compile_all
    from homeostat.workloads.evolution.winners import save_winners

    compile_all(lambda sentence: sys.stderr.write(f"{sentence}\n"))
    lab, grid = Lab(config, trial.seed), Grid()
    archive = Archive(lab)
    trial.keep("lab", lab)
    trial.keep("grid", grid)
    trial.keep("archive", archive)
    for number in trial.steps():
        [generation] = evaluate_labs([lab])
        grid.add(generation.scores, lab.population.body.nodes, lab.world.steps * lab.world.step_s)
        archive.add(lab)
        metrics = seen(lab, generation)
        if due(number, trial.budget, config.report_every):
            metrics |= true_numbers([lab], [grid])[0]
        if number + 1 == trial.budget:
            save_winners(lab, archive.elites, trial.artifacts)
        else:
            lab.breed()
        yield Report(number, **metrics)
