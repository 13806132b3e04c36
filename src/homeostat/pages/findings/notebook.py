"""Findings as a notebook: the data in its first cell, so that it runs from the file alone."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

from homeostat.pages.document import escape
from homeostat.pages.findings.blocks import Block, Picture, Words
from homeostat.pages.findings.facts import Facts

# nbformat carries no types: its nodes are dictionaries.
Node = Any

START = """import json

import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio

pio.renderers.default = "notebook"  # plotly.js goes into the file: nothing is fetched
trials = pd.DataFrame(json.loads({trials}))
figures = json.loads({figures})
trials.head()"""


def build(facts: Facts, blocks: Sequence[Block]) -> Node:
    """A notebook that needs nothing but plotly and pandas."""
    import nbformat
    import plotly.io as pio

    v4: Any = nbformat.v4
    pictures = {b.name: json.loads(pio.to_json(b.figure)) for b in blocks if isinstance(b, Picture)}
    start = START.format(
        trials=_literal([_row(facts, t) for t in facts.trials]), figures=_literal(pictures)
    )
    first, rest = blocks[:1], blocks[1:]
    cells: list[Any] = [v4.new_markdown_cell(b.markdown) for b in first if isinstance(b, Words)]
    data = v4.new_code_cell(start)
    data.metadata["jupyter"] = {"source_hidden": True}
    cells.append(data)
    for block in rest:
        if isinstance(block, Words):
            cells.append(v4.new_markdown_cell(block.markdown))
        else:
            cells.append(v4.new_code_cell(f"go.Figure(figures[{block.name!r}])"))
            cells.append(v4.new_markdown_cell(f"*{escape(block.caption)}*"))
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"  # the same findings give the same file
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def execute(notebook: Node, *, timeout_s: int = 120) -> None:
    """Run every cell in a fresh kernel.

    Raises:
        nbclient.exceptions.CellExecutionError: If a cell fails.
    """
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient

    # Over Unix sockets, where there are any, no other user can reach the kernel.
    transport = "ipc" if os.name == "posix" else "tcp"
    manager = AsyncKernelManager(kernel_name="python3", transport=transport)
    NotebookClient(notebook, km=manager, timeout=timeout_s).execute(cleanup_kc=True)


def text(notebook: Node) -> str:
    """The file's content."""
    import nbformat

    write: Any = nbformat.writes
    return str(write(notebook))


def _row(facts: Facts, trial: Any) -> dict[str, Any]:
    return {
        "trial": trial.number,
        "outcome": trial.outcome.value,
        **trial.values,
        **trial.parameters,
        "seconds": trial.wall_s,
    }


def _literal(content: object) -> str:
    """JSON as a Python string literal."""
    return repr(json.dumps(content, ensure_ascii=True, default=str))
