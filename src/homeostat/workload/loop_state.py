"""Loop state: what a loop holds besides what it showed to `trial.watch`, saved and put back.

    scheduler = StepLR(optimizer, 10)       in a variable of the loop
    best, worse = inf, 0                    plain values, which the loop replaces
    stopper = EarlyStopping(patience=3)     an object of the user's own

A loop is stopped between two of its steps; there its variables, and what its own objects hold,
are looked through. What has a `state_dict`, generators of random numbers, tensors, arrays, numbers
and containers of these are part of a snapshot if they changed since the loop began. What changed
and cannot be put back, such as an iterator in the middle of its data, is named.
"""

from __future__ import annotations

import ctypes
import gc
import inspect
import itertools
import random
import sys
import sysconfig
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType, FunctionType, GeneratorType, ModuleType
from typing import Any

import numpy as np

from homeostat.errors import RecordError
from homeostat.record.snapshot import can_hold

MOST_BYTES = 8 * 2**20
"""Of larger arrays, and of containers with more items than `MOST_ITEMS`, a sample is compared."""
MOST_ITEMS = 10_000
DEEPEST = 4

_OURS = str(Path(__file__).resolve().parents[1])
_INSTALLED = tuple({sysconfig.get_path(kind) for kind in ("stdlib", "purelib", "platlib")})
_PLAIN = (bool, int, float, str, bytes, type(None), np.generic)
_COUNTED: tuple[type, ...] = (type(iter(range(0))), type(iter([])), type(iter(())))
"""Iterators that know where they are and can be put there."""


class LoopState:
    """The state of one loop, seen from its call of `trial.steps()`.

    Args:
        known: What is saved elsewhere already, and is not looked into.
    """

    def __init__(self, frame: FrameType | None, known: list[Any]) -> None:
        frames = _own_frames(frame)
        self._steps = frame
        self._known = {id(thing) for thing in known} | _parts(known)
        self._storages = _storages(known)
        self._first = {path: _mark(thing) for path, (_, _, thing) in self._walk(frames).items()}

    def save(self) -> dict[str, Any]:
        """What changed since the loop began, by where it is; and what of it cannot be kept."""
        values: dict[str, Any] = {}
        lost: list[str] = []
        for path, (_, _, thing) in self._walk(_own_frames(self._steps)).items():
            if path not in self._first or _mark(thing) == self._first[path]:
                continue
            state = _state_of(thing)
            if state is not None and can_hold(state):
                values[path] = state
            elif hasattr(thing, "__next__") or _has_state(thing):
                lost.append(_described(path, thing))
            # A container of objects is not lost: each of them is looked at by itself. And of a
            # tensor with a history nobody can tell whether the loop still needs it.
        return {"values": values, "lost": lost}

    def restore(self, saved: Mapping[str, Any]) -> list[str]:
        """Put back what `save` gave; the names of what could not be."""
        places = self._walk(_own_frames(self._steps))
        lost = list(saved["lost"])
        for path, state in saved["values"].items():
            if path not in places:
                lost.append(path)
                continue
            owner, name, thing = places[path]
            if not _put_back(owner, name, thing, state):
                lost.append(_described(path, thing))
        return lost

    def _walk(self, frames: list[FrameType]) -> dict[str, tuple[Any, str, Any]]:
        """Where each thing is: the frame or object that has it, under which name, and itself."""
        found: dict[str, tuple[Any, str, Any]] = {}
        seen = set(self._known)
        for level, frame in enumerate(frames):
            mark = f"{frame.f_code.co_name}: " if level else ""
            for name, value in sorted(frame.f_locals.items()):
                self._enter(f"{mark}{name}", frame, name, value, seen, found, 0)
            for number, value in enumerate(_waiting(frame, self._steps)):
                found[f"{mark}loop {number}"] = (frame, "", value)
        return found

    def _enter(
        self,
        path: str,
        owner: Any,
        name: str,
        value: Any,
        seen: set[int],
        found: dict[str, tuple[Any, str, Any]],
        depth: int,
    ) -> None:
        """Note a thing, and what it holds if it is an object of the user's own."""
        if isinstance(value, _PLAIN):
            found[path] = (owner, name, value)
            return
        if id(value) in seen or _is_passed_over(value) or _data_pointer(value) in self._storages:
            return
        seen.add(id(value))
        if _is_own_object(value) and not _has_state(value):
            if depth < DEEPEST:
                for key, item in sorted(vars(value).items()):
                    self._enter(f"{path}.{key}", value, key, item, seen, found, depth + 1)
            return
        found[path] = (owner, name, value)
        for key, item in _inside(value):
            self._enter(f"{path}{key}", None, "", item, seen, found, depth + 1)


def _own_frames(steps: FrameType | None) -> list[FrameType]:
    """The frames of the user's loop around `trial.steps()`, the innermost first.

    A loop is a generator, and so is everything in it that waits for a step.
    """
    frames = []
    frame = steps.f_back if steps is not None else None
    while frame is not None and frame.f_code.co_flags & inspect.CO_GENERATOR:
        if not frame.f_code.co_filename.startswith((_OURS, *_INSTALLED)):
            frames.append(frame)
        frame = frame.f_back
    return frames


