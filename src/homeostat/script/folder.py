"""Folder: an attempt's working folder, with the user's files in it by link or by copy.

Reading works as in the user's own folder, new files stay in the attempt's, and a file that is
opened for writing is copied first, so attempts side by side cannot overwrite each other's best.pt,
or the user's. What libraries write below Python's `open` (torch.save, h5py) is copied beforehand
where it is small; whatever the user's folder looks like afterwards is compared with before.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

MOST_ENTRIES = 2000
"""Folders beyond so many entries are linked whole."""
COPIED_MB = 64
_BELOW_OPEN = {
    *(".pt", ".pth", ".ckpt", ".bin", ".safetensors", ".h5", ".hdf5", ".npz", ".npy", ".parquet"),
    *(".pkl", ".pickle", ".db", ".sqlite", ".onnx", ".msgpack", ".joblib", ".keras", ".model"),
}
"""Kinds of files that libraries write without asking Python's `open`."""
_NOT_THE_SCRIPTS = ("pyvenv.cfg", "studies.db", "studies")
"""A folder with one of these is an environment of Python, or the results of earlier runs."""
_WHOLE = {".git", ".venv", "venv", "node_modules", "__pycache__", ".mypy_cache", ".pytest_cache"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_PATH_EVENTS = {"os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.truncate", "shutil.rmtree"}


@dataclass(frozen=True)
class _Made:
    """An entry of the attempt's folder that stands for one of the user's."""

    kind: str
    """link, copy or folder."""
    source: str
    mark: tuple[int, int] | None = None
    """Of a copy: by which it is seen whether it was written to."""


class WorkFolder:
    """The working folder of one attempt.

    folder = WorkFolder(origin=Path.cwd(), place=trial.folder / "work")
    folder.open()      folder.path is where to work
    folder.close()     what was not touched is removed; `written` and `outside` say the rest

    Args:
        origin: The folder in which the user would run the script.
        place: Where the attempt's is made.
        levels: How far up ("../data") the script looks.
    """

    def __init__(self, origin: Path, place: Path, levels: int = 0) -> None:
        self.origin = origin
        self.place = place
        self.levels = min(levels, len(origin.parents) - 1)
        self.path = place
        self.written: list[str] = []
        """Files that the script left in its folder."""
        self.outside: list[str] = []
        """Files of the user's own that it opened for writing."""
        self._made: dict[str, _Made] = {}
        self._seen: dict[str, int] = {}
        """The user's folders that are mirrored -> when each last changed."""
        self._left = MOST_ENTRIES
        self._copied = 0

    def open(self) -> None:
        top = self.origin
        for _ in range(self.levels):
            top = top.parent
        self.path = self.place / self.origin.relative_to(top)
        self.place.mkdir(parents=True, exist_ok=True)
        here = top
        for part in (*self.origin.relative_to(top).parts, None):
            inside = self.place / here.relative_to(top)
            if inside != self.place:
                self._make(_Made("folder", str(here)), str(inside))
            if part is None:
                self._fill(here, inside)
            else:
                self._link_entries(here, inside, but=part)
                here = here / part
        _watch(self)

    def _entries(self, folder: Path) -> list[os.DirEntry[str]]:
        try:
            self._seen[str(folder)] = folder.stat().st_mtime_ns
            with os.scandir(folder) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except OSError:
            return []

    def _holds_us(self, path: str) -> bool:
        return str(self.place).startswith(path + os.sep)

    def _link_entries(self, folder: Path, inside: Path, but: str = "") -> None:
        for entry in self._entries(folder)[:MOST_ENTRIES]:
            if entry.name != but and not self._holds_us(entry.path):
                self._make(_Made("link", entry.path), str(inside / entry.name))

    def _make(self, made: _Made, path: str) -> None:
        with contextlib.suppress(OSError):
            if made.kind == "link":
                os.symlink(made.source, path)  # noqa: PTH211 (hot path)
            elif made.kind == "folder":
                os.mkdir(path)  # noqa: PTH102
            else:
                shutil.copy2(made.source, path)
                made = replace(made, mark=_mark(path))
            self._made[path] = made

    def _fill(self, folder: Path, inside: Path) -> None:
        entries = self._entries(folder)
        self._left -= len(entries)
        for entry in entries:
            if self._holds_us(entry.path):
                continue
            path = str(inside / entry.name)
            if entry.is_dir(follow_symlinks=False) and self._is_mirrored(entry):
                self._make(_Made("folder", entry.path), path)
                self._fill(Path(entry.path), Path(path))
            else:
                kind = "copy" if self._must_copy(entry) else "link"
                self._make(_Made(kind, entry.path), path)

    def _is_mirrored(self, entry: os.DirEntry[str]) -> bool:
        """Whether a folder's entries are linked one by one, and not the folder as a whole."""
        if entry.name in _WHOLE or any(
            os.path.exists(os.path.join(entry.path, name))  # noqa: PTH110, PTH118
            for name in _NOT_THE_SCRIPTS
        ):
            return False
        return self._left > 0 and _at_most(entry.path, self._left)

    def _must_copy(self, entry: os.DirEntry[str]) -> bool:
        if os.path.splitext(entry.name)[1] not in _BELOW_OPEN:  # noqa: PTH122
            return False
        with contextlib.suppress(OSError):
            size = entry.stat().st_size
            if entry.is_file() and self._copied + size <= COPIED_MB * 2**20:
                self._copied += size
                return True
        return False

    # While the script runs

    def about_to_write(self, path: str) -> None:
        """Make every linked folder on the way the attempt's own, and the file a copy."""
        full = os.path.abspath(path)  # noqa: PTH100 (links must stay)
        root = str(self.place)
        if not full.startswith(root + os.sep):
            if full.startswith(str(self.origin) + os.sep) and not self._is_ours(full):
                self.outside.append(full)
            return
        here = root
        parts = Path(full).relative_to(root).parts
        for number, part in enumerate(parts):
            here = os.path.join(here, part)  # noqa: PTH118
            if not os.path.islink(here):  # noqa: PTH114
                continue
            target = os.readlink(here)  # noqa: PTH115
            if os.path.isdir(target):  # noqa: PTH112
                if number < len(parts) - 1:
                    os.unlink(here)  # noqa: PTH108
                    self._make(_Made("folder", target), here)
                    self._link_entries(Path(target), Path(here))
            else:
                os.unlink(here)  # noqa: PTH108
                self._made.pop(here, None)
                with contextlib.suppress(OSError):
                    shutil.copy2(target, here)

    def _is_ours(self, path: str) -> bool:
        """Whether a file under the user's folder is one of the results, or Python's own."""
        if "__pycache__" in path or self.origin not in self.place.parents:
            return "__pycache__" in path
        results = self.origin / self.place.relative_to(self.origin).parts[0]
        return path.startswith(str(results) + os.sep)

    # At its end

    def close(self) -> None:
        _watch(None)
        for path, made in sorted(self._made.items(), reverse=True):
            with contextlib.suppress(OSError):
                if made.kind == "folder":
                    os.rmdir(path)  # if nothing is left in it  # noqa: PTH106
                elif _is_as_made(path, made):
                    os.unlink(path)  # noqa: PTH108
        self._made.clear()
        self.written = sorted(self._files())
        for folder in sorted(self._folders(), reverse=True):
            with contextlib.suppress(OSError):
                os.rmdir(folder)  # noqa: PTH106

    def _files(self) -> Iterator[str]:
        for folder, _, files in os.walk(self.place):
            for name in files:
                yield os.path.relpath(os.path.join(folder, name), self.place)  # noqa: PTH118

    def _folders(self) -> list[str]:
        return [folder for folder, _, _ in os.walk(self.place)]


class PassingFolder(WorkFolder):
    """A working folder for runs whose files nobody keeps; made once, then only put in order.

    In a folder of thousands of files making it takes longer than a short run.
    """

    _first: Mapping[str, _Made] = MappingProxyType({})

    def open(self) -> None:
        self.outside = []
        if self._first and all(_changed(f) == at for f, at in self._seen.items()):
            _watch(self)
            return
        shutil.rmtree(self.place, ignore_errors=True)
        for known in (self._made, self._seen):
            known.clear()
        self._left, self._copied = MOST_ENTRIES, 0
        super().open()
        self._first = dict(self._made)

    def close(self) -> None:
        """Remove what was written, put back what was replaced."""
        _watch(None)
        for folder, folders, files in os.walk(self.place):
            for name in (*folders, *files):
                path = os.path.join(folder, name)  # noqa: PTH118
                made = self._first.get(path)
                if made is None or not _is_as_made(path, made):
                    is_folder = os.path.isdir(path) and not os.path.islink(path)  # noqa: PTH112, PTH114
                    shutil.rmtree(path) if is_folder else os.unlink(path)  # noqa: PTH108
                    folders[:] = [other for other in folders if other != name]
        self._made = dict(self._first)
        for path, made in self._first.items():
            if not os.path.lexists(path):
                self._make(made, path)


def _is_as_made(path: str, made: _Made) -> bool:
    """Whether an entry is still what was put there."""
    if made.kind == "link":
        return os.path.islink(path) and os.readlink(path) == made.source  # noqa: PTH114, PTH115
    if os.path.islink(path):  # noqa: PTH114
        return False
    return os.path.isdir(path) if made.kind == "folder" else _mark(path) == made.mark  # noqa: PTH112


def _changed(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns  # noqa: PTH116
    except OSError:
        return -1


_passing: dict[tuple[Path, int], tuple[PassingFolder, Any]] = {}


def passing_folder(origin: Path, levels: int) -> PassingFolder:
    """The folder of this process for runs in `origin` whose files nobody keeps."""
    if (origin, levels) not in _passing:
        place = tempfile.TemporaryDirectory(prefix="homeostat_work_", ignore_cleanup_errors=True)
        folder = PassingFolder(origin, Path(place.name).resolve() / "work", levels)
        _passing[origin, levels] = folder, place
    return _passing[origin, levels][0]


def _at_most(folder: str, count: int) -> bool:
    """Whether a folder has at most so many entries of its own; counted no further."""
    try:
        with os.scandir(folder) as entries:
            return all(number < count for number, _ in enumerate(entries))
    except OSError:
        return False


def _mark(path: str) -> tuple[int, int]:
    state = os.stat(path)  # noqa: PTH116
    return state.st_mtime_ns, state.st_size


_state: dict[str, Any] = {"folder": None, "installed": False, "busy": False}


def _watch(folder: WorkFolder | None) -> None:
    """Which folder's files are copied before they are written to; an audit hook cannot be removed,
    so there is one a process, and it does nothing while there is no folder.
    """
    _state["folder"] = folder
    if not _state["installed"]:
        _state["installed"] = True
        sys.addaudithook(_audit)


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    folder = _state["folder"]
    if folder is None or _state["busy"]:
        return
    if event == "open":
        path, mode, flags = arguments
        writes = flags & _WRITING if isinstance(flags, int) else False
        if not writes and not (isinstance(mode, str) and set(mode) & set("wax+")):
            return
    elif event in _PATH_EVENTS:
        path = arguments[0]
    else:
        return
    if not isinstance(path, (str, bytes, os.PathLike)):
        return  # a file by its number
    _state["busy"] = True
    try:
        folder.about_to_write(os.fsdecode(path))
    finally:
        _state["busy"] = False
