"""Divergence: what it says of a change that one side of a pair diverges and the other does not.

A run that diverged has no value, so such a pair has no difference. It is not left out either: a
change under which more runs diverge is no improvement, whatever the others score. So these pairs
are counted by side. A change that loses runs is neither supported nor without effect, and where it
loses them too often for luck it is contradicted; where it saves them too often for luck, it helps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from scipy import special

from homeostat.evidence.sequential import interval
from homeostat.evidence.sequential import p_value as differences_p
from homeostat.evidence.verdicts import Judged, Verdict, judge

_GOOD = (Verdict.SUPPORTED, Verdict.LARGER)
_BAD = (Verdict.CONTRADICTED, Verdict.SMALLER)


@dataclass(frozen=True)
class PairOutcomes:
    """What the pairs of a claim came to."""

    differences: tuple[float, ...]
    """Relative improvements, of the pairs of which both sides completed."""
    lost: int = 0
    """Pairs in which only the changed side diverged."""
    saved: int = 0
    """Pairs in which only the other side did."""
    neither: int = 0
    """Pairs in which both did."""

    @property
    def count(self) -> int:
        return len(self.differences) + self.lost + self.saved + self.neither


def judge_pairs(
    pairs: PairOutcomes,
    expected: tuple[float, float | None] | None,
    *,
    margin: float = 0.01,
    alpha: float = 0.05,
    last: bool = False,
) -> Judged | None:
    """Judge a claim, pairs with a diverged side among them; None asks for another pair.

    Takes what `judge` takes. Half of `alpha` is for the differences and half for the divergence
    where any pair has a diverged side.
    """
    if not pairs.lost and not pairs.saved:
        return judge(pairs.differences, expected, margin=margin, alpha=alpha, last=last)
    now = interval(pairs.differences, alpha=alpha / 2)
    if evidence(pairs.lost, pairs.saved) >= 4 / alpha:
        return Judged(Verdict.CONTRADICTED, now, note="it makes training diverge")
    if evidence(pairs.saved, pairs.lost) >= 4 / alpha:
        return Judged(Verdict.SUPPORTED, now, note="it cures divergence; the rest is open")
    judged = judge(pairs.differences, expected, margin=margin, alpha=alpha / 2, last=last)
    if judged is None:
        return None
    withheld = (_GOOD if pairs.lost else ()) + (_BAD if pairs.saved else ()) + (Verdict.NO_EFFECT,)
    if judged.verdict not in withheld:
        return judged
    if not last:
        return None
    return replace(judged, verdict=Verdict.UNDECIDED, note="the sides do not diverge alike")


def evidence(more: int, fewer: int) -> float:
    """How much likelier one side diverges more often than that both do alike (an e-value).

    The mean of the likelihood ratio over chances from a half to one. While both diverge alike it
    starts at 1 and is a martingale, so it passes 1 / alpha with chance alpha at most, however often
    one looks.
    """
    count = more + fewer
    above = special.beta(more + 1, fewer + 1) * special.betaincc(more + 1, fewer + 1, 0.5)
    return float(2.0 * above * 2.0**count)


def p_value(pairs: PairOutcomes) -> float:
    """Of no effect, neither on the differences nor on divergence; valid at any time."""
    p = differences_p(pairs.differences)
    if not pairs.lost and not pairs.saved:
        return p
    both = (evidence(pairs.lost, pairs.saved) + evidence(pairs.saved, pairs.lost)) / 2
    return min(1.0, 2 * min(p, 1 / both))


def sentence(pairs: PairOutcomes) -> str:
    """The divergence in words; empty where there was none."""
    parts: Sequence[tuple[int, str]] = (
        (pairs.lost + pairs.neither, "diverged"),
        (pairs.saved + pairs.neither, "the other side diverged"),
    )
    return ", ".join(f"{words} on {n} of {pairs.count} seeds" for n, words in parts if n)
