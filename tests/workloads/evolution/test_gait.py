"""Gaits: a known beat, amplitude and phase are found again; noise and stillness are not a beat."""

import numpy as np
import pytest

from homeostat.workloads.evolution.gait import gait_of, strain_of

FPS = 15


def swinging(hz, amplitudes, phases, seconds=30.0):
    t = np.arange(int(seconds * FPS))[:, None] / FPS
    return np.array(amplitudes) * np.cos(2 * np.pi * (hz * t + np.array(phases)))


@pytest.mark.parametrize("hz", [0.37, 1.0, 1.43, 2.9, 5.1])
def test_beat_amplitudes_and_phases_are_found_again(hz):
    gait = gait_of(swinging(hz, [0.3, 0.1, 0.2], [0.2, 0.45, 0.1]), FPS)
    assert gait.beat_hz == pytest.approx(hz, abs=0.003)
    assert gait.share == pytest.approx(1.0, abs=0.01)
    np.testing.assert_allclose(gait.amplitude_M, [0.3, 0.1, 0.2], rtol=0.02)
    np.testing.assert_allclose(gait.phase_M, [0.0, 0.25, 0.9], atol=0.01)


def test_half_the_movement_beside_the_beat_halves_its_share():
    both = swinging(1.0, [0.2], [0.0]) + swinging(2.6, [0.2], [0.3])
    assert gait_of(both, FPS).share == pytest.approx(0.5, abs=0.03)


def test_noise_has_no_beat_to_speak_of():
    noise = np.random.default_rng(0).normal(0, 0.1, (600, 4))
    assert gait_of(noise, FPS).share < 0.1


def test_a_slow_drift_is_not_taken_for_a_beat():
    drift = np.linspace(-1.0, 1.0, 450)[:, None] ** [1, 2]
    gait = gait_of(drift + swinging(1.2, [0.1, 0.1], [0.0, 0.5]), FPS)
    assert gait.beat_hz == pytest.approx(1.2, abs=0.02)


def test_stillness_and_a_short_film_have_no_gait():
    assert gait_of(np.full((600, 3), 0.2), FPS) is None
    assert gait_of(swinging(1.0, [0.3], [0.0], seconds=3.0), FPS) is None
    assert gait_of(np.zeros((600, 0)), FPS) is None


def test_strain_is_length_over_its_mean():
    nodes = np.zeros((2, 2, 3))
    nodes[:, 1, 0] = [1.0, 3.0]
    np.testing.assert_allclose(strain_of(nodes, np.array([[0, 1]])), [[-0.5], [0.5]])
