"""Verdicts: what the pairs so far say about one claim, in a word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from homeostat.evidence.sequential import SequentialInterval, interval, pairs_needed


class Verdict(StrEnum):
    """What a claim is judged to be."""

    SUPPORTED = "supported"
    SMALLER = "smaller than claimed"
    NO_EFFECT = "no effect"
    CONTRADICTED = "contradicted"
    UNDECIDED = "undecided"
    INERT = "inert"


@dataclass(frozen=True)
class Judged:
    """A verdict, the interval it rests on, and what else there is to say."""

    verdict: Verdict
    interval: SequentialInterval
    needed: int | None = None
    """Undecided: about how many pairs would show the least effect that was claimed."""
    note: str = ""


def judge(
    differences: Sequence[float],
    expected: tuple[float, float | None] | None,
    *,
    margin: float = 0.01,
    alpha: float = 0.05,
    last: bool = False,
) -> Judged | None:
    """Judge a claim by the relative improvements of its pairs; None asks for another pair.

    Decided by intervals that hold at every number of pairs, so it may be asked after each.

        no effect              the 90 % interval lies within +-margin (two one-sided tests)
        contradicted           the 95 % interval lies below 0
        smaller than claimed   it lies below the least that was claimed
        supported              it lies above 0, and the mean reaches the least that was claimed

    Args:
        differences: (changed - baseline) / |mean baseline|, positive where the change is better.
        expected: Least and most of the claim, as parts; None claims to help, by any amount.
        margin: What counts as no difference, as a part of the baseline.
        alpha: Chance of a wrong verdict, over all looks together.
        last: No more pairs will come: decide, with what the interval allows.
    """
    now = interval(differences, alpha=alpha)
    # Each of the two one-sided tests may err alpha of the time: together, the 2 alpha interval.
    both = interval(differences, alpha=2.0 * alpha)
    least = expected[0] if expected else 0.0
    if -margin <= both.low and both.high <= margin:
        return Judged(Verdict.NO_EFFECT, now)
    if now.high < 0.0:
        return Judged(Verdict.CONTRADICTED, now)
    if now.low > 0.0 and now.high < least:
        return Judged(Verdict.SMALLER, now)
    if now.low > 0.0 and now.mean >= least:
        return Judged(Verdict.SUPPORTED, now)
    if not last:
        return None
    if now.low > 0.0:
        return Judged(Verdict.SUPPORTED, now, note="that it helps; its size is open")
    if now.high < least:
        return Judged(Verdict.SMALLER, now, note="and perhaps nothing")
    target = least if least > 0.0 else margin
    needed = pairs_needed(target, now.spread, alpha=alpha) if now.count > 1 else None
    return Judged(Verdict.UNDECIDED, now, needed=needed)
