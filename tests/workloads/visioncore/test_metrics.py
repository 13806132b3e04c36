"""Each metric against answers known beforehand."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from homeostat.workloads.visioncore.metrics import bits_per_spike_N, ccnorm_N, correlation_N


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_a_neuron_that_fires_only_when_foretold_is_worth_its_surprise():
    # One spike in every fourth frame, foretold: log2(4) = 2 bits.
    spikes = np.tile([[1.0], [0.0], [0.0], [0.0]], (25, 1))
    assert_allclose(bits_per_spike_N(spikes, spikes, np.array([0.25])), [2.0], rtol=1e-6)


def test_the_null_rate_is_worth_nothing(rng):
    spikes = rng.poisson(0.2, (1000, 3))
    null = np.array([0.1, 0.2, 0.3])
    assert_allclose(bits_per_spike_N(np.tile(null, (1000, 1)), spikes, null), 0.0, atol=1e-12)


def test_a_model_worse_than_the_null_shows_as_negative(rng):
    spikes = rng.poisson(0.2, (1000, 1))
    assert bits_per_spike_N(np.full((1000, 1), 2.0), spikes, np.array([0.2]))[0] < -1.0


def test_true_rates_are_worth_their_expected_bits(rng):
    rates = 0.2 * np.exp(rng.normal(size=(200_000, 1)))
    relative = rates / rates.mean()
    expected = (relative * np.log2(relative)).mean()
    measured = bits_per_spike_N(rates, rng.poisson(rates), rates.mean(0))
    assert_allclose(measured, expected, rtol=0.03)


def test_frames_without_a_tracked_eye_do_not_count():
    spikes = np.array([[1.0], [0.0], [7.0]])
    valid = np.array([True, True, False])
    null = np.array([0.5])
    part = bits_per_spike_N(spikes[:2], spikes[:2], null)
    assert_allclose(bits_per_spike_N(spikes, spikes, null, valid), part)


def test_a_silent_neuron_has_no_bits_per_spike():
    assert np.isnan(bits_per_spike_N(np.ones((4, 1)), np.zeros((4, 1)), np.ones(1)))[0]


@pytest.mark.parametrize("num_frames", [5, 500])
def test_a_signal_correlates_perfectly_with_itself(rng, num_frames):
    signal = rng.normal(size=(num_frames, 2))
    assert_allclose(correlation_N(signal, signal), 1.0, rtol=1e-12)
    assert_allclose(correlation_N(signal, 3.0 - 2.0 * signal), -1.0, rtol=1e-12)


def test_a_constant_has_no_correlation(rng):
    assert np.isnan(correlation_N(np.ones((10, 1)), rng.normal(size=(10, 1))))[0]


def test_the_truth_reaches_a_ccnorm_of_one_however_noisy_the_spikes(rng):
    rates = 0.1 * np.exp(rng.normal(size=(4000, 4)))
    repeats = rng.poisson(rates, (20, 4000, 4))
    assert_allclose(ccnorm_N(rates, repeats, rng), 1.0, atol=0.03)
    absolute = correlation_N(rates, repeats.mean(0))
    assert np.all(absolute < 0.95)


def test_half_the_signal_reaches_the_ccnorm_of_its_share(rng):
    # A prediction that knows one of two independent, equal parts correlates by sqrt(1/2).
    part = rng.gamma(2.0, 0.1, (20_000, 3))
    rates = part + rng.gamma(2.0, 0.1, (20_000, 3))
    repeats = rng.poisson(rates, (20, 20_000, 3))
    assert_allclose(ccnorm_N(part, repeats, rng), np.sqrt(0.5), atol=0.03)


def test_neurons_without_a_repeatable_response_have_no_ccnorm(rng):
    repeats = np.stack([np.roll(np.eye(4)[:, :1], r, axis=0) for r in range(4)])
    assert np.isnan(ccnorm_N(rng.random((4, 1)), repeats, rng))[0]
