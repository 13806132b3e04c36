"""The table of engines."""

from __future__ import annotations

from collections.abc import Callable

from homeostat.errors import UnknownNameError, did_you_mean
from homeostat.execute.inline import Inline
from homeostat.execute.job import Engine
from homeostat.execute.local import Local

ENGINES: dict[str, Callable[[int], Engine]] = {"inline": Inline, "local": Local}
"""Name -> what makes an engine for a number of attempts at a time."""


def make_engine(name: str, jobs: int = 1) -> Engine:
    """An engine by name.

    Raises:
        UnknownNameError: If there is none of that name.
    """
    if name not in ENGINES:
        raise UnknownNameError(f"No engine {name!r}.", hint=did_you_mean(name, ENGINES))
    return ENGINES[name](jobs)
