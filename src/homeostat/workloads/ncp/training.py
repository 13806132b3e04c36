"""The training loop: epochs over a problem, or over each of its folds side by side."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from homeostat.errors import MissingExtraError
from homeostat.space import Config
from homeostat.workload.report import Report
from homeostat.workloads.ncp.portrait import portrait
from homeostat.workloads.ncp.problem import Array, Part, Problem, Scores, folds, weighted_loss
from homeostat.workloads.ncp.settings import rate_at
from homeostat.workloads.ncp.tasks import prepare
from homeostat.workloads.ncp.views import FILE

if TYPE_CHECKING:
    from homeostat.workload.trial import Trial


Weights = dict[str, Array]


class Learner(Protocol):
    """A network that can be trained, whichever backend runs it."""

    def num_parameters(self) -> int: ...

    def step(self, batches: Sequence[Part], rate: float) -> tuple[float, float]: ...

    def predict(self, part: Part) -> Array: ...

    def weights(self) -> Weights: ...

    def use(self, weights: Weights) -> None: ...


def train(config: Config, trial: Trial) -> Iterator[Report]:
    """One report per epoch. With folds, scores are means over them, and their spread is told."""
    whole = prepare(config)
    problems = folds(whole, config.folds) if config.folds > 1 else [whole]
    learners = [make_learner(config, problem, trial, k) for k, problem in enumerate(problems)]
    trial.extra |= {
        "parameters": learners[0].num_parameters(),
        "sequences": [len(problem.train) for problem in problems],
        "baselines": dict(whole.baselines),
    }
    order = trial.rng("order")
    best: dict[str, Any] = {"val_loss": math.inf, "epoch": -1, "weights": learners[0].weights()}
    trial.keep("best", best)
    for epoch in trial.steps():
        reports = [
            run_epoch(config, problem, learner, order, epoch, trial.budget)
            | evaluate(problem, learner, "val")
            for problem, learner in zip(problems, learners, strict=True)
        ]
        report = {name: float(np.mean([r[name] for r in reports])) for name in reports[0]}
        if len(reports) > 1:
            report["val_loss_sd"] = float(np.std([r["val_loss"] for r in reports], ddof=1))
        elif report["val_loss"] < best["val_loss"]:
            best |= {"val_loss": report["val_loss"], "epoch": epoch}
            best["weights"] = learners[0].weights()
        if epoch == trial.budget - 1 and best["epoch"] >= 0:
            trial.extra |= {"best_epoch": best["epoch"], "test": _test(whole, learners[0], best)}
        yield Report(epoch, **report)
    chosen = best["weights"] if best["epoch"] >= 0 else learners[0].weights()
    trial.write(FILE, portrait(config, problems[0], chosen))


def _test(problem: Problem, learner: Learner, best: dict[str, Any]) -> Scores:
    """Scores of the test part with the weights of the best validation loss."""
    last = learner.weights()
    learner.use(best["weights"])
    evaluate(problem, learner, "val")  # a threshold chosen there belongs to these weights
    scores = evaluate(problem, learner, "test")
    learner.use(last)
    return scores


def make_learner(config: Config, problem: Problem, trial: Trial, fold: int) -> Learner:
    """The configured backend's learner, watched and saved with the trial."""
    rng = trial.rng(f"init {fold}")
    if config.backend == "mlx":
        try:
            from homeostat.workloads.ncp.on_mlx.learner import MLXLearner
        except ModuleNotFoundError as missing:
            if (missing.name or "").partition(".")[0] != "mlx":
                raise
            raise MissingExtraError("mlx", "mlx", "The backend mlx") from None

        dropout_seed = int(trial.rng(f"dropout {fold}").integers(2**31))
        mlx = MLXLearner(config, problem, rng, seed=dropout_seed)
        trial.keep(f"learner {fold}", mlx)
        return mlx
    from homeostat.workloads.ncp.learner import TorchLearner

    learner = TorchLearner(config, problem, rng, trial.device)
    trial.watch(
        train=problem.train.x_STI,
        validation=problem.validation.x_STI,
        **{f"model {fold}": learner.model, f"optimizer {fold}": learner.optimizer},
    )
    return learner


def run_epoch(
    config: Config,
    problem: Problem,
    learner: Learner,
    order: np.random.Generator,
    epoch: int,
    epochs: int,
) -> Scores:
    """Every training sequence once, in a random order; means over the steps."""
    rows = order.permutation(len(problem.train))
    size = config.batch_size * config.accumulate
    starts = range(0, len(rows), size)
    losses, norms, rate = [], [], 0.0
    for done, start in enumerate(starts):
        rate = config.learning_rate * rate_at(config, epoch + done / len(starts), epochs)
        batches = [
            problem.train.take(rows[at : at + config.batch_size])
            for at in range(start, min(start + size, len(rows)), config.batch_size)
        ]
        loss, norm = learner.step(batches, rate)
        losses.append(loss)
        norms.append(norm)
    return {
        "train_loss": float(np.mean(losses)),
        "grad_norm": float(np.mean(norms)),
        "clip_fraction": float(np.mean(np.array(norms) > config.clip_norm)),
        "learning_rate": rate,
    }


def evaluate(problem: Problem, learner: Learner, name: str) -> Scores:
    """Loss and scores of the part called `name` ("val" or "test")."""
    part = problem.validation if name == "val" else problem.test
    outputs = learner.predict(part)
    scores = {"loss": weighted_loss(problem.loss, outputs, part)}
    if problem.score is not None and np.isfinite(outputs).all():
        scores |= problem.score(name, outputs)
    return {f"{name}_{score}": value for score, value in scores.items()}
