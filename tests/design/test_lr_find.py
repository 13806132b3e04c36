"""The learning-rate range test: known answers on a bowl whose stable rates are known."""

import math

import pytest

from homeostat.design.lr_find import RateRung, lr_find, suggest
from homeostat.errors import UnknownNameError
from homeostat.record import Outcome
from homeostat.space import Float, Int, Space
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


def test_one_lucky_rung_does_not_decide():
    losses = [5.0, 4.0, 0.1, 4.0, 2.0, 1.0, 1.0, 3.0]
    rungs = [RateRung(10.0**k, loss, Outcome.COMPLETED) for k, loss in enumerate(losses)]
    assert suggest(rungs)[0] in (1e5, 1e6)
