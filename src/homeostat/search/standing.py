"""Where a study stands, in a line of a table: the verdict's figures, each under its own name."""

from __future__ import annotations

from typing import Any

from homeostat.search.verdict import StudyVerdict
from homeostat.study.records import StudyRow


def state_of(row: StudyRow, verdict: StudyVerdict) -> str:
    """ "running", "confirmed" where a trial has won on fresh seeds, or "stopped"."""
    if row.driven:
        return "running"
    return "confirmed" if verdict.winner is not None else "stopped"


def figures_of(verdict: StudyVerdict) -> dict[str, Any]:
    """The trial to take and what it scored, on fresh seeds and in the search that chose it."""
    trial = verdict.trial
    fresh = verdict.on_fresh_seeds(verdict.winner)
    return {
        "winner": None if verdict.winner is None else verdict.winner.number,
        "on_fresh_seeds": None if fresh is None else fresh.mean,
        "best_trial": None if trial is None else trial.number,
        "in_search": None if trial is None else trial.values[verdict.metric],
    }
