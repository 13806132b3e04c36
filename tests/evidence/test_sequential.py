"""The sequential test keeps its promises however often one looks; shown by simulation."""

import math

import numpy as np
import pytest

from homeostat.evidence.sequential import FEWEST, interval, p_value, pairs_needed
from homeostat.evidence.verdicts import Verdict, judge


def lognormal(rng, count):
    """Mean 0, s.d. 1, and a tail on the right that one draw in ten reaches."""
    drawn = rng.lognormal(0.0, 1.0, count)
    return (drawn - math.exp(0.5)) / math.sqrt((math.e - 1) * math.e)


NOISES = {
    "normal": lambda rng, count: rng.normal(size=count),
    "t3": lambda rng, count: rng.standard_t(3, size=count) / math.sqrt(3.0),
    "lognormal": lambda rng, count: lognormal(rng, count) - lognormal(rng, count),
    "a rare gain": lognormal,
    "a rare loss": lambda rng, count: -lognormal(rng, count),
}
"""Noise of a difference; where a change causes it, one side alone has the tail."""


def run_pairs(effect, noise, expected, rng, *, most=20, kind="normal"):
    """Pairs of a change that helps by `effect`, whose differences have this noise times root 2."""
    differences = (effect + math.sqrt(2.0) * noise * NOISES[kind](rng, most)).tolist()
    for count in range(FEWEST, most + 1):
        judged = judge(differences[:count], expected, last=count == most)
        if judged is not None:
            return judged
    raise AssertionError("the last pair always decides")


def verdicts(effect, noise, expected, *, runs=400, most=20, seed=0, kind="normal"):
    rng = np.random.default_rng(seed)
    return [
        run_pairs(effect, noise, expected, rng, most=most, kind=kind).verdict for _ in range(runs)
    ]


@pytest.mark.parametrize("kind", NOISES)
@pytest.mark.parametrize("expected", [None, (0.02, 0.05)])
def test_without_an_effect_a_verdict_is_wrong_at_most_one_time_in_twenty(expected, kind):
    words = verdicts(0.0, 0.02, expected, kind=kind)
    wrong = (Verdict.SUPPORTED, Verdict.LARGER, Verdict.CONTRADICTED)
    assert sum(words.count(word) for word in wrong) <= 0.05 * 400


@pytest.mark.parametrize("kind", NOISES)
def test_less_than_was_claimed_is_supported_at_most_one_time_in_twenty(kind):
    words = verdicts(0.045, 0.01, (0.05, 0.10), kind=kind)
    assert words.count(Verdict.SUPPORTED) + words.count(Verdict.LARGER) <= 0.05 * 400


@pytest.mark.parametrize("kind", NOISES)
def test_what_was_claimed_is_neither_smaller_nor_larger_more_than_one_time_in_twenty(kind):
    words = verdicts(0.05, 0.01, (0.05, 0.10), kind=kind)
    assert words.count(Verdict.SMALLER) + words.count(Verdict.LARGER) <= 0.05 * 400


@pytest.mark.parametrize(
    ("expected", "share"), [(None, 0.85), ((0.02, 0.10), 0.50), ((0.005, 0.04), 0.75)]
)
def test_five_per_cent_at_two_per_cent_noise_is_seen_within_twenty_pairs(expected, share):
    words = verdicts(0.05, 0.02, expected)
    assert words.count(Verdict.SUPPORTED) + words.count(Verdict.LARGER) >= share * 400


def test_more_than_was_claimed_is_larger_than_claimed():
    assert verdicts(0.10, 0.01, (0.02, 0.05)).count(Verdict.LARGER) >= 0.95 * 400


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
    assert 300 < np.median([j.needed for j in undecided]) < 3_000


def test_the_interval_covers_the_truth_at_all_looks_together():
    rng = np.random.default_rng(1)
    missed = 0
    for _ in range(300):
        sample = rng.normal(0.3, 1.0, 60)
        looks = (interval(sample[:n].tolist()) for n in range(FEWEST, 61))
        missed += any(not look.low <= 0.3 <= look.high for look in looks)
    assert missed <= 0.05 * 300


def test_an_ordinary_interval_would_not():
    from scipy.stats import t as student

    rng = np.random.default_rng(1)
    limits = {n: student.ppf(0.975, n - 1) for n in range(5, 61)}
    missed = 0
    for _ in range(300):
        sample = rng.normal(0.0, 1.0, 60)
        for n in range(5, 61):
            half = limits[n] * sample[:n].std(ddof=1) / math.sqrt(n)
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
    few = [0.5, 0.5, 0.5, 0.4, 0.5, 0.5, 0.5]
    assert interval(few).low == -math.inf and judge(few, None) is None
    assert judge([*few, 0.4], None).verdict is Verdict.SUPPORTED


def test_the_pairs_needed_are_enough():
    needed = pairs_needed(0.05, 0.02 * math.sqrt(2.0))
    assert FEWEST <= needed <= 30
    rng = np.random.default_rng(3)
    shown = sum(interval(rng.normal(0.05, 0.0283, needed).tolist()).low > 0 for _ in range(400))
    assert shown >= 0.75 * 400
