"""The workload: a network whose layers age, die and are reborn, against one whose layers do not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from homeostat.space import Config
from homeostat.workload.beside import beside
from homeostat.workload.report import Report
from homeostat.workload.workload import workload
from homeostat.workloads.apoptosis.conclusions import CONCLUSIONS
from homeostat.workloads.apoptosis.remedies import NEUTRAL, REMEDIES
from homeostat.workloads.apoptosis.settings import reachable
from homeostat.workloads.apoptosis.space import SPACE
from homeostat.workloads.apoptosis.symptoms import SYMPTOMS
from homeostat.workloads.apoptosis.views import FILE, VIEWS

if TYPE_CHECKING:
    from homeostat.plan.context import Context
    from homeostat.plan.phase import Phase
    from homeostat.workload.prediction import Prediction, Trained
    from homeostat.workload.trial import Trial


def baselines(config: Config, trial: Trial) -> dict[str, float]:
    """Held-out loss of predictors that learn nothing, or next to nothing, in nats."""
    from homeostat.workloads.apoptosis.training import floors, load_data

    return floors(load_data(config)[0])


def four_phases(context: Context) -> tuple[Phase, ...]:
    """The guide's own plan; imported when asked for, because it imports everything else."""
    from homeostat.workloads.apoptosis.plan import plan

    return plan(context)


def predict(trained: Trained, file: Path | None) -> Prediction:
    """How well each character of a text is foreseen, and how the text might go on."""
    from homeostat.workloads.apoptosis.reading import read

    return read(trained, file)


@workload(
    space=SPACE,
    metric="val_loss",
    goal="minimize",
    budget=300,
    bounds={"grad_norm": (None, 1e3)},
    configs=Path(__file__).parent / "configs",
    symptoms=SYMPTOMS,
    conclusions=CONCLUSIONS,
    remedies=REMEDIES,
    neutral=NEUTRAL,
    reachable=reachable,
    baselines=baselines,
    plan=four_phases,
    predict=predict,
    views=VIEWS,
)
def apoptosis(config: Config, trial: Trial) -> Iterator[Report]:
    """A character transformer whose layers age, die and are reborn (the guide of seed 000)."""
    # PyTorch is imported when training starts, so that asking about the space stays quick.
    from homeostat.workloads.apoptosis.baseline import baseline, has_gap
    from homeostat.workloads.apoptosis.lifelines import Lifelines
    from homeostat.workloads.apoptosis.reading import keep_network
    from homeostat.workloads.apoptosis.training import assemble, floors

    training, lifelines = assemble(config, trial), Lifelines(trial.budget)
    trainer, manager, text = training.trainer, training.manager, training.texts[0]
    trial.watch(
        trainer.model, trainer.optimizer, train=text.rows(), validation=trainer.scored_on[0]
    )
    trial.keep("aftermath", training.aftermath)
    trial.keep("phases", training.scores)
    if manager is not None:
        trial.keep("senescence", manager)
        trial.keep("lifelines", lifelines)
    trial.extra["parameters"] = sum(p.numel() for p in trainer.model.parameters())
    trial.extra["data_sha256"] = text.sha256

    for step in trial.steps():
        result, scores = training.step(step)
        metrics = {"train_loss": result.loss, "grad_norm": result.grad_norm, **training.counts()}
        if manager is not None:
            lifelines.see(step + 1, manager.layers)
        if manager is not None and result.deaths:
            trial.extra["events"] = [vars(event) for event in manager.apoptosis_events]
        metrics |= scores
        if step == trial.budget - 1:
            tested = trainer.test(text)
            rows = {"this network": {"held out": metrics["val_loss"], "test": tested}}
            if has_gap(config, trial.budget):
                without = baseline(apoptosis, config, trial)
                metrics["gap"] = metrics["val_loss"] - without["val_loss"]
                rows["without dying layers"] = {
                    "held out": without["val_loss"], "test": without["test_loss"],
                }  # fmt: skip
            rows |= {name: {"held out": loss} for name, loss in floors(text).items()}
            trial.extra["test"] = {"test_loss": tested}
            deaths = f"{metrics['deaths']} deaths in {trial.budget} steps."
            beside(trial, "Loss in nats, beside simpler predictors", rows, [deaths])
            keep_network(trial, config, training)
        yield Report(step, **metrics)
    trial.write(FILE, lambda: lifelines.tree(manager.apoptosis_events) if manager else None)
