"""Remedies: a change is said relative to the value that a parameter has."""

from __future__ import annotations

import re

from homeostat.inspect.symptoms.evidence import Seen
from homeostat.space import Float

NAMES = {
    "rate": re.compile(r"(^|_)(lr|learning_rate|rate)$"),
    "dropout": re.compile(r"(^|_)dropout(_|$)"),
    "weight_decay": re.compile(r"(^|_)(weight_decay|wd)$"),
}
"""What parameters of a kind are usually called."""
START = {"rate": 1e-3, "dropout": 0.1, "weight_decay": 1e-4}
"""Where to begin if it is 0 now."""


def relative(seen: Seen, kind: str, factor: float, words: str) -> str:
    """A change by a factor, as words with the values: " or dropout (dropout 0.3 -> 0.45)".

    Where no parameter of the kind is known the words stand alone; where it is at the end of its
    range in that direction there is nothing to say.
    """
    name = next((n for n in seen.config if NAMES[kind].search(n)), None)
    if name is None or isinstance(seen.config[name], bool):
        return f",{words}" if not words.startswith(" or") else words
    now = seen.config[name]
    if not isinstance(now, int | float):
        return words
    target = float(f"{(now * factor if now else START[kind]):.2g}")
    target = _within(seen, name, target)
    if target == now:
        return ""
    return f"{words} ({name} {now:.3g} -> {target:.3g})"


def _within(seen: Seen, name: str, value: float) -> float:
    """The nearest value that the space allows."""
    parameter = seen.space[name] if seen.space is not None and name in seen.space else None
    if isinstance(parameter, Float):
        return min(max(value, parameter.low), parameter.high)
    return value
