"""The blocks that findings are made of, which a notebook and a page both can show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from homeostat.pages.document import escape

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True)
class Words:
    """Markdown; whatever a user named in it is escaped already."""

    markdown: str


@dataclass(frozen=True)
class Picture:
    """An interactive figure with its caption."""

    name: str
    figure: go.Figure
    caption: str


Block = Words | Picture


def heading(text: str) -> Words:
    return Words(f"## {escape(text)}")


def bullets(lines: Iterable[str]) -> Words:
    return Words("\n".join(f"* {line}" for line in lines))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Words:
    """A table; cells are escaped."""
    lines = ["| " + " | ".join(escape(name) for name in columns) + " |"]
    lines.append("|" + "---|" * len(columns))
    lines += ["| " + " | ".join(escape(_cell(cell)) for cell in row) + " |" for row in rows]
    return Words("\n".join(lines))


def _cell(cell: object) -> object:
    if cell is None:
        return ""
    return f"{cell:.4g}" if isinstance(cell, float) else cell
