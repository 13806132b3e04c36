"""What is killed and taken up again, and what an independent reader (csv, sqlite3) finds after it.

An act is one call that a user would make again after a crash: the same call goes on.
"""

from __future__ import annotations

import csv
import ctypes
import fcntl
import json
import os
import re
import shutil
import sqlite3
import subprocess
import time
import traceback
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.torture.loops import walk

import homeostat as hs
from homeostat.design.designs import DesignPoint
from homeostat.design.run_design import run_design
from homeostat.evidence.verify import verify
from homeostat.execute import resume, run

CLAIMS = Path(__file__).with_name("claims.yaml")


def one_run(results: Path) -> None:
    found = sorted(results.glob("*/run.json"))
    if found:
        resume(found[0].parent, workload=walk, snapshot_s=0.0)
    else:
        run(walk, {"lr": 0.3}, seeds=2, results=results, snapshot_s=0.0)


def search(results: Path) -> None:
    hs.search(walk, 4, method="random", study="s", results=results, confirm=2)


def design(results: Path) -> None:
    points = [DesignPoint(f"lr={lr}", {"lr": lr}) for lr in (0.1, 0.2, 0.4)]
    run_design(walk, points, kind="sweep", name="lr", seeds=2, results=results)


def verification(results: Path) -> None:
    verify(walk, CLAIMS, results=results, max_pairs=3)


def plan(results: Path) -> None:
    hs.tune(walk, budget="1s", study="p", results=results)


def nas(results: Path) -> None:
    """What `nas search` does, here: it stops at rungs and keeps champions and replays."""
    hs.search(
        "evolution", 3, study="n", results=results, method="random", budget=4, confirm=2,
        prune="median", prune_at=(1, 2), engine="inline",
        pins={"neural_mode": "neat", "population_size": 100}, names=("mutation_rate",),
    )  # fmt: skip


def two_drivers(results: Path) -> None:
    """Two processes at one study; the second outlives the first when that one is killed."""
    _beside(results, search)


def clocks_apart(results: Path) -> None:
    """The same, where the second one's clock is hours behind and stepped by two seconds."""

    def slow_clock(where: Path) -> None:
        real, begun = time.time, time.time()
        time.time = lambda: real() - 7200 + (2.0 if real() - begun > 0.05 else 0.0)
        search(where)

    _beside(results, slow_clock)


def containers(results: Path) -> None:
    """The same, where each has a PID namespace of its own and the host's name."""

    def inside(where: Path) -> None:
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWPID):
            raise OSError(ctypes.get_errno(), "this machine permits no PID namespaces")
        # Its first process cannot be killed by itself: the driver is the second.
        _apart(lambda: _apart(partial(search, where))())()

    _beside(results, inside)


CLONE_NEWPID = 0x20000000


def is_possible(act: str) -> bool:
    """Whether this machine permits what an act needs."""
    if act != "two containers":
        return True
    unshare = shutil.which("unshare")
    return (
        unshare is not None
        and not subprocess.run([unshare, "--pid", "true"], check=False).returncode
    )


def _beside(results: Path, other: Callable[[Path], None]) -> None:
    """Drive the study here and in another process, and wait for every driver that is left."""
    lock = results.with_name(f"{results.name}.drivers")

    def hold_and_drive() -> None:
        with lock.open("w") as held:
            fcntl.flock(held, fcntl.LOCK_SH)
            other(results)

    ended = _apart(hold_and_drive)
    search(results)
    ended()
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)


def _apart(act: Callable[[], object]) -> Callable[[], None]:
    """Begin it in a fork; what is returned waits for it, and raises what it raised.

    One that is killed raises nothing: a driver that is gone.
    """
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            act()
        except BaseException:
            os.write(tell, traceback.format_exc().encode())
        os._exit(0)
    os.close(tell)

    def wait() -> None:
        with os.fdopen(told, encoding="utf-8") as reader:
            text = reader.read()
        os.waitpid(pid, 0)
        if text:
            raise RuntimeError(text)

    return wait


