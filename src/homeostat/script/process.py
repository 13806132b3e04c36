"""Process: what a script may change in its process, pictured before and put back after.

process.enter()     pictured; the script's own argv, path, modules, standard streams prepared
process.go_in()     the script's turn
process.go_out()    the driver's turn: its own folder, __main__, streams and torch modes
process.leave()     everything as it was
"""

from __future__ import annotations

import atexit
import builtins
import contextlib
import logging
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from homeostat.errors import WorkloadError
from homeostat.script import trackers
from homeostat.script.program import Program, line_in
from homeostat.script.streams import Stream

_SIGNALS = ("SIGINT", "SIGTERM", "SIGALRM", "SIGUSR1", "SIGUSR2", "SIGHUP")


_NO_WINDOW = {"MPLBACKEND": "Agg", "QT_QPA_PLATFORM": "offscreen", "SDL_VIDEODRIVER": "dummy"}
"""matplotlib, Qt, and SDL (pygame, and what renders with it) draw into nothing."""


class Process:
    """The process while one script runs in it.

    Args:
        program: The script.
        quiet: Whether what it prints is read and not shown.
    """

    def __init__(self, program: Program, *, quiet: bool = False) -> None:
        self._program = program
        self._undo = contextlib.ExitStack()
        self._main: Any = None
        self._folder = ""
        self._driver_streams: tuple[Any, Any, Any] = (None, None, None)
        self._script_streams: tuple[Any, Any, Any] | None = None
        self._modes = contextlib.ExitStack()
        self._at_exit: list[Callable[[], Any]] = []
        self._pid = os.getpid()
        self._really_exit = os._exit
        self.stdout = Stream("stdout", quiet=quiet)
        self.stderr = Stream("stderr", quiet=quiet)

    def enter(self) -> None:
        undo = self._undo
        self._main = sys.modules["__main__"]
        self._folder = str(self._program.folder)
        undo.callback(_keep_list(sys.path))
        undo.callback(_keep(sys, "argv"))
        undo.callback(_keep(sys, "excepthook"))
        undo.callback(_keep(sys, "displayhook"))
        undo.callback(_keep_environment())
        undo.callback(_keep_signals())
        undo.callback(_keep_logging())
        self.stdout.to, self.stderr.to = sys.stdout, sys.stderr
        undo.callback(_heard_logging(self.stderr))
        undo.callback(_keep_warnings())
        undo.callback(_keep_torch())
        undo.callback(_keep_numpy())
        undo.callback(_own_modules(self._program.path.parent, Path.cwd()))
        undo.callback(_forget_absl)
        self._replace(builtins, "input", self._no_input)
        self._replace(os, "_exit", self._exit)
        self._replace(atexit, "register", self._register)
        os.environ.update(_NO_WINDOW)  # it would wait for somebody to close it
        for name in ("DISPLAY", "WAYLAND_DISPLAY"):
            os.environ.pop(name, None)
        trackers.switch_off()
        sys.argv = list(self._program.argv)
        sys.path.insert(0, str(self._program.path.parent))

    def _replace(self, owner: Any, name: str, value: Any) -> None:
        before = getattr(owner, name)
        setattr(owner, name, value)
        self._undo.callback(setattr, owner, name, before)

    def go_in(self) -> None:
        self._modes.close()
        self._driver_streams = (sys.stdout, sys.stderr, sys.stdin)
        self.stdout.to, self.stderr.to = sys.stdout, sys.stderr
        # A script may have put streams of its own there; it gets those back.
        streams = self._script_streams or (self.stdout, self.stderr, sys.stdin)
        sys.stdout, sys.stderr, sys.stdin = streams
        sys.modules["__main__"] = self._program.module
        here = os.getcwd()  # noqa: PTH109 (hot path)
        os.chdir(self._folder)
        self._folder = here

    def go_out(self) -> None:
        if os.path.isdir(self._folder):  # noqa: PTH112 (hot path)
            here = os.getcwd()  # noqa: PTH109
            os.chdir(self._folder)
            self._folder = here
        self._script_streams = (sys.stdout, sys.stderr, sys.stdin)
        sys.stdout, sys.stderr, sys.stdin = self._driver_streams
        sys.modules["__main__"] = self._main
        self._own_modes()

    def _own_modes(self) -> None:
        """The driver's torch modes: the script may be inside `no_grad`, autocast, inference."""
        torch = sys.modules.get("torch")
        if torch is None or not hasattr(torch, "is_inference_mode_enabled"):
            return
        if torch.is_inference_mode_enabled():
            self._modes.enter_context(torch.inference_mode(False))
        if not torch.is_grad_enabled():
            self._modes.enter_context(torch.enable_grad())
        for device in ("cpu", "cuda"):
            if torch.is_autocast_enabled(device):
                self._modes.enter_context(torch.autocast(device, enabled=False))

    def leave(self) -> None:
        self._modes.close()
        self._undo.close()

    def run_at_exit(self) -> None:
        """What the script registered with `atexit`, at its own end."""
        while self._at_exit:
            with contextlib.suppress(Exception):
                self._at_exit.pop()()

    # What a script may ask of its process

    def _no_input(self, prompt: object = "") -> str:
        where = f"{self._program.path.name}:{line_in(self._program.path)}"
        asked = " ".join(str(prompt).split())
        raise WorkloadError(
            f"{where}: it asks for input({asked!r}), and nobody is there to answer.",
            hint="Make it an option of the script, with a default.",
        )

    def _exit(self, code: int = 0) -> None:
        if os.getpid() != self._pid:
            self._really_exit(code)
        raise SystemExit(code)

    def _register(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        self._at_exit.append(lambda: function(*args, **kwargs))
        return function

    def exit_sentence(self, error: SystemExit) -> str:
        """What to say of a script that ended with an exit code."""
        name = self._program.path.name
        if isinstance(error.code, str):
            return f"{name} stopped: {' '.join(error.code.split())[:300]}"
        said = self.stderr.last or self.stdout.last
        tail = f": {said}" if said else "."
        return f"{name} exits with code {error.code}{tail}"


def _keep(owner: Any, name: str) -> Callable[[], None]:
    before = getattr(owner, name)
    return lambda: setattr(owner, name, before)


def _keep_list(things: list[Any]) -> Callable[[], None]:
    before = list(things)

    def back() -> None:
        things[:] = before

    return back


def _keep_environment() -> Callable[[], None]:
    before = dict(os.environ)

    def back() -> None:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        for name, value in before.items():
            if os.environ.get(name) != value:
                os.environ[name] = value

    return back


def _keep_signals() -> Callable[[], None]:
    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}

    def back() -> None:
        for number, handler in before.items():
            if handler is not None and signal.getsignal(number) is not handler:
                with contextlib.suppress(ValueError, OSError):  # not in the main thread
                    signal.signal(number, handler)

    return back


