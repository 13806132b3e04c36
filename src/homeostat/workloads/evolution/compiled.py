"""Numba's compiler, with a cache on disk that notices a change in any compiled file of this folder.

Numba's own cache looks only at the file a function stands in: after a change in a helper module it
would quietly go on running the old code.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import njit, types
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.registry import CPUDispatcher

Function = TypeVar("Function", bound=Callable[..., Any])


def _stamp() -> str:
    """A digest of every source file here that holds compiled code."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        source = path.read_bytes()
        if b"compiled" in source:
            digest.update(source)
    return digest.hexdigest()


STAMP = _stamp()


class _FolderCache(FunctionCache):
    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)  # type: ignore[no-untyped-call]  # Numba's own
        self._cache_file = IndexDataCacheFile(
            cache_path=self._cache_path,
            filename_base=self._impl.filename_base,
            source_stamp=STAMP,
        )


class _Part(CPUDispatcher):
    """Numba would crash where there is no way in from Python."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        name = self.py_func.__name__
        raise TypeError(f"{name} is a part of compiled functions; write @compiled to call it here.")


def compiled(function: Function) -> Function:
    """Compile for this machine at the first call: without the GIL, strict IEEE arithmetic."""
    return _compiled(function)


def compiled_part(function: Function) -> Function:
    """The same for a function that only compiled ones call: Python cannot call it.

    (The way in from Python takes arrays apart, and is a fifth of the work of compiling.)
    """
    part: Any = _compiled(function, no_cpython_wrapper=True)
    part.__class__ = _Part
    return cast(Function, part)


def _compiled(function: Function, **options: bool) -> Function:
    compiler: Any = njit  # whose types know fewer options than it has
    options |= {"nogil": True, "no_cfunc_wrapper": True}
    dispatcher: Any = compiler(error_model="numpy", **options)(function)
    dispatcher._cache = _FolderCache(function)
    template = dispatcher.get_call_template

    def for_any_number(args: Any, kws: Any) -> Any:
        """Numba would compile once more for each number that a call spells out."""
        return template(tuple(map(types.unliteral, args)), kws)

    dispatcher.get_call_template = for_any_number
    return cast(Function, dispatcher)


def cache_folder(function: Any) -> Path:
    """Where what is compiled of a function is kept."""
    return Path(function._cache.cache_path)


def is_compiled(function: Any) -> bool:
    """Whether a compiled function is ready: run before in this process, or kept on disk."""
    return bool(function.signatures or function._cache._cache_file._load_index())


def compiled_fast(function: Function) -> Function:
    """The same, but letting the compiler reorder sums and use approximate divisions.

    Not cached on disk: Numba's index does not tell it from the strict version.
    """
    python = getattr(function, "py_func", function)
    flags = {"reassoc", "contract", "arcp", "nsz", "afn"}
    return cast(Function, njit(nogil=True, error_model="numpy", fastmath=flags)(python))


def inlined(function: Function) -> Function:
    """A part of a compiled function, put into its caller: worth it for a step of a hot loop.

    (Numba passes arrays by value, seven words each: calling such a part costs more than the part.)
    """
    return cast(Function, njit(nogil=True, error_model="numpy", inline="always")(function))
