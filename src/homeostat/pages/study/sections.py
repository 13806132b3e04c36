"""The sections of a study's page, in their order; each a few blocks, or none.

What was wrong and what it was worth comes first, then what the trials show, then what to do next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from homeostat.pages.study.blocks import Block
from homeostat.pages.study.facts import Facts
from homeostat.pages.study.outcome import mattered, options, traded, verdict, wrong
from homeostat.pages.study.record import commands, decided, next_round, unknown
from homeostat.pages.study.trials import (
    by_value,
    curves,
    infeasible,
    looks,
    parallel,
    slices,
    trials,
)

SECTIONS: dict[str, Callable[[Facts], Iterator[Block]]] = {
    "verdict": verdict,
    "wrong": wrong,
    "mattered": mattered,
    "options": options,
    "traded": traded,
    "trials": trials,
    "parallel": parallel,
    "slices": slices,
    "curves": curves,
    "looks": looks,
    "table": by_value,
    "infeasible": infeasible,
    "decided": decided,
    "next": next_round,
    "unknown": unknown,
    "commands": commands,
}


def sections_of(facts: Facts) -> list[tuple[str, list[Block]]]:
    """Everything there is to say about a study: (name, blocks) of each section with any."""
    found = [(name, list(section(facts))) for name, section in SECTIONS.items()]
    return [(name, blocks) for name, blocks in found if blocks]
