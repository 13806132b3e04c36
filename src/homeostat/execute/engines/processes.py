"""Processes that end with their parent, and with all of their children."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys

import psutil

from homeostat.workload.process import kill_marked

MARK = "HOMEOSTAT_WORKER"
"""An environment variable that a worker's descendants inherit, by which they are found."""

_PR_SET_PDEATHSIG = 1


def end_with_parent(parent: int) -> None:
    """Have the kernel end this process some seconds after its parent dies (Linux only).

    A thread that sees the parent's pipe close does so at once, and kills what we had started too.
    This is for when that thread cannot run: the main one hangs in C and keeps the interpreter.
    """
    if sys.platform == "linux":
        # Nothing of Python's can run then, so the kernel's signal is to call a function of C:
        # alarm(16), 16 being the signal's number, which no program uses. Its SIGALRM is deadly.
        libc = ctypes.CDLL(None, use_errno=True)
        libc.signal.argtypes = (ctypes.c_int, ctypes.c_void_p)
        libc.signal(signal.SIGSTKFLT, ctypes.cast(libc.alarm, ctypes.c_void_p))
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGSTKFLT)
    if os.getppid() != parent:  # it died before we could ask
        os._exit(1)


def kill_tree(pid: int, mark: str) -> None:
    """Kill a process and everything it started."""
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(pid)
        root.suspend()  # or it could start another child while we look
        kill_children(root)
        root.kill()
    kill_marked(MARK, mark)


def kill_children(root: psutil.Process) -> None:
    """Kill what a process started, and what those did."""
    for child in root.children(recursive=True):
        with contextlib.suppress(psutil.Error):
            child.kill()


def memory_mb(pid: int, *, with_children: bool) -> float:
    """Memory in use by a process, and by its descendants if wanted; 0 when it is gone."""
    total = 0
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(pid)
        total = root.memory_info().rss
        for child in root.children(recursive=True) if with_children else ():
            with contextlib.suppress(psutil.Error):
                total += child.memory_info().rss
    return total / 2**20


def how_it_died(code: int | None) -> str:
    """What an exit code says, for people."""
    if code is None:
        return "the worker process died"
    if code >= 0:
        return f"the worker process ended with exit code {code}"
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    hint = " (out of memory, perhaps)" if name == "SIGKILL" else ""
    return f"the worker process was killed by {name}{hint}"
