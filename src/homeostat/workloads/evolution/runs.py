"""Run all seeds of a configuration in one batch of the kernels, and keep the files of the guide.

    results/neat_baseline_20250129_143022.json     config, curves, final numbers, timing
    results/neat_baseline_20250129_143022/         the same as any other run (curves.csv, ...)
        state.npz                                  where it can continue

The JSON file and the state are replaced after every generation, by rename: a run killed at any
moment loses the generation it was in, and nothing else.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from homeostat.errors import RecordError
from homeostat.execute.loop.recorder import Recorder
from homeostat.execute.run import check_not_running
from homeostat.record.attempt import Attempt, write_attempt
from homeostat.record.files import write_json
from homeostat.record.outcome import Outcome
from homeostat.record.run_writer import RunWriter, start_run
from homeostat.record.runs import read_run
from homeostat.record.snapshot import read_snapshot, write_snapshot
from homeostat.space import Config
from homeostat.workload.report import Report
from homeostat.workload.workload import Workload
from homeostat.workloads.evolution import scores as S
from homeostat.workloads.evolution.archive import Archive
from homeostat.workloads.evolution.diversity import Grid
from homeostat.workloads.evolution.lab import Lab, evaluate_labs, held_out
from homeostat.workloads.evolution.measure import TOP, due, seen, true_numbers
from homeostat.workloads.evolution.replay import genome_of, network_of
from homeostat.workloads.evolution.winners import save_winners

STATE = "state.npz"
_KEPT = ("lab", "grid", "archive")
UNSTABLE = 0.25
"""A spread over seeds above this share of the mean is called unstable."""


@dataclass
class Seed:
    """One seed of a run."""

    number: int
    lab: Lab
    recorder: Recorder
    archive: Archive
    grid: Grid = field(default_factory=Grid)
    curve: list[list[float]] = field(default_factory=list)
    """[generation, best, average, median], in-sample."""
    held_out: list[dict[str, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Progress:
    """One seed after one generation."""

    seed: int
    """Which of the seeds, from 0."""
    generation: int
    """How many are done."""
    best: float
    average: float
    species: int
    """How many are alive; 0 where there are none."""
    generation_s: float
    """Seconds this generation took, shared among the seeds."""


class SeedsRun:
    """All seeds of one configuration, evolving side by side.

    for progress in run.evolve(): ...
    run.summary()
    """

    def __init__(
        self, workload: Workload, config: Config, seeds: Sequence[int], writer: RunWriter
    ) -> None:
        self.config, self.folder, self.writer = config, writer.folder, writer
        self.name = writer.folder.name
        self.budget = int(writer.facts["budget"])
        self.done = 0
        self.elapsed_s = 0.0
        self._objectives = tuple(workload.objectives)
        self.seeds = [
            Seed(lab.seed, lab, Recorder(writer.seed_folder(lab.seed)), Archive(lab))
            for lab in (Lab(config, seed) for seed in seeds)
        ]
        for seed in self.seeds:
            write_attempt(self._attempt(seed, Outcome.RUNNING))

    @property
    def json_path(self) -> Path:
        """The results file of the guide."""
        return self.folder.with_name(f"{self.name}.json")

    def evolve(self) -> Iterator[Progress]:
        """Go on to the last generation, saving after each; yields every seed's progress."""
        while self.done < self.budget:
            start = time.perf_counter()
            self._one_generation()
            took_s = time.perf_counter() - start
            self.elapsed_s += took_s
            self._save("running")
            for place, seed in enumerate(self.seeds):
                _, best, average, _ = seed.curve[-1]
                share_s = took_s / len(self.seeds)
                species = len(seed.lab.species)
                yield Progress(place, self.done, best, average, species, share_s)
        self._finish()

    def _one_generation(self) -> None:
        labs = [seed.lab for seed in self.seeds]
        number, last = self.done, self.done + 1 == self.budget
        metrics = []
        for seed, generation in zip(self.seeds, evaluate_labs(labs), strict=True):
            world, nodes = seed.lab.world, seed.lab.population.body.nodes
            seed.grid.add(generation.scores, nodes, world.steps * world.step_s)
            seed.archive.add(seed.lab)
            row = seen(seed.lab, generation)
            seed.curve.append([number + 1, row["best"], row["average"], row["median"]])
            metrics.append(row)
        if due(number, self.budget, self.config.report_every):
            truths = true_numbers(labs, [seed.grid for seed in self.seeds])
            for seed, row, true in zip(self.seeds, metrics, truths, strict=True):
                seed.held_out.append({"generation": number + 1, **true})
                row |= true
        for seed, row in zip(self.seeds, metrics, strict=True):
            seed.recorder.record(Report(number, **row))
            if last:
                artifacts = self.writer.seed_folder(seed.number) / "artifacts"
                artifacts.mkdir(parents=True, exist_ok=True)
                save_winners(seed.lab, seed.archive.elites, artifacts)
            else:
                seed.lab.breed()
        self.done += 1

    def _save(self, status: str) -> None:
        write_json(str(self.json_path), self.document(status))
        state = [{part: getattr(seed, part).state_dict() for part in _KEPT} for seed in self.seeds]
        if self.done < self.budget:
            write_snapshot(self.folder / STATE, {"done": self.done, "seeds": state})

    def _finish(self) -> None:
        attempts = [self._attempt(seed, Outcome.COMPLETED) for seed in self.seeds]
        for seed, attempt in zip(self.seeds, attempts, strict=True):
            seed.recorder.close()
            write_attempt(attempt)
        self.writer.finish(attempts)
        self._save("completed")
        (self.folder / STATE).unlink(missing_ok=True)

    def stop(self) -> None:
        """Note that it was stopped; it can go on from its last generation."""
        for seed in self.seeds:
            seed.recorder.close()
            write_attempt(self._attempt(seed, Outcome.INTERRUPTED))
        write_json(str(self.json_path), self.document("interrupted"))
        self.writer.abandon("stopped by Ctrl-C")

    def _attempt(self, seed: Seed, outcome: Outcome) -> Attempt:
        last = seed.held_out[-1] if seed.held_out else {}
        return Attempt(
            folder=self.writer.seed_folder(seed.number),
            seed=seed.number,
            budget=self.budget,
            outcome=outcome,
            values={name: last[name] for name in self._objectives if name in last},
            last_step=len(seed.curve) - 1 if seed.curve else None,
            num_reports=len(seed.curve),
            wall_s=self.elapsed_s / len(self.seeds),
        )

    def final(self, metric: str) -> list[float]:
        """The last value of a held-out metric, seed by seed."""
        return [seed.held_out[-1][metric] for seed in self.seeds if seed.held_out]

    def document(self, status: str) -> dict[str, Any]:
        """The results file: everything about the run, with the genome of its best creature."""
        return {
            "config_name": self.writer.facts["name"],
            "run": self.name,
            "status": status,
            "config": dict(self.config),
            "given": dict(self.config.given),
            "adjustments": list(self.config.adjustments),
            "generations": self.budget,
            "per_seed": [
                {
                    "seed": s.number,
                    "best_fitness": max((row[1] for row in s.curve), default=None),
                    "generations_to_plateau": plateau([row[1] for row in s.curve]),
                    "curve": s.curve,
                    "held_out": s.held_out,
                }
                for s in self.seeds
            ],
            "curve_columns": ["generation", "best", "average", "median"],
            "final": {
                metric: _spread(self.final(metric))
                for metric in ("fitness", "fitness_in_sample", "pellets", "diversity")
            },
            "timing": {"elapsed_s": round(self.elapsed_s, 3), "generations_done": self.done},
            "best_genome": self._best_genome() if status == "completed" else None,
        }

    def _best_genome(self) -> dict[str, Any]:
        """The best creature by held-out fitness, among the best five of every seed."""
        labs = [seed.lab for seed in self.seeds]
        means = [held[:, :, S.FITNESS].mean(axis=1) for held in held_out(labs, TOP)]
        place = int(np.argmax([mean.max() for mean in means]))
        seed, mean = self.seeds[place], means[place]
        creature = seed.lab.top(TOP)[int(mean.argmax())]
        genome = genome_of(seed.lab.creatures(np.array([creature])), 0)
        return {
            "seed": seed.number,
            "generation": self.done,
            "fitness_held_out": float(mean.max()),
            "nodes": genome["nodes"],
            "muscles": genome["muscles"],
            "hidden": genome["hidden"],
            "network": network_of(genome, seed.lab.world),
        }

    def take_up(self) -> None:
        """Go on from the state on disk, if there is one.

        Raises:
            RecordError: If it cannot be read.
        """
        path = self.folder / STATE
        if not path.exists():
            return
        state = read_snapshot(path)
        document = json.loads(self.json_path.read_text(encoding="utf-8"))
        self.done = int(state["done"])
        self.elapsed_s = float(document["timing"]["elapsed_s"])
        rows = zip(self.seeds, state["seeds"], document["per_seed"], strict=True)
        for seed, saved, record in rows:
            for part in _KEPT:
                if part in saved:  # older versions had no archive
                    getattr(seed, part).load_state_dict(saved[part])
            seed.curve = record["curve"][: self.done]
            seed.held_out = [h for h in record["held_out"] if h["generation"] <= self.done]


