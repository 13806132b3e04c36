"""A deadline for code that runs in this process: it is interrupted there, also where it hangs."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class TooLate(BaseException):
    """The time was over. No ordinary error, so that a loop that minds none lets it pass."""


@contextmanager
def interrupted_at(until_s: float) -> Iterator[None]:
    """Raise `TooLate` inside at this time of `time.monotonic()`.

    Between two steps of Python, or in a call that waits: inside other compiled code not before it
    returns. Only the main thread of a process can be interrupted so, and not on Windows; in others
    nothing happens. A timer that was set before goes on.
    """
    here = threading.current_thread() is threading.main_thread()
    if math.isinf(until_s) or not here or not hasattr(signal, "setitimer"):
        yield
        return

    def late(number: int, frame: Any) -> None:
        raise TooLate

    began = time.monotonic()
    handler = signal.signal(signal.SIGALRM, late)
    before_s, again_s = signal.setitimer(signal.ITIMER_REAL, max(until_s - began, 1e-3))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if before_s:
            left_s = max(before_s - (time.monotonic() - began), 1e-3)
            signal.setitimer(signal.ITIMER_REAL, left_s, again_s)
