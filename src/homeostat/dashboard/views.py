"""Views of a run as JSON: what only its workload knows how to draw."""

from __future__ import annotations

import json
from typing import Any

from homeostat.errors import HomeostatError
from homeostat.record.runs import RunRecord
from homeostat.workload import load
from homeostat.workload.view import View, best_seed, draw_views
from homeostat.workload.workload import Workload


def workload_of(record: RunRecord) -> Workload | None:
    """The workload of a run; None where it cannot be found again, such as a notebook's own."""
    try:
        return load.find(record.facts.get("reference") or record.workload)
    except HomeostatError:
        return None


def shown(
    workload: Workload | None, record: RunRecord | None, seed: int | None = None
) -> dict[str, Any]:
    """Each view with its figure and its caption, or the line that says why it cannot be drawn.

    Args:
        workload, record: Nothing is shown without both.
        seed: The one with the best value when None.
    """
    if workload is None or record is None:
        return {"run": "", "seed": None, "seeds": [], "views": []}
    chosen = best_seed(record) if seed is None else seed
    found = draw_views(workload.views, record, chosen)
    return {
        "run": record.name,
        "seed": chosen,
        "seeds": [attempt.seed for attempt in record.attempts],
        "views": [_line(name, view) for name, view in found.items()],
    }


def _line(name: str, view: View | str) -> dict[str, Any]:
    if isinstance(view, str):
        return {"name": name, "wrong": view}
    figure = json.loads(view.figure.to_json())
    return {"name": name, "title": view.title, "caption": view.caption, "figure": figure}
