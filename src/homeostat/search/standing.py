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
    """The winner with its mean on fresh seeds, and the best in the search with its value there."""
    winner, leader = verdict.winner, verdict.leader
    fresh = verdict.on_fresh_seeds(winner)
    return {
        "winner": None if winner is None else winner.number,
        "on_fresh_seeds": None if fresh is None else fresh.mean,
        "best_in_search": None if leader is None else leader.number,
        "in_search": None if leader is None else leader.values[verdict.metric],
    }
