"""The first offender is named: its step, its phase, its module, its line, its rows."""

from __future__ import annotations

import pytest

from homeostat.execute.loop.drive import drive
from homeostat.inspect.diagnose import diagnose
from homeostat.record import Outcome
from homeostat.workload.trial import Trial

from . import conftest as loops


def examined(loop, **config):
    return diagnose(loops.workload(loop), config=config, seconds=60)


def test_a_zero_norm_at_a_late_step_is_found_with_its_row():
    found = examined(loops.zero_norm)
    offence = found.offence
    assert (offence.step, offence.phase, offence.operation) == (12, "backward", "SqrtBackward0")
    assert "(h.pow(2).sum(-1, keepdim=True) + config.eps**2).sqrt()" in offence.source
    assert offence.rows == (3,)
    assert offence.row_names == ("row 3",)
    assert offence.row_norms == (0.0,)
    assert set(offence.bad_gradients) == {"first.weight", "first.bias"}
    assert "square root at 0" in offence.why
    assert found.rates.insensitive
    assert found.precision.verdict == "singular"


def test_a_logarithm_of_zero_is_found_in_the_forward_pass():
    found = examined(loops.log_of_zero)
    assert found.offence.phase == "forward"
    assert found.offence.operation == "log"
    assert "softmax(logits, 1) + config.eps).log()" in found.offence.source
    assert "logarithm of 0" in found.offence.why
    assert found.precision.verdict == "rounding"  # float64 reaches down to exp(-745)


def test_a_rate_that_is_too_high_is_called_so():
    found = examined(loops.rate_too_high, lr=5.0)
    assert found.failed
    assert not found.rates.insensitive
    assert found.rates.largest_healthy.factor == 1e-2
    assert "step is too large" in found.rates.sentence


def test_an_overflow_is_traced_to_where_the_infinity_began():
    found = examined(loops.exp_overflow)
    assert (found.offence.step, found.offence.phase) == (0, "forward")
    assert found.offence.operation == "exp"
    assert found.precision.verdict == "rounding"


def test_a_row_that_is_masked_whole_is_found_and_the_mask_itself_is_not():
    found = examined(loops.masked_everything)
    assert found.offence.operation == "softmax"
    assert found.offence.rows == (2,)


def test_missing_data_is_found_where_it_enters_the_model():
    offence = examined(loops.missing_data).offence
    assert (offence.step, offence.phase, offence.operation) == (6, "forward", "input")
    assert offence.rows == (5,)
    assert "data" in offence.why


def test_the_gradient_is_the_offender_also_where_the_report_comes_before_the_update():
    offence = examined(loops.reported_early).offence
    assert (offence.step, offence.phase, offence.operation) == (7, "backward", "SqrtBackward0")
    assert set(offence.bad_gradients) == {"first.weight", "first.bias"}


@pytest.mark.parametrize("loop", [loops.scaled_and_skipped, loops.masked_everything])
def test_a_healthy_loop_with_infinities_in_it_has_no_offence(loop):
    found = examined(loop, fault=False)
    assert not found.failed
    assert found.offence is None
    assert found.steps_seen == 30


def test_an_exception_is_reported_as_one():
    found = examined(loops.raises)
    assert found.failed
    assert found.outcome == "failed"
    assert "shapes do not match" in found.reason
    assert found.offence is None


def test_a_loop_that_shows_nothing_still_gets_its_metric_named():
    found = examined(loops.without_torch)
    assert found.offence.phase == "metric"
    assert found.offence.tensor == "loss"
    assert found.offence.step == 7
    assert "No optimiser was seen" in found.rates.sentence


def test_examining_leaves_the_loop_as_it_was():
    workload = loops.workload(loops.zero_norm)
    config = workload.space.resolve({"fault": False})

    def losses():
        seen = []
        trial = Trial(config, seed=1, budget=5)
        for report in workload(config, trial):
            seen.append(report.metrics["loss"])
        return seen

    before = losses()
    diagnose(workload, seconds=30)
    assert losses() == before
    assert drive(workload, Trial(config, seed=1, budget=3)).outcome is Outcome.COMPLETED