def _waiting(frame: FrameType, steps: FrameType | None) -> Iterator[Any]:
    """The iterators of `for` statements that are under way; they have no name."""
    named = {id(value) for value in frame.f_locals.values()}
    for thing in gc.get_referents(frame):
        if hasattr(thing, "__next__") and id(thing) not in named and not _leads_to(thing, steps):
            yield thing


def _leads_to(thing: Any, steps: FrameType | None, depth: int = 0) -> bool:
    """Whether an iterator is that of the steps themselves, or around it (enumerate, tqdm)."""
    if isinstance(thing, GeneratorType) and (thing.gi_frame is steps or thing.gi_running):
        return True
    if depth > 3 or isinstance(thing, (ModuleType, type, FunctionType)):
        return False
    if not hasattr(thing, "__next__") and not hasattr(thing, "__iter__"):
        return False
    return any(_leads_to(inner, steps, depth + 1) for inner in gc.get_referents(thing)[:50])


def _inside(value: Any) -> Iterator[tuple[str, Any]]:
    """What a container or a loader holds that has a state of its own."""
    if isinstance(value, dict):
        yield from ((f"[{key!r}]", item) for key, item in value.items() if _is_deep(item))
    elif isinstance(value, (list, tuple)) and len(value) <= 1000:
        yield from ((f"[{index}]", item) for index, item in enumerate(value) if _is_deep(item))
    else:
        for name in ("generator", "sampler", "batch_sampler"):
            inner = getattr(value, name, None) if hasattr(value, "batch_size") else None
            if inner is not None:
                yield f".{name}", inner
                if getattr(inner, "generator", None) is not None:
                    yield f".{name}.generator", inner.generator


def _is_deep(item: Any) -> bool:
    return _has_state(item) or _is_own_object(item) or _generator_state(item) is not None


def _has_state(thing: Any) -> bool:
    return (
        not isinstance(thing, type)
        and callable(getattr(thing, "state_dict", None))
        and callable(getattr(thing, "load_state_dict", None))
    )


def _is_own_object(thing: Any) -> bool:
    """An instance of a class that the user wrote, not a library's or ours."""
    kind = type(thing)
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return (
        hasattr(thing, "__dict__")
        and file is not None
        and not file.startswith((_OURS, *_INSTALLED))
        and not hasattr(thing, "__next__")
    )


def _is_passed_over(thing: Any) -> bool:
    """What has no state: code, and what belongs to us."""
    if isinstance(thing, (ModuleType, type, FunctionType, FrameType)) or inspect.isroutine(thing):
        return True
    return type(thing).__module__.partition(".")[0] == "homeostat"


def _generator_state(thing: Any) -> Any:
    """The state of a generator of random numbers."""
    torch = sys.modules.get("torch")
    if isinstance(thing, np.random.Generator):
        return thing.bit_generator.state
    if isinstance(thing, np.random.RandomState):
        return thing.get_state(legacy=False)
    if isinstance(thing, random.Random):
        return thing.getstate()
    if torch is not None and isinstance(thing, torch.Generator):
        return thing.get_state()
    return None


def _set_generator(thing: Any, state: Any) -> None:
    if isinstance(thing, np.random.Generator):
        thing.bit_generator.state = state
    elif isinstance(thing, random.Random):
        thing.setstate(state)
    else:
        thing.set_state(state)


