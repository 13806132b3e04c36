"""The training loop with whole perturbations held out, and what a run of it leaves behind."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from homeostat.space import Config
from homeostat.workload.beside import beside
from homeostat.workload.report import Report
from homeostat.workload.trial import Trial
from homeostat.workloads.hyperperturb import optimisers, training
from homeostat.workloads.hyperperturb.model import ModelSettings
from homeostat.workloads.hyperperturb.predicting import NETWORK
from homeostat.workloads.hyperperturb.screen import FloatArray
from homeostat.workloads.hyperperturb.unseen import UnseenProblem, against, prepare_unseen, table
from homeostat.workloads.hyperperturb.unseen_net import UnseenLearner

TWIN = "euclidean twin"


def unseen(config: Config, trial: Trial) -> Iterator[Report]:
    """Train on some perturbations; report on those of the validation part, end with the test."""
    problem = prepare_unseen(config, trial.rng("split"))
    settings = training.model_settings(config)
    learners = {config.geometry: _learner(problem, config, trial, "")}
    if config.twin and config.geometry == "hyperbolic":
        flat = replace(settings, geometry="euclidean")
        learners[TWIN] = _learner(problem, config, trial, "twin ", flat)
    learner = learners[config.geometry]
    trial.watch(
        learner.model,
        train=problem.parts["train"].base_GQ.T,
        validation=problem.parts["validation"].base_GQ.T,
        **learner.optimizers,
    )
    if TWIN in learners:
        named = {f"twin_{name}": each for name, each in learners[TWIN].optimizers.items()}
        trial.watch(twin=learners[TWIN].model, **named)
    trial.extra |= {
        "rows": list(problem.genes),
        "parameters": sum(p.numel() for p in learner.model.parameters() if p.requires_grad),
    }

    horizon = config.epochs or trial.budget
    schedule = optimisers.SCHEDULES[config.schedule]
    held = problem.parts["validation"]
    assert held.targets is not None
    for step in trial.steps():
        rate = config.learning_rate * schedule(step, horizon, config.schedule_floor)
        report = {"learning_rate": rate}
        for who, each in learners.items():
            prefix = "twin_val_" if who == TWIN else "val_"
            report |= training.score(held.targets, problem.said(each.effects(held)), prefix)
        report |= learner.step(rate)
        if TWIN in learners:
            learners[TWIN].step(rate)
        yield Report(step, **report)
    _leave(trial, problem, learners, learner)


def _learner(
    problem: UnseenProblem,
    config: Config,
    trial: Trial,
    who: str,
    settings: ModelSettings | None = None,
) -> UnseenLearner:
    return UnseenLearner(
        problem, config, settings or training.model_settings(config),
        trial.torch_rng(f"{who}init"), trial.torch_rng(f"{who}dropout"), trial.device,
    )  # fmt: skip


def _leave(
    trial: Trial,
    problem: UnseenProblem,
    learners: Mapping[str, UnseenLearner],
    learner: UnseenLearner,
) -> None:
    """Both tables, the verdict, the predictions and the weights."""
    kind = "pairs" if trial.config.unseen == "pairs" else "perturbations"
    for who, title in (("validation", "Validation"), ("test", "Test")):
        part = problem.parts[who]
        rows = table(problem, who, {name: each.effects(part) for name, each in learners.items()})
        notes = [] if who == "validation" else [
            *against(problem, learner.effects(part)), *problem.notes,
        ]  # fmt: skip
        shown = {w: {n.replace("_", " "): v for n, v in row.items()} for w, row in rows.items()}
        beside(trial, f"{title}: {len(part.names)} {kind} never trained on", shown, notes)
        trial.extra.setdefault("tables", {})[who] = rows
    name = next(iter(learners))
    trial.extra["test"] = {f"test_{k}": v for k, v in trial.extra["tables"]["test"][name].items()}

    parts = [*(p for w, p in problem.parts.items() if w != "train")]
    parts += [problem.asked] if problem.asked else []
    names = [name for part in parts for name in part.names]
    effects_GP = np.concatenate([learner.effects(part) for part in parts], axis=1)
    _write(trial.folder / "artifacts" / "predictions.csv", problem, names, effects_GP)
    weights = {f"{NETWORK}{name}": w for name, w in learner.model.state_dict().items()}
    trial.keep_weights(
        weights | {"effects_GP": effects_GP, "sd_G": problem.seen.sd_G},
        genes=list(problem.genes), columns=names, perturbations=names,
    )  # fmt: skip


def _write(path: Path, problem: UnseenProblem, names: list[str], effects_GP: FloatArray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["gene", "perturbation", "effect_sd"])
        for gene, row in zip(problem.genes, effects_GP, strict=True):
            rows.writerows([gene, name, f"{v:.6g}"] for name, v in zip(names, row, strict=True))
