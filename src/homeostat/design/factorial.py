"""Effects of switches in a full two-level factorial design.

The main effect of A is the mean with A on minus the mean with A off. The interaction of A and B is
half the difference between A's effect with B on and with B off.
Source: Box, Hunter and Hunter, Statistics for Experimenters, chapter 5.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class FactorialEffect:
    """What a switch does on average, or what several do to each other."""

    names: tuple[str, ...]
    value: float

    @property
    def label(self) -> str:
        """The switches, joined by a cross."""
        return " x ".join(self.names)


def effects(rows: Sequence[tuple[Mapping[str, Any], float]]) -> tuple[FactorialEffect, ...]:
    """Every main effect and interaction, the largest first.

    Args:
        rows: Switch settings (name -> bool) and the response at each.

    Returns:
        One effect for each subset of the switches; empty if the rows are not one whole factorial,
        or a response is missing.
    """
    names = list(rows[0][0]) if rows else []
    settings = {tuple(changes.get(name) for name in names) for changes, _ in rows}
    whole = set(itertools.product((False, True), repeat=len(names)))
    same_names = all(list(changes) == names for changes, _ in rows)
    if not names or not same_names or settings != whole or len(rows) != len(whole):
        return ()
    if any(math.isnan(value) for _, value in rows):
        return ()
    found = [
        FactorialEffect(subset, _effect(rows, subset))
        for size in range(1, len(names) + 1)
        for subset in itertools.combinations(names, size)
    ]
    return tuple(sorted(found, key=lambda effect: -abs(effect.value)))


def _effect(rows: Sequence[tuple[Mapping[str, Any], float]], subset: tuple[str, ...]) -> float:
    """The contrast of the response with the product of the switches' signs."""
    total = sum(
        value * math.prod(1 if changes[name] else -1 for name in subset) for changes, value in rows
    )
    return 2 * total / len(rows)
