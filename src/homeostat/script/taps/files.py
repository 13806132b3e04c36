"""Files: tables and JSON lines that the script writes as it trains, read as they are written."""

from __future__ import annotations

import builtins
import contextlib
import io
import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from homeostat.script import bridge
from homeostat.script.objective import goal_of
from homeostat.script.taps.lines import Lines
from homeostat.script.taps.replace import replace

if TYPE_CHECKING:
    from homeostat.script.taps.hearer import Hearer

KINDS = (".csv", ".tsv", ".jsonl", ".ndjson")
MOST_LENGTH = 4000


def attach(run: Hearer, stack: ExitStack) -> None:
    """Until the stack is closed, whole lines of such files are said as well."""
    known: dict[str, Lines] = {}

    def around(original: Any) -> Any:
        def opened(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
            stream = original(file, mode, *args, **kwargs)
            if (
                run.listening
                and isinstance(mode, str)
                and "b" not in mode
                and set(mode) & set("wax")
            ):
                name = os.fsdecode(file) if isinstance(file, (str, bytes, os.PathLike)) else ""
                if name.endswith(KINDS):
                    # A file that is opened anew for each row has its heading from before.
                    lines = known.get(name) if "a" in mode else None
                    _follow(stream, known.setdefault(name, lines or Lines(tables=True)))
            return stream

        return opened

    replace(stack, builtins, "open", around)
    replace(stack, io, "open", around)


def _follow(stream: Any, lines: Lines) -> None:
    write, begun = stream.write, [""]

    def written(text: str) -> Any:
        count = write(text)
        *whole, rest = (begun[0] + text).split("\n")
        begun[0] = rest[:MOST_LENGTH]
        for line in whole:
            # A file may hold anything: predictions, settings. Only what is named as a result is.
            numbers = {n: v for n, v in lines.read(line).items() if goal_of(n)}
            bridge.say(numbers, "a file")
        return count

    with contextlib.suppress(AttributeError):  # a stream of another kind
        stream.write = written
