"""Mirror: the files of an attempt that is made on another machine, brought home as they grow.

What is appended to comes home in pieces, so that every report is on disk at home when it is heard
of; a snapshot as soon as it is written, so that the attempt can go on elsewhere; the rest comes at
the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from homeostat.record.attempt import FILE, LOG, SNAPSHOT
from homeostat.record.curves import FILE as CURVES
from homeostat.record.files import cannot_write, make_folder, write_bytes

_GROWING = (CURVES, LOG)


@dataclass(frozen=True)
class Piece:
    """A file, or what was added to it since the last time."""

    path: str
    """Within the attempt's folder."""
    data: bytes
    added: bool = False


class Watched:
    """An attempt's folder where it is made."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sent: dict[str, tuple[int, int]] = {}

    def growth(self) -> list[Piece]:
        """What there is of reports, log and snapshot that was not sent yet."""
        # The snapshot first: what it goes on from must not be ahead of the reports beside it.
        snapshot = list(self._changed([SNAPSHOT]))
        grown = (self._grown(name) for name in _GROWING)
        return [*snapshot, *(piece for piece in grown if piece is not None)]

    def rest(self) -> list[Piece]:
        """Everything that was not sent yet, artifacts included."""
        return [*self.growth(), *self._changed(p for p, _ in _files(self._folder))]

    def _grown(self, name: str) -> Piece | None:
        path = self._folder / name
        before, _ = self._sent.get(name, (0, 0))
        if not path.exists() or path.stat().st_size == before:
            return None
        with path.open("rb") as file:
            if path.stat().st_size < before:  # a torn last line was cut off
                before = 0
            file.seek(before)
            data = file.read()
        first = name not in self._sent or before == 0
        self._sent[name] = (before + len(data), 0)
        return Piece(name, data, added=not first)

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
        RecordError: If the disk refuses.
    """
    for piece in pieces:
        path = folder / piece.path
        make_folder(path.parent)
        if not piece.added:
            write_bytes(path, piece.data)
            continue
        try:
            with path.open("ab") as file:
                file.write(piece.data)
        except OSError as error:
            raise cannot_write(path, error) from error
