"""Code: the files that a workload consists of, and one digest of them.

A workload's own modules are those that its file imports, directly or not, from its folder or its
package; of a command, the scripts that its YAML file names. What is installed beside them is told
by versions (`fingerprint`). Imports are read from the text, never run.

    code_of(Path("mlp.py"))     Code(digest="own-1f0c...", files={"mlp.py": ..., "model.py": ...})
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_HERE = Path(__file__).resolve().parents[1]
_MARK = "own-"
"""Begins a digest of all modules; one of an earlier version is of the workload's file alone."""
_SCRIPTS = frozenset({"", ".py", ".sh", ".bash", ".r", ".jl", ".lua", ".pl", ".rb", ".js", ".m"})
_IMPORTERS = ("import_module", "__import__")


@dataclass(frozen=True)
class Code:
    """A workload's own files at one moment."""

    digest: str
    files: Mapping[str, str]
    """Path from the workload's folder -> a digest of the file."""

    def changed(self, before: Mapping[str, str]) -> list[str]:
        """The files that differ from those, were added, or are gone."""
        return sorted(n for n in {*before, *self.files} if before.get(n) != self.files.get(n))


def code_of(source: Path | None) -> Code | None:
    """A workload's code as it is on disk now; None without a file (a notebook) or if it is gone."""
    if source is None or not source.is_file():
        return None
    state, code = _latest.get(source, ((), None))
    # Looking for imports at each of 1,000 trials adds up; that nothing has changed is seen at once.
    if code is None or any(_stamp(path) != stamp for path, stamp in state):
        files = _own_files(source)
        folders = dict.fromkeys(path.parent for path in files)
        state = tuple((path, _stamp(path)) for path in (*files, *folders))
        code = _digest(source, files)
        _latest[source] = state, code
    return code


def code_digest(source: Path | None) -> str | None:
    """The digest alone."""
    code = code_of(source)
    return None if code is None else code.digest


def is_same(digest: str | None, source: Path | None) -> bool:
    """Whether a digest that was written down is of the code on disk.

    One of an earlier version knows the workload's file alone.
    """
    if digest is None or source is None or digest.startswith(_MARK):
        return digest == code_digest(source)
    return source.is_file() and _of_file(source, *_stamp(source))[:16] == digest


def _own_files(source: Path) -> tuple[Path, ...]:
    """The workload's file and what it consists of, whatever state the files are in."""
    source = source.resolve()
    if source.suffix in (".yaml", ".yml"):
        return _walk((source, *_named_in(source)), source)
    return _walk((source,), source)


def _walk(first: tuple[Path, ...], source: Path) -> tuple[Path, ...]:
    """Every file that those reach by imports of their own modules."""
    waiting, known = list(first), dict.fromkeys(first)
    while waiting:
        path = waiting.pop()
        if path.suffix != ".py":
            continue
        for other in _Imports(path).files():
            if other not in known and _belongs(other, source):
                known[other] = None
                waiting.append(other)
    return tuple(known)


def _belongs(path: Path, source: Path) -> bool:
    """Whether a file is the workload's own, and not this program's, which has a version."""
    return _HERE not in path.parents or source.parent in path.parents


def _named_in(source: Path) -> Iterator[Path]:
    """Scripts beside a YAML file that it names."""
    text = source.read_text(encoding="utf-8", errors="replace")
    for word in dict.fromkeys(re.split(r"[\s\"'\[\],]+", text)):
        word = word.replace("{here}/", "")
        try:
            path = source.parent.joinpath(word).resolve() if word else source
            if path != source and path.suffix.lower() in _SCRIPTS and path.is_file():
                yield path
        except (OSError, ValueError):  # no name of a file
            continue


class _Imports:
    """The files that one file imports from beside itself, or from its package."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # The package that the file is in, from the outermost on; none for a file by itself.
        self._package: list[str] = []
        root = path.parent
        while (root / "__init__.py").is_file():
            self._package.insert(0, root.name)
            root = root.parent
        self._root = root

    def files(self) -> Iterator[Path]:
        for name in _imported(self._path, *_stamp(self._path)):
            dots = len(name) - len(name.lstrip("."))
            parts = [part for part in name[dots:].split(".") if part]
            if dots:
                base = self._path.parent
                for _ in range(dots - 1):
                    base = base.parent
                yield from _modules(base, parts)
            elif parts and self._is_own(parts[0]):
                yield from _modules(self._root, parts)
                # A script in a folder that only looks like a package still finds its neighbours.
                yield from _modules(self._path.parent, parts)

    def _is_own(self, top: str) -> bool:
        if top in sys.stdlib_module_names:
            return False
        # Beside a package lies whatever else is installed.
        return not self._package or top == self._package[0] or self._is_beside(top)

    def _is_beside(self, top: str) -> bool:
        return self._path.with_name(f"{top}.py").is_file()


def _modules(base: Path, parts: list[str]) -> Iterator[Path]:
    """The files that an import of a dotted name executes, as far as they are there."""
    for part in parts:
        here = base / part
        for path in (here / "__init__.py", here.with_suffix(".py")):
            if path.is_file():
                yield path.resolve()
        base = here


@lru_cache(maxsize=4096)
def _imported(path: Path, modified_ns: int, size: int) -> tuple[str, ...]:
    """What a file imports anywhere, as dotted names with their leading dots."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return ()
    names: dict[str, None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(dict.fromkeys(alias.name for alias in node.names))
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            link = "" if base.endswith(".") or not base else "."
            names[base] = None
            names.update(dict.fromkeys(f"{base}{link}{alias.name}" for alias in node.names))
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(_IMPORTERS):
            words = (a.value for a in node.args[:1] if isinstance(a, ast.Constant))
            names.update(dict.fromkeys(word for word in words if isinstance(word, str)))
    return tuple(names)


def _stamp(path: Path) -> tuple[int, int]:
    """Changes with a file, or with what is in a folder."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


_latest: dict[Path, tuple[tuple[tuple[Path, tuple[int, int]], ...], Code | None]] = {}


def _digest(source: Path, paths: tuple[Path, ...]) -> Code:
    folder = source.resolve().parent
    files = {_name(path, folder): _of_file(path, *_stamp(path)) for path in paths}
    text = "\n".join(f"{name} {digest}" for name, digest in sorted(files.items()))
    return Code(
        digest=_MARK + hashlib.sha256(text.encode()).hexdigest()[:16],
        files={name: digest[:12] for name, digest in files.items()},
    )


def _name(path: Path, folder: Path) -> str:
    """From the workload's folder, so that the same code elsewhere has the same digest."""
    return Path(os.path.relpath(path, folder)).as_posix()


@lru_cache(maxsize=4096)
def _of_file(path: Path, modified_ns: int, size: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