TOGETHER: dict[str, Callable[[Path], None]] = {
    "two drivers": two_drivers, "clocks apart": clocks_apart, "two containers": containers,
}  # fmt: skip
ACTS: dict[str, Callable[[Path], None]] = {
    "run": one_run, "search": search, "design": design, "verify": verification, "nas": nas,
    **TOGETHER, "tune": plan,
}  # fmt: skip


@dataclass
class Seen:
    """What is on disk, as read without any code of ours."""

    curves: dict[str, list[list[str]]] = field(default_factory=dict)
    """Of each curves file the rows that are whole, its header first."""
    trials: dict[tuple[str, int], object] = field(default_factory=dict)
    """Of each trial that has ended how, with what parameters and values."""
    values: dict[str, object] = field(default_factory=dict)
    """What verify measured."""
    left: list[str] = field(default_factory=list)
    """Files that nobody will ever read."""
    twice: int = 0


def look(results: Path) -> Seen:
    """Read everything, also while a driver that outlived another is still writing."""
    while True:
        with suppress(FileNotFoundError):  # a file that was there when its folder was listed
            return _look(results)


def _look(results: Path) -> Seen:
    seen = Seen()
    for path in sorted(results.rglob("curves.csv")):
        text = path.read_text(encoding="utf-8")
        rows = list(csv.reader(text[: text.rfind("\n") + 1].splitlines()))
        steps = [int(row[0]) for row in rows[1:]]
        seen.twice += len(steps) - len(set(steps))
        name = re.sub(r"\d{8}_\d{6}(_\d+)?", "TIME", str(path.relative_to(results)))
        seen.curves[name] = rows
    for path in results.rglob("values.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            with suppress(ValueError):
                row = json.loads(line)
                if row["key"] in seen.values:
                    seen.twice += 1
                seen.values[row["key"]] = (row["value"], row["outcome"], row["curves"])
    # A run that was killed before its first file was there is a folder that nobody reads.
    seen.left = [
        str(path.relative_to(results))
        for path in results.rglob("*.tmp")
        if path.name.partition(".")[0] != "run" or (path.parent / "run.json").exists()
    ]
    if (results / "studies.db").exists():
        with (
            closing(sqlite3.connect(results / "studies.db")) as database,
            suppress(
                sqlite3.OperationalError  # killed before there were tables
            ),
        ):
            _read(database, seen)
    return seen


def _read(database: sqlite3.Connection, seen: Seen) -> None:
    trials = database.execute(
        "select s.name, t.number, t.outcome, t.id from nas_trials t join nas_studies s"
        " on s.id = t.study_id where t.finished is not null"
    )
    for study, number, outcome, key in trials.fetchall():
        drawn = database.execute(
            "select name, value from nas_parameters where trial_id = ? order by name", (key,)
        ).fetchall()
        measured = database.execute(
            "select name, value, per_seed from nas_objectives where trial_id = ?", (key,)
        ).fetchall()
        if (study, number) in seen.trials:
            seen.twice += 1
        seen.trials[study, number] = (outcome, drawn, measured)


def lost(before: Seen, after: Seen) -> list[str]:
    """What was on disk when the process was killed and is not there, or other, in the end."""
    gone = []
    for name, rows in before.curves.items():
        now = {row[0]: row[1:] for row in after.curves.get(name, [])}
        gone += [
            f"{name}, step {row[0]}"
            for row in rows[1:]
            if row[0] not in now or not _begins(now[row[0]], row[1:])
        ]
    gone += [
        f"trial {key}" for key, value in before.trials.items() if after.trials.get(key) != value
    ]
    gone += [
        f"value {key}" for key, value in before.values.items() if after.values.get(key) != value
    ]
    return gone


def _begins(now: list[str], before: list[str]) -> bool:
    """A metric that came later has added an empty cell."""
    return now[: len(before)] == before and not any(now[len(before) :])


def wrong(name: str, whole: Seen, after: Seen) -> list[str]:
    """What differs in the end from the undisturbed act."""
    if name == "tune":  # what fits in a second is not the same twice
        return []
    different = [f"curves {k}" for k in whole.curves.keys() ^ after.curves.keys()]
    different += [f"curves {k}" for k, v in after.curves.items() if whole.curves.get(k, v) != v]
    different += ["trials"] if whole.trials != after.trials else []
    different += ["values"] if whole.values != after.values else []
    return different
