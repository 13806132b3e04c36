"""The checklist after a round: what to look at before the next, each with what to type.

Source: the Deep Learning Tuning Playbook (Godbole, Dahl, Gilmer, Shallue and Nado 2023).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from homeostat.record.check import Check
from homeostat.search.review.of_curves import length, overfitting, steadiness
from homeostat.search.review.of_trials import divergence, edges, trials
from homeostat.search.review.round import Round

CHECKS: tuple[Callable[[Round], Iterable[Check]], ...] = (
    edges,
    divergence,
    length,
    overfitting,
    steadiness,
    trials,
)


def checklist(now: Round) -> tuple[Check, ...]:
    """Everything on the list, in its order; what could not be looked at says why."""
    return tuple(check for look in CHECKS for check in look(now))
