"""The tasks' data: published generators and windows, splits in time, and what a file may hold."""

from __future__ import annotations

import os

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from homeostat.data import store
from homeostat.errors import DataError, UnknownNameError
from homeostat.workloads.ncp.anomalies import anomaly, planted
from homeostat.workloads.ncp.event_xor import LENGTH, NO_TIME, draw, event_xor
from homeostat.workloads.ncp.half_cheetah import half_cheetah
from homeostat.workloads.ncp.problem import Problem, SequenceSet, folds, weighted_loss, windows
from homeostat.workloads.ncp.series import SERIES, bundled, forecasting, load
from homeostat.workloads.ncp.tasks import prepare
from homeostat.workloads.ncp.workload import space


def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("name", SERIES)
def test_a_series_is_sampled_irregularly_and_split_in_time(name):
    problem = forecasting(bundled(name, 0.6, rng()), window=16)
    steps = problem.train.dt_ST
    assert steps.min() > 0 and np.unique(steps.round(3)).size > 2
    for part in (problem.train, problem.validation, problem.test):
        # The target is the change of the very input: undoing it must give the next input.
        assert_allclose(
            (part.x_STI + part.target_STO)[:, :-1], part.x_STI[:, 1:], rtol=1e-4, atol=1e-5
        )
    # Only the latter half of a later window counts, and every later target counts once.
    weight = problem.validation.weight_ST
    assert not weight[:, :8].any() and weight[:-1, 8:].all()
    total = round(0.6 * len(load(name)[0]))
    assert weight.sum() == round(0.85 * total) - round(0.7 * total)
    no_change = weighted_loss("squared", 0 * problem.validation.target_STO, problem.validation)
    assert no_change == pytest.approx(problem.baselines["no change"], rel=1e-5)


def test_no_target_of_training_is_seen_again_in_validation():
    problem = forecasting(bundled("elnino", 1.0, rng()), window=16)
    counted = [
        {
            (float(x), float(y))
            for x, y in zip(
                p.x_STI[p.weight_ST > 0, 0], p.target_STO[p.weight_ST > 0, 0], strict=True
            )
        }
        for p in (problem.train, problem.validation, problem.test)
    ]
    assert not counted[0] & counted[1] and not counted[1] & counted[2]


def test_a_series_keeps_all_its_observations_and_drops_missing_ones():
    times, values = load("co2")
    assert len(values) == 2225 and np.isfinite(values).all()
    assert (np.diff(times) > 0).all()
    assert len(load("sunspots")[0]) == 309 and len(load("elnino")[0]) == 732
    with pytest.raises(UnknownNameError, match=r"No series 'sunspot'\. Did you mean 'sunspots'"):
        load("sunspot")


def test_folds_of_a_series_train_on_the_past_only():
    length, stride = 8, 2
    x = np.arange(100, dtype=np.float32)[:, None]
    part = windows(x, np.ones(100, np.float32), x, length, stride)
    problem = Problem(train=part, validation=part, test=part, ordered=True, overlap=3, baselines={})
    for fold in folds(problem, 4):
        assert fold.train.x_STI.max() < fold.validation.x_STI.min()
    validated = np.concatenate([f.validation.x_STI[:, 0, 0] for f in folds(problem, 4)])
    assert len(np.unique(validated)) == len(validated)


def test_folds_of_separate_sequences_validate_each_once_and_share_no_observation():
    x = np.arange(60, dtype=np.float32)[:, None]
    part = windows(x, np.ones(60, np.float32), x, 6, 3)
    problem = Problem(train=part, validation=part, test=part, overlap=1, baselines={})
    made = folds(problem, 3)
    assert sum(len(fold.validation) for fold in made) == len(part)
    for fold in made:
        assert not set(fold.train.x_STI.ravel()) & set(fold.validation.x_STI.ravel())
    with pytest.raises(DataError, match="too few for 30 folds"):
        folds(problem, 30)


