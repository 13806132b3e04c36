"""Kept views: the pictures of a run, drawn when it ends and kept beside it as data.

Whoever looks at the run later sees them without its workload, whose code is not run for a look.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from homeostat.errors import HomeostatError, RecordError
from homeostat.record.hold import Hold
from homeostat.record.runs import RunRecord, seed_folder
from homeostat.record.schema import Kind
from homeostat.workload.view import Look, View, draw_views
from homeostat.workload.workload import Workload

FILE = "views.json"
KIND = Kind("views", {}, {"views": dict[str, dict[str, Any]]})


def keep_views(workload: Workload, run: RunRecord) -> None:
    """Draw the views of every seed of a run that has ended, and keep them; none is no error.

    A disk that is full costs the pictures and not the run.
    """
    if not workload.views or find_spec("plotly") is None:
        return
    for attempt in run.attempts:
        views = draw_views(workload.views, run, attempt.seed)
        document = {"views": {name: _document(view) for name, view in views.items()}}
        try:
            with Hold(seed_folder(run.folder, attempt.seed)):
                KIND.write(_place(run, attempt.seed), document)
        except HomeostatError:
            return


def views_of(run: RunRecord, seed: int, looks: Sequence[Look]) -> dict[str, View | str]:
    """The views of one seed as they were kept; drawn by `looks` where none were.

    A view that cannot be read is a line that says why.
    """
    if not _place(run, seed).exists():
        return draw_views(looks, run, seed)
    try:
        document = KIND.read(_place(run, seed))
        views = document["views"] if "format" in document else document
        return {str(name): _view(entry) for name, entry in views.items()}
    except (RecordError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return {FILE: f"The views of {run.name}, seed {seed}, cannot be read: {error}."}


def _place(run: RunRecord, seed: int) -> Path:
    return seed_folder(run.folder, seed) / FILE


def _document(view: View | str) -> dict[str, Any]:
    if isinstance(view, str):
        return {"wrong": view}
    figure = json.loads(view.figure.to_json())
    return {"title": view.title, "caption": view.caption, "figure": figure}


def _view(entry: dict[str, Any]) -> View | str:
    if "wrong" in entry:
        return str(entry["wrong"])
    import plotly.graph_objects as go

    figure = go.Figure(entry["figure"])  # refuses what is no figure
    return View(str(entry["title"]), figure, str(entry["caption"]))
