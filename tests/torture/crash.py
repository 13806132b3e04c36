"""Crash points: the process is killed before or after its n-th rename, in the middle of its n-th
write, or before its n-th commit; then the same call goes on, and nothing is lost.

Each point is a fork of this process, which has imported everything: a tenth of a second.
"""

from __future__ import annotations

import gc
import json
import os
import random
import shutil
import signal
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.torture.scenes import ACTS, Seen, look, lost, wrong

POINTS = ("before rename", "after rename", "half write", "before commit")


@dataclass
class Table:
    """What was tried, and what went wrong."""

    tried: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    twice: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    tracebacks: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def note(self, kind: str, counter: str, what: object) -> None:
        getattr(self, counter)[kind] += 1
        self.examples.append(f"{kind}: {counter}: {what}")

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.twice or self.wrong or self.tracebacks)


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


class Trap:
    """Counts what an act does to the disk, and kills the process at one point of it."""

    def __init__(self, kind: str = "", at: int = 0) -> None:
        self.seen: Counter[str] = Counter()
        self._kind, self._at, self._pid = kind, at, os.getpid()

    def _is_here(self, kind: str) -> bool:
        if os.getpid() != self._pid:  # another driver, which lives on
            return False
        self.seen[kind] += 1
        return kind == self._kind and self.seen[kind] == self._at

    def set(self) -> None:
        import sqlalchemy as sa

        replace, write = os.replace, os.write

        def rename(source, target, **options):
            if self._is_here("before rename"):
                _die()
            replace(source, target, **options)
            if self._is_here("after rename"):
                _die()

        def half(descriptor, data):
            if len(data) > 1 and self._is_here("half write"):
                write(descriptor, data[: len(data) // 2])
                _die()
            return write(descriptor, data)

        @sa.event.listens_for(sa.Engine, "commit")
        def commit(_):
            if self._is_here("before commit"):
                _die()

        os.replace, os.write = rename, half


def forked(action: Callable[[], None], *, kill_after_s: float | None = None) -> tuple[int, str]:
    """Do something in a fork; how it ended, and its traceback if it raised."""
    told = Path(tempfile.mkstemp(prefix="torture")[1])
    pid = os.fork()
    if pid == 0:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        try:
            action()
            os._exit(0)
        except BaseException:
            told.write_text(traceback.format_exc(), encoding="utf-8")
            os._exit(1)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    text = told.read_text(encoding="utf-8")
    told.unlink()
    return os.waitstatus_to_exitcode(status), text


def undisturbed(name: str, base: Path) -> tuple[Seen, Counter[str], float]:
    """What an act leaves, how often it touches the disk, and how long it takes."""
    results, counts = base / "whole", base / "counts"

    def act() -> None:
        trap = Trap()
        trap.set()
        ACTS[name](results)
        counts.write_text(json.dumps(trap.seen), encoding="utf-8")

    ACTS[name](base / "warm")  # imports and caches that the forks then share
    gc.collect()  # of a store's connections a fork wants none
    started = time.perf_counter()
    code, text = forked(act)
    if code:
        raise RuntimeError(text)
    return (
        look(results),
        Counter(json.loads(counts.read_text(encoding="utf-8"))),
        time.perf_counter() - started,
    )  # written above


def go_on(name: str, kind: str, results: Path, whole: Seen, table: Table) -> None:
    """Take an act up again after its process was killed, and look."""
    before = look(results)
    code, text = forked(partial(ACTS[name], results))
    table.tried[kind] += 1
    if code:
        table.note(kind, "tracebacks", text)
        return
    after = look(results)
    if gone := lost(before, after):
        table.note(kind, "lost", gone[:3])
    if after.twice:
        table.note(kind, "twice", after.twice)
    if other := wrong(name, whole, after) + after.left:
        table.note(kind, "wrong", other[:3])


def _trapped(name: str, results: Path, point: str, at: int) -> None:
    Trap(point, at).set()
    ACTS[name](results)


def crash_points(name: str, most: int, table: Table) -> None:
    """Kill an act at each of its crash points, or at so many of each kind, evenly spread."""
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        whole, counts, _ = undisturbed(name, base)
        for point in POINTS:
            total = counts[point]
            chosen = sorted({1 + round(i * (total - 1) / max(1, min(most, total) - 1))
                             for i in range(min(most, total))})  # fmt: skip
            for at in chosen:
                results = base / "crashed"
                results.mkdir()

                code, text = forked(partial(_trapped, name, results, point, at))
                if code == 1:
                    table.note(f"crash: {name}", "tracebacks", text)
                go_on(name, f"crash: {name}", results, whole, table)
                shutil.rmtree(results)


def random_kills(name: str, count: int, table: Table, seed: int = 0) -> None:
    """Kill an act at random moments, several times in a row each."""
    rng = random.Random(f"{name} {seed}")
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        whole, _, took_s = undisturbed(name, base)
        done = 0
        while done < count:
            results = base / "killed"
            results.mkdir()
            for _ in range(rng.randrange(1, 4)):
                before = look(results)
                after_s = rng.uniform(0.0, took_s)
                code, text = forked(partial(ACTS[name], results), kill_after_s=after_s)
                done += 1
                if code == 1:
                    table.note(f"kill: {name}", "tracebacks", text)
                elif gone := lost(before, look(results)):
                    table.note(f"kill: {name}", "lost", gone[:3])
                table.tried[f"kill: {name}"] += 1
            go_on(name, f"kill: {name}", results, whole, table)
            table.tried[f"kill: {name}"] -= 1
            shutil.rmtree(results)
