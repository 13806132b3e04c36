"""MLflow: an experiment in a database file; the study a run, its trials the runs inside it."""

from __future__ import annotations

import logging
import re
import warnings
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Metric, Param
from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

from homeostat.export.history import History, Past
from homeostat.record.outcome import Outcome
from homeostat.space.values import show

DATABASE = "mlflow.db"
MOST_METRICS, MOST_PARAMETERS = 1000, 100
"""In one call."""
_STATES = {
    Outcome.RUNNING: "RUNNING",
    Outcome.COMPLETED: "FINISHED",
    Outcome.INFEASIBLE: "FINISHED",
    Outcome.PRUNED: "KILLED",
    Outcome.INTERRUPTED: "KILLED",
}


def write(history: History, folder: Path) -> str:
    """Write the experiment; return what to type to see it."""
    address = f"sqlite:///{folder.absolute() / DATABASE}"
    logger = logging.getLogger("mlflow")
    before = logger.level
    logger.setLevel(logging.WARNING)  # it tells of each table that it makes
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own libraries
            _write(history, MlflowClient(tracking_uri=address), folder)
    finally:
        logger.setLevel(before)
    return f"mlflow ui --backend-store-uri {address}"


def _write(history: History, client: MlflowClient, folder: Path) -> None:
    artifacts = (folder / "artifacts").absolute().as_uri()
    experiment = client.create_experiment(history.name, artifact_location=artifacts)
    began = min((past.started for past in history.pasts), default=0.0)
    ended = max((past.finished for past in history.pasts), default=0.0)
    tags = {"mlflow.note.content": history.text, "homeostat.workload": history.workload}
    whole = client.create_run(
        experiment, start_time=_ms(began), tags=tags, run_name=history.name
    ).info.run_id
    client.log_text(whole, history.text, "verdict.md")
    for past in history.pasts:
        _write_past(past, client, experiment, whole)
    client.set_terminated(whole, "FINISHED", end_time=_ms(ended))


def _write_past(past: Past, client: MlflowClient, experiment: str, whole: str) -> None:
    tags = past.tags | {MLFLOW_PARENT_RUN_ID: whole}
    run = client.create_run(
        experiment, start_time=_ms(past.started), tags=tags, run_name=past.name
    ).info.run_id
    parameters = [Param(_key(name), show(value)) for name, value in past.config.items()]
    for i in range(0, len(parameters), MOST_PARAMETERS):
        client.log_batch(run, params=parameters[i : i + MOST_PARAMETERS])
    pace_s = (past.finished - past.started) / max(1, len(past.rows))
    metrics = [
        Metric(_key(name), value, _ms(past.started + i * pace_s), step)
        for i, (step, row) in enumerate(past.rows, start=1)
        for name, value in row.items()
    ]
    for i in range(0, len(metrics), MOST_METRICS):
        client.log_batch(run, metrics=metrics[i : i + MOST_METRICS])
    state = _STATES.get(past.outcome, "FAILED")
    client.set_terminated(run, state, end_time=_ms(past.finished))


def _ms(seconds: float) -> int:
    return round(1000 * seconds)


def _key(name: str) -> str:
    """A name with the letters that MLflow allows."""
    return re.sub(r"[^\w\-. :/]", "_", name)
