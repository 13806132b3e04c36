"""Bridge: from anything that runs inside a script to whoever drives it.

Taps, callbacks and `hs.report` call `say`; without a run in progress it does nothing.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from typing import Any, Protocol


class Listener(Protocol):
    """Who is told what a script says."""

    def say(self, metrics: Mapping[str, float], by: str = "") -> None:
        """Numbers by name, and what said them: printed, tensorboard, hs.report ..."""


_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    """From here on `listener` hears what is said in this process."""
    _listeners.append(listener)


def stop(listener: Listener) -> None:
    """`listener` hears no more."""
    if listener in _listeners:
        _listeners.remove(listener)


def say(metrics: Mapping[str, Any], by: str = "") -> None:
    """Pass numbers on; what is not a single number is left out."""
    if not _listeners:
        return
    plain = {str(name): value for name, value in _numbers(metrics)}
    if plain:
        _listeners[-1].say(plain, by)


def report(**metrics: Any) -> None:
    """Tell Homeostat a script's numbers: `hs.report(val_loss=loss)`, anywhere in the script.

    Outside of Homeostat it does nothing, so the line may stay where it is. A number may be a
    float, or a tensor or array with a single value.

    Example:
        >>> import homeostat as hs
        >>> hs.report(val_loss=0.3)  # outside of Homeostat: nothing
    """
    say(metrics, "hs.report")


def _numbers(metrics: Mapping[str, Any]) -> list[tuple[str, float]]:
    pairs = []
    for name, value in metrics.items():
        number = as_number(value)
        if number is not None:
            pairs.append((name, number))
    return pairs


def as_number(value: Any) -> float | None:
    """A number as a float, nan and infinities included; None for what is not one."""
    if isinstance(value, bool):
        return None
    if isinstance(value, numbers.Real):
        return float(value)
    size = getattr(value, "numel", None)
    size = size() if callable(size) else getattr(value, "size", None)
    if size == 1 and hasattr(value, "item"):
        try:
            single = value.item()
        except (RuntimeError, TypeError, ValueError):
            return None
        return float(single) if isinstance(single, numbers.Real) else None
    return None


def finite(value: float) -> bool:
    return math.isfinite(value)
