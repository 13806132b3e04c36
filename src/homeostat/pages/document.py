"""A report as Markdown with figures beside it, and as one HTML page with everything inside."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from homeostat.errors import RecordError

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#])")
_IMAGE = re.compile(r'<img src="([^"]+)"')


def escape(text: object) -> str:
    """Keep a name or a message from being read as Markdown or HTML."""
    return _SPECIAL.sub(r"\\\1", str(text)).replace("\n", " ")


def check_line(check: Mapping[str, Any]) -> str:
    """A check as `Check.to_json` gives it, in one line of Markdown; what to type is code."""
    line = f"**{escape(check['check'])}** ({escape(check['status'])}): {escape(check['saw'])}"
    advice, colon, command = check["remedy"].partition(":  ")
    if not advice:
        return line
    typed = f" `{command.replace('`', ' ')}`" if command else ""
    return f"{line} {escape(advice)}{colon.strip()}{typed}"


class Document:
    """Collects blocks of Markdown and SVG figures, then writes both pages."""

    def __init__(self, title: str) -> None:
        self.title = title
        self._blocks: list[str] = [f"# {escape(title)}"]
        self._figures: dict[str, str] = {}

    def heading(self, text: str) -> None:
        """Open a section."""
        self._blocks.append(f"## {escape(text)}")

    def text(self, text: str) -> None:
        """Add a paragraph; the text may carry Markdown, so escape what a user named."""
        self._blocks.append(text)

    def bullets(self, lines: Iterable[str]) -> None:
        """Add a list, a line each."""
        self._blocks.append("\n".join(f"* {line}" for line in lines))

    def code(self, text: str) -> None:
        """Add a block to be typed or read as it is."""
        self._blocks.append(f"```\n{text.replace('```', '` ` `')}\n```")

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Add a table; cells are escaped."""
        lines = ["| " + " | ".join(escape(name) for name in columns) + " |"]
        lines.append("|" + "---|" * len(columns))
        lines += ["| " + " | ".join(escape(cell) for cell in row) + " |" for row in rows]
        self._blocks.append("\n".join(lines))

    def figure(self, name: str, svg: str, caption: str) -> None:
        """Add a figure, kept beside the Markdown as `plots/NAME.svg`."""
        self._figures[name] = svg
        self._blocks.append(f"![{escape(caption)}](plots/{name}.svg)\n\n*{escape(caption)}*")

    @property
    def markdown(self) -> str:
        """The whole report as Markdown."""
        return "\n\n".join(self._blocks) + "\n"

    def page(self) -> str:
        """The whole report as one HTML page that needs nothing else, not even a network."""
        from markdown_it import MarkdownIt

        style = resources.files(__package__).joinpath("page.css").read_text(encoding="utf-8")
        body = MarkdownIt("commonmark", {"html": False}).enable("table").render(self.markdown)

        def inline(match: re.Match[str]) -> str:
            svg = self._figures[Path(match.group(1)).stem]
            data = base64.b64encode(svg.encode()).decode()
            return f'<img src="data:image/svg+xml;base64,{data}"'

        return (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{html.escape(self.title)}</title><style>{style}</style></head>\n"
            f"<body>\n{_IMAGE.sub(inline, body)}</body></html>\n"
        )

    def write(self, folder: Path, name: str = "report") -> Path:
        """Write NAME.md, its plots and NAME.html into a folder; return the HTML's path.

        Raises:
            RecordError: If the folder cannot be written.
        """
        try:
            (folder / "plots").mkdir(parents=True, exist_ok=True)
            for figure, svg in self._figures.items():
                write_page(folder / "plots" / f"{figure}.svg", svg)
            write_page(folder / f"{name}.md", self.markdown)
            page = folder / f"{name}.html"
            write_page(page, self.page())
        except OSError as error:
            raise RecordError(
                f"The report cannot be written to {folder}: {error.strerror}.",
                hint="Choose another folder with --results.",
            ) from error
        return page


def write_page(path: Path, text: str) -> None:
    """Write by rename, so that a reader never sees half a page."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
