"""How a sentence counts things, lists them, and tells how long they take."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence


def plural(number: int, noun: str) -> str:
    """Count something: "1 fault", "2 faults"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def some(names: Sequence[str], most: int = 4) -> str:
    """Names as a list that stays short: "a, b, c and 5 more"."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most} more"


def format_duration(seconds: float) -> str:
    """Write seconds as people say them: `0.4 s`, `42 s`, `4m32s`, `2h05m`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def as_html(title: str, lines: Iterable[str]) -> str:
    """A title and a list as a notebook shows them; what looks like a tag in them stays text."""
    items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
    return f"<b>{html.escape(title)}</b><ul>{items}</ul>"