def plateau(best: Sequence[float]) -> int | None:
    """After how many generations the best was within 5 % of the best of all; none without any.

    >>> plateau([10.0, 60.0, 97.0, 100.0, 99.0])
    3
    """
    top = max(best, default=None)
    if top is None:
        return None
    return next(n + 1 for n, value in enumerate(best) if value >= top - 0.05 * abs(top))


def _spread(values: Sequence[float]) -> dict[str, float | None]:
    if not values:
        return {"mean": None, "std": None, "min": None, "max": None}
    std = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
    return {
        "mean": float(np.mean(values)),
        "std": std,
        "min": float(min(values)),
        "max": float(max(values)),
    }


def start(
    workload: Workload,
    config: Config,
    *,
    name: str,
    seeds: Sequence[int],
    generations: int,
    results: str | Path,
) -> SeedsRun:
    """A new run of a configuration, named after it and the time of day."""
    writer = start_run(
        workload,
        config,
        seeds=seeds,
        budget=generations,
        results=results,
        name=name,
        more={"name": name},
    )
    return SeedsRun(workload, config, seeds, writer)


def resume(workload: Workload, folder: Path) -> SeedsRun:
    """Take up a run that was stopped or killed.

    Raises:
        RecordError: If there is no such run, or it has ended.
    """
    record = read_run(folder)
    if record.outcome is Outcome.COMPLETED:
        raise RecordError(f"{record.name} is complete.", hint=f"See:  nas show {record.name}")
    check_not_running(record)
    config = workload.space.resolve(record.given)
    writer = RunWriter(record.folder.absolute(), dict(record.facts))
    run = SeedsRun(workload, config, record.seeds, writer)
    run.take_up()
    return run
