"""The training loop: epochs over a problem, or over each of its folds side by side."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from homeostat.errors import MissingExtraError
from homeostat.space import Config
from homeostat.workload.report import Report
from homeostat.workloads.ncp.portrait import portrait
from homeostat.workloads.ncp.problem import Array, Problem, Scores, SequenceSet, weighted_loss
from homeostat.workloads.ncp.settings import rate_at
from homeostat.workloads.ncp.tasks import prepare, prepare_folds
from homeostat.workloads.ncp.verdict import verdict
from homeostat.workloads.ncp.views import FILE

if TYPE_CHECKING:
    from homeostat.workload.trial import Trial


Weights = dict[str, Array]


class Learner(Protocol):
    """A network that can be trained, whichever backend runs it."""

    def num_parameters(self) -> int: ...

    def step(self, batches: Sequence[SequenceSet], rate: float) -> tuple[float, float]: ...

    def predict(self, part: SequenceSet) -> Array: ...

    def weights(self) -> Weights: ...

    def use(self, weights: Weights) -> None: ...


def train(config: Config, trial: Trial) -> Iterator[Report]:
    """One report per epoch. With folds, scores are means over them, and their spread is told."""
    whole = prepare(config)
    problems = prepare_folds(config, whole) if config.folds > 1 else [whole]
    learners = [make_learner(config, problem, trial, k) for k, problem in enumerate(problems)]
    trial.extra |= {
        "parameters": learners[0].num_parameters(),
        "sequences": [len(problem.train) for problem in problems],
        "baselines": {
            name: float(np.mean([problem.baselines[name] for problem in problems]))
            for name in whole.baselines
        },
    }
    order = trial.rng("order")
    best: dict[str, Any] = {"val_loss": math.inf, "epoch": -1, "weights": learners[0].weights()}
    if whole.zero_start and len(problems) == 1:
        # An output of 0 is the anchor's own answer: a network that does not better it is not kept.
        best["val_loss"] = evaluate(whole, learners[0], "val")["val_loss"]
    trial.keep("best", best)
    for epoch in trial.steps():
        reports = []
        for problem, learner in zip(problems, learners, strict=True):
            steps = epoch_steps(config, problem, order, epoch, trial.budget)
            work = Epoch(config, learner, steps, problem.validation)
            scores, outputs = yield from trial.batch(run_epochs, work)
            reports.append(scores | judge(problem, outputs, "val"))
        report = {name: float(np.mean([r[name] for r in reports])) for name in reports[0]}
        if len(reports) > 1:
            report["val_loss_sd"] = float(np.std([r["val_loss"] for r in reports], ddof=1))
        elif report["val_loss"] < best["val_loss"]:
            best |= {"val_loss": report["val_loss"], "epoch": epoch}
            best["weights"] = learners[0].weights()
        if epoch == trial.budget - 1 and math.isfinite(best["val_loss"]):
            _conclude(config, whole, learners[0], best, trial)
        yield Report(epoch, **report)
    chosen = best["weights"] if math.isfinite(best["val_loss"]) else learners[0].weights()
    trial.write(FILE, lambda: portrait(config, problems[0], chosen))


def _conclude(
    config: Config, whole: Problem, learner: Learner, best: dict[str, Any], trial: Trial
) -> None:
    """Test with the weights of the best validation loss, and keep them for predictions."""
    last = learner.weights()
    learner.use(best["weights"])
    outputs = {name: learner.predict(_part(whole, name)) for name in ("val", "test")}
    learner.use(last)
    judge(whole, outputs["val"], "val")  # a threshold chosen there belongs to these weights
    trial.extra |= {"best_epoch": best["epoch"], "test": judge(whole, outputs["test"], "test")}
    facts = verdict(whole, outputs, best["epoch"], trial)
    sizes = {"inputs": whole.input_size, "outputs": whole.output_size}
    trial.keep_weights(best["weights"], **facts, **sizes, scaling=vars(whole.scaling))


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
        _start(mlx, problem)
        trial.keep(f"learner {fold}", mlx)
        return mlx
    from homeostat.workloads.ncp.learner import TorchLearner

    learner = TorchLearner(config, problem, rng, trial.device, trial.rng(f"dropout {fold}"))
    _start(learner, problem)
    trial.watch(
        train=problem.train.x_STI,
        validation=problem.validation.x_STI,
        **{f"model {fold}": learner.model, f"optimizer {fold}": learner.optimizer},
    )
    return learner


def _start(learner: Learner, problem: Problem) -> None:
    """Let the first answer be 0 where that is the anchor's own."""
    if problem.zero_start:
        weights = learner.weights()
        silent = {name: 0.0 * w for name, w in weights.items() if name.startswith("readout.")}
        learner.use(weights | silent)


