"""Alarms: what each way of being odd sees, and that a prediction finds what no value shows."""

from __future__ import annotations

import numpy as np
import pytest

from homeostat.workloads.ncp.alarms import calibrated, combined, curves
from homeostat.workloads.ncp.anomalies import LINEAR, anomaly, planted
from homeostat.workloads.ncp.series import ANCHORS, bundled, forecasting
from homeostat.workloads.ncp.verdict import coverage


def errors_of(offset):
    """What a predictor of no change errs by, where a series is off by so much."""
    return np.diff(np.concatenate([[0.0], offset]))[:, None]


def test_a_jump_there_and_back_leaves_no_drift_and_a_shifted_level_is_one_as_long_as_it_lasts():
    spike, shift = np.zeros(60), np.zeros(60)
    spike[20], shift[20:40] = 5.0, 5.0
    found = curves(errors_of(spike), spike[:, None])
    assert found["error"][21] == 25.0  # the row after it is foreseen as wrongly
    assert found["drift"][20] == 25.0 and found["drift"][21] < 0.3
    found = curves(errors_of(shift), shift[:, None])
    assert (found["error"][21:40] == 0).all()
    assert (found["drift"][21:26] > 5.0).all() and found["drift"][10:20].max() == 0


def test_small_errors_of_a_changed_rhythm_add_up_in_their_neighbourhood():
    rng = np.random.default_rng(0)
    wrong = rng.normal(0.0, 1.0, (600, 1))
    wrong[300:340] *= 2.0
    labels = np.zeros(600, np.int64)
    labels[300:340] = 1
    found = curves(wrong, rng.normal(size=(600, 1)))
    assert calibrated(found, labels)["by"] == ["restless"]


@pytest.mark.parametrize("kinds", ["mixed", "dynamics", "amplitude"])
def test_even_a_linear_prediction_is_not_behind_the_distance_from_the_mean(kinds):
    ahead = []
    for seed in range(3):
        series = planted(4_000, np.random.default_rng(seed), kinds=kinds)
        scores = anomaly(series, window=32).beside("test")
        assert set(scores) == {"|value|", "|step|", LINEAR}
        ahead.append(scores[LINEAR]["vus_pr"] - scores["|value|"]["vus_pr"])
    assert np.mean(ahead) > (0.4 if kinds == "dynamics" else -0.05)


def test_alarms_of_earlier_runs_are_read():
    found = curves(np.array([[1.0], [2.0]]), np.array([[3.0], [1.0]]))
    old = {"unit_error": 1.0, "unit_level": 2.0, "threshold": 1.0}
    np.testing.assert_array_equal(combined(found, {**old, "by": "error"}), [1.0, 4.0])
    np.testing.assert_array_equal(combined(found, {**old, "by": "both"}), [4.5, 4.0])


@pytest.mark.parametrize("name", ["elnino", "sunspots"])
def test_the_anchor_chosen_by_validation_errs_least_there(name):
    series = bundled(name, 1.0, np.random.default_rng(0))
    chosen = forecasting(series, window=16, anchor="validation")
    wrong = {a: np.mean(own**2) for a, own in chosen.rivals("val").items() if a in ANCHORS.values()}
    assert chosen.framing.anchor.name == min(wrong, key=wrong.__getitem__)


def test_an_interval_of_coverage_is_wider_where_misses_come_together():
    apart, together = np.zeros(200), np.zeros(200)
    apart[::5], together[:40] = 1.0, 1.0
    one, other = coverage(apart, 0.5), coverage(together, 0.5)
    assert one[0] < 0.8 < one[1] and other[0] < 0.8 < other[1]
    assert other[1] - other[0] > 2 * (one[1] - one[0])
