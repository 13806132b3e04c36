"""The front of a study, and what is said of it: that of the front alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from homeostat.errors import StudyError
from homeostat.record.outcome import Outcome
from homeostat.search.pareto import pareto
from homeostat.study.records import TrialRow

GOALS = {"good": "maximize", "cost": "minimize"}


def points(*pairs, goals=GOALS):
    return [
        TrialRow(
            key=i, number=i, outcome=Outcome.COMPLETED,
            values=dict(zip(goals, map(float, pair), strict=True)),
        )
        for i, pair in enumerate(pairs)
    ]  # fmt: skip


def test_the_front_hypervolume_and_knee_of_a_known_case():
    # In costs scaled to the front's own box: (0, 1), (0.2, 0.2), (1, 0).
    found = pareto(points((10, 10), (8, 2), (0, 0), (5, 5)), GOALS)
    assert [t.number for t in found.front] == [0, 1, 2]
    assert found.knee.number == 1
    assert found.hypervolume == pytest.approx(0.8 * 0.8)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=8),
    st.tuples(st.integers(0, 10_000), st.integers(0, 10_000)),
)
def test_a_dominated_outlier_changes_nothing(pairs, worse):
    alone = pareto(points(*pairs), GOALS)
    best = alone.front[0].values
    outlier = (best["good"] - 1 - worse[0], best["cost"] + 1 + worse[1])
    beside = pareto(points(*pairs, outlier), GOALS)
    assert [t.number for t in beside.front] == [t.number for t in alone.front]
    assert beside.hypervolume == alone.hypervolume
    assert (beside.knee and beside.knee.number) == (alone.knee and alone.knee.number)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=2, max_size=8),
    st.floats(0.1, 1e3),
    st.floats(-1e3, 1e3),
)
def test_neither_scale_nor_origin_of_an_objective_matters(pairs, scale, origin):
    one = pareto(points(*pairs), GOALS)
    two = pareto(points(*((g, c * scale + origin) for g, c in pairs)), GOALS)
    assume([t.number for t in one.front] == [t.number for t in two.front])  # rounding may tie them
    assert (one.knee and one.knee.number) == (two.knee and two.knee.number)
    if one.hypervolume is None:
        assert two.hypervolume is None
    else:
        assert two.hypervolume == pytest.approx(one.hypervolume, abs=1e-6)


@pytest.mark.parametrize("bend", [1.0, 2.0, 5.0])
def test_a_straight_or_a_hollow_front_has_no_knee_and_a_bulging_one_has(bend):
    x = np.linspace(0, 1, 9)
    goals = {"a": "minimize", "b": "minimize"}
    hollow = pareto(points(*zip(x, 1 - x**bend, strict=True), goals=goals), goals)
    assert hollow.knee is None
    assert "no knee" in hollow.sentence
    bulging = pareto(points(*zip(x, (1 - x) ** max(bend, 1.5), strict=True), goals=goals), goals)
    assert bulging.knee is not None
    assert bulging.knee.number not in (0, 8)


def test_equal_points_have_neither_a_knee_nor_a_box():
    found = pareto(points((1, 1), (1, 1), (1, 1), (1, 1)), GOALS)
    assert (found.knee, found.hypervolume) == (None, None)
    assert found.sentence.endswith("there is nothing to trade.")
    two = pareto(points((1, 1), (2, 2), (1, 1)), GOALS)
    assert (two.knee, two.hypervolume) == (None, 0.0)


def test_three_objectives_have_a_knee_beyond_the_plane_through_their_three_extremes():
    goals = dict.fromkeys("abc", "minimize")
    corners = [(0, 1, 1), (1, 0, 1), (1, 1, 0)]
    assert pareto(points(*corners, (0.3, 0.3, 0.3), goals=goals), goals).knee.number == 3
    assert pareto(points(*corners, (0.7, 0.7, 0.7), goals=goals), goals).knee is None


def test_a_front_needs_two_objectives_and_a_trial():
    with pytest.raises(StudyError, match="two objectives"):
        pareto(points((1, 1)), {"good": "maximize"})
    with pytest.raises(StudyError, match="No trial"):
        pareto([], GOALS)
