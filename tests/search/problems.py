"""Small workloads and objectives that the tests of search share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import homeostat as hs
from homeostat.record.outcome import Outcome
from homeostat.study.store import Store
from homeostat.study.study import Study

MIXED = hs.Space(
    lr=hs.Float(1e-4, 1.0, log=True),
    width=hs.Int(1, 64, log=True),
    depth=hs.Int(1, 5),
    optimizer=hs.Choice(["sgd", "adam", None]),
    momentum=hs.Float(0.0, 0.99, when={"optimizer": "sgd"}),
    nesterov=hs.Bool(when={"optimizer": "sgd"}),
    seed_of_life=hs.Fixed(3, why="settled"),
    area=hs.Derived(lambda c: c["width"] * c["depth"], why="their product"),
    dropout=hs.Float(0.0, 0.9),
    rules=(hs.Rule(when={"optimizer": "adam"}, set={"dropout": 0.0}, why="they do not mix"),),
)


@hs.workload(space=MIXED, metric="loss", goal="minimize", budget=2)
def mixed(config, trial):
    for step in trial.steps():
        yield hs.Report(step, loss=mixed_loss(config) + 1.0 / (step + 1))


def mixed_loss(config: Mapping[str, Any]) -> float:
    return (config["depth"] - 3) ** 2 + config["dropout"] + config["area"] / 100 + config["lr"]


def drive(study: Study, trials: int, objective: Callable[[Mapping[str, Any]], float | None]):
    """Asks and tells until there are `trials`; an objective of None is a divergence."""
    while len(study.trials) < trials or not study.trials[-1].outcome.final:
        spec = study.ask()
        value = objective(spec.config)
        metric = next(iter(study.definition.objectives))
        if value is None:
            study.tell(spec.number, Outcome.DIVERGED, reason="nan")
        else:
            study.tell(spec.number, Outcome.COMPLETED, {metric: [value]})


def sequence(study: Study) -> list[tuple[Any, ...]]:
    """What must not depend on interruptions: number, outcome, parameters, values."""
    return [(t.number, t.outcome, dict(t.parameters), dict(t.values)) for t in study.trials]


def open_study(
    folder: Path, workload: hs.Workload = mixed, name: str = "s", **settings: Any
) -> Study:
    return Study.open(workload, name, store=Store(folder / "studies.db"), **settings)
