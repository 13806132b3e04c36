"""Fate: what becomes of attempts whose process is gone. Events in, decisions out, no I/O.

a process was killed from outside     its attempts go on elsewhere, from their last snapshots,
                                      unless that happens to one again and again
it crashed, or had to be ended        a single attempt has failed; of several that it made side
                                      by side, each goes on alone, which shows whose fault it is
while everything is being stopped     nothing is taken up again; what was killed is interrupted,
                                      and can be resumed

again    alone: retried in a process by itself
end      with an outcome and a reason
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from homeostat.record.outcome import Outcome

RETRIES = 2
"""How often an attempt that lost its process through no fault of its own is taken up again."""
STARTS = 10
"""How often in total, losses before the attempt itself began included."""


@dataclass(frozen=True)
class Again:
    """The attempt goes on in another process, from its last snapshot."""

    alone: bool = True


@dataclass(frozen=True)
class End:
    """The attempt is over."""

    outcome: Outcome
    reason: str


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A process is gone."""

    reason: str
    killed: bool
    """Whether somebody or the system killed it, so that its attempts are not to blame."""
    begun: bool
    """Whether the attempts' own code ran, and not only its loading."""
    stopping: bool = False
    """Whether everything is being stopped."""


@dataclass
class _Losses:
    all: int = 0
    begun: int = 0

    @property
    def is_bearable(self) -> bool:
        return self.begun <= RETRIES and self.all < STARTS


class Fate:
    """Decides for the attempts of one engine; remembers how often each lost its process.

    fate.lost([a], Loss(killed=True, ...))       {a: Again()}      twice; then End(FAILED)
    fate.lost([a, b], Loss(killed=False, ...))   {a: Again(), b: Again()}
    """

    def __init__(self) -> None:
        self._losses: dict[Hashable, _Losses] = {}

    def losses(self, attempt: Hashable) -> int:
        """How often an attempt lost its process after it had begun."""
        return self._losses.get(attempt, _Losses()).begun

    def lost(self, attempts: Sequence[Hashable], loss: Loss) -> dict[Hashable, Again | End]:
        """A process is gone that was making these attempts, one or several side by side."""
        return {attempt: self._lost(attempt, loss, len(attempts) > 1) for attempt in attempts}

    def _lost(self, attempt: Hashable, loss: Loss, several: bool) -> Again | End:
        if not loss.killed:
            blamed = not several or loss.stopping
            return End(Outcome.FAILED, loss.reason) if blamed else Again()
        losses = self._losses.setdefault(attempt, _Losses())
        losses.all += 1
        losses.begun += loss.begun
        if loss.stopping:
            return End(Outcome.INTERRUPTED, loss.reason)
        if losses.is_bearable:
            return Again()
        times = "" if losses.all == 1 else f", {losses.all} times"
        return End(Outcome.FAILED, loss.reason + times)

    def offended(
        self,
        attempts: Sequence[Hashable],
        outcome: Outcome,
        reason: str,
        *,
        stopping: bool = False,
    ) -> dict[Hashable, Again | End]:
        """A process has to be ended: out of time, over its memory, or nobody wants it any more."""
        final = len(attempts) == 1 or stopping or outcome is Outcome.INTERRUPTED
        decision = End(outcome, reason) if final else Again()
        return dict.fromkeys(attempts, decision)

    def forget(self, attempt: Hashable) -> None:
        """An attempt has ended."""
        self._losses.pop(attempt, None)