Step = tuple[list[SequenceSet], float]


def epoch_steps(
    config: Config, problem: Problem, order: np.random.Generator, epoch: int, epochs: int
) -> Iterator[Step]:
    """Batches and learning rate of each step; every training sequence once, in a random order."""
    rows = order.permutation(len(problem.train))
    size = config.batch_size * config.accumulate
    starts = range(0, len(rows), size)
    for done, start in enumerate(starts):
        rate = config.learning_rate * rate_at(config, epoch + done / len(starts), epochs)
        stop = min(start + size, len(rows))
        batches = [
            problem.train.take(rows[at : min(at + config.batch_size, stop)])
            for at in range(start, stop, config.batch_size)
        ]
        yield batches, rate


@dataclass(frozen=True)
class Epoch:
    """What there is to do for one learner."""

    config: Config
    learner: Learner
    steps: Iterator[Step]
    validation: SequenceSet


def run_epochs(members: Sequence[Epoch]) -> list[tuple[Scores, Array]]:
    """An epoch of one or more learners: means over the steps of each, and validation outputs."""
    made: list[list[tuple[float, float, float]]] = [[] for _ in members]
    for steps in zip_longest(*(member.steps for member in members)):
        going = [i for i, step in enumerate(steps) if step is not None]
        batches, rates = zip(*(steps[i] for i in going), strict=True)
        results = _take_steps([members[i].learner for i in going], batches, rates)
        for i, rate, (loss, norm) in zip(going, rates, results, strict=True):
            made[i].append((loss, norm, rate))
    means = [_means(member.config, own) for member, own in zip(members, made, strict=True)]
    outputs = _predict([m.learner for m in members], [m.validation for m in members])
    return list(zip(means, outputs, strict=True))


def _take_steps(
    learners: Sequence[Any], batches: Sequence[list[SequenceSet]], rates: Sequence[float]
) -> Sequence[tuple[float, float]]:
    """A step of each: its loss, and the gradient's norm."""
    if len(learners) == 1:
        return [learners[0].step(batches[0], rates[0])]
    from homeostat.workloads.ncp.learner import steps_together

    return steps_together(learners, batches, rates)


def _predict(learners: Sequence[Any], parts: Sequence[SequenceSet]) -> Sequence[Array]:
    if len(learners) == 1:
        return [learners[0].predict(parts[0])]
    from homeostat.workloads.ncp.learner import predict_together

    return predict_together(learners, parts)


def _means(config: Config, steps: Sequence[tuple[float, float, float]]) -> Scores:
    losses, norms, rates = zip(*steps, strict=True)
    return {
        "train_loss": float(np.mean(losses)),
        "grad_norm": float(np.mean(norms)),
        "clip_fraction": float(np.mean(np.array(norms) > config.clip_norm)),
        "learning_rate": rates[-1],
    }


def evaluate(problem: Problem, learner: Learner, name: str) -> Scores:
    """Loss and scores of the part called `name` ("val" or "test")."""
    return judge(problem, learner.predict(_part(problem, name)), name)


def _part(problem: Problem, name: str) -> SequenceSet:
    return problem.validation if name == "val" else problem.test


def judge(problem: Problem, outputs: Array, name: str) -> Scores:
    """Loss and scores of outputs for the part called `name`."""
    part = _part(problem, name)
    scores = {"loss": weighted_loss(problem.loss, outputs, part)}
    if problem.score is not None and np.isfinite(outputs).all():
        scores |= problem.score(name, outputs)
    return {f"{name}_{score}": value for score, value in scores.items()}
