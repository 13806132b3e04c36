"""Notebook: the code of a file as Python runs it; of a notebook, its code cells one by one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

SUFFIX = ".ipynb"


def python_of(path: Path) -> bytes:
    """The Python text in a file.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is named like a notebook and is none.
    """
    content = path.read_bytes()
    return _cells(content) if path.suffix == SUFFIX else content


def _cells(content: bytes) -> bytes:
    try:
        cells = json.loads(content)["cells"]
        code = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
    except (ValueError, TypeError, KeyError):
        raise ValueError("a notebook has cells in JSON") from None
    return "\n\n".join("\n".join(_plain(text)) for text in code).encode() + b"\n"


def _plain(text: str) -> Iterator[str]:
    """A cell without what only IPython knows: magics, shell commands, questions."""
    if text.lstrip().startswith("%%") and not text.lstrip().startswith(("%%time", "%%capture")):
        return  # the cell is in another language
    for line in text.split("\n"):
        start = line.lstrip()
        foreign = start.startswith(("%", "!", "?")) or start.rstrip().endswith("?")
        yield f"{line[: len(line) - len(start)]}pass" if foreign else line
