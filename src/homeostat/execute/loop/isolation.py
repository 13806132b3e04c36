"""What an attempt shares with its process: seeded when it starts, given back when it ends.

`random`, numpy's old-style generator and PyTorch's are one per process, and so are the number of
threads, the default dtype, the working folder and more (`process_settings`). Each attempt gets them
seeded from its own seed and set the same way, so that it gives the same numbers in a worker, in a
notebook and after any other attempt. PyTorch is never imported from here: it is set up when it is
there already, or in the moment the workload imports it.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import random
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import numpy as np

from homeostat.execute.loop import process_settings
from homeostat.execute.loop.threads import one_thread
from homeostat.record import seeds
from homeostat.workload.neighbours import beside


class Isolation:
    """The process-wide state of one attempt.

    isolation.enter()      settings noted, one thread, generators seeded
    isolation.suspend()    the caller's generators, while the caller looks at a report
    isolation.resume()     the attempt's again, where they were
    isolation.leave()      everything as it was found
    """

    def __init__(
        self, seed: int, *, device: str = "cpu", loop: Callable[..., Any] | None = None
    ) -> None:
        """
        Args:
            loop: Whose neighbours `import` is to find, where nobody else sees to that.
        """
        self._neighbours = beside(loop)
        self._seed = seed
        self._device = device
        self._inner: dict[str, Any] = {}
        self._outer: dict[str, Any] = {}
        self._suspended = False
        self._entered = False
        self._settings: dict[str, Any] = {}
        self._restore_threads: Callable[[], None] = _nothing
        self._watcher = _TorchWatcher(self._torch_arrived)

    def enter(self) -> None:
        self._suspended, self._entered = False, True
        self._settings = process_settings.read(_loaded_torch())
        self._neighbours.enter()
        self._restore_threads = one_thread()
        self._outer = capture()
        random.seed(seeds.number(self._seed, "process random"))
        np.random.seed(seeds.sequence(self._seed, "process numpy").generate_state(8))
        torch = _loaded_torch()
        if torch is not None:
            self._seed_torch(torch)
        elif "torch" not in sys.modules:
            sys.meta_path.insert(0, self._watcher)

    def suspend(self) -> None:
        self._inner = capture()
        install(self._outer)
        self._neighbours.leave()
        self._suspended = True

    def resume(self) -> None:
        self._outer = capture()
        install(self._inner)
        self._neighbours.enter()
        self._suspended = False
        torch = _loaded_torch()
        if torch is not None and "torch" not in self._inner:  # it came with another attempt
            self._seed_torch(torch)

    def leave(self) -> None:
        if self._watcher in sys.meta_path:
            sys.meta_path.remove(self._watcher)
        if not self._suspended:  # else the caller has its generators, and may have used them
            install(self._outer)
            self._neighbours.leave()
        self._entered = False
        process_settings.restore(self._settings, _loaded_torch())
        self._restore_threads()

    def _seed_torch(self, torch: ModuleType) -> None:
        number = seeds.number(self._seed, "process torch")
        # torch.manual_seed would also queue a call, with a stack trace, for a GPU not in use.
        torch.default_generator.manual_seed(number)
        if torch.cuda.is_initialized() or self._device.startswith("cuda"):
            torch.cuda.manual_seed_all(number)
        if self._device.startswith("mps"):
            torch.mps.manual_seed(number)

    def _torch_arrived(self, torch: ModuleType) -> None:
        """The workload has just imported PyTorch: the state to give back is its initial one."""
        if not self._entered or self._suspended:  # another attempt has, or nobody's
            return
        self._outer["torch"] = torch.get_rng_state()
        self._settings |= process_settings.read_torch(torch)
        torch.set_num_threads(1)
        self._seed_torch(torch)


def _nothing() -> None:
    pass


def capture() -> dict[str, Any]:
    """The state of the process-wide generators, as plain values and arrays."""
    state: dict[str, Any] = {
        "random": random.getstate(),
        "numpy": np.random.get_state(legacy=False),
    }
    torch = _loaded_torch()
    if torch is not None:
        state["torch"] = torch.get_rng_state()
        if torch.cuda.is_initialized():
            state["cuda"] = torch.cuda.get_rng_state_all()
    return state


def install(state: dict[str, Any]) -> None:
    """Go on from a captured state."""
    random.setstate(state["random"])
    np.random.set_state(state["numpy"])
    torch = _loaded_torch()
    if torch is not None and "torch" in state:
        torch.set_rng_state(state["torch"])
        if "cuda" in state and torch.cuda.is_available():
            torch.cuda.set_rng_state_all(state["cuda"])


def _loaded_torch() -> ModuleType | None:
    """PyTorch if it is imported, and completely: a half-imported one has no generators yet."""
    torch = sys.modules.get("torch")
    return torch if torch is not None and hasattr(torch, "default_generator") else None


class _TorchWatcher(importlib.abc.MetaPathFinder):
    """Says when PyTorch has been imported, without importing it.

    Somebody may only ask whether it is there (`find_spec`), any number of times, before it is.
    """

    def __init__(self, arrived: Callable[[ModuleType], None]) -> None:
        self._arrived = arrived
        self._asking = False

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "torch" or self._asking:
            return None
        self._asking = True  # the others, who are behind us
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self._asking = False
        if spec is not None and spec.loader is not None:
            self._follow(spec.loader)
        return spec

    def _follow(self, loader: Any) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            if self in sys.meta_path:
                sys.meta_path.remove(self)
                self._arrived(module)

        loader.exec_module = exec_module
