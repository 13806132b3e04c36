"""Liveness: whether the process that a record names still runs.

1. Somebody holds what the record describes (`record.hold`): it lives.
2. It was held, by a process of this machine since it was switched on, and nobody holds it: it died.
3. Without locks, a process of this machine is known by its number and the tick it began at, which
   no change of the clock moves; both count within one PID namespace (a container) only.
4. Of another machine, or another container without locks, there is only the last sign of life.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import psutil

REMOTE_SILENCE_S = 600.0
"""A process that cannot be asked is taken for dead after so long without a sign of life."""
LARGEST_SKEW_S = 86400.0
"""A sign of life from further in the future is a damaged one, not another machine's clock."""


def owner() -> dict[str, Any]:
    """Who writes a record: which process, since when, on which machine, since which start of it."""
    return _this_process(os.getpid())


def is_this_process(record: Mapping[str, Any]) -> bool:
    """Whether a record was written by this process."""
    return all(record.get(key) == value for key, value in owner().items())


@lru_cache(maxsize=1)
def _this_process(pid: int) -> dict[str, Any]:
    return {
        "pid": pid,
        "pid_started": _start_time(pid),
        "host": socket.gethostname(),
        "boot": _boot(),
        "pid_namespace": _pid_namespace(),
        "start_ticks": _start_ticks(pid),
    }


@lru_cache(maxsize=1)
def _boot() -> str | None:
    """A name that the kernel draws when it starts; all containers on it share it."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    return None


def _pid_namespace() -> str | None:
    with contextlib.suppress(OSError):
        return os.readlink("/proc/self/ns/pid")  # noqa: PTH115 (a name, not a path)
    return None


def _start_ticks(pid: int) -> int | None:
    """When a process began, in the kernel's ticks since it started: no clock moves it."""
    try:
        # The second field is the program's name, which may hold spaces and brackets.
        _, _, rest = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")
        return int(rest.split()[19])
    except (OSError, IndexError, ValueError):
        return None


def _start_time(pid: int) -> float | None:
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return None


def _is_zombie(pid: int) -> bool:
    """Dead, and only still listed because its parent has not asked how it died."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def is_alive(record: Mapping[str, Any], silence_s: float, held: bool | None = None) -> bool:
    """Whether the process that owns a record still runs.

    Args:
        record: Holds what `owner` gave, and `held`: whether it kept a lock on what it wrote.
        silence_s: Seconds since its last sign of life; infinite when it gave the record up.
        held: What `hold.is_held` says now.
    """
    if held:
        return True
    if silence_s == float("inf"):
        return False
    if record.get("host") == socket.gethostname() and record.get("boot") not in (None, _boot()):
        return False  # the machine was started anew since
    if record.get("boot") is not None and record["boot"] == _boot():
        if record.get("held") and held is False:
            return False
        if record.get("pid_namespace") == _pid_namespace():
            return _is_running(record)
    elif record.get("boot") is None and record.get("host") == socket.gethostname():
        return _is_running(record)
    return -LARGEST_SKEW_S < silence_s < REMOTE_SILENCE_S


def _is_running(record: Mapping[str, Any]) -> bool:
    """Whether a process of this machine runs. A number alone can be somebody else's by now."""
    pid, ticks, started = (record.get(key) for key in ("pid", "start_ticks", "pid_started"))
    if not isinstance(pid, int) or _is_zombie(pid):
        return False
    if isinstance(ticks, int):
        return _start_ticks(pid) == ticks
    actual = _start_time(pid)
    # Of systems without ticks, and of records of an earlier version: by the clock, which may have
    # been corrected by a little.
    known = actual is not None and isinstance(started, (int, float))
    return known and abs(actual - started) < 2.0  # type: ignore[operator]  # both are numbers


def silence(heartbeat: float) -> float:
    """Seconds since a file was touched; infinite for one that was given up (`stop_heartbeat`)."""
    return float("inf") if heartbeat == 0 else time.time() - heartbeat


def stop_heartbeat(path: Path) -> None:
    """Give a record up without writing to it, which a full disk would refuse."""
    with contextlib.suppress(OSError):
        os.utime(path, (0, 0))
