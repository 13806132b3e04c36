"""Findings as one HTML page that opens from disk and fetches nothing."""

from __future__ import annotations

import html
from collections.abc import Sequence
from importlib import resources

from homeostat.pages.document import escape
from homeostat.pages.findings.blocks import Block, Picture, Words

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline' 'unsafe-eval'; "
    "img-src data: blob:"
)
SETTINGS = {"displaylogo": False, "responsive": True}


def render(title: str, blocks: Sequence[Block]) -> str:
    """The whole page, plotly.js inside where there is a figure."""
    from markdown_it import MarkdownIt
    from plotly.offline import get_plotlyjs

    style = resources.files("homeostat.pages").joinpath("page.css").read_text(encoding="utf-8")
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    parts = []
    for block in blocks:
        if isinstance(block, Words):
            parts.append(markdown.render(block.markdown))
        else:
            parts.append(_picture(block) + markdown.render(f"*{escape(block.caption)}*"))
    drawn = any(isinstance(block, Picture) for block in blocks)
    script = f"<script>{get_plotlyjs()}</script>" if drawn else ""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{style}</style>{script}</head>\n"
        f"<body>\n{''.join(parts)}</body></html>\n"
    )


def _picture(block: Picture) -> str:
    import plotly.io as pio

    drawn: str = pio.to_html(
        block.figure, include_plotlyjs=False, full_html=False, div_id=f"figure-{block.name}",
        config=SETTINGS,
    )  # fmt: skip
    return drawn
