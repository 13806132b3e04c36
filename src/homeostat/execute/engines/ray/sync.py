"""Sync: the files of an attempt that is made on another machine, brought home as they grow.

What is appended to comes home in pieces, so that every report is on disk at home when it is heard
of; a snapshot as soon as it is written, so that the attempt can go on elsewhere; the rest comes at
the end.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from homeostat.errors import RecordError
from homeostat.record.attempt import FILE, LOG, SNAPSHOT
from homeostat.record.curves import FILE as CURVES
from homeostat.record.files import cannot_write, make_folder, write_all, write_bytes
from homeostat.record.growing import GrowingFile

_GROWING = (CURVES, LOG)


@dataclass(frozen=True)
class Piece:
    """A file, or what it gained since the last time."""

    path: str
    """Within the attempt's folder."""
    data: bytes
    at: int = 0
    """Where in the file it goes: 0 for a whole file, which takes the place of what is there."""


class Watched:
    """An attempt's folder where it is made."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sent: dict[str, tuple[int, int]] = {}
        # Rows only as a whole: one that is cut off later must not have come home already.
        self._growing = [GrowingFile(folder / CURVES, whole_lines=True), GrowingFile(folder / LOG)]

    def growth(self) -> list[Piece]:
        """What there is of reports, log and snapshot that was not sent yet."""
        # The snapshot first: what it goes on from must not be ahead of the reports beside it.
        snapshot = list(self._changed([SNAPSHOT]))
        grown = ((file.path.name, file.more()) for file in self._growing)
        return [*snapshot, *(Piece(name, *growth) for name, growth in grown if growth is not None)]

    def rest(self) -> list[Piece]:
        """Everything that was not sent yet, artifacts included."""
        return [*self.growth(), *self._changed(p for p, _ in _files(self._folder))]

    def close(self) -> None:
        """Let go of the files that grow."""
        for file in self._growing:
            file.close()

    def _changed(self, names: Iterable[str]) -> Iterator[Piece]:
        for name in names:
            path = self._folder / name
            if name in _GROWING or name == FILE or not path.exists():
                continue
            state = (path.stat().st_size, path.stat().st_mtime_ns)
            if self._sent.get(name) != state:
                self._sent[name] = state
                yield Piece(name, path.read_bytes())


def everything(folder: Path) -> list[Piece]:
    """The whole folder, to go on with it elsewhere."""
    return [Piece(name, path.read_bytes()) for name, path in _files(folder)]


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.name.endswith(".tmp"):
            yield path.relative_to(folder).as_posix(), path


def put(folder: Path, pieces: list[Piece]) -> None:
    """Write what came.

    Raises:
        RecordError: If the disk refuses, or a file is shorter than where a piece of it begins.
    """
    for piece in pieces:
        path = folder / piece.path
        make_folder(path.parent)
        if piece.at == 0:
            write_bytes(path, piece.data)
        else:
            _extend(path, piece)


def _extend(path: Path, piece: Piece) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            here = os.fstat(descriptor).st_size
            if here < piece.at:
                raise RecordError(f"{path} has {here} bytes, and the next piece is for {piece.at}.")
            os.ftruncate(descriptor, piece.at)
            os.lseek(descriptor, piece.at, os.SEEK_SET)
            write_all(descriptor, piece.data)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise cannot_write(path, error) from error
