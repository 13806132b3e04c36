"""What commands print: lines and tables for people, one JSON document for machines."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from homeostat.record.check import Check
    from homeostat.search.verdict import StudyVerdict


STYLE = {"ok": None, "skipped": "dim", "warning": "yellow", "fault": "red"}
"""How a check's line looks, by its status."""
COMMAND = re.compile(r"(?:^|\s)(?:homeostat|nas) ")
"""A line with something to type: it is left whole, so that it can be copied whole."""


class Output:
    """What a command prints to, for people or for machines.

    With `as_json` the standard output carries one JSON document and nothing else, so
    everything said on the way goes to the standard error.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        from rich.console import Console

        self.as_json = as_json
        stream = sys.stderr if as_json else sys.stdout
        # Away from a terminal nothing is folded: a reader or a pipe gets whole rows.
        width = None if stream.isatty() else 240
        self.console = Console(file=stream, highlight=False, soft_wrap=True, width=width)

    def line(self, text: str = "", *, style: str | None = None) -> None:
        """Print one line without reading markup in it; on a terminal it is folded between words."""
        text = visible(text)
        if self.console.is_terminal:
            text = "\n".join(fold(part, self.console.width) for part in text.split("\n"))
        self.console.print(text, style=style, markup=False)

    def heading(self, text: str) -> None:
        """Print a bold line with room above it."""
        self.console.print()
        self.line(text, style="bold")

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print rows under column heads; numbers are aligned to the right."""
        from rich.table import Table
        from rich.text import Text

        cells = [[visible(cell_text(cell)) for cell in row] for row in rows]
        numeric = [
            bool(cells) and all(_is_number(row[i]) for row in cells) for i in range(len(columns))
        ]
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for name, right in zip(columns, numeric, strict=True):
            table.add_column(name, justify="right" if right else "left", overflow="fold")
        for row in cells:
            table.add_row(*(Text(cell) for cell in row))
        self.console.print(table, soft_wrap=False)

    def verdict(self, verdict: StudyVerdict) -> None:
        """Print a study's verdict, the conclusion in bold."""
        first, *rest = verdict.lines
        self.line(first, style="bold")
        for sentence in rest:
            self.line(f"  {sentence}")

    def checks(self, checks: Iterable[Check]) -> None:
        """Print each check on a line, with what to do about it below."""
        for check in checks:
            self.line(f"{check.status:<8} {check.name}: {check.saw}", style=STYLE[check.status])
            if check.remedy:
                self.line(f"         -> {check.remedy}")

    @contextlib.contextmanager
    def working(self, text: str) -> Iterator[None]:
        """Show a spinner while the work inside runs; nothing is shown away from a terminal."""
        if not self.console.is_terminal:
            yield
            return
        from rich.text import Text

        with self.console.status(Text(text, style="dim")):
            yield

    def document(self, content: object) -> None:
        """Print the JSON document, if it was asked for."""
        if self.as_json:
            # Imported on use, so that help and errors come at once.
            from homeostat.record.files import plain

            text = json.dumps(plain(content, null=True), indent=2, ensure_ascii=False)
            sys.stdout.write(text + "\n")
            sys.stdout.flush()


_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    r"""Text in which a terminal's commands are to be seen and not obeyed: names may hold them.

    >>> visible("run \x1b[31m")
    'run \\x1b[31m'
    """
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def fold(line: str, width: int) -> str:
    """Break a line between words where a terminal of that width would break inside one."""
    if len(line) <= width or COMMAND.search(line):
        return line
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.fill(
        line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def cell_text(cell: object) -> str:
    """Write one table cell: four significant digits, a dash for nothing."""
    if cell is None:
        return "-"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return f"{cell:.4g}"
    return str(cell)


def _is_number(text: str) -> bool:
    if text == "-":
        return True
    try:
        float(text.split(" ± ")[0])
    except ValueError:
        return False
    return True
