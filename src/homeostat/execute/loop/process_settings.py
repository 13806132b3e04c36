"""Process settings: what a loop may change for everybody in its process, noted and set back.

Each setting is a way to read it and a way to set it. What is read and found changed is set back.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np

Setting = tuple[Callable[[], Any], Callable[[Any], object]]

# A DataLoader sets SIGCHLD's handler once in the life of a process and relies on it.
_SIGNALS = tuple(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD})


def _attribute(owner: Any, name: str) -> Setting:
    return lambda: getattr(owner, name), lambda value: setattr(owner, name, value)


def _folder() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109 (hot path)
    except OSError:  # somebody has removed it
        return None


def _set_folder(folder: str | None) -> None:
    if folder is not None:
        os.chdir(folder)


def _set_environment(variables: Mapping[str, str]) -> None:
    for name in os.environ.keys() - variables.keys():
        del os.environ[name]
    os.environ.update(variables)


def _handlers() -> dict[int, Any]:
    return {number: signal.getsignal(number) for number in _SIGNALS}


def _set_handlers(handlers: Mapping[int, Any]) -> None:
    if threading.current_thread() is not threading.main_thread():
        return  # nor could the loop, then
    for number, handler in handlers.items():
        # None is one that was not set from Python, which Python cannot set again.
        if handler is not None and signal.getsignal(number) is not handler:
            signal.signal(number, handler)


def _list(owner: Any, name: str) -> Setting:
    """A list that others hold on to, so that it is refilled and not replaced."""

    def refill(value: list[Any]) -> None:
        getattr(owner, name)[:] = value

    return lambda: list(getattr(owner, name)), refill


def _set_errors(errors: Mapping[str, Any]) -> None:
    np.seterr(**errors)


def _set_collection(enabled: bool) -> None:
    gc.enable() if enabled else gc.disable()


def _root_logger() -> tuple[int, list[logging.Handler]]:
    return logging.root.level, list(logging.root.handlers)


def _set_root_logger(state: tuple[int, list[logging.Handler]]) -> None:
    logging.root.setLevel(state[0])
    logging.root.handlers[:] = state[1]


_SETTINGS: dict[str, Setting] = {
    "folder": (_folder, _set_folder),
    "environment": (lambda: dict(os.environ), _set_environment),
    "signal handlers": (_handlers, _set_handlers),
    "numpy errors": (np.geterr, _set_errors),
    "argv": _list(sys, "argv"),
    "path": _list(sys, "path"),
    "stdout": _attribute(sys, "stdout"),
    "stderr": _attribute(sys, "stderr"),
    "stdin": _attribute(sys, "stdin"),
    "excepthook": _attribute(sys, "excepthook"),
    "displayhook": _attribute(sys, "displayhook"),
    "threads' excepthook": _attribute(threading, "excepthook"),
    "garbage collection": (gc.isenabled, _set_collection),
    "recursion": (sys.getrecursionlimit, sys.setrecursionlimit),
    "logging": (_root_logger, _set_root_logger),
}


def _torch_settings(torch: ModuleType) -> dict[str, Setting]:
    backends = torch.backends
    return {
        "torch threads": (torch.get_num_threads, torch.set_num_threads),
        "dtype": (torch.get_default_dtype, torch.set_default_dtype),
        "grad": (torch.is_grad_enabled, torch.set_grad_enabled),
        "deterministic": (
            torch.are_deterministic_algorithms_enabled,
            torch.use_deterministic_algorithms,
        ),
        "device": (torch.get_default_device, torch.set_default_device),
        "matmul precision": (
            torch.get_float32_matmul_precision,
            torch.set_float32_matmul_precision,
        ),
        "anomalies": (
            lambda: (torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled()),
            lambda value: torch.autograd.set_detect_anomaly(*value),
        ),
        "cudnn benchmark": _attribute(backends.cudnn, "benchmark"),
        "cudnn deterministic": _attribute(backends.cudnn, "deterministic"),
    }


def read(torch: ModuleType | None) -> dict[str, Any]:
    """Every setting as it is now; those of PyTorch where it is imported."""
    found = _SETTINGS if torch is None else _SETTINGS | _torch_settings(torch)
    return {name: get() for name, (get, _) in found.items()}


def read_torch(torch: ModuleType) -> dict[str, Any]:
    """The settings of PyTorch alone."""
    return {name: get() for name, (get, _) in _torch_settings(torch).items()}


def restore(before: Mapping[str, Any], torch: ModuleType | None) -> None:
    """Set back what differs; most attempts change nothing."""
    known = _SETTINGS if torch is None else _SETTINGS | _torch_settings(torch)
    for name, (get, put) in known.items():
        if name in before and get() != before[name]:
            put(before[name])
