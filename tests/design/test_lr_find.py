"""The learning-rate range test: known answers on a bowl whose stable rates are known."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeostat.design.lr_find import RateRung, lr_find, suggest
from homeostat.errors import UnknownNameError
from homeostat.record import Outcome
from homeostat.space import Float, Int, Space
from homeostat.workload.goal import Goal
from homeostat.workload.report import Report
from homeostat.workload.workload import workload

# Gradient descent on x^2 multiplies x by 1 - 2 lr: fastest at lr = 0.5, unstable above 1.


def bowl(low, high, metric="train_loss", goal="minimize", name="lr"):
    space = Space(**{name: Float(low, high, log=True, default=low), "width": Int(1, 4, default=1)})

    @workload(space=space, metric=metric, goal=goal, budget=100, bounds={metric: (-1e6, 1e6)})
    def descent(config, trial):
        x = 1.0
        for step in trial.steps():
            x -= config[name] * 2 * x
            loss = x * x
            yield Report(step, **{metric: loss if goal == "minimize" else -loss})

    return descent


def test_the_suggestion_is_near_the_fastest_rate():
    found = lr_find(bowl(1e-3, 0.9), num_rates=12, steps=10)
    assert found.parameter == "lr" and found.metric == "train_loss"
    assert 0.2 < found.suggested < 0.8
    assert [rung.rate for rung in found.rungs] == sorted(rung.rate for rung in found.rungs)
    assert found.rungs[0].rate == 1e-3 and found.rungs[-1].rate == 0.9


def test_rates_that_diverge_are_seen_and_stayed_away_from():
    found = lr_find(bowl(0.3, 100.0), num_rates=8, steps=30)
    failed = [rung.rate for rung in found.rungs if rung.failed]
    assert failed and min(failed) > 1.0
    assert found.rungs[-1].outcome is Outcome.DIVERGED
    assert found.suggested <= min(failed) / 3


def test_the_ends_of_the_range_are_told_as_such():
    assert "higher one may be better" in lr_find(bowl(1e-4, 1e-2), num_rates=5, steps=5).why
    assert "lower one may be better" in lr_find(bowl(0.5, 0.99), num_rates=5, steps=5).why


def test_a_score_that_is_maximized_is_climbed():
    found = lr_find(bowl(1e-3, 0.9, metric="score", goal="maximize"), num_rates=12, steps=10)
    assert found.metric == "score" and 0.2 < found.suggested < 0.8


def test_the_rate_is_found_by_name_or_asked_for():
    assert lr_find(bowl(0.1, 0.5, name="eta"), parameter="eta", num_rates=3).parameter == "eta"
    with pytest.raises(UnknownNameError, match="no parameter called learning_rate or lr"):
        lr_find(bowl(0.1, 0.5, name="eta"))
    with pytest.raises(UnknownNameError, match="no learning rate 'width'"):
        lr_find(bowl(0.1, 0.5), parameter="width")


def test_no_rate_is_suggested_when_all_fail():
    rungs = [RateRung(rate, math.inf, Outcome.DIVERGED, "train_loss is nan") for rate in (0.1, 1.0)]
    assert suggest(rungs) == (None, "Every rate failed, down to 0.1: train_loss is nan.")


def ladder(losses):
    return [RateRung(10.0**k, loss, Outcome.COMPLETED) for k, loss in enumerate(losses)]


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([0.1, 0.3, 0.8, 0.9, 1.0]), min_size=2, max_size=9),
    st.sampled_from(Goal),
)
def test_the_rate_that_is_named_is_the_best_that_was_seen_unless_all_are_equal(losses, goal):
    rungs = ladder(losses)
    rate, why = suggest(rungs, goal)
    if len(set(losses)) == 1:
        assert rate is None and f"{losses[0]:.4g} at all {len(losses)} rates" in why
    else:
        [named] = [rung for rung in rungs if rung.rate == rate]
        assert named.loss == goal.best(losses)
        assert f"{named.loss:.4g}, the best of {len(losses)} rates" in why


def test_the_best_rate_is_named_though_its_neighbours_are_worse():
    assert suggest(ladder([1.0, 0.8, 0.3, 0.9])) == (100.0, "loss 0.3, the best of 4 rates.")


def test_one_lucky_rung_is_named_with_a_caution():
    rate, why = suggest(ladder([5.0, 4.0, 0.1, 4.0, 2.0, 1.0, 1.0, 3.0]))
    assert rate == 100.0 and "stands alone (beside it: 4 and 4)" in why


def test_a_best_rate_next_to_one_that_fails_is_no_start_and_is_named_all_the_same():
    rungs = [*ladder([1.0, 0.8, 0.3]), RateRung(200.0, math.inf, Outcome.DIVERGED, "nan")]
    rate, why = suggest(rungs)
    assert rate == pytest.approx(200 / 3)
    assert "loss 0.3, the best of 4 rates, was at 1e+02" in why


def test_a_rate_that_nothing_depends_on_is_not_recommended():
    space = Space(lr=Float(1e-6, 1.0, log=True, default=1e-3))

    @workload(space=space, metric="loss", goal="minimize", budget=20)
    def deaf(config, trial):
        for step in trial.steps():
            yield Report(step, loss=0.5)

    found = lr_find(deaf, num_rates=4, steps=2)
    assert found.suggested is None and "at all 4 rates" in found.why
