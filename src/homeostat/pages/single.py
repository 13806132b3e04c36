"""One figure as a page of its own, for `--plot`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from homeostat.errors import RecordError
from homeostat.pages.study.blocks import Block, Heading, Picture
from homeostat.pages.study.html import render

if TYPE_CHECKING:
    import plotly.graph_objects as go


def write_figure(figure: go.Figure, place: Path, *, title: str, caption: str = "") -> None:
    """Write a page that opens from disk and fetches nothing.

    Raises:
        RecordError: If it cannot be written.
    """
    blocks: list[Block] = [Heading(title, 1), Picture(place.stem, figure, caption)]
    try:
        place.write_text(render(title, [("figure", blocks)]), encoding="utf-8")
    except OSError as error:
        raise RecordError(
            f"{place} cannot be written: {error.strerror}.", hint="Choose another --plot."
        ) from error