def _keep_logging() -> Callable[[], None]:
    """Handlers, levels and loggers: a handler holds the stream of the run that made it."""
    manager = logging.Logger.manager
    known = set(manager.loggerDict)
    loggers = [logging.root, *(x for x in manager.loggerDict.values()
                               if isinstance(x, logging.Logger))]  # fmt: skip
    before = [(x, list(x.handlers), x.level, x.propagate, x.disabled) for x in loggers]
    disabled = manager.disable

    def back() -> None:
        for name in set(manager.loggerDict) - known:
            logger = manager.loggerDict[name]
            if isinstance(logger, logging.Logger):  # others may hold it: emptied, not only dropped
                _set_handlers(logger, [])
                logger.setLevel(logging.NOTSET)
        for logger, handlers, level, propagate, off in before:
            _set_handlers(logger, handlers)
            logger.setLevel(level)
            logger.propagate, logger.disabled = propagate, off
        manager.disable = disabled

    return back


def _heard_logging(stream: Stream) -> Callable[[], None]:
    """What is logged to a terminal is read, and hidden, as what is printed.

    A handler writes to the stream that was there when it was made: when its library was imported.
    """
    loggers = [
        x for x in logging.Logger.manager.loggerDict.values() if isinstance(x, logging.Logger)
    ]
    terminal = (sys.__stderr__, sys.__stdout__)
    every = [h for x in (logging.root, *loggers) for h in x.handlers]
    handlers: dict[Any, Any] = {h: vars(h)["stream"] for h in every
                                if vars(h).get("stream") in terminal}  # fmt: skip
    for handler in handlers:
        handler.stream = stream

    def back() -> None:
        for handler, before in handlers.items():
            handler.stream = before

    return back


