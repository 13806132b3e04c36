"""A line without what is not said about the training: colours, dates, logger names, bars."""

from __future__ import annotations

import re
from typing import NamedTuple

EDGE = "\x1f"
"""Stands where something was taken out, so that no name reaches across it."""

_ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][A-Z0-9])")
_CLOCK = r"\d{1,3}:\d{2}:\d{2}(?:[.,]\d+)?(?:\s?[AP]M)?"
_DATE = r"(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}|\d{2}/\d{2}/\d{2})"
_ZONE = r"(?:\s?(?:Z|UTC|GMT|[+-]\d{2}:?\d{2}))?"
_MONTH = (
    r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\w*,?\s+)?"
    r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)\w*"
)
_ASIDE = re.compile(
    "|".join(
        (
            rf"\b[IWEFD]\d{{4,8}} {_CLOCK}\s+\d+\s+\S+?:\d+\]",  # Google's logging
            rf"(?<![\w.])(?:{_DATE}|\d{{2}}/\d{{2}})[T ,_-]{{1,3}}{_CLOCK}{_ZONE}",
            rf"(?<![\w.]){_DATE}(?![\w.])",
            rf"\b{_MONTH}\s+\d{{1,2}}(?:,?\s+\d{{4}})?(?:\s+{_CLOCK})?(?:\s+\d{{4}})?(?![\w.])",
            rf"(?<![\w.:]){_CLOCK}{_ZONE}(?![\w:])",
            r"(?<![\w.:/])\d{1,2}:\d{2}(?:[.,]\d+)?(?![\w:.])",
            r"\b(?:INFO|DEBUG|WARNING|WARN|ERROR|CRITICAL|FATAL|TRACE|NOTICE)\b(?::[\w.]+:)?",
            r"(?<!\w)[\w/\\.-]+\.(?:py|cc|cpp|cu|c|h|jl|rs|go|java|R|js|ts|lua):\d+",
            r"(?<!\S)[\w.]+:[\w<>]+:\d+(?!\S)",
            r"\(\w+ pid=\d+[^)]*\)",
            r"\[(?:rank|default)\s?\d+\]:?",
            r"https?://\S+",
        )
    )
)
_RATE = r"(?:,\s*[\d.?]+\s?[kMG]?\w*(?:/s|/\w+|s/\w+))?"
_TQDM = re.compile(
    r"(?:\d{1,3}(?:\.\d+)?%\s?\|[^|]*\||(?<=:)|^)\s*(?P<n>\d+)(?:\.\d+)?[kMG]?"
    rf"(?:/(?P<total>\d+)(?:\.\d+)?[kMG]?|\s?\w+)\s*\[[\d:]+(?:<[\d:?]+)?(?:\s?days?[^,\]]*)?{_RATE}"
)
_RICH = re.compile(
    r"[━╸╺─]{3,}\s*(?P<n>\d+)/(?P<total>\d+)(?:\s+[\d:.-]+(?:\s*•\s*[\d:.-]+)?)?(?:\s*[\d.]+\s?it/s)?"
)
_KERAS = re.compile(r"^\s*(?P<n>\d+)/(?P<total>\d+|Unknown)(?=\s+(?:\[|[━╸╺]|-\s|\S*\d+m?s\b))")
_PERCENT_BAR = re.compile(r"\d{1,3}%\|[^|]*\|")


class BarProgress(NamedTuple):
    """How far a progress bar is."""

    n: int
    total: int | None


class Clean(NamedTuple):
    """What a line says, and how far the progress bar in it is, if there is one."""

    text: str
    progress: BarProgress | None


def plain(line: str) -> str:
    """The line without colours and other commands to a terminal."""
    return _ANSI.sub("", line) if "\x1b" in line else line


def clean(line: str) -> Clean:
    """The line without dates, times of day, logger names, file positions and progress bars.

    "2025-01-02 10:00:01,123 INFO train.py:83 epoch 1 loss 0.5"  ->  "... epoch 1 loss 0.5"
    """
    progress = None
    for pattern in (_TQDM, _RICH, _KERAS):
        bar = pattern.search(line)
        if bar is not None:
            total = bar["total"]
            progress = BarProgress(int(bar["n"]), int(total) if total and total.isdigit() else None)
            line = line[: bar.start()] + EDGE + line[bar.end() :]
            break
    line = _PERCENT_BAR.sub(EDGE, line)
    return Clean(_ASIDE.sub(EDGE, line), progress)
