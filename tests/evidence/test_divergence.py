"""What a diverged side of a pair means for a claim."""

import numpy as np
import pytest

from homeostat.evidence.divergence import PairOutcomes, evidence, judge_pairs, p_value
from homeostat.evidence.verdicts import Verdict

GAIN = tuple(0.05 + 0.001 * k for k in range(10))
GOOD = (Verdict.SUPPORTED, Verdict.LARGER, Verdict.NO_EFFECT)


def test_without_divergence_the_differences_decide():
    assert judge_pairs(PairOutcomes(GAIN), (0.02, 0.20)).verdict is Verdict.SUPPORTED


@pytest.mark.parametrize("expected", [None, (0.02, 0.20), (0.01, 0.02)])
def test_a_change_that_loses_a_run_is_not_supported_by_the_others(expected):
    pairs = PairOutcomes(GAIN, lost=1)
    assert judge_pairs(pairs, expected) is None
    judged = judge_pairs(pairs, expected, last=True)
    assert judged.verdict is Verdict.UNDECIDED and "diverge" in judged.note


def test_a_change_that_saves_a_run_is_not_contradicted_by_the_others():
    pairs = PairOutcomes(tuple(-d for d in GAIN), saved=1)
    assert judge_pairs(pairs, None, last=True).verdict is Verdict.UNDECIDED


def test_a_change_that_loses_every_run_is_contradicted_and_one_that_saves_them_helps():
    assert judge_pairs(PairOutcomes((), lost=10), (0.1, 0.2)).verdict is Verdict.CONTRADICTED
    assert judge_pairs(PairOutcomes((), saved=10), None).verdict is Verdict.SUPPORTED
    assert p_value(PairOutcomes((), lost=10)) < 0.05


def test_where_both_sides_always_diverge_nothing_is_known():
    judged = judge_pairs(PairOutcomes((), neither=20), (0.1, 0.2), last=True)
    assert judged.verdict is Verdict.UNDECIDED


def test_sides_that_diverge_alike_are_seldom_told_apart_however_often_one_looks():
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(400):
        lost = saved = 0
        for _ in range(20):
            changed, other = rng.random(2) < 0.4
            lost, saved = lost + (changed and not other), saved + (other and not changed)
            pairs = PairOutcomes((0.0,) * 3, lost=lost, saved=saved)
            judged = judge_pairs(pairs, None)
            if judged is not None and judged.verdict is not Verdict.NO_EFFECT:
                wrong += 1
                break
    assert wrong <= 0.05 * 400


def test_the_evidence_is_one_before_anything_is_seen():
    assert evidence(0, 0) == pytest.approx(1.0)
    # The mean over the next outcome is what it was: a martingale while both are as likely.
    assert (evidence(4, 2) + evidence(3, 3)) / 2 == pytest.approx(evidence(3, 2))
