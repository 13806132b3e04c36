"""Steps: which of a script's events are its steps, and which steps are reported.

A step is a step of the optimiser that leads: the first one that steps, or, when that stops, the
one that takes its place. Where no optimiser is, it is a backward pass; where there is none either,
a group of numbers that the script says.
"""

from __future__ import annotations

import weakref
from typing import Any

DENSE = 128
"""The first steps that are all reported; later ones 64 an octave."""


def is_due(step: int) -> bool:
    """Whether a step is reported although nothing was said: all of the first, then ever fewer."""
    return step < DENSE or step % (1 << (step.bit_length() - 7)) == 0


class Leader:
    """Counts the steps of whichever optimiser leads.

    Args of `stepped`: the optimiser. It returns how many steps that makes: usually 1 or 0.
    """

    def __init__(self) -> None:
        self._leader: Any = lambda: None
        self._others: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()

    def stepped(self, optimizer: Any) -> int:
        leader = self._leader()
        if leader is optimizer:
            if self._others:
                self._others.clear()
            return 1
        if leader is None and not self._others:
            self._leader = weakref.ref(optimizer)
            return 1
        count = self._others.get(optimizer, 0) + 1
        self._others[optimizer] = count
        if leader is None or count > 1:  # twice in the time of none of the leader's
            self._leader = weakref.ref(optimizer)
            self._others.clear()
            return count
        return 0
