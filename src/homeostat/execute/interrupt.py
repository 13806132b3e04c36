"""Ctrl-C in two stages: the first asks everything to stop between two steps, the second insists."""

from __future__ import annotations

import signal
import threading
from abc import ABC, abstractmethod
from types import FrameType
from typing import Self


class PoliteInterrupt:
    """While entered, a first Ctrl-C sets `requested`; a second one raises KeyboardInterrupt.

    May be nested: the inner ones share the state of the outermost, so that a plan of several phases
    and the engine of each see the same Ctrl-C. It does nothing outside of the main thread, or where
    somebody else handles the signal.
    """

    _outermost: PoliteInterrupt | None = None

    def __init__(self) -> None:
        self._requested = False
        self._depth = 0
        self._shared: PoliteInterrupt = self

    @property
    def requested(self) -> bool:
        return self._shared._requested

    def request(self) -> None:
        """The same as a first Ctrl-C."""
        self._shared._requested = True

    def __enter__(self) -> PoliteInterrupt:
        self._depth += 1
        if self._depth > 1:
            return self
        if PoliteInterrupt._outermost is not None:
            self._shared = PoliteInterrupt._outermost
        elif (
            threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        ):
            PoliteInterrupt._outermost = self
            signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *error: object) -> None:
        self._depth -= 1
        if self._depth == 0 and PoliteInterrupt._outermost is self:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            PoliteInterrupt._outermost = None

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._requested:
            raise KeyboardInterrupt
        self._requested = True


class Interruptible(ABC):
    """An engine's context: in it a first Ctrl-C asks to stop; leaving it closes the engine."""

    def __init__(self) -> None:
        self._interrupt = PoliteInterrupt()

    @property
    def stopping(self) -> bool:
        """Whether somebody pressed Ctrl-C."""
        return self._interrupt.requested

    @abstractmethod
    def close(self) -> None:
        """End what is left."""

    def __enter__(self) -> Self:
        self._interrupt.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._interrupt.__exit__()
        self.close()
