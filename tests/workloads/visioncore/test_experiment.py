"""The simulated experiment: what its truth is worth, and that it is dealt out without leaks."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from homeostat.errors import DataError
from homeostat.workloads.visioncore import data, images
from homeostat.workloads.visioncore.dynamics import average_TN, relax_TN
from homeostat.workloads.visioncore.experiment import SESSIONS, simulate_session, windows_THW
from homeostat.workloads.visioncore.metrics import bits_per_spike_N, ccnorm_N


@pytest.fixture(scope="module")
def pictures():
    return images.load_images()


@pytest.fixture(scope="module", params=["ana", "dynamics"])
def session(request, pictures):
    settings = next(s for s in SESSIONS if s.name == request.param)
    return simulate_session(settings, pictures, np.random.default_rng(0), num_frames=12_000)


def test_the_pictures_are_standardised_and_come_from_installed_packages(pictures):
    assert len(pictures) >= 12
    assert_allclose(pictures.mean((1, 2)), 0.0, atol=1e-4)
    assert_allclose(pictures.std((1, 2)), 1.0, atol=1e-4)


def test_a_folder_without_a_large_image_is_refused_in_one_line(tmp_path):
    with pytest.raises(DataError, match="no image is at least 300 x 300"):
        images.load_images(tmp_path)


def test_the_window_follows_the_gaze_between_pixels():
    ramp = np.tile(np.arange(300, dtype=np.float32), (1, 300, 1))
    place_deg = np.array([[0.0, 0.0], [1.0 / 24.0, 0.0], [0.0, 1.0]])
    windows = windows_THW(ramp, np.zeros(3, int), place_deg)
    assert_allclose(windows[0, 0], np.arange(138.0, 162.0), atol=1e-4)
    assert_allclose(windows[1] - windows[0], 0.5, atol=1e-4)  # half a pixel to the right
    assert_allclose(windows[2], windows[0], atol=1e-4)  # a ramp does not change downwards


def test_the_oracle_is_worth_0_6_to_1_bits_per_spike(session):
    null = session.spikes_TN.mean(0)
    bits = bits_per_spike_N(session.rates_TN, session.spikes_TN, null)
    assert 0.6 <= bits.mean() <= 1.0


def test_behaviour_is_worth_a_tenth_of_the_explainable_bits(session):
    null = session.spikes_TN.mean(0)
    bits = bits_per_spike_N(session.rates_TN, session.spikes_TN, null).mean()
    blind = bits_per_spike_N(session.blind_rates_TN, session.spikes_TN, null).mean()
    if session.name == "dynamics":
        assert blind == bits  # its neurons know the eyes only through their time constants
    else:
        assert (bits - blind) / bits >= 0.10


def test_the_oracle_explains_what_repeats(session):
    repeats = session.repeats
    score = ccnorm_N(repeats.rates_TN, repeats.spikes_RTN, np.random.default_rng(0))
    # The median: eight seconds hold too few spikes of the quietest neurons.
    assert np.nanmedian(score) == pytest.approx(1.0, abs=0.05)


def test_the_eye_tracker_loses_little(session):
    assert 0.95 < session.valid_T.mean() < 1.0


def test_the_same_seed_gives_the_same_session(pictures):
    first, second = (
        simulate_session(SESSIONS[0], pictures, np.random.default_rng(4), num_frames=600)
        for _ in range(2)
    )
    assert np.array_equal(first.spikes_TN, second.spikes_TN)
    assert np.array_equal(first.stimulus_THW, second.stimulus_THW)


def test_relaxation_approaches_a_constant_drive_with_its_time_constant():
    drive = np.concatenate([np.zeros((1, 1)), np.ones((24, 1))])
    relaxed = relax_TN(drive, np.full(25, 20.0))
    assert_allclose(1.0 - relaxed[:, 0], np.exp(-20.0 * np.arange(25) / 120.0))


def test_the_moving_average_of_a_constant_is_that_constant():
    assert_allclose(average_TN(np.full((10, 2), 3.0), 0.9), 3.0)


def test_a_session_survives_its_file(tmp_path, session):
    path = tmp_path / "deep" / "session.npz"
    data.write_session(path, session)
    again = data.read_session(path)
    assert again.name == session.name
    assert np.array_equal(again.stimulus_THW, session.stimulus_THW)
    assert np.array_equal(again.repeats.spikes_RTN, session.repeats.spikes_RTN)


def test_the_cache_is_used_and_knows_its_arguments(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (first,) = data.simulated_sessions(("ana",), num_frames=600)
    monkeypatch.setattr(data.experiment, "simulate", None)  # simulating again would fail
    (again,) = data.simulated_sessions(("ana",), num_frames=600)
    assert np.array_equal(first.spikes_TN, again.spikes_TN)
    with pytest.raises(TypeError):
        data.simulated_sessions(("ana",), num_frames=720)


def test_the_split_covers_and_separates():
    parts = data.split_session(48_000, 48, gap_frames=48)
    frames = np.stack([part.frames_T for part in parts.values()])
    assert frames.sum(0).max() == 1
    assert frames[0].sum() == pytest.approx(0.8 * 48_000, rel=0.05)
    for number, part in enumerate(parts.values()):
        for offset in (0, 47):
            assert frames[number, part.starts + offset].all()


def test_a_gap_as_long_as_the_models_memory_parts_the_splits():
    parts = data.split_session(48_000, 48, gap_frames=48)
    owner = np.full(48_000, -1)
    for number, part in enumerate(parts.values()):
        owner[part.frames_T] = number
    changes = [t for t in range(48, 48_000) if owner[t] >= 0 and owner[t - 1] == -1]
    assert changes
    for t in changes:
        assert np.all(owner[t - 48 : t] == -1)
    assert not np.any((owner[1:] >= 0) & (owner[:-1] >= 0) & (owner[1:] != owner[:-1]))
