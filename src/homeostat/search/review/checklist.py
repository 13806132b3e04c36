"""The checklist after a round: what to look at before the next, each with what to type.

Source: the Deep Learning Tuning Playbook (Godbole, Dahl, Gilmer, Shallue and Nado 2023).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from homeostat.record.check import Check
from homeostat.search.review.of_curves import length, overfitting, steadiness
from homeostat.search.review.of_fresh_seeds import confirmation
from homeostat.search.review.of_trials import divergence, edges, trials
from homeostat.search.review.round import Round

CHECKS: tuple[Callable[[Round], Iterable[Check]], ...] = (
    edges,
    divergence,
    length,
    overfitting,
    steadiness,
    trials,
    confirmation,
)


def checklist(now: Round) -> tuple[Check, ...]:
    """Everything on the list, in its order; what could not be looked at says why.

    A study that was imported without its workload gets no remedy that has to be typed: no command
    could find what to run.
    """
    checks = tuple(check for look in CHECKS for check in look(now))
    if now.row.settings.get("reference") != "":
        return checks
    return tuple(replace(c, remedy="") if "homeostat " in c.remedy else c for c in checks)
