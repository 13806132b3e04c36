"""How an attempt at training ended, in one word."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """`running` while it runs; `interrupted` can be resumed; every other outcome is final.

    `damaged` is never written: what was written cannot be read. Resuming makes it anew, from its
    snapshot where there is one. Of trials alone: `infeasible` ended beyond a bound of its study;
    `forgotten` counts for nothing, whatever it was.
    """

    RUNNING = "running"
    COMPLETED = "completed"
    PRUNED = "pruned"
    DIVERGED = "diverged"
    FAILED = "failed"
    TIMEOUT = "timeout"
    INTERRUPTED = "interrupted"
    DAMAGED = "damaged"
    INFEASIBLE = "infeasible"
    FORGOTTEN = "forgotten"

    @property
    def final(self) -> bool:
        """True when there is nothing left to resume."""
        return self not in (Outcome.RUNNING, Outcome.INTERRUPTED, Outcome.DAMAGED)


# What a run of several seeds is called when its attempts ended differently: the first of these
# that any attempt has. Work that can go on comes first, then what needs a look.
WORST_FIRST = (
    Outcome.RUNNING,
    Outcome.DAMAGED,
    Outcome.INTERRUPTED,
    Outcome.FAILED,
    Outcome.TIMEOUT,
    Outcome.DIVERGED,
    Outcome.PRUNED,
    Outcome.COMPLETED,
)


def combined(outcomes: list[Outcome]) -> Outcome:
    """One word for several attempts; nothing attempted yet reads as interrupted."""
    return next((word for word in WORST_FIRST if word in outcomes), Outcome.INTERRUPTED)
