"""`homeostat export` in Python: a study or a run for TensorBoard, MLflow, W&B or Optuna."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from homeostat.errors import RecordError, UnknownNameError, did_you_mean
from homeostat.export.history import History, history_of, of_run
from homeostat.extras import missing_extra
from homeostat.record.files import make_folder
from homeostat.record.runs import RunRecord
from homeostat.search.result import SearchResult
from homeostat.search.search import look_store
from homeostat.study.optuna.export_study import export_study

OPTUNA = "optuna"
TRACKERS = {"tensorboard": "TensorBoard", "mlflow": "MLflow", "wandb": "W&B"}
"""What --to takes beside optuna; each is written by the module to_NAME."""


@dataclass(frozen=True)
class Exported:
    """What was written where."""

    name: str
    """Of the study or run."""
    count: int
    """Runs that were written; of a study: its trials, and those on fresh seeds."""
    place: str
    """The folder, or the address."""
    look: str
    """What to type to see it."""


def export(
    what: str | Path | RunRecord | SearchResult,
    *,
    to: str,
    out: str | Path,
    results: str | Path = "results",
    store: str | Path | None = None,
    as_name: str | None = None,
) -> Exported:
    """Write a study with its verdict, or a run, for another tool; nothing is sent anywhere.

    Args:
        what: A study's name, a run's name or folder, or what `hs.search` or `hs.run` gave.
        to: "tensorboard", "mlflow", "wandb" or "optuna".
        out: The folder, in which one of the study's name is made; for "optuna" a storage, such as
            sqlite:///optuna.db.
        results: Where runs and studies are kept.
        store: Where studies are kept, if not there.
        as_name: The name to write it under; its own by default.

    Raises:
        UnknownNameError: If there is no such study or run, or no such tool.
        MissingExtraError: If the tool is not installed.
        RecordError: If something of that name is there already.

    Example:
        >>> import homeostat as hs
        >>> space = hs.Space(lr=hs.Float(0.01, 1.0, log=True), unused=hs.Float(0.0, 1.0))
        >>> @hs.workload(space=space, metric="loss", goal="minimize", budget=5)
        ... def valley(config, trial):
        ...     x = 1.0
        ...     for step in trial.steps():
        ...         x -= config.lr * x
        ...         yield hs.Report(step, loss=x * x)
        >>> found = hs.search(valley, trials=3, study="shown", confirm=False)
        >>> hs.export(found, to="optuna", out="sqlite:///shown.db").count
        3
    """
    name = what.study if isinstance(what, SearchResult) else what
    if to == OPTUNA:
        if isinstance(name, RunRecord):
            raise UnknownNameError("Optuna knows no single run.", hint="Name a study.")
        count = export_study(look_store(results, store), str(name), str(out), as_name=as_name)
        return Exported(as_name or str(name), count, str(out), f"optuna-dashboard {out}")
    if to not in TRACKERS:
        hint = did_you_mean(to, [*TRACKERS, OPTUNA])
        raise UnknownNameError(f"Nothing is exported to {to!r}.", hint=hint)
    try:
        tracker = import_module(f"homeostat.export.to_{to}")
    except ModuleNotFoundError as error:
        raise missing_extra(error, f"The export to {TRACKERS[to]}") or error from None
    if isinstance(name, RunRecord):
        history = of_run(name)
    else:
        history = history_of(name, results=results, store=look_store(results, store))
    folder = _new_folder(history, Path(out), as_name)
    return Exported(folder.name, len(history.pasts), str(folder), tracker.write(history, folder))


def _new_folder(history: History, out: Path, as_name: str | None) -> Path:
    """A folder that holds nothing yet: a second export would double every curve.

    Raises:
        RecordError: If there is something in it.
    """
    folder = out / (as_name or history.name)
    if folder.exists() and any(folder.iterdir()):
        raise RecordError(f"{folder} is not empty.", hint="Write elsewhere with --out or --as.")
    make_folder(folder)
    return folder
