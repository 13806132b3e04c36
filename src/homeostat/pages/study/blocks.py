"""The blocks that a study's page is made of; what a user named is plain text in all of them.

Whoever shows a block escapes its text once: `html.py` for pages and the dashboard, `notebook.py`
for notebooks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True)
class Heading:
    """A heading; the title of the page has level 1."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Words:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list, a line each."""

    lines: tuple[str, ...]

    @classmethod
    def of(cls, lines: Iterable[str]) -> Bullets:
        return cls(tuple(lines))


@dataclass(frozen=True)
class Typed:
    """Lines to be typed as they are."""

    text: str


@dataclass(frozen=True)
class TableBlock:
    """Columns and rows; a cell may be a word, a number, or nothing."""

    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]

    @classmethod
    def of(cls, columns: Iterable[str], rows: Iterable[Sequence[object]]) -> TableBlock:
        return cls(tuple(columns), tuple(tuple(row) for row in rows))


@dataclass(frozen=True)
class Picture:
    """An interactive figure with its caption."""

    name: str
    figure: go.Figure
    caption: str


@dataclass(frozen=True)
class Gallery:
    """Small figures side by side, as many in a row as there is room for."""

    pictures: tuple[Picture, ...]
    caption: str


Block = Heading | Words | Bullets | Typed | TableBlock | Picture | Gallery


def pictures_of(blocks: Iterable[Block]) -> list[Picture]:
    """Every figure, those of galleries among them."""
    found: list[Picture] = []
    for block in blocks:
        if isinstance(block, Picture):
            found.append(block)
        elif isinstance(block, Gallery):
            found.extend(block.pictures)
    return found


def cell_text(cell: Any) -> str:
    """A cell as it is shown."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)


def check_table(checks: Iterable[Any]) -> TableBlock:
    """Checks as `Check.to_json` gives them: what was looked at, what was seen, what to do."""
    rows = [(c["check"], c["status"], c["saw"], c["remedy"]) for c in checks]
    return TableBlock.of(("check", "status", "saw", "what to do"), rows)
