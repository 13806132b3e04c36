"""A study's folder: it carries the study's id, so that no other study writes into it."""

from __future__ import annotations

from pathlib import Path

from homeostat.errors import StudyError
from homeostat.record.files import make_folder
from homeostat.record.hold import Hold
from homeostat.record.runs import FILE as RUN
from homeostat.record.schema import Kind
from homeostat.study.store import Store

FILE = "study.json"
KIND = Kind("study", {"id": str, "name": str, "store": str})


def folder_of(results: str | Path, name: str) -> Path:
    """Where the runs of a study are."""
    return Path(results) / "studies" / name


def claim(results: str | Path, name: str, store: Store) -> Path:
    """Make the folder this study's own, or see that it is.

    Returns:
        The folder.

    Raises:
        StudyError: If it has the runs of another study of that name: of another store, or of a
            database that is gone.
    """
    folder = folder_of(results, name)
    make_folder(folder)
    with Hold(folder):
        refuse_another(results, name, store)
        if not (folder / FILE).exists():
            row = store.study(name)
            known = store.counts(row.key)[0]
            # Of an earlier version, which left no id: trials that this study does not have.
            runs = folder.glob(f"trial_*/{RUN}")
            if any(run.parent.name >= f"trial_{known:04d}" for run in runs):
                raise _another(folder, store)
            facts = {"id": store.identity(row.key), "name": name, "store": store.place}
            KIND.write(folder / FILE, facts)
    return folder


def refuse_another(results: str | Path, name: str, store: Store) -> None:
    """Refuse a folder that carries another study's id.

    Raises:
        StudyError: If it does.
    """
    folder = folder_of(results, name)
    if not (folder / FILE).exists():
        return
    row = store.find(name)
    if row is None or row.uid != KIND.read(folder / FILE)["id"]:
        raise _another(folder, store)


def _another(folder: Path, store: Store) -> StudyError:
    return StudyError(
        f"{folder} has the runs of another study {folder.name!r}, which is not in {store.place}.",
        hint="Choose another study name or another --results, or name the store that has it.",
    )
