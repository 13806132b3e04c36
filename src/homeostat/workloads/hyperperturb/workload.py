"""The HyperPerturb workload: its loop, what counts as failure, and its ladder of remedies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from homeostat.space import Config
from homeostat.workload.beside import beside
from homeostat.workload.report import Report
from homeostat.workload.workload import workload
from homeostat.workloads.hyperperturb.space import SPACE
from homeostat.workloads.hyperperturb.symptoms import NEUTRAL, REMEDIES, SYMPTOMS
from homeostat.workloads.hyperperturb.views import FILE, VIEWS, points

if TYPE_CHECKING:
    from homeostat.workload.prediction import Prediction, Trained
    from homeostat.workload.trial import Trial


def baselines(config: Config, trial: Trial) -> dict[str, float]:
    """Held-out policy KL of the simple predictors: the rows of the metric table."""
    from homeostat.workloads.hyperperturb.baselines import metric_table
    from homeostat.workloads.hyperperturb.data import prepare

    table = metric_table(prepare(config, trial.rng("split")))
    return {name: row["val_kl"] for name, row in table.items()}


def predict(trained: Trained, file: Path | None) -> Prediction:
    """The effect of every knock-out on every gene; beside what new cells say, if there are some."""
    from homeostat.workloads.hyperperturb.predicting import predict

    return predict(trained, file)


@workload(
    space=SPACE,
    metric="val_kl",
    goal="minimize",
    budget=300,
    bounds={"train_loss": (None, 1e4), "grad_norm": (None, 1e6), "skipped_steps": (None, 20)},
    configs=Path(__file__).parent / "configs",
    symptoms=SYMPTOMS,
    remedies=REMEDIES,
    neutral=NEUTRAL,
    baselines=baselines,
    predict=predict,
    views=VIEWS,
)
def hyperperturb(config: Config, trial: Trial) -> Iterator[Report]:
    """Predict, for each gene, which knock-outs move it and how much, on a graph of genes."""
    if config.unseen == "none":
        yield from _seen(config, trial)
    else:
        from homeostat.workloads.hyperperturb.unseen_loop import unseen

        yield from unseen(config, trial)


def _seen(config: Config, trial: Trial) -> Iterator[Report]:
    """Every perturbation has cells in training; others of its cells are held out."""
    from homeostat.workloads.hyperperturb import optimisers, training
    from homeostat.workloads.hyperperturb.baselines import (
        metric_table,
        shown,
        verdict,
        write_predictions,
    )
    from homeostat.workloads.hyperperturb.data import prepare
    from homeostat.workloads.hyperperturb.predicting import keep

    problem = prepare(config, trial.rng("split"))
    settings = training.model_settings(config)
    learner = training.EffectLearner(
        problem, config, settings, trial.torch_rng("init"), trial.torch_rng("dropout"), trial.device
    )
    trial.watch(
        learner.model,
        train=problem.train.expression_CG,
        validation=problem.held_out.expression_CG,
        **learner.optimizers,
    )
    twin = None
    if config.twin and config.geometry == "hyperbolic":
        twin = training.EffectLearner(
            problem,
            config,
            replace(settings, geometry="euclidean"),
            trial.torch_rng("twin init"),
            trial.torch_rng("twin dropout"),
            trial.device,
        )
        named = {f"twin_{name}": optimizer for name, optimizer in twin.optimizers.items()}
        trial.watch(twin=twin.model, **named)
    trial.extra |= {
        "rows": list(problem.genes),
        "parameters": sum(p.numel() for p in learner.model.parameters() if p.requires_grad),
        "ball_points": sum(p.shape[0] for p in learner.model.ball_parameters() if p.ndim > 1),
    }

    held_out = problem.held_out.targets()
    draws = trial.rng("bootstrap")
    horizon = config.epochs or trial.budget
    schedule = optimisers.SCHEDULES[config.schedule]
    for step in trial.steps():
        rate = config.learning_rate * schedule(step, horizon, config.schedule_floor)
        seen, targets = problem.train.lesson(draws)
        # Scores are those of the network before the step, as the training loss is: a step that
        # ruins it then shows in the next report, where the notes saw it.
        scores = training.score(held_out, learner.predict())
        # The notes' own quantities first: they are what a log of it shows.
        report = {"learning_rate": rate} | learner.step(targets, rate, seen) | scores
        if twin is not None:
            report |= training.score(held_out, twin.predict(), "twin_val_")
            twin.step(targets, rate, seen)
        trial.extra["audit"] = learner.audit()
        yield Report(step, **report)

    networks = {config.geometry: learner.predict()}
    if twin is not None:
        networks["euclidean twin"] = twin.predict()
    table = metric_table(problem, networks)
    trial.extra["table"] = table
    beside(
        trial, "Beside simple predictors, on held-out cells", shown(table), verdict(problem, table)
    )
    keep(trial, problem, learner)
    write_predictions(trial.folder / "artifacts" / "predictions.csv", problem, learner.predict())
    trial.write(FILE, lambda: points(problem, learner))
