"""The ncp workload: its loop, what it predicts, and what counts as trouble."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from homeostat.space import Config
from homeostat.workload.report import Report
from homeostat.workload.workload import workload
from homeostat.workloads.ncp.settings import shape
from homeostat.workloads.ncp.space import space
from homeostat.workloads.ncp.symptoms import REMEDIES, SYMPTOMS
from homeostat.workloads.ncp.views import VIEWS

if TYPE_CHECKING:
    from homeostat.workload.prediction import Prediction, Trained
    from homeostat.workload.trial import Trial


def baselines(config: Config, trial: Trial) -> dict[str, float]:
    """Validation loss of predictors that learn nothing."""
    from homeostat.workloads.ncp.tasks import prepare

    return dict(prepare(config).baselines)


def predict(trained: Trained, file: Path | None) -> Prediction:
    """Forecasts with intervals, or how odd each row is, of a series like the one trained on."""
    from homeostat.workloads.ncp.predicting import predict

    return predict(trained, file)


@workload(
    space=space,
    metric="val_loss",
    goal="minimize",
    budget=40,
    unit="epoch",
    configs=Path(__file__).parent / "configs",
    symptoms=SYMPTOMS,
    remedies=REMEDIES,
    baselines=baselines,
    batch=shape,
    predict=predict,
    views=VIEWS,
    bounds={"train_loss": (None, 1e4), "grad_norm": (None, 1e6)},
)
def ncp(config: Config, trial: Trial) -> Iterator[Report]:
    """Closed-form and liquid time-constant networks on irregular series."""
    # Imported here, so that reading the space does not wait for a backend.
    from homeostat.workloads.ncp.training import train

    yield from train(config, trial)
