"""A user's own recordings: read from either format, and refused with the reason."""

import h5py
import numpy as np
import pytest

from homeostat.errors import DataError
from homeostat.workloads.visioncore.recorded import read_recorded, recorded_sessions


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return {
        "stimulus": rng.normal(size=(7_200, 24, 24)).astype(np.float32),
        "gaze": rng.normal(size=(7_200, 2)),
        "spikes": rng.poisson(0.1, (7_200, 4)),
    }


def test_both_formats_give_the_same_session(tmp_path, arrays):
    np.savez(tmp_path / "monday.npz", **arrays)
    with h5py.File(tmp_path / "tuesday.h5", "w") as file:
        for name, array in arrays.items():
            file[name] = array
    first, second = recorded_sessions(tmp_path)
    assert (first.name, second.name) == ("monday", "tuesday")
    assert np.array_equal(first.stimulus_THW, second.stimulus_THW)
    assert np.array_equal(first.spikes_TN, arrays["spikes"])
    held = np.clip(arrays["stimulus"], -127 / 32, 127 / 32)
    assert np.abs(first.stimulus_THW / 32.0 - held).max() <= 0.5 / 32 + 1e-6
    assert first.rates_TN is None
    assert first.valid_T.all()


def test_frames_without_a_gaze_hold_the_last_one_and_do_not_count(tmp_path, arrays):
    arrays["gaze"][100:110] = np.nan
    np.savez(tmp_path / "s.npz", **arrays)
    session = read_recorded(tmp_path / "s.npz")
    assert not session.valid_T[100:110].any()
    assert np.array_equal(session.gaze_T2[105], session.gaze_T2[99])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spikes": None}, "there is no array 'spikes'"),
        ({"gaze": np.zeros((7_200, 3))}, r"gaze has shape \(7200, 3\), not \(7200, 2\)"),
        ({"stimulus": np.zeros((7_200, 8, 8))}, r"stimulus has shape \(7200, 8, 8\)"),
        ({"spikes": np.full((7_200, 4), 0.5)}, "whole counts"),
        ({"stimulus": np.full((7_200, 24, 24), np.nan)}, "not finite"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, arrays, change, message):
    arrays = {k: v for k, v in (arrays | change).items() if v is not None}
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(DataError, match=message):
        read_recorded(tmp_path / "bad.npz")


def test_a_short_session_and_an_empty_folder_are_refused(tmp_path, arrays):
    np.savez(tmp_path / "short.npz", **{k: v[:500] for k, v in arrays.items()})
    with pytest.raises(DataError, match="too few to split"):
        recorded_sessions(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no session file"):
        recorded_sessions(tmp_path / "empty")


def test_a_file_that_is_no_session_is_refused(tmp_path):
    (tmp_path / "bad.h5").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"bad\.h5 cannot be read"):
        read_recorded(tmp_path / "bad.h5")
