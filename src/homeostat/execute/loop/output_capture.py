"""Where what is printed goes: into the log of the attempt whose turn it is."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from homeostat.record.attempt import LOG
from homeostat.record.files import cannot_write, make_folder

_STREAMS = (1, 2)


class OutputCapture:
    """Sends everything printed, by libraries in C too, to the logs of attempts.

    While entered, output goes to the first attempt's log until `to` names another.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        self._logs: dict[Path, int] = {}
        self._before: list[int] = []
        self._now: Path | None = None
        for folder in folders:
            make_folder(folder)
            path = folder / LOG
            try:
                log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            except OSError as error:
                self._close()
                raise cannot_write(path, error) from error
            self._logs[folder] = log

    def __enter__(self) -> Self:
        self._before = [os.dup(number) for number in _STREAMS]
        self.to(next(iter(self._logs)))
        return self

    def to(self, folder: Path | None) -> None:
        """From here on it is this attempt's; nobody's when None."""
        if folder == self._now:
            return
        _flush()
        self._now = folder
        for number, before in zip(_STREAMS, self._before, strict=True):
            os.dup2(before if folder is None else self._logs[folder], number)

    def __exit__(self, *_: object) -> None:
        self.to(None)
        for before in self._before:
            os.close(before)
        self._close()

    def _close(self) -> None:
        for folder, log in self._logs.items():
            os.close(log)
            with contextlib.suppress(OSError):
                if (folder / LOG).stat().st_size == 0:
                    (folder / LOG).unlink()


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
