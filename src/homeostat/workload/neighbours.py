"""Neighbours: the modules beside a workload's file, which are its own and nobody else's.

`from model import Net` means the `model.py` beside the file that says so, as it does for a script;
two files of different folders that are loaded in one process each get theirs, and the caller's own
`model` stays what it was.

While a file is being read, while its loop runs, and while one of its functions imports something,
its neighbours stand in `sys.modules` under their plain names, and its folder is first on
`sys.path`. Otherwise they do not.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib.abc
import importlib.machinery
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from homeostat.record.code import Code, code_of

_VARIABLE = "__homeostat_neighbours__"
_lock = threading.RLock()


class Neighbours:
    """The modules of one folder, loaded for workloads in it.

    neighbours.execute(module, run)     with its imports meaning the folder's, now and later
    with neighbours.in_place():         they are what `import` finds
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._modules: dict[str, ModuleType] = {}
        self._finder = _Finder(self)
        self._depth = 0
        self._aside: dict[str, ModuleType] = {}
        self._shared: frozenset[str] = frozenset()
        self._seen = -1
        self._names: dict[str, bool] = {}

    def owns(self, name: str) -> bool:
        """Whether an import of that name means something in the folder."""
        return name.partition(".")[0] in self._names

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """They are what `import` finds; may be nested."""
        self.enter()
        try:
            yield
        finally:
            self.leave()

    def enter(self) -> None:
        """Put them in place."""
        with _lock:
            self._depth += 1
            if self._depth > 1:
                return
            self._look()
            present = self._present()
            self._aside = {n: m for n, m in present.items() if n in self._modules or self._hides(m)}
            # What the caller has imported from the very same files, and we have not, is shared.
            self._shared = frozenset(present.keys() - self._aside.keys())
            for name in self._aside:
                del sys.modules[name]
            sys.modules.update(self._modules)
            sys.meta_path.insert(0, self._finder)
            sys.path.insert(0, str(self.folder))

    def leave(self) -> None:
        """Take them out again; what was imported meanwhile is theirs."""
        with _lock:
            self._depth -= 1
            if self._depth:
                return
            for name, module in self._present().items():
                if name not in self._shared and self._is_own(module):
                    self._modules[name] = sys.modules.pop(name)
            sys.modules.update(self._aside)
            self._aside = {}
            if self._finder in sys.meta_path:
                sys.meta_path.remove(self._finder)
            if str(self.folder) in sys.path:
                sys.path.remove(str(self.folder))

    def _look(self) -> None:
        """See which names the folder has, if anything in it has come or gone."""
        now = self.folder.stat().st_mtime_ns
        if now != self._seen:
            self._seen, self._names = now, dict(_importable(self.folder))

    def _present(self) -> dict[str, ModuleType]:
        """The modules that `import` finds now under names that the folder has too."""
        tops = {name for name in self._names if name in sys.modules}
        # Most of the time there are none, and the thousands of others need not be looked at.
        return {n: m for n, m in sys.modules.items() if n.partition(".")[0] in tops} if tops else {}

    def _hides(self, module: ModuleType) -> bool:
        """Whether a module has to make way for one of the folder.

        A folder without __init__.py does not come before a whole package of its name elsewhere.
        """
        whole = self._names[module.__name__.partition(".")[0]]
        return not self._is_own(module) and (whole or getattr(module, "__file__", None) is None)

    def _is_own(self, module: ModuleType) -> bool:
        places = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
        place = next((place for place in places if place), None)
        return place is not None and self.folder in Path(place).parents

    def execute(self, module: ModuleType, run: Callable[[ModuleType], None]) -> None:
        """Execute a module so that its imports mean the folder's, whenever they are made."""
        scope = vars(builtins) | {"__import__": self._import}
        module.__dict__.update({"__builtins__": scope, _VARIABLE: self})
        with self.in_place():
            run(module)

    def _import(
        self,
        name: str,
        globals: Any = None,
        locals: Any = None,
        fromlist: Sequence[str] = (),
        level: int = 0,
    ) -> ModuleType:
        """`__import__` for the folder's modules: a function may import long after it was made."""
        if self._depth or (level == 0 and not self.owns(name)):
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        with self.in_place():
            return builtins.__import__(name, globals, locals, fromlist or (), level)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the folder's modules before anybody else does, and has them execute as such."""

    def __init__(self, neighbours: Neighbours) -> None:
        self._neighbours = neighbours

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not self._neighbours.owns(name):
            return None
        where = [str(self._neighbours.folder)] if path is None else path
        spec = importlib.machinery.PathFinder.find_spec(name, where, target)
        # A folder without __init__.py is anybody's: Python would prefer a whole package elsewhere.
        if spec is None or spec.loader is None or not hasattr(spec.loader, "exec_module"):
            return None
        run = spec.loader.exec_module
        spec.loader.exec_module = lambda module: self._neighbours.execute(module, run)  # type: ignore[method-assign]
        return spec


def _importable(folder: Path) -> Iterator[tuple[str, bool]]:
    """Names of a folder's modules and packages, and whether they are whole, with an __init__.py.

    Of the standard library's names Python has modules of its own already.
    """
    for path in folder.iterdir():
        name = path.name.removesuffix(".py")
        if not name.isidentifier() or name in sys.stdlib_module_names or name == "homeostat":
            continue
        if name != path.name or path.joinpath("__init__.py").is_file():
            yield name, True
        elif path.is_dir() and any(path.glob("*.py")):
            yield name, False


_by_folder: dict[Path, Neighbours] = {}
_loaded: dict[Path, Code | None] = {}


def neighbours_of(source: Path) -> tuple[Neighbours, Code | None]:
    """The neighbours for a file that is about to be read, and its code as it is read.

    They are loaded anew if one of the file's own modules has changed since they were.
    """
    code = code_of(source)
    if source.parent not in _by_folder or _loaded.get(source, code) != code:
        _by_folder[source.parent] = Neighbours(source.parent)
    _loaded[source] = code
    return _by_folder[source.parent], code


def beside(function: Any) -> Neighbours:
    """The neighbours of the file that defines a function; none where it was imported as usual."""
    found = getattr(function, "__globals__", {}).get(_VARIABLE)
    return found if isinstance(found, Neighbours) else _NONE


class _None(Neighbours):
    """Of what Python itself has imported: everything is in its place."""

    def enter(self) -> None:
        pass

    def leave(self) -> None:
        pass


_NONE = _None(Path())
