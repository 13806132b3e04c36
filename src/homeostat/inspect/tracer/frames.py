"""Frames: which lines of a stack are the loop's own, and not of the machinery that runs it."""

from __future__ import annotations

import linecache
from pathlib import Path

import torch

_PACKAGE = Path(__file__).parents[2]
_TORCH = str(Path(torch.__file__).parent)
_WORKLOADS = str(_PACKAGE / "workloads")


def is_the_loops(path: str, number: int) -> bool:
    """Whether a line may be shown to the loop's owner as theirs.

    Not if it is PyTorch's or Homeostat's (built-in workloads are loops), nor if there is no text of
    it. A cell of a notebook has a text, without being a file.
    """
    if path.startswith(_TORCH):
        return False
    if path.startswith(str(_PACKAGE)) and not path.startswith(_WORKLOADS):
        return False
    return not path.startswith("<") or bool(linecache.getline(path, number))
