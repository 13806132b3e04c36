"""What an attempt shares with its process: seeded when it starts, given back when it ends.

`random`, numpy's old-style generator and PyTorch's are one per process, and so are the number of
threads, the default dtype and the working folder. Each attempt gets them seeded from its own
seed and set the same way, so that it gives the same numbers in a worker, in a notebook and after
any other attempt. PyTorch is never imported from here: it is set up when it is there already,
or in the moment the workload imports it.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import os
import random
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import numpy as np

from homeostat.execute.loop.threads import one_thread
from homeostat.record import seeds


class Isolation:
    """The process-wide state of one attempt.

    isolation.enter()      settings noted, one thread, generators seeded
    isolation.suspend()    the caller's generators, while the caller looks at a report
    isolation.resume()     the attempt's again, where they were
    isolation.leave()      everything as it was found
    """

    def __init__(self, seed: int, *, device: str = "cpu") -> None:
        self._seed = seed
        self._device = device
        self._inner: dict[str, Any] = {}
        self._outer: dict[str, Any] = {}
        self._suspended = False
        self._settings: dict[str, Any] = {}
        self._restore_threads: Callable[[], None] = _nothing
        self._watcher = _TorchWatcher(self._torch_arrived)

    def enter(self) -> None:
        self._suspended = False
        self._settings = _settings()
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
        self._suspended = True

    def resume(self) -> None:
        self._outer = capture()
        install(self._inner)
        self._suspended = False

    def leave(self) -> None:
        if self._watcher in sys.meta_path:
            sys.meta_path.remove(self._watcher)
        if not self._suspended:  # else the caller has its generators, and may have used them
            install(self._outer)
        _restore_settings(self._settings)
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
        self._outer["torch"] = torch.get_rng_state()
        self._settings |= _torch_settings(torch)
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


def _settings() -> dict[str, Any]:
    torch = _loaded_torch()
    settings: dict[str, Any] = {
        "folder": os.getcwd(),  # noqa: PTH109 (hot path)
        "numpy errors": np.geterr(),
    }
    return settings if torch is None else settings | _torch_settings(torch)


def _torch_settings(torch: ModuleType) -> dict[str, Any]:
    return {
        "torch threads": torch.get_num_threads(),
        "dtype": torch.get_default_dtype(),
        "grad": torch.is_grad_enabled(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "device": torch.get_default_device(),
    }


def _restore_settings(settings: dict[str, Any]) -> None:
    """Set back what differs; most attempts change nothing."""
    now = _settings()
    if now["folder"] != settings["folder"]:
        os.chdir(settings["folder"])
    if now["numpy errors"] != settings["numpy errors"]:
        np.seterr(**settings["numpy errors"])
    torch = _loaded_torch()
    if torch is None or "dtype" not in settings:
        return
    setters: dict[str, Callable[[Any], object]] = {
        "torch threads": torch.set_num_threads,
        "dtype": torch.set_default_dtype,
        "grad": torch.set_grad_enabled,
        "deterministic": torch.use_deterministic_algorithms,
        "device": torch.set_default_device,
    }
    for name, setter in setters.items():
        if now[name] != settings[name]:
            setter(settings[name])


class _TorchWatcher(importlib.abc.MetaPathFinder):
    """Says when PyTorch has been imported, without importing it."""

    def __init__(self, arrived: Callable[[ModuleType], None]) -> None:
        self._arrived = arrived

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "torch":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            self._follow(spec.loader)
        return spec

    def _follow(self, loader: Any) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            self._arrived(module)

        loader.exec_module = exec_module