def test_event_xor_codes_runs_and_keeps_all_of_time():
    part = draw(300, seed=1234984)
    events = part.dt_ST > NO_TIME
    lengths = (part.dt_ST * events).sum(1) * LENGTH
    # Elapsed times of a stream add up to its length, drawn from 2 to 31 ticks.
    assert_allclose(lengths, lengths.round(), atol=1e-4)
    assert lengths.min() >= 2 and lengths.max() <= LENGTH - 1
    for row in range(300):
        bits = part.x_STI[row, events[row], 0]
        ticks = (part.dt_ST[row, events[row]] * LENGTH).round().astype(int)
        # A run's bit is sent at its first tick, so the wait after it shows at the next event;
        # the last event repeats its bit when the last run was longer than one.
        repeats = len(bits) > 1 and bits[-1] == bits[-2]
        heads = bits[:-1] if repeats else bits
        assert (np.diff(heads) != 0).all()
        run_lengths = (
            np.append(ticks[1:], 1) if not repeats else np.append(ticks[1:-1], ticks[-1] + 1)
        )
        parity = int((heads * run_lengths).sum()) % 2
        assert part.target_STO[row, events[row].sum() - 1, 0] == parity
    assert_array_equal(part.weight_ST.sum(1), 1.0)


def test_event_xor_draws_the_published_streams():
    # The first draw of RandomState(1234984): a length, then bits one by one.
    published = np.random.RandomState(1234984)
    length = published.randint(low=2, high=32)
    ones = sum(int(published.randint(low=0, high=2)) for _ in range(length))
    first = draw(1, seed=1234984)
    assert round(float((first.dt_ST[first.dt_ST > NO_TIME]).sum()) * 32) == length
    assert first.target_STO.max() == ones % 2
    problem = event_xor(200, 50)
    assert (len(problem.train), len(problem.validation), len(problem.test)) == (180, 20, 50)
    assert_array_equal(problem.train.x_STI, draw(180, 1234984).x_STI)
    assert_array_equal(problem.test.x_STI, draw(50, 48736).x_STI)
    right = np.where(problem.test.target_STO > 0.5, 1.0, -1.0)
    assert problem.score("test", right.astype(np.float32)) == {"accuracy": 1.0}


def test_half_cheetah_has_the_published_windows():
    if not store.have("half_cheetah") and os.environ.get("CI") != "true":
        pytest.skip("the half_cheetah files are not here: set HOMEOSTAT_DATA")
    problem = half_cheetah()
    # (1000 - 33) / 10, rounded up, for each of 10, 5 and 10 files.
    assert [len(p) for p in (problem.train, problem.validation, problem.test)] == [970, 485, 970]
    assert problem.train.x_STI.shape[1:] == (32, 17)
    assert_array_equal(problem.train.target_STO[:, :-1], problem.train.x_STI[:, 1:])


def test_planted_anomalies_are_rare_labelled_and_apart():
    series = planted(6_000, rng())
    assert (np.diff(series.times) > 0).all()
    assert 0.005 < series.labels[:3_000].mean() < 0.03
    assert 0.06 < series.labels[3_000:].mean() < 0.12
    same, other = planted(6_000, rng()), planted(6_000, np.random.default_rng(1))
    assert_array_equal(series.values, same.values)
    assert not np.array_equal(series.labels, other.labels)


def test_anomaly_scores_reward_the_oracle_and_not_a_constant():
    problem = anomaly(planted(6_000, rng()), window=32)
    part = problem.validation
    # An oracle errs on anomalies only: weight 0 marks them in the counting half of each window.
    oracle = part.target_STO.copy()
    oracle[:, 16:][part.weight_ST[:, 16:] == 0] += 20.0
    scores = problem.score("val", oracle)
    # VUS-PR of exact labels stays below 1: its wider buffers ask for the points around, too.
    assert scores["event_f1"] == 1.0 and scores["vus_pr"] > 0.7
    # One that errs nowhere has only the distance from the mean to judge by, and no more than it.
    lazy = problem.score("val", part.target_STO.copy())
    assert lazy == pytest.approx(problem.beside("val")["|value|"])
    assert lazy["vus_pr"] < 0.3 and lazy["event_f1"] < 0.8


def test_rows_that_do_not_match_are_named():
    x, two = np.zeros((3, 4, 1), np.float32), np.ones((2, 4), np.float32)
    with pytest.raises(DataError, match="differ in rows"):
        SequenceSet(x, two, x, two)
    with pytest.raises(DataError, match="do not fill one window of 32"):
        windows(x[0], two[0], x[0], 32, 1)


def test_the_configured_unit_of_time_reaches_every_part():
    usual, longer = (prepare(space.resolve({"time_unit": unit})) for unit in (1.0, 4.0))
    for name in ("train", "validation", "test"):
        steps, shorter = (getattr(problem, name).dt_ST for problem in (usual, longer))
        assert_allclose(4.0 * shorter, steps, rtol=1e-6)
