"""The command that runs a trial of a study again, to the last bit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from homeostat.errors import HomeostatError
from homeostat.execute.rerun import Place, can_be_found, command, rerun, spoken
from homeostat.record.runs import read_run
from homeostat.study.records import StudyRow, TrialRow
from homeostat.study.store import Store

GIVEN = "homeostat:given"
"""Among a trial's attributes: what was set, where it is not all that the study sets and draws."""


def trial_command(row: StudyRow, trial: TrialRow, place: Place, folder: Path | None = None) -> str:
    """What to type to run a trial again with its settings, budget and seeds.

    In place of a command it is a Python call where only a notebook has the workload, and nothing
    where the study came from elsewhere without one.

    Args:
        folder: Where the study's runs are, if they are on this disk.
    """
    seeds, budget = tuple(row.definition["seeds"]), int(row.definition["budget"])
    given = given_of(row, trial, folder)
    reference = reference_of(row)
    if row.default_trial is None and not can_be_found(reference):
        return ""
    device = str(row.settings.get("device", ""))
    return rerun(reference, given, budget=budget, seeds=seeds, device=device, place=place)


def search_command(row: StudyRow, place: Place, *words: str) -> str:
    """What to type to go on with a study, with further options; nothing without a workload."""
    reference = reference_of(row)
    if not can_be_found(reference):
        return ""
    study = ["--study", row.name, *words]
    return command("homeostat search", spoken(reference), study, place.for_studies)


def reference_of(row: StudyRow) -> str:
    """What a command calls the study's workload; its bare name where no command can find it."""
    return str(row.settings.get("reference") or row.workload)


def given_of(row: StudyRow, trial: TrialRow, folder: Path | None = None) -> dict[str, Any]:
    """What was set in a trial: of the study's values and its own those that had an effect."""
    kept: Mapping[str, Any] | None = trial.attributes.get(GIVEN)
    if kept is None and folder is not None:
        kept = _given_of_run(folder / f"trial_{trial.number:04d}")
    if kept is None:
        kept = {**row.definition["start"], **row.definition["pins"], **trial.parameters}
    return dict(kept)


def _given_of_run(folder: Path) -> dict[str, Any] | None:
    try:
        return read_run(folder).given
    except HomeostatError:
        return None


def place_of(store: Store, results: str | Path) -> Place:
    """Where a study is, as far as a command has to say so."""
    own = Store.url_of(Path(results) / "studies.db")
    return Place.of(results, None if store.url == own else store.location)