def _is_tensor(thing: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(thing, torch.Tensor)


def _data_pointer(thing: Any) -> int:
    """Where a tensor's numbers are; 0 for others."""
    if not _is_tensor(thing) or thing.device.type == "meta":
        return 0
    try:
        return int(thing.untyped_storage().data_ptr())
    except (RuntimeError, NotImplementedError):  # sparse ones have none
        return 0


def _parts(known: list[Any]) -> set[int]:
    """The modules inside of those that are saved as a whole."""
    whole = (thing for thing in known if hasattr(thing, "named_parameters"))
    return {id(part) for thing in whole for part in thing.modules()}


def _storages(known: list[Any]) -> set[int]:
    whole = [thing for thing in known if hasattr(thing, "named_parameters")]
    tensors = [t for thing in whole for t in (*thing.parameters(), *thing.buffers())]
    return {_data_pointer(tensor) for tensor in tensors} - {0}


class _Itself:
    """Which object a thing is. Not its address: another may have that once the thing is gone."""

    def __init__(self, thing: Any) -> None:
        self._thing: Callable[[], Any]
        try:
            self._thing = weakref.ref(thing)
        except TypeError:  # then it is small, and kept
            self._thing = lambda: thing

    def __eq__(self, other: object) -> bool:
        mine = self._thing()
        return isinstance(other, _Itself) and mine is not None and mine is other._thing()

    __hash__ = None  # type: ignore[assignment]  # it changes when the thing goes


def _mark(thing: Any, depth: int = 0) -> Any:
    """Something that differs when a thing has changed, without keeping a copy of it."""
    if isinstance(thing, _PLAIN):
        return (type(thing).__name__, repr(thing))
    if _is_tensor(thing):
        return (_Itself(thing), thing._version, str(thing.dtype))
    if isinstance(thing, np.ndarray):
        return (_Itself(thing), None if thing.dtype.hasobject else hash(_sample(thing).tobytes()))
    if isinstance(thing, _COUNTED):
        return repr(thing.__reduce__()[2:])
    state = _generator_state(thing)
    if state is not None:
        return repr(state) if not _is_tensor(state) else hash(state.numpy().tobytes())
    if hasattr(thing, "__next__"):
        return _position(thing)
    if _has_state(thing):
        # A module's own state is large; its tensors' versions say whether it changed.
        whole = {"keep_vars": True} if hasattr(thing, "named_parameters") else {}
        inside = _mark(thing.state_dict(**whole), depth + 1) if depth < DEEPEST else None
        return (_Itself(thing), inside)
    if isinstance(thing, dict) and depth < DEEPEST:
        items = itertools.islice(thing.items(), MOST_ITEMS)
        return len(thing), tuple((repr(key), _mark(item, depth + 1)) for key, item in items)
    if isinstance(thing, (list, tuple, deque)) and depth < DEEPEST:
        every = max(1, len(thing) // MOST_ITEMS)
        return len(thing), tuple(
            _mark(item, depth + 1) for item in itertools.islice(thing, 0, None, every)
        )
    if isinstance(thing, (set, frozenset)):
        return len(thing), tuple(sorted(map(repr, itertools.islice(thing, MOST_ITEMS))))
    return _Itself(thing)


def _sample(array: np.ndarray) -> np.ndarray:
    """All of an array, or of a large one as many numbers, spread over it."""
    every = -(-array.nbytes // MOST_BYTES)
    return array if every <= 1 else array.reshape(-1)[::every]


def _position(iterator: Any) -> Any:
    """How far an iterator is, as far as that can be seen."""
    if isinstance(iterator, GeneratorType):
        frame = iterator.gi_frame
        return None if frame is None else (frame.f_lasti, repr(frame.f_locals)[:10_000])
    for name in ("_num_yielded", "_snapshot_step"):  # a DataLoader's
        if hasattr(iterator, name):
            return getattr(iterator, name)
    try:
        return repr(iterator.__reduce__()[1:])[:10_000]
    except (TypeError, AttributeError, ValueError):
        return _Itself(iterator)


def _state_of(thing: Any) -> Any:
    """What a snapshot keeps of a thing; None if there is nothing that it could."""
    generator = _generator_state(thing)
    if generator is not None:
        return ["generator", generator]
    if isinstance(thing, _COUNTED):
        rest = thing.__reduce__()[2:]
        return ["counted", rest[0]] if rest else None
    if hasattr(thing, "__next__"):
        return None
    if _has_state(thing):
        return ["state_dict", thing.state_dict()]
    if _is_tensor(thing) and thing.requires_grad and not thing.is_leaf:
        return None  # what it was computed from would be lost
    return ["value", thing]


def _put_back(owner: Any, name: str, thing: Any, state: list[Any]) -> bool:
    """Give a thing its state again; whether that went well."""
    how, value = state
    try:
        if how == "generator":
            _set_generator(thing, value)
        elif how == "counted":
            thing.__setstate__(value)
        elif how == "state_dict":
            thing.load_state_dict(value)
        elif _filled(thing, value):
            pass
        elif isinstance(owner, FrameType):
            _set_local(owner, name, value)
        elif owner is not None:
            setattr(owner, name, value)
        else:
            return False
    except (RuntimeError, ValueError, TypeError, KeyError, AttributeError, RecordError):
        return False
    return True


def _filled(thing: Any, value: Any) -> bool:
    """Fill a container in place: others may hold on to it."""
    if isinstance(thing, dict) and isinstance(value, dict):
        thing.clear()
        thing.update(value)
    elif isinstance(thing, list) and isinstance(value, list):
        thing[:] = value
    elif isinstance(thing, (deque, set)) and type(thing) is type(value):
        thing.clear()
        (thing.extend if isinstance(thing, deque) else thing.update)(value)
    elif isinstance(thing, np.ndarray) and isinstance(value, np.ndarray):
        if (thing.shape, thing.dtype) != (value.shape, value.dtype) or not thing.flags.writeable:
            return False
        thing[...] = value
    elif _is_tensor(thing) and _is_tensor(value):
        if (thing.shape, thing.dtype) != (value.shape, value.dtype):
            return False
        torch = sys.modules["torch"]
        with torch.no_grad():
            thing.copy_(value)
    else:
        return False
    return True


def _set_local(frame: FrameType, name: str, value: Any) -> None:
    """Give a variable of a loop that waits for its first step another value, as a debugger does."""
    frame.f_locals[name] = value
    if sys.version_info < (3, 13):  # from then on that is enough (PEP 667)
        ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), ctypes.c_int(0))


def _described(path: str, thing: Any) -> str:
    kind = type(thing).__name__.lstrip("_")
    if hasattr(thing, "__next__"):
        where = "a `for` statement" if path.rpartition(" ")[0].endswith("loop") else f"`{path}`"
        return f"{where} in the middle of a {kind}"
    return f"`{path}`, a {kind}"
