"""Views of a run as JSON: what only its workload knows how to draw, as it was kept."""

from __future__ import annotations

import json
from typing import Any

from homeostat.record.runs import RunRecord
from homeostat.workload import load
from homeostat.workload.kept_views import views_of
from homeostat.workload.view import View, best_seed


def shown(record: RunRecord | None, seed: int | None = None) -> dict[str, Any]:
    """Each view with its figure and its caption, or the line that says why it cannot be drawn.

    They were drawn when the run ended. Of an older run those of an installed workload are drawn
    now; a file that the run names is never run for it.

    Args:
        record: Nothing is shown without one.
        seed: The one with the best value when None.
    """
    chosen = seed if seed is not None or record is None else best_seed(record)
    if record is None or chosen is None:
        return {"run": "", "seed": None, "seeds": [], "views": []}
    seeds = [attempt.seed for attempt in record.attempts]
    workload = load.installed(record.facts.get("reference") or record.workload)
    looks = workload.views if workload is not None else ()
    found = views_of(record, chosen, looks) if chosen in seeds else {}
    return {
        "run": record.name,
        "seed": chosen,
        "seeds": seeds,
        "views": [_line(name, view) for name, view in found.items()],
    }


def _line(name: str, view: View | str) -> dict[str, Any]:
    if isinstance(view, str):
        return {"name": name, "wrong": view}
    figure = json.loads(view.figure.to_json())
    return {"name": name, "title": view.title, "caption": view.caption, "figure": figure}
