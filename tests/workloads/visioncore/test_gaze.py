"""The simulated eye against the published numbers it is made from."""

import numpy as np
import pytest

from homeostat.workloads.visioncore.gaze import (
    FRAME_HZ,
    GazeSettings,
    peak_speed,
    saccade_duration_s,
    saccade_progress,
    simulate_gaze,
)


@pytest.fixture(scope="module")
def gaze():
    return simulate_gaze(GazeSettings(), 60_000, 10.5, np.random.default_rng(0))


@pytest.mark.parametrize("amplitude_deg", [0.5, 1.0, 4.7, 10.0, 14.0])
def test_saccades_lie_on_the_main_sequence(amplitude_deg):
    time_s = np.linspace(0.0, 0.1, 100_001)
    place_deg = amplitude_deg * saccade_progress(time_s, amplitude_deg)
    speed = np.gradient(place_deg, time_s)
    assert speed.max() == pytest.approx(552 * (1 - np.exp(-amplitude_deg / 3.28)), rel=0.005)
    moving_s = time_s[(place_deg > 0) & (place_deg < amplitude_deg * (1 - 1e-12))]
    assert np.ptp(moving_s) == pytest.approx(0.0156 + 0.00295 * amplitude_deg, rel=0.02)
    assert place_deg[-1] == pytest.approx(amplitude_deg)


def test_the_published_peak_and_duration_need_more_than_minimum_jerk():
    amplitude = np.array([0.5, 4.7, 14.0])
    ratio = peak_speed(amplitude) * saccade_duration_s(amplitude) / amplitude
    assert np.all(ratio > 1.875)


def test_there_are_2_9_saccades_a_second(gaze):
    assert len(gaze.onset_s) / (60_000 / FRAME_HZ) == pytest.approx(2.9, rel=0.05)


def test_the_median_saccade_is_4_7_degrees(gaze):
    assert np.median(gaze.amplitude_deg) == pytest.approx(4.7, rel=0.08)


def test_the_eye_stays_in_its_field(gaze):
    assert np.abs(gaze.position_T2).max() < 10.5 + 0.5


@pytest.mark.parametrize("diffusion", [20.0, 60.0])
def test_drift_spreads_with_four_times_the_diffusion_constant(diffusion):
    settings = GazeSettings(drift_arcmin2_s=diffusion, refractory_s=1e9)
    gaze = simulate_gaze(settings, 100_000, 10.5, np.random.default_rng(1))
    arcmin = gaze.position_T2 * 60.0
    lag = 12
    squared = ((arcmin[lag:] - arcmin[:-lag]) ** 2).sum(1).mean()
    assert squared == pytest.approx(4.0 * diffusion * lag / FRAME_HZ, rel=0.05)


def test_saccades_keep_their_distance_in_time(gaze):
    assert np.diff(gaze.onset_s).min() > GazeSettings().refractory_s
