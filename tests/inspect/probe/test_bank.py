"""The fault bank: small real loops with one planted fault each, and healthy ones.

Every planted fault is named by its own check; no healthy loop is accused.
"""

import pytest

import homeostat as hs

from .bank.table import FAULTY, HEALTHY

LONG = {
    "exploding_recurrence", "vanishing_gradient", "cosine_that_comes_back",
    "half_precision_overflow", "called_by_name", "tied_weights_and_padding", "clamped_knob",
    "decay_under_another_name",
    "without_mask_by_name", "epochs_with_loaders", "score_that_never_changes",
    "overlap_as_it_passes", "average_reversed_in_time", "bfloat_weights_lose_their_steps",
    "deep_with_norms", "rate_scale_read_too_early", "rate_far_too_high", "sigmoid_twice",
    "decay_on_norms", "logits_for_logarithms", "clip_before_unscale",
}  # fmt: skip
"""Loops that take more than two seconds of a core."""


def marked(loop, *name):
    return pytest.param(loop, *name, marks=pytest.mark.slow if loop.name in LONG else ())


FAULTS = [marked(loop, name) for loop, name in FAULTY]
SOUND = [marked(loop) for loop in HEALTHY]


def told(result):
    return [f"{check.status} {check.name}: {check.saw}" for check in result.checks]


@pytest.mark.parametrize(("loop", "name"), FAULTS, ids=lambda part: getattr(part, "name", ""))
def test_a_planted_fault_is_named(loop, name):
    result = hs.probe(loop)
    found = [*result.faults, *result.warnings]
    assert name in {check.name for check in found}, told(result)
    assert all(check.remedy for check in found)
    assert not any("This check failed" in check.saw for check in result.checks), told(result)


@pytest.mark.parametrize("loop", SOUND, ids=lambda loop: loop.name)
def test_a_healthy_loop_is_not_accused(loop):
    result = hs.probe(loop)
    assert result.ok, told(result)
    assert not result.warnings, told(result)
    assert not any("This check failed" in check.saw for check in result.checks), told(result)
