"""Comparing several runs errs as often as it promises, whatever the noise; by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeostat.evidence.differences import interval, p_differs, p_within
from homeostat.evidence.statistics import holm, holm_pairs

ARMS = 9
MARGIN = 0.01


def lognormal(rng, count):
    return (rng.lognormal(0.0, 1.0, count) - math.exp(0.5)) / math.sqrt((math.e - 1) * math.e)


NOISES = {
    "normal": lambda rng, count: rng.normal(size=count),
    "t3": lambda rng, count: rng.standard_t(3, size=count) / math.sqrt(3.0),
    "lognormal": lognormal,
}


def claims(rng, noise, effect, seeds, *, arms=ARMS, base_noise=1.0):
    """What is said of each of several runs that differ from the baseline by `effect`."""
    base = 1.0 + 0.01 * base_noise * noise(rng, seeds)
    tests = []
    for _ in range(arms):
        differences = (1.0 + effect + 0.01 * noise(rng, seeds) - base).tolist()
        tests.append((p_differs(differences), p_within(differences, MARGIN)))
    return [(differs < 0.05, same < 0.05) for differs, same in holm_pairs(tests)]


@pytest.mark.parametrize("kind", NOISES)
@pytest.mark.parametrize("seeds", [5, 10])
def test_of_ten_equal_runs_one_is_called_better_or_worse_at_most_one_time_in_twenty(kind, seeds):
    rng = np.random.default_rng(0)
    wrong = sum(
        any(differs for differs, _ in claims(rng, NOISES[kind], 0.0, seeds)) for _ in range(200)
    )
    assert wrong <= 0.05 * 200


@pytest.mark.parametrize("kind", NOISES)
@pytest.mark.parametrize("seeds", [5, 10])
def test_of_ten_runs_that_differ_by_the_margin_one_is_called_the_same_as_seldom(kind, seeds):
    rng = np.random.default_rng(1)
    wrong = sum(
        any(same for _, same in claims(rng, NOISES[kind], MARGIN, seeds)) for _ in range(200)
    )
    assert wrong <= 0.05 * 200


@pytest.mark.parametrize("seeds", [3, 5, 8])
def test_a_rare_loss_of_one_run_alone_is_seldom_taken_for_an_effect(seeds):
    rng = np.random.default_rng(2)
    said = [claims(rng, lognormal, 0.0, seeds, arms=1, base_noise=0.0)[0] for _ in range(600)]
    # The bound of 5 % and what 600 runs can be off by.
    assert sum(differs for differs, _ in said) <= (0.05 + 0.02) * 600


def test_a_difference_of_three_deviations_is_seen_on_eight_seeds():
    rng = np.random.default_rng(3)
    seen = sum(
        claims(rng, NOISES["normal"], 0.03 * math.sqrt(2.0), 8, arms=1)[0][0] for _ in range(200)
    )
    assert seen >= 0.85 * 200


finite = st.floats(-1e3, 1e3).filter(lambda x: x == 0 or abs(x) > 1e-6)


@given(st.lists(finite, min_size=3, max_size=12))
def test_the_interval_excludes_zero_exactly_where_the_p_value_is_small(differences):
    low_high, p = interval(differences), p_differs(differences)
    if abs(p - 0.05) > 1e-9:
        assert (0.0 not in low_high) == (p < 0.05)


@given(st.lists(finite, min_size=3, max_size=12), st.floats(1e-3, 1e3))
def test_the_interval_lies_within_the_margin_exactly_where_sameness_is_shown(differences, margin):
    low_high, p = interval(differences), p_within(differences, margin)
    inside = -margin < low_high.low and low_high.high < margin
    if abs(p - 0.05) > 1e-9:
        assert inside == (p < 0.05)


def test_two_claims_that_exclude_each_other_cost_one_correction_and_not_two():
    assert holm_pairs([(0.04, 0.9)]) == [(0.04, 0.9)]
    adjusted = holm_pairs([(0.01, 0.9), (0.5, 0.02), (math.nan, math.nan)])
    assert adjusted[0][0] == pytest.approx(0.02) and adjusted[0][1] >= 0.9
    assert adjusted[1][1] == pytest.approx(0.04)
    assert all(math.isnan(p) for p in adjusted[2])


def test_without_a_second_claim_the_correction_is_holms():
    p_values = [0.001, 0.02, 0.04, 0.6]
    assert [p for p, _ in holm_pairs([(p, math.nan) for p in p_values])] == holm(p_values)
