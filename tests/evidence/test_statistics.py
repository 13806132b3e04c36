"""Statistics against known answers and by simulation."""

import math

import numpy as np
import pytest

from homeostat.evidence.statistics import (
    BOOTSTRAP_FROM,
    holm,
    iqm,
    mean_interval,
    probability_of_improvement,
)


def test_the_interquartile_mean_ignores_the_outer_quarters():
    assert iqm([0, 1, 2, 3, 4, 5, 6, 1000]) == pytest.approx(3.5)


def test_the_interval_of_few_values_is_students():
    # Student's own table: t(0.975, 4) = 2.776.
    interval = mean_interval([1, 2, 3, 4, 5])
    half = 2.776 * math.sqrt(2.5 / 5)
    assert (interval.low, interval.high) == pytest.approx((3 - half, 3 + half), abs=1e-3)


@pytest.mark.parametrize("n", [3, 5, BOOTSTRAP_FROM, pytest.param(40, marks=pytest.mark.slow)])
def test_the_interval_covers_the_truth_as_often_as_it_says(n):
    rng = np.random.default_rng(n)
    trials = 300
    covered = sum(0.0 in mean_interval(rng.normal(size=n).tolist()) for _ in range(trials))
    # 95 % within three standard errors of 300 trials; the bootstrap is a little narrow at n = 12.
    assert 0.95 - 0.065 <= covered / trials <= 0.99


def test_equal_values_have_a_point_for_an_interval_and_one_has_none():
    assert (mean_interval([2.0] * 20).low, mean_interval([2.0] * 20).high) == (2.0, 2.0)
    assert math.isnan(mean_interval([2.0]).low)


def test_probability_of_improvement_counts_pairs_and_halves_ties():
    assert probability_of_improvement([1, 2], [0, 2]) == pytest.approx((1 + 1 + 0 + 0.5) / 4)
    assert probability_of_improvement([1, 2], [0, 2], goal="maximize") == pytest.approx(0.375)


def test_holm_gives_the_textbook_answer_and_keeps_the_order():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert math.isnan(holm([math.nan, 0.01])[0])
    assert holm([math.nan, 0.01])[1] == pytest.approx(0.01)
