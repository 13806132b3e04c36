"""Predict: what the weights that a run kept say of new data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from homeostat.errors import RecordError
from homeostat.execute.rerun import command, near
from homeostat.record.attempt import Attempt
from homeostat.record.index import find_run
from homeostat.record.runs import RunRecord
from homeostat.workload import load
from homeostat.workload.goal import Goal
from homeostat.workload.prediction import Prediction, Trained
from homeostat.workload.weights import FILE, read_weights
from homeostat.workload.workload import Workload


@dataclass(frozen=True)
class Predicted:
    """A prediction, and which seed of which run made it."""

    run: RunRecord
    seed: int
    weights: Path
    prediction: Prediction


def predict(
    run: str | Path,
    file: str | Path | None = None,
    *,
    seed: int | None = None,
    workload: Workload | str | Path | None = None,
    results: str | Path = "results",
) -> Predicted:
    """Predict with the weights of a run.

    predict("results/ncp_20261130_120000", "new.csv").prediction.columns["forecast"]

    Args:
        run: A run's folder or name.
        file: New data, of the kind the workload reads; without it, what it was trained on.
        seed: Whose weights; without it, of the seed whose metric is best.
        workload: Of the run, unless it is an installed one: code that only a results folder
            names is not run.
        results: Where runs are looked for by name.

    Raises:
        RecordError: If the run kept no weights, or its workload does not predict.
        DataError: If the file is not of the kind, with what would be right.
    """
    record = find_run(run, results)
    again = ["--workload", str(record.facts.get("reference"))]
    typed = command("homeostat predict", near(record.folder), again)
    named = workload_of(record, workload, typed)
    if named.predict is None:
        raise RecordError(
            f"{named.name} does not predict.",
            hint="A workload declares it:  @hs.workload(..., predict=function)",
        )
    attempt = _attempt(record, seed)
    place = attempt.folder / "artifacts" / FILE
    if not place.exists():
        raise RecordError(
            f"{record.name}, seed {attempt.seed}, kept no weights.",
            hint="Run it again with this version, and with the package safetensors.",
        )
    weights, facts = read_weights(place)
    config = named.space.resolve(record.given)
    path = None if file is None else Path(file)
    made: Prediction = named.predict(Trained(config, weights, facts), path)
    return Predicted(record, attempt.seed, place, made)


def workload_of(record: RunRecord, given: Workload | str | Path | None, retype: str) -> Workload:
    """The workload of a run: the one that is given, else an installed one.

    A run names its workload by a file or a module. What it names is not imported unless whoever
    asks has named it too: a folder from elsewhere could name anything.

    Args:
        retype: The command to repeat with a workload named.

    Raises:
        RecordError: If it has to be named.
    """
    if given is not None:
        return load.find(given)
    reference = record.facts.get("reference")
    known = load.installed(reference or record.workload)
    if known is not None:
        return known
    if reference is None:
        raise RecordError(
            f"{record.name}: {record.workload} was defined in a notebook or a function, and cannot "
            "be found again.",
            hint=f"In Python, hand it over:  workload={record.workload}",
        )
    raise RecordError(
        f"{record.name} is a run of {reference}, whose code is not run because a results folder "
        "names it.",
        hint=f"Name it:  {retype}",
    )


def _attempt(record: RunRecord, seed: int | None) -> Attempt:
    """The attempt of a seed; without one, that of the best."""
    by_seed = {attempt.seed: attempt for attempt in record.attempts}
    if seed is not None:
        if seed not in by_seed:
            known = ", ".join(map(str, by_seed)) or "none"
            raise RecordError(f"{record.name} has no seed {seed}; it has {known}.")
        return by_seed[seed]
    values = record.values()
    if not values:
        raise RecordError(f"{record.name} completed no seed, so there is nothing to predict with.")
    return by_seed[Goal.of(record.goal, record.metric).best(values, key=lambda s: values[int(s)])]
