"""References that are found again when a folder was moved with what it refers to.

A run keeps where its workload is twice: as it was, and as seen from the run's own folder.

    near("/home/me/a/net.py:net", Path("/home/me/a/results/r1"))     "../../net.py:net"
"""

from __future__ import annotations

import os
import re
from pathlib import Path

_FILE = re.compile(r"(?P<file>.*?\.(?:py|ya?ml))(?P<rest>$|:.*| -- .*)", re.DOTALL)


def near(reference: str, folder: Path) -> str | None:
    """The reference as seen from a folder; None if it names no file."""
    parts = _FILE.fullmatch(reference)
    if parts is None:
        return None
    return os.path.relpath(parts["file"], folder) + parts["rest"]


def found_again(reference: str, seen: str | None, folder: Path) -> str:
    """The reference, or where its file is now if only that is there.

    Args:
        reference: As it was.
        seen: As it was seen from the folder.
        folder: Where that folder is now.
    """
    parts, relative = _FILE.fullmatch(reference), _FILE.fullmatch(seen or "")
    if parts is None or relative is None or Path(parts["file"]).is_file():
        return reference
    moved = Path(os.path.normpath(folder.absolute() / relative["file"]))
    return f"{moved}{relative['rest']}" if moved.is_file() else reference
