"""The sequential test keeps its promises however often one looks; shown by simulation."""

import math

import numpy as np
import pytest

from homeostat.evidence.sequential import half_width, interval, p_value, pairs_needed
from homeostat.evidence.verdicts import Verdict, judge


def run_pairs(effect, noise, expected, rng, *, most=20):
    """Pairs of a change that helps by `effect`, both runs with this relative noise."""
    differences = []
    for count in range(1, most + 1):
        base, changed = 1.0 + noise * rng.normal(), 1.0 + effect + noise * rng.normal()
        differences.append(changed - base)
        judged = judge(differences, expected, last=count == most)
        if judged is not None:
            return judged
    raise AssertionError("the last pair always decides")


def verdicts(effect, noise, expected, *, runs=400, most=20, seed=0):
    rng = np.random.default_rng(seed)
    return [run_pairs(effect, noise, expected, rng, most=most).verdict for _ in range(runs)]


@pytest.mark.parametrize("expected", [None, (0.02, 0.05)])
def test_without_an_effect_supported_is_said_at_most_one_time_in_twenty(expected):
    words = verdicts(0.0, 0.02, expected)
    assert words.count(Verdict.SUPPORTED) <= 0.05 * 400
    assert words.count(Verdict.CONTRADICTED) <= 0.05 * 400


@pytest.mark.parametrize("expected", [None, (0.02, 0.05), (0.05, 0.10)])
def test_five_per_cent_at_two_per_cent_noise_is_supported_within_twenty_pairs(expected):
    assert verdicts(0.05, 0.02, expected).count(Verdict.SUPPORTED) >= 0.80 * 400


def test_equivalence_is_found_where_it_holds():
    assert verdicts(0.0, 0.004, (0.02, 0.05)).count(Verdict.NO_EFFECT) >= 0.80 * 400


def test_an_effect_at_the_margin_is_seldom_called_none():
    assert verdicts(0.01, 0.004, None).count(Verdict.NO_EFFECT) <= 0.05 * 400


def test_harm_is_contradicted():
    assert verdicts(-0.05, 0.02, (0.02, 0.05)).count(Verdict.CONTRADICTED) >= 0.80 * 400


def test_a_tenth_of_what_was_claimed_is_smaller_than_claimed():
    assert verdicts(0.03, 0.01, (0.30, 0.50)).count(Verdict.SMALLER) >= 0.95 * 400


def test_too_much_noise_leaves_it_undecided_and_says_how_many_pairs_it_takes():
    rng = np.random.default_rng(0)
    judged = [run_pairs(0.02, 0.10, (0.02, 0.05), rng) for _ in range(50)]
    undecided = [j for j in judged if j.verdict is Verdict.UNDECIDED]
    assert len(undecided) > 30
    assert 200 < np.median([j.needed for j in undecided]) < 2_000


def test_the_interval_covers_the_truth_at_all_looks_together():
    rng = np.random.default_rng(1)
    missed = 0
    for _ in range(1_000):
        sample = rng.normal(0.3, 1.0, 60)
        looks = (interval(sample[:n].tolist()) for n in range(5, 61))
        missed += any(not look.low <= 0.3 <= look.high for look in looks)
    assert missed <= 0.05 * 1_000


def test_an_ordinary_interval_would_not():
    from scipy.stats import t as student

    rng = np.random.default_rng(1)
    missed = 0
    for _ in range(300):
        sample = rng.normal(0.0, 1.0, 60)
        for n in range(5, 61):
            half = student.ppf(0.975, n - 1) * sample[:n].std(ddof=1) / math.sqrt(n)
            if abs(sample[:n].mean()) > half:
                missed += 1
                break
    assert missed > 0.15 * 300


def test_the_interval_scales_with_its_data():
    sample = [0.1, 0.4, -0.2, 0.3, 0.25, 0.6]
    one, ten = interval(sample), interval([10 * x for x in sample])
    assert ten.low == pytest.approx(10 * one.low)
    assert ten.high == pytest.approx(10 * one.high)


def test_the_interval_excludes_zero_exactly_when_the_ratio_passes():
    rng = np.random.default_rng(2)
    for _ in range(200):
        sample = rng.normal(0.8, 1.0, 12).tolist()
        excluded = [
            n
            for n in range(2, 13)
            if not interval(sample[:n]).low <= 0 <= interval(sample[:n]).high
        ]
        assert bool(excluded) == (p_value(sample) < 0.05)


def test_few_pairs_decide_nothing():
    assert half_width(4, 1.0) == math.inf
    assert half_width(5, 1.0) < math.inf
    assert judge([0.5, 0.5, 0.5, 0.4], None) is None


def test_the_pairs_needed_are_enough():
    needed = pairs_needed(0.05, 0.02 * math.sqrt(2.0))
    assert 6 <= needed <= 20
    rng = np.random.default_rng(3)
    shown = sum(interval(rng.normal(0.05, 0.0283, needed).tolist()).low > 0 for _ in range(400))
    assert shown >= 0.75 * 400
