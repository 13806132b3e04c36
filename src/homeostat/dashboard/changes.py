"""What a reader with the token may change: remarks about a run, and stopping what runs."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from homeostat.dashboard.runs import REMARKS, remarks_of
from homeostat.errors import ConfigError, RecordError
from homeostat.record.files import write_json
from homeostat.record.liveness import owner
from homeostat.study.records import StudyRow

LONGEST = 4_000
"""Characters of a note."""
MOST_TAGS = 12


def write_remarks(folder: Path, note: str, tags: list[str]) -> dict[str, Any]:
    """Keep a note and tags in a run's folder, in place of those before; what is kept now.

    Raises:
        ConfigError: If they are too long.
        RecordError: If the folder cannot be written.
    """
    told = list(dict.fromkeys(" ".join(tag.split()) for tag in tags if tag.strip()))
    if len(note) > LONGEST or len(told) > MOST_TAGS or any(len(tag) > 40 for tag in told):
        raise ConfigError(
            f"A note has {LONGEST} characters at most, and a run {MOST_TAGS} tags of 40 characters."
        )
    write_json(folder / REMARKS, {"note": note.strip(), "tags": told})
    return remarks_of(folder)


def stop_study(row: StudyRow) -> int:
    """Ask every living driver of a study on this machine to stop, as Ctrl-C does; how many.

    Raises:
        RecordError: If none runs here.
    """
    here = [driver.owner for driver in row.drivers if driver.alive and _is_here(driver.owner)]
    if not here:
        where = ", ".join(driver.place for driver in row.drivers if driver.alive)
        raise RecordError(
            f"Study {row.name} is driven by {where}." if where else f"Study {row.name} has stopped."
        )
    for process in here:
        os.kill(int(process["pid"]), signal.SIGINT)
    return len(here)


def _is_here(process: Mapping[str, Any]) -> bool:
    """Whether the number names the same process in this machine and container."""
    mine = owner()
    same = all(process.get(key) == mine.get(key) for key in ("host", "boot", "pid_namespace"))
    return same and process.get("pid") != mine["pid"] and psutil.pid_exists(int(process["pid"]))
