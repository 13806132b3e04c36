"""Verdicts: what the pairs so far say about one claim, in a word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from homeostat.evidence.sequential import SequentialInterval, interval, pairs_needed


class Verdict(StrEnum):
    """What a claim is judged to be."""

    SUPPORTED = "supported"
    LARGER = "larger than claimed"
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

        no effect              the interval lies within +-margin
        contradicted           it lies below 0
        smaller than claimed   it lies below the least that was claimed
        larger than claimed    it lies above the most that was claimed
        supported              it lies above the least that was claimed, and not above the most

    Args:
        differences: (changed - baseline) / |mean baseline|, positive where the change is better.
        expected: Least and most of the claim, as parts; None claims to help, by any amount.
        margin: What counts as no difference, as a part of the baseline.
        alpha: Chance of a wrong verdict, over all looks together.
        last: No more pairs will come: decide, with what the interval allows.
    """
    now = interval(differences, alpha=alpha)
    least, most = expected if expected else (0.0, None)
    if -margin <= now.low and now.high <= margin and not 0.0 < least < now.low:
        return Judged(Verdict.NO_EFFECT, now)
    if now.high < min(0.0, least):
        return Judged(Verdict.CONTRADICTED, now)
    if most is not None and now.low > most:
        return Judged(Verdict.LARGER, now)
    if now.low > least:
        # Where the mean is beyond the claim, more pairs may show that all of the interval is.
        beyond = most is not None and now.mean > most
        return _supported(now, most) if last or not beyond else None
    if now.high < least and (now.low > 0.0 or last):
        return Judged(Verdict.SMALLER, now, note="" if now.low > 0.0 else "and perhaps nothing")
    if not last:
        return None
    note = f"it helps; whether by {100 * least:g} % is open" if now.low > 0.0 else ""
    return Judged(Verdict.UNDECIDED, now, needed=_needed(now, least, margin, alpha), note=note)


def _supported(now: SequentialInterval, most: float | None) -> Judged:
    open_end = most is not None and now.high > most
    note = f"perhaps by more than {100 * most:g} %" if open_end and most is not None else ""
    return Judged(Verdict.SUPPORTED, now, note=note)


def _needed(now: SequentialInterval, least: float, margin: float, alpha: float) -> int | None:
    """About how many pairs it takes: to tell the mean from what was claimed, or from nothing."""
    if now.count < 2 or now.spread == 0.0:
        return None
    target = max(abs(now.mean - least), margin) if least > 0.0 else margin
    return pairs_needed(target, now.spread, alpha=alpha)
