"""Names that become folders: of a study, of a design, of a run. None leads out of the results."""

from __future__ import annotations

import re

from homeostat.errors import HomeostatError, RecordError

_LONGEST = 100


def checked_name(name: str, what: str, error: type[HomeostatError] = RecordError) -> str:
    """A name that somebody chose, if it can name a folder.

    Args:
        name: The name.
        what: Whose, such as "a study".
        error: What to raise.

    Raises:
        HomeostatError: If it has anything but letters, digits, - + _ and dots after the first.
    """
    if not re.fullmatch(rf"\w[\w.+-]{{0,{_LONGEST - 1}}}", name):
        raise error(
            f"{name!r} cannot be {what}'s name.",
            hint="Use letters, digits, and after the first - + and dots: it names a folder.",
        )
    return name


def folder_name(name: str) -> str:
    """The nearest name of a folder, for a name that has another purpose."""
    kept = "".join(c if c.isalnum() or c in "-_.+" else "_" for c in name).strip("._")
    return kept[:80] or "run"
