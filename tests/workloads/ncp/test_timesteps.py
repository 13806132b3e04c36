"""Time scaling: every way keeps time running forward, and refuses steps that do not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from homeostat.errors import DataError, SpaceError
from homeostat.workloads.ncp.timesteps import SCALINGS, TimeScaling, check_positive

DT = np.array([[0.5, 1.0, 4.0], [2.0, 0.1, 1.0]], dtype=np.float32)


@pytest.mark.parametrize("name", SCALINGS)
@given(steps=st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=20))
def test_scaled_time_runs_forward_and_keeps_its_order(name, steps):
    dt = np.sort(np.array([steps], dtype=np.float32))
    scaled = TimeScaling.fit(name, dt)(dt)
    assert (scaled > 0).all() and np.isfinite(scaled).all()
    assert (np.diff(scaled[0]) >= 0).all()


def test_each_scaling_is_what_it_says():
    expected = {
        "raw": DT,
        "log": np.log(1 + DT),
        "normalized": DT / DT.std(),
        "bounded": np.tanh(DT),
    }
    for name in SCALINGS:
        assert_allclose(TimeScaling.fit(name, DT)(DT), expected[name], rtol=1e-6)


@pytest.mark.parametrize("name", SCALINGS)
def test_a_longer_unit_makes_every_scaled_step_as_much_shorter(name):
    usual, longer = (TimeScaling.fit(name, DT, unit)(DT) for unit in (1.0, 4.0))
    assert_allclose(4.0 * longer, usual, rtol=1e-6)


def test_normalized_time_is_the_z_score_moved_to_stay_positive():
    z = (DT - DT.mean()) / DT.std()
    assert (z < 0).any()  # what the guide's own formula gives
    moved = TimeScaling.fit("normalized", DT)(DT) - z
    assert_allclose(moved, moved[0, 0], rtol=1e-5)


def test_regular_steps_normalise_to_one_and_not_to_millions():
    regular = np.full((2, 5), 0.25, dtype=np.float32)
    assert_allclose(TimeScaling.fit("normalized", regular)(regular), 1.0)


def test_a_scaling_learns_from_training_data_only():
    scaling = TimeScaling.fit("normalized", DT)
    assert_allclose(scaling(10 * DT), 10 * scaling(DT), rtol=1e-6)


def test_a_step_that_is_not_after_the_last_is_refused_by_its_place():
    with pytest.raises(DataError, match=r"got -1 at row 1, step 2 \(1 such of 6\)"):
        check_positive(np.array([[1.0, 2.0, 3.0], [1.0, 2.0, -1.0]]))
    with pytest.raises(SpaceError, match="No time scaling 'sqrt'"):
        TimeScaling.fit("sqrt", DT)
