"""Blocks as HTML, for the page that opens from disk and for the dashboard."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Sequence
from importlib import resources
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
    pictures_of,
)

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline' 'unsafe-eval'; "
    "img-src data: blob:"
)
LONG = 40
"""A cell with more characters is broken into lines."""
STATUSES = frozenset(
    {
        "ok", "fault", "warning", "unknown", "completed", "running", "pruned", "diverged",
        "failed", "timeout", "interrupted", "done", "stopped", "skipped",
    }
)  # fmt: skip
_COMMAND = re.compile(r"(?P<said>.*?:) {2}(?P<typed>\S.*)", re.DOTALL)
_NAMED = re.compile(r"`([^`]+)`")


def fragment(block: Block) -> str:
    """One block; figures are places that `draw.js` fills."""
    match block:
        case Heading(text, level):
            return f"<h{level}>{html.escape(text)}</h{level}>"
        case Words(text):
            return f"<p>{_text(text)}</p>"
        case Bullets(lines):
            items = "".join(f"<li>{_text(line)}</li>" for line in lines)
            return f"<ul>{items}</ul>"
        case Typed(text):
            return f'<pre tabindex="0"><code>{html.escape(text)}</code></pre>'
        case TableBlock():
            return _table(block)
        case Picture():
            return _picture(block)
        case Gallery(pictures, caption):
            shown = "".join(_picture(picture) for picture in pictures)
            return f'<div class="gallery">{shown}</div><p class="caption">{_text(caption)}</p>'


def as_json(blocks: Iterable[Block]) -> list[dict[str, Any]]:
    """Blocks for the dashboard: HTML, and the figures that belong into it by name."""
    return [{"html": fragment(block), "figures": figures_json([block])} for block in blocks]


def figures_json(blocks: Iterable[Block]) -> dict[str, Any]:
    """Name -> figure as plotly.js takes it."""
    return {p.name: json.loads(p.figure.to_json()) for p in pictures_of(blocks)}


def render(title: str, sections: Sequence[tuple[str, Sequence[Block]]]) -> str:
    """The whole page from its (name, blocks) sections, plotly.js inside where there is a figure."""
    from plotly.offline import get_plotlyjs

    parts = [
        f'<section id="{name}">{"".join(map(fragment, blocks))}</section>'
        for name, blocks in sections
    ]
    figures = figures_json(block for _, blocks in sections for block in blocks)
    # Inside a script no name may end it.
    data = json.dumps(figures).replace("<", "\\u003c")
    script = (
        f"<script>{get_plotlyjs()}</script><script>{_file('draw.js')}\n"
        f"drawAll(document, {data});</script>"
        if figures else ""
    )  # fmt: skip
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{_file('page.css')}</style></head>\n"
        f'<body class="page"><main>{"".join(parts)}</main>{script}</body></html>\n'
    )


def _file(name: str) -> str:
    return resources.files("homeostat.pages").joinpath(name).read_text(encoding="utf-8")


def _text(text: str) -> str:
    """Plain text, in which what is to be typed is code: after a colon and two blanks, or quoted."""
    command = _COMMAND.fullmatch(text)
    if command:
        typed = f"<code>{html.escape(command['typed'])}</code>"
        return f"{html.escape(command['said'])} {typed}"
    return _NAMED.sub(r"<code>\1</code>", html.escape(text))


def _table(table: TableBlock) -> str:
    numeric = [
        all(isinstance(row[i], int | float | None) for row in table.rows)
        for i in range(len(table.columns))
    ]
    head = "".join(
        f'<th scope="col"{" class=number" if numeric[i] else ""}>{html.escape(name)}</th>'
        for i, name in enumerate(table.columns)
    )
    rows = "".join(
        "<tr>" + "".join(_cell(cell, numeric[i]) for i, cell in enumerate(row)) + "</tr>"
        for row in table.rows
    )
    return (
        f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _cell(cell: object, numeric: bool) -> str:
    text = cell_text(cell)
    if text in STATUSES:
        return f'<td><span class="badge {text}">{text}</span></td>'
    kind = " class=number" if numeric else " class=long" if len(text) > LONG else ""
    typed = text.startswith(("homeostat ", "nas ", "hs."))
    return f"<td{kind}>{f'<code>{html.escape(text)}</code>' if typed else _text(text)}</td>"


def _picture(picture: Picture) -> str:
    """A place for a figure, as high as it will be, so that nothing moves when it is drawn."""
    layout = picture.figure.layout
    width = int((layout.meta or {}).get("width", 0))
    style = f"min-height:{int(layout.height or 380)}px;min-width:{width}px"
    name, told = html.escape(picture.name), html.escape(picture.caption or picture.name)
    place = f'<div class="figure" id="figure-{name}" role="group" aria-label="{told}"'
    caption = f"<figcaption>{_text(picture.caption)}</figcaption>" if picture.caption else ""
    scroll = ' class="wide" tabindex="0"' if width else ""
    return f'<figure><div{scroll}>{place} style="{style}"></div></div>{caption}</figure>'
