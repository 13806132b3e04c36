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
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MOST_ENTRIES = 2000
"""Folders beyond so many entries are linked whole."""
COPIED_MB = 64
_BELOW_OPEN = {
    *(".pt", ".pth", ".ckpt", ".bin", ".safetensors", ".h5", ".hdf5", ".npz", ".npy", ".parquet"),
    *(".pkl", ".pickle", ".db", ".sqlite", ".onnx", ".msgpack", ".joblib", ".keras", ".model"),
}
"""Kinds of files that libraries write without asking Python's `open`."""
_WHOLE = {".git", ".venv", "venv", "node_modules", "__pycache__", ".mypy_cache", ".pytest_cache"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_PATH_EVENTS = {"os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.truncate", "shutil.rmtree"}


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
        self._made: dict[str, Any] = {}
        self._left = MOST_ENTRIES
        self._copied = 0

    def open(self) -> None:
        self.place.mkdir(parents=True, exist_ok=True)
        top = self.origin
        for _ in range(self.levels):
            top = top.parent
        self.path = self.place / self.origin.relative_to(top)
        here = top
        for part in (*self.origin.relative_to(top).parts, None):
            inside = self.place / here.relative_to(top)
            inside.mkdir(exist_ok=True)
            if part is None:
                self._fill(here, inside)
            else:
                self._link_entries(here, inside, but=part)
                here = here / part
        _watch(self)

    def _entries(self, folder: Path) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except OSError:
            return []

    def _holds_us(self, path: str) -> bool:
        return str(self.place).startswith(path + os.sep)

    def _link_entries(self, folder: Path, inside: Path, but: str = "") -> None:
        for entry in self._entries(folder)[:MOST_ENTRIES]:
            if entry.name != but and not self._holds_us(entry.path):
                self._link(entry.path, inside / entry.name)

    def _link(self, target: str, link: Path) -> None:
        with contextlib.suppress(OSError):
            os.symlink(target, link)  # noqa: PTH211 (hot path)
            self._made[str(link)] = None

    def _fill(self, folder: Path, inside: Path) -> None:
        entries = self._entries(folder)
        self._left -= len(entries)
        for entry in entries:
            if self._holds_us(entry.path):
                continue
            link = inside / entry.name
            if entry.is_dir(follow_symlinks=False):
                self._folder(entry, link)
            elif self._must_copy(entry):
                self._copy(entry.path, link)
            else:
                self._link(entry.path, link)

    def _folder(self, entry: os.DirEntry[str], link: Path) -> None:
        few = self._left > 0 and _at_most(entry.path, self._left)
        environment = os.path.exists(os.path.join(entry.path, "pyvenv.cfg"))  # noqa: PTH110, PTH118
        if entry.name in _WHOLE or environment or not few:
            self._link(entry.path, link)
            return
        link.mkdir(exist_ok=True)
        self._made[str(link)] = "folder"
        self._fill(Path(entry.path), link)

    def _must_copy(self, entry: os.DirEntry[str]) -> bool:
        if os.path.splitext(entry.name)[1] not in _BELOW_OPEN:  # noqa: PTH122
            return False
        with contextlib.suppress(OSError):
            size = entry.stat().st_size
            if self._copied + size <= COPIED_MB * 2**20:
                self._copied += size
                return True
        return False

    def _copy(self, source: str, target: Path) -> None:
        with contextlib.suppress(OSError):
            shutil.copy2(source, target)
            self._made[str(target)] = _mark(target)

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
                    self._own_folder(here, target)
            else:
                os.unlink(here)  # noqa: PTH108
                self._made.pop(here, None)
                with contextlib.suppress(OSError):
                    shutil.copy2(target, here)

    def _own_folder(self, link: str, target: str) -> None:
        os.unlink(link)  # noqa: PTH108
        os.mkdir(link)  # noqa: PTH102
        self._made[link] = "folder"
        self._link_entries(Path(target), Path(link))

    def _is_ours(self, path: str) -> bool:
        """Whether a file under the user's folder is one of the results, or Python's own."""
        if "__pycache__" in path or self.origin not in self.place.parents:
            return "__pycache__" in path
        results = self.origin / self.place.relative_to(self.origin).parts[0]
        return path.startswith(str(results) + os.sep)

    # At its end

    def close(self) -> None:
        _watch(None)
        for name, mark in sorted(self._made.items(), reverse=True):
            path = Path(name)
            with contextlib.suppress(OSError):
                if mark is None:
                    if path.is_symlink():
                        path.unlink()
                elif mark == "folder":
                    path.rmdir()  # if nothing is left in it
                elif _mark(path) == mark:
                    path.unlink()
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


def _at_most(folder: str, count: int) -> bool:
    """Whether a folder has at most so many entries of its own; counted no further."""
    try:
        with os.scandir(folder) as entries:
            return all(number < count for number, _ in enumerate(entries))
    except OSError:
        return False


def _mark(path: Path) -> tuple[int, int]:
    state = path.stat()
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
