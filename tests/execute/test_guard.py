"""The guard: finite by default, bounded where asked, and the first offender is named."""

import math

import pytest

from homeostat import Report
from homeostat.execute.loop import guard

BOUNDS = {"grad_norm": (None, 1e3), "accuracy": (0.0, 1.0), "perplexity": (None, math.inf)}


@pytest.mark.parametrize(
    "metrics",
    [
        {"loss": 0.0, "grad_norm": 1e3, "accuracy": 1.0},
        {"loss": -1e300, "accuracy": 0.0},
        {"perplexity": math.inf},
    ],
)
def test_healthy_reports_pass(metrics):
    assert guard.check(Report(3, **metrics), BOUNDS) is None


@pytest.mark.parametrize(
    ("metrics", "told"),
    [
        ({"loss": math.nan}, "loss was nan at step 3; it must be a number"),
        ({"loss": math.inf}, "loss was inf at step 3; it must be finite"),
        ({"loss": -math.inf}, "loss was -inf at step 3; it must be finite"),
        ({"grad_norm": 1000.1}, "grad_norm was 1000.1 at step 3; it must be at most 1000"),
        ({"accuracy": -0.1}, "accuracy was -0.1 at step 3; it must be at least 0"),
        ({"perplexity": math.nan}, "perplexity was nan at step 3; it must be a number"),
        ({"perplexity": -math.inf}, "perplexity was -inf at step 3; it must be finite"),
        ({"a": 1.0, "b": math.nan, "c": math.inf}, "b was nan at step 3; it must be a number"),
    ],
)
def test_the_first_offender_is_told(metrics, told):
    assert str(guard.check(Report(3, **metrics), BOUNDS)) == told
