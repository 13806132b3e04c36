"""Spikes and recoveries around deaths."""

from __future__ import annotations

import numpy as np
import pytest

from homeostat.workloads.apoptosis.aftermath import WINDOW, Aftermath


def watch(losses, deaths=(20,)):
    aftermath = Aftermath()
    for step, loss in enumerate(losses, start=1):
        aftermath.see(loss, deaths=step in deaths)
    return aftermath


def test_a_spike_is_the_worst_of_twenty_after_minus_the_mean_of_twenty_before():
    after = [2.0, 5.0, 3.0] + [2.0] * 17
    assert watch([1.0, 3.0] * 10 + after).metrics()["spike"] == pytest.approx(3.0)


def test_a_peak_after_twenty_steps_is_not_that_deaths():
    assert watch([2.0] * 20 + [2.5] * 20 + [9.0]).metrics()["spike"] == pytest.approx(0.5)


def test_recovery_counts_the_steps_until_the_loss_is_back():
    assert watch([2.0] * 20 + [3.0] * 29 + [2.0]).metrics()["recovery_steps"] == 30


def test_a_spike_has_the_null_of_the_same_run_where_nothing_dies():
    rng = np.random.default_rng(0)
    losses = (2.0 + 0.1 * rng.normal(size=400)).tolist()
    seen = watch(losses, deaths=(200,)).metrics()
    assert seen["spike"] > 0.1, "the highest of twenty lies above a mean though nothing happened"
    assert seen["spike"] < 1.5 * seen["spike_null"]
    losses[205] = 9.0
    hurt = watch(losses, deaths=(200,)).metrics()
    assert hurt["spike"] > 3 * hurt["spike_null"]


def test_a_smooth_death_has_no_positive_spike():
    falling = [3 - step / 100 for step in range(60)]
    assert watch(falling).metrics()["spike"] < 0.1


def test_nothing_is_said_before_there_is_something_to_say():
    assert watch([2.0] * 30, deaths=()).metrics() == {}
    assert "spike" not in watch([2.0] * 20 + [3.0] * (WINDOW - 1)).metrics()


def test_it_goes_on_from_a_saved_state():
    losses = [2.0] * 20 + [3.0] * 29 + [2.0]
    whole, half = watch(losses), watch(losses[:25])
    again = Aftermath()
    again.load_state_dict(half.state_dict())
    for loss in losses[25:]:
        again.see(loss, 0)
    assert again.metrics() == whole.metrics()