def _set_handlers(logger: logging.Logger, handlers: list[logging.Handler]) -> None:
    """These handlers again; those that came since are closed, with their files."""
    for handler in logger.handlers:
        if handler not in handlers:
            with contextlib.suppress(Exception):  # its stream may be gone already
                handler.close()
    logger.handlers[:] = handlers


def _keep_warnings() -> Callable[[], None]:
    filters, show = list(warnings.filters), warnings.showwarning

    def back() -> None:
        warnings.filters[:] = filters  # type: ignore[index]
        warnings.showwarning = show
        warnings._filters_mutated()  # type: ignore[attr-defined]

    return back


def _keep_torch() -> Callable[[], None]:
    """Switches of PyTorch beside those that every attempt is given back."""
    torch = sys.modules.get("torch")
    if torch is None or not hasattr(torch, "backends"):
        return lambda: None
    cudnn = torch.backends.cudnn
    flags = {name: getattr(cudnn, name) for name in ("benchmark", "deterministic", "enabled")}
    precision = torch.get_float32_matmul_precision()
    anomaly = torch.is_anomaly_enabled()

    def back() -> None:
        for name, value in flags.items():
            if getattr(cudnn, name) != value:
                setattr(cudnn, name, value)
        if torch.get_float32_matmul_precision() != precision:
            torch.set_float32_matmul_precision(precision)
        if torch.is_anomaly_enabled() != anomaly:
            torch.autograd.set_detect_anomaly(anomaly)

    return back


def _keep_numpy() -> Callable[[], None]:
    import numpy as np

    before = np.get_printoptions()
    return lambda: np.set_printoptions(**before)


def _own_modules(*folders: Path) -> Callable[[], None]:
    """Set aside modules of the names that the script's own files have; they come back after.

    So two scripts may each have a `model.py`, and each run imports its own afresh.
    """
    names = {name for folder in folders for name in _module_names(folder)}
    names -= set(sys.stdlib_module_names) | {"homeostat"}
    names -= {name for name in names if _is_installed(sys.modules.get(name))}
    aside = {n: m for n, m in sys.modules.items() if n.partition(".")[0] in names}
    for name in aside:
        del sys.modules[name]

    def back() -> None:
        for name in [n for n in sys.modules if n.partition(".")[0] in names]:
            del sys.modules[name]
        sys.modules.update(aside)

    return back


def _forget_absl() -> None:
    """absl keeps every flag that was ever defined, and refuses one of the same name."""
    if "absl.flags" in sys.modules:
        for name in [n for n in sys.modules if n.partition(".")[0] == "absl"]:
            del sys.modules[name]


def _module_names(folder: Path) -> Iterator[str]:
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            stem, dot, end = entry.name.partition(".")
            if stem.isidentifier() and (end == "py" or (not dot and entry.is_dir())):
                yield stem


def _is_installed(module: Any) -> bool:
    """Whether a module that is loaded comes from an installed package."""
    file = str(getattr(module, "__file__", "") or "")
    return "site-packages" in file or "dist-packages" in file
