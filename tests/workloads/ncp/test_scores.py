"""Event-wise F1 and VUS-PR: known answers, and nothing gained by flattery."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeostat.errors import DataError
from homeostat.workloads.ncp.scores import best_threshold, event_f1, runs, vus_pr

LABELS = np.zeros(200, dtype=np.int64)
LABELS[50:70] = 1
LABELS[120:125] = 1


def flags(*ranges):
    flagged = np.zeros(200, dtype=bool)
    for start, stop in ranges:
        flagged[start:stop] = True
    return flagged


def test_runs_are_the_unbroken_stretches():
    assert runs(np.array([1, 1, 0, 0, 1])) == [(0, 2), (4, 5)]
    assert runs(np.zeros(3)) == []
    assert runs(np.ones(3)) == [(0, 3)]


def test_event_f1_has_known_answers():
    assert event_f1(flags((50, 70), (120, 125)), LABELS) == 1.0
    # One point in each event is enough to find both.
    assert event_f1(flags((60, 61), (124, 125)), LABELS) == 1.0
    # One event of two found, nothing false: recall 1/2, precision 1.
    assert event_f1(flags((55, 60)), LABELS) == pytest.approx(2 / 3)
    # Both found, half the flagged points false: recall 1, precision 1/2.
    assert event_f1(flags((60, 61), (124, 125), (0, 2)), LABELS) == pytest.approx(2 / 3)
    assert event_f1(flags((0, 10)), LABELS) == 0.0
    assert event_f1(flags(), LABELS) == 0.0


def test_an_alarm_that_never_stops_earns_the_share_of_odd_points():
    share = LABELS.mean()
    assert event_f1(flags((0, 200)), LABELS) == pytest.approx(2 * share / (1 + share))


def test_the_best_threshold_separates_what_can_be_separated():
    scores = np.where(LABELS == 1, 2.0, 1.0) + np.linspace(0, 0.1, 200)
    threshold = best_threshold(scores, LABELS, candidates=200)
    assert event_f1(scores >= threshold, LABELS) == 1.0


def test_vus_pr_of_a_perfect_and_of_an_inverted_detector():
    perfect = LABELS.astype(float)
    assert vus_pr(perfect, LABELS, max_buffer=0) == pytest.approx(1.0)
    # Nothing is found before all else is flagged, at a precision of the share of odd points.
    assert vus_pr(-perfect, LABELS, max_buffer=0) == pytest.approx(LABELS.mean())
    assert vus_pr(np.zeros(200), LABELS, max_buffer=0) == pytest.approx(LABELS.mean())


def test_vus_pr_without_buffers_and_with_one_event_is_average_precision():
    sklearn = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    one = np.zeros(300, dtype=np.int64)
    one[100:130] = 1
    scores = rng.normal(size=300) + one
    # The only event is touched by the first right flag, so existence scales nothing after it.
    expected = sklearn.average_precision_score(one, scores)
    assert vus_pr(scores, one, max_buffer=0, thresholds=300) == pytest.approx(expected)


def test_vus_pr_of_a_small_case_worked_by_hand():
    # Ranks: 0.9 at an event of one point, 0.8 false, 0.7 at the other event.
    labels = np.array([0, 1, 0, 0, 1, 0])
    scores = np.array([0.1, 0.9, 0.2, 0.8, 0.7, 0.3])
    # Recall times existence: 1/2 x 1/2 at one flag, the same at two, 1 at three.
    expected = 0.25 * 1.0 + 0.75 * (2 / 3)
    assert vus_pr(scores, labels, max_buffer=0, thresholds=6) == pytest.approx(expected)


def test_a_near_miss_counts_only_with_buffers():
    early = np.roll(LABELS, -4).astype(float)
    exact = vus_pr(early, LABELS, max_buffer=0)
    assert vus_pr(early, LABELS, max_buffer=16) > exact + 0.05


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), buffer=st.integers(0, 30))
def test_vus_pr_asks_for_order_only_and_stays_between_0_and_1(seed, buffer):
    scores = np.random.default_rng(seed).normal(size=200)
    value = vus_pr(scores, LABELS, max_buffer=buffer)
    assert 0.0 <= value <= 1.0
    assert vus_pr(np.exp(3 * scores), LABELS, max_buffer=buffer) == pytest.approx(value)


def test_scores_that_cannot_be_are_refused():
    with pytest.raises(DataError, match="nothing to find"):
        vus_pr(np.zeros(5), np.zeros(5, dtype=np.int64), max_buffer=2)
    with pytest.raises(DataError, match=r"got \[4\] and \[200\]"):
        event_f1(np.zeros(4, dtype=bool), LABELS)
