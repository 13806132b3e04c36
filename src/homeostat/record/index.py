"""Find and list the runs in a results folder."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from homeostat.errors import RecordError, did_you_mean
from homeostat.record.outcome import Outcome
from homeostat.record.runs import FILE, RunRecord, read_run


def run_folders(results: str | Path = "results") -> list[Path]:
    """Folders of runs directly in `results`, the newest last. Trials of studies are not listed."""
    marks = []
    for mark in Path(results).glob(f"*/{FILE}"):
        with contextlib.suppress(OSError):  # it is being removed
            marks.append((mark.stat().st_mtime, mark))
    return [mark.parent for _, mark in sorted(marks)]


def list_runs(results: str | Path = "results") -> list[RunRecord | DamagedRun]:
    """The runs in `results`, the newest last; what cannot be read is listed as damaged."""
    return [read_or_tell(folder) for folder in run_folders(results)]


@dataclass(frozen=True)
class DamagedRun:
    """A run whose run.json cannot be read."""

    folder: Path
    reason: str
    """What is wrong, and what to do about it."""
    outcome: Outcome = Outcome.DAMAGED

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.folder.name


def read_or_tell(folder: Path) -> RunRecord | DamagedRun:
    """The run in a folder, or why it cannot be read."""
    try:
        return read_run(folder)
    except RecordError as error:
        return DamagedRun(folder, str(error))


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
