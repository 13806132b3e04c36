"""Arrivals: call something when a library has been imported, without importing it."""

from __future__ import annotations

import importlib.abc
import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

Arrived = Callable[[ModuleType], None]


class Arrivals(importlib.abc.MetaPathFinder):
    """Calls each function once, when the module of its name is completely there.

    Asking whether a module exists (`find_spec`) is no import, and changes nothing here.
    """

    def __init__(self, wanted: Mapping[str, Arrived]) -> None:
        self._wanted = dict(wanted)
        self._looking: set[str] = set()

    def open(self) -> None:
        """Those that are there already at once; the others when they come."""
        for name in [name for name in self._wanted if _is_complete(sys.modules.get(name))]:
            self._arrived(name, sys.modules[name])
        sys.meta_path.insert(0, self)

    def close(self) -> None:
        self._wanted.clear()
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in self._wanted or name in self._looking:
            return None
        self._looking.add(name)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._looking.discard(name)
        if spec is not None and spec.loader is not None:
            self._follow(name, spec.loader)
        return spec

    def _follow(self, name: str, loader: Any) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            self._arrived(name, module)

        loader.exec_module = exec_module

    def _arrived(self, name: str, module: ModuleType) -> None:
        call = self._wanted.pop(name, None)
        if call is not None:
            call(module)


def _is_complete(module: ModuleType | None) -> bool:
    """Whether a module is imported, and not just being imported further up."""
    spec = getattr(module, "__spec__", None)
    return module is not None and not getattr(spec, "_initializing", False)
