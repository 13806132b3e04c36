"""A study's page as a notebook: the data in its first cell, so that it runs from the file alone."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from typing import Any

from homeostat.pages.study.blocks import (
    Block,
    Bullets,
    Gallery,
    Heading,
    Picture,
    TableBlock,
    Typed,
    Words,
    cell_text,
)
from homeostat.pages.study.facts import Facts
from homeostat.pages.study.html import figures_json

# nbformat carries no types: its nodes are dictionaries.
Node = Any

START = """import json

import pandas as pd
import plotly.graph_objects as go
import plotly.io as pio
from IPython.display import display

pio.renderers.default = "notebook"  # plotly.js goes into the file: nothing is fetched
trials = pd.DataFrame(json.loads({trials}))
figures = json.loads({figures})
trials.head()"""
_SPECIAL = re.compile(r"([\\`*_\[\]<>|#])")


def build(facts: Facts, blocks: Sequence[Block]) -> Node:
    """A notebook that needs nothing but plotly and pandas."""
    import nbformat

    v4: Any = nbformat.v4
    start = START.format(
        trials=_literal([_row(t) for t in facts.trials]), figures=_literal(figures_json(blocks))
    )
    data = v4.new_code_cell(start)
    data.metadata["jupyter"] = {"source_hidden": True}
    cells: list[Any] = []
    for block in blocks:
        if isinstance(block, Picture | Gallery):
            shown = block.pictures if isinstance(block, Gallery) else [block]
            lines = [f"display(go.Figure(figures[{p.name!r}]))" for p in shown]
            cells.append(v4.new_code_cell("\n".join(lines)))
            cells.append(v4.new_markdown_cell(f"*{escape(block.caption)}*"))
        else:
            cells.append(v4.new_markdown_cell(markdown(block)))
    cells.insert(1, data)
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"  # the same findings give the same file
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def markdown(block: Heading | Words | Bullets | Typed | TableBlock) -> str:
    """A block of words as Markdown."""
    match block:
        case Heading(text, level):
            return f"{'#' * level} {escape(text)}"
        case Words(text):
            return escape(text)
        case Bullets(lines):
            return "\n".join(f"* {escape(line)}" for line in lines)
        case Typed(text):
            return f"```\n{text.replace('```', '` ` `')}\n```"
        case TableBlock(columns, rows):
            told = [f"| {' | '.join(map(escape, columns))} |", "|" + "---|" * len(columns)]
            told += [f"| {' | '.join(escape(cell_text(cell)) for cell in row)} |" for row in rows]
            return "\n".join(told)


def escape(text: str) -> str:
    """Keep a name or a message from being read as Markdown or HTML."""
    return _SPECIAL.sub(r"\\\1", text).replace("\n", " ")


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


def _row(trial: Any) -> dict[str, Any]:
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
