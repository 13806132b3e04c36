"""Find and list the runs in a results folder."""

from __future__ import annotations

from pathlib import Path

from homeostat.errors import RecordError, did_you_mean
from homeostat.record.runs import FILE, RunRecord, read_run


def run_folders(results: str | Path = "results") -> list[Path]:
    """Folders of runs directly in `results`, the newest last. Trials of studies are not listed."""
    marks = Path(results).glob(f"*/{FILE}")
    return [mark.parent for mark in sorted(marks, key=lambda mark: (mark.stat().st_mtime, mark))]


def list_runs(results: str | Path = "results") -> list[RunRecord]:
    """The runs in `results`, the newest last; damaged ones are left out."""
    runs = []
    for folder in run_folders(results):
        try:
            runs.append(read_run(folder))
        except RecordError:
            continue
    return runs


def find_run(text: str | Path, results: str | Path = "results") -> RunRecord:
    """The run that `text` names: a folder, a name in `results`, or the newest that starts with it.

    Raises:
        RecordError: If there is none; the message names the nearest.
    """
    for folder in (Path(text), Path(results) / text):
        if (folder / FILE).exists() or folder.name == FILE:
            return read_run(folder)
    folders = run_folders(results)
    starting = [folder for folder in folders if folder.name.startswith(str(text))]
    if starting:
        return read_run(starting[-1])
    names = [folder.name for folder in folders]
    if not names:
        raise RecordError(
            f"No run {str(text)!r}: there are no runs in {results}.",
            hint="Make one:  homeostat run WORKLOAD",
        )
    raise RecordError(f"No run {str(text)!r} in {results}.", hint=did_you_mean(str(text), names))
