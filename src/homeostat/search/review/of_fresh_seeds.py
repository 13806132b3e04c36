"""What the runs on fresh seeds decide of the best's gain, or how many of them would."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence

from homeostat.record.check import Check, Found
from homeostat.search.decide import verdict_of
from homeostat.search.review.round import Round

FEWEST, MOST = 6, 20
"""Fresh seeds that are asked for: fewer leave a skewed gain undecided, more are no small step."""


def confirmation(now: Round) -> Iterator[Check]:
    """Is the gain over the default decided? Nothing where none was measured."""
    found = Found("confirmation")
    verdict = verdict_of(now.row, now.trials)
    gain, challenger = verdict.gain, verdict.challenger
    if gain is None or challenger is None:
        return
    told = f"the gain of trial {challenger.number} over the default is {gain}"
    if gain.decided:
        yield found.ok(f"{told}.")
        return
    scores = [verdict.on_fresh_seeds(trial) for trial in (challenger, verdict.default)]
    one, other = (score.values if score else {} for score in scores)
    wanted = _seeds_for([now.goal.gain(one[s], over=other[s]) for s in one if s in other])
    if wanted is None:
        yield found.warning(
            f"{told}; that is small beside its noise: even {MOST} would hardly decide it.",
            "Take either of the two: which is better makes no difference that could be relied on.",
        )
    else:
        yield found.warning(
            f"{told}; if it stays as it is, {wanted} would decide it.",
            f"Go on:  {now.more(len(now.trials), '--fresh-seeds', str(wanted))}",
        )


def _seeds_for(gains: Sequence[float]) -> int | None:
    """With how many seeds the mean so far would be clear of 0, on normal noise like that so far."""
    # SciPy takes half a second to import, which only a confirmed study needs.
    from scipy import special

    from homeostat.evidence.differences import FEW
    from homeostat.evidence.skew import usual_reach

    if len(gains) < 2:
        return FEWEST
    lead = abs(statistics.fmean(gains)) / statistics.stdev(gains)
    for count in range(max(FEWEST, len(gains) + 1), MOST + 1):
        t = float(special.stdtrit(count - 1, 0.975)) * usual_reach(count, FEW)
        if t / math.sqrt(count) < lead:
            return count
    return None
