"""Hold: who writes a folder keeps a lock on it for as long as it does.

    with Hold(folder):
        ...                      is_held(folder) says True, in every process of the machine

The kernel lets go when the process ends, however it ends; so whether somebody writes is held, and
never inferred from a process number or a clock. The lock is `flock` on the folder itself: nothing
is written, and nothing is left behind. A study's driver has a file of its own for it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
import weakref
from pathlib import Path
from typing import Self

from homeostat.errors import RecordError
from homeostat.record.files import make_folder, remove_leftovers

PATIENCE_S = 10.0
"""A worker whose driver was killed lives until it notices, for a moment."""
_RETRY_S = 0.01
_GLANCE_S = 0.05
"""A look takes the lock for an instant; this long after, it is no look."""

_BUSY = (errno.EWOULDBLOCK, errno.EACCES, errno.EAGAIN)
_mine: weakref.WeakValueDictionary[str, Hold]


class Hold:
    """The lock on a folder, or on a file that is made for it and removed with it.

    Args:
        path: The folder; with `file`, the file.
        patience_s: How long to wait for another process to let go.

    Raises:
        RecordError: If another process, or another part of this one, keeps it.
    """

    def __init__(self, path: Path, *, file: bool = False, patience_s: float = PATIENCE_S) -> None:
        self.path = path.absolute()
        self.works = True
        """False on a file system without locks, where only heartbeats tell."""
        self._file = file
        self._descriptor = -1
        self._pid = os.getpid()
        until = time.monotonic() + max(patience_s, _GLANCE_S)
        while not self._taken():
            if time.monotonic() > until:
                raise RecordError(f"Another process is writing {path}.", hint="Stop it first.")
            time.sleep(_RETRY_S)
        if not file:
            remove_leftovers(self.path)
        _mine[str(self.path)] = self
        self._let_go = weakref.finalize(self, _close, self._descriptor, self._pid)

    def _taken(self) -> bool:
        """Try once."""
        if self._file:
            make_folder(self.path.parent)
        flags = os.O_RDWR | os.O_CREAT if self._file else os.O_RDONLY | os.O_DIRECTORY
        descriptor = -1
        try:
            descriptor = os.open(self.path, flags | os.O_CLOEXEC, 0o644)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if descriptor >= 0:
                os.close(descriptor)
            self.works = error.errno in _BUSY and descriptor >= 0
            return not self.works
        if not self._is_still_there(descriptor):  # its holder removed it as we opened it
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def _is_still_there(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self.path.stat())
        except OSError:
            return False

    def release(self) -> None:
        """Let go; once more does nothing."""
        if self._let_go.alive:
            if self._file and self._descriptor >= 0 and self._pid == os.getpid():
                with contextlib.suppress(OSError):
                    self.path.unlink()
            self._let_go()
        if _mine.get(str(self.path)) is self:
            del _mine[str(self.path)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


_mine = weakref.WeakValueDictionary()


def _close(descriptor: int, pid: int) -> None:
    # A forked child has closed its copy already, and the number may be somebody else's by now.
    if descriptor >= 0 and pid == os.getpid():
        os.close(descriptor)


def _forget_in_child() -> None:
    """A forked child (a DataLoader's worker) does not write: its copy must not keep the lock."""
    for hold in list(_mine.values()):
        if hold._descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(hold._descriptor)
    _mine.clear()


os.register_at_fork(after_in_child=_forget_in_child)


def holds(path: Path) -> bool:
    """Whether this process keeps a lock on it that others can see."""
    hold = _mine.get(str(path.absolute()))
    return hold is not None and hold.works


def is_held(path: Path) -> bool | None:
    """Whether somebody writes it; None where that cannot be told."""
    if holds(path):
        return True
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return True if error.errno in _BUSY else None
    finally:
        os.close(descriptor)
    return False
