"""One's own series: what a CSV file may look like, and what its owner gets from it."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import homeostat as hs
from homeostat.errors import DataError
from homeostat.execute.predict import predict
from homeostat.workload.beside import tables
from homeostat.workloads.ncp.own_series import read_series
from homeostat.workloads.ncp.series import forecasting
from homeostat.workloads.ncp.tasks import prepare, prepare_folds
from homeostat.workloads.ncp.workload import space

SMALL = {"hidden_size": 16, "backbone_units": 32, "window": 16}


def written(tmp_path, text, name="mine.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def daily(rows=160, *, gaps=True, dated=True):
    """A weekly cycle with noise, a second column, gaps and irregular days."""
    rng = np.random.default_rng(0)
    day, lines = 0, ["date,load,heat,site"]
    start = np.datetime64("2024-01-01")
    for row in range(rows):
        day += int(rng.integers(1, 3))
        load = 50 + 10 * np.sin(2 * np.pi * day / 7) + rng.normal()
        heat = 5 + rng.normal()
        empty = gaps and row % 9 == 4
        time = start + day if dated else day
        lines.append(f"{time},{'' if empty else round(load, 3)},{round(heat, 3)},north")
    return "\n".join(lines) + "\n"


def test_a_labelled_series_is_read_from_a_file(tmp_path):
    path = written(tmp_path, "time,a,b,label\n0,1.5,2,0\n0.5,2,3,1\n2,1,1,0\n")
    series = read_series(path)
    assert series.names == ("a", "b") and series.unit == 1.0
    assert_array_equal(series.times, [0.0, 0.5, 2.0])
    assert_array_equal(series.values, [[1.5, 2.0], [2.0, 3.0], [1.0, 1.0]])
    assert_array_equal(series.labels, [0, 1, 0])


@pytest.mark.parametrize(
    "text",
    [
        "date;a;b\n2024-01-01;1,5;2\n2024-01-02;;3\n2024-01-05;2,5;4\n",
        "date\ta\tb\n2024-01-01\t1.5\t2\n2024-01-02\tNA\t3\n2024-01-05\t2.5\t4\n",
        "\ufeffdate,a,b\r\n2024-01-01,1.5,2\r\n2024-01-02,nan,3\r\n2024-01-05,2.5,4\r\n",
        "date, a, b\n2024-01-01T00:00, 1.5, 2\n2024-01-02T00:00, -, 3\n2024-01-05T00:00, 2.5, 4\n",
        "date,a,b,note\n2024-01-01,1.5,2,x\n2024-01-02,,3,y\n2024-01-05,2.5,4,z\n",
    ],
)
def test_one_series_is_the_same_in_every_dialect(tmp_path, text):
    series = read_series(written(tmp_path, text))
    assert series.names == ("a", "b") and series.dated and series.unit == 2 * 86_400
    assert_array_equal(series.values, [[1.5, 2.0], [np.nan, 3.0], [2.5, 4.0]])
    assert_allclose(series.times, [0.0, 0.5, 2.0])
    assert series.written(series.times[2]) == "2024-01-05"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("time,a\n0,1\n1,x\n2,3\n", "line 3: a must be a number, got 'x'"),
        ("time,a\n0,1\n1\n", "line 3: expected 2 cells, got 1"),
        ("time,a\n0,1\n0,2\n", "line 3: time 0 does not come after"),
        ("when,a\nsoon,1\nlater,2\n", "the time .when. must be a number or an ISO date"),
        ("when,a\n2024-01-01,1\n2024-13-01,2\n", "line 3: the time .when. must be an ISO date"),
        ("time,a,label\n0,1,0\n1,2,2\n", "line 3: the label must be 0 or 1"),
        ("time,a,a\n0,1,0\n1,2,2\n", "line 1, has a more than once"),
        ("time,a\n0,x\n1,y\n", "no column of numbers"),
        ("time,a\n", "has no series in it"),
    ],
)
def test_a_damaged_file_is_refused_by_its_line(tmp_path, text, sentence):
    with pytest.raises(DataError, match=sentence):
        read_series(written(tmp_path, text))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none.csv: No such file"):
        read_series(tmp_path / "none.csv")


@pytest.mark.parametrize("horizon", [1, 3])
def test_gaps_are_masked_and_targets_are_what_comes_later(tmp_path, horizon):
    series = read_series(written(tmp_path, daily()))
    problem = forecasting(series, window=16, target="load", horizon=horizon)
    values = series.values[:, 0]
    counted = int(problem.validation.weight_ST.sum() + problem.test.weight_ST.sum())
    assert counted == int(np.isfinite(values[round(0.7 * len(series)) :]).sum())
    # An output that is the truth has no error, in the unit of the data.
    assert problem.score("test", problem.test.target_STO)["rmse"] == pytest.approx(0.0)
    seen = problem.framing.seen(series)
    known = np.isfinite(seen.truth)
    back = problem.framing.unscaled(seen.truth, problem.framing.due(series))
    assert_allclose(back[known], values[np.flatnonzero(known) + horizon])


def test_nothing_that_is_learnt_depends_on_what_comes_later(tmp_path):
    series = read_series(written(tmp_path, daily()))
    later = series.values.copy()
    cut = round(0.7 * len(series))
    later[cut:] = 1e3 * np.random.default_rng(1).normal(size=later[cut:].shape)
    changed = series.__class__(series.names, series.times, later)
    for anchor in ("last", "harmonics", "ridge"):
        own, other = (
            forecasting(s, window=16, anchor=anchor, horizon=2) for s in (series, changed)
        )
        assert own.framing.lines == other.framing.lines
        assert own.framing.anchor.learnt == other.framing.anchor.learnt
        assert_array_equal(own.train.x_STI, other.train.x_STI)
        assert_array_equal(own.train.target_STO, other.train.target_STO)


def test_a_forecaster_does_not_see_what_comes_after_its_observation(tmp_path):
    series = read_series(written(tmp_path, daily()))
    framing = forecasting(series, window=16, anchor="ridge").framing
    for stop in (60, 100):
        whole, cut = framing.seen(series), framing.seen(series.until(stop))
        assert_allclose(framing.anchor(whole)[: stop - 1], framing.anchor(cut)[: stop - 1])


def test_each_fold_is_framed_by_its_own_past(tmp_path):
    file = str(written(tmp_path, daily(300)))
    config = space.resolve({"file": file, "folds": 3, "window": 8})
    problems = prepare_folds(config, prepare(config))
    assert len({p.framing.lines for p in problems}) == 3
    assert len({tuple(sorted(p.baselines.items())) for p in problems}) == 3
    assert len(problems[0].train) < len(problems[2].train)


def test_from_ones_own_file_to_a_forecast(tmp_path):
    file = written(tmp_path, daily())
    settings = {**SMALL, "file": str(file), "target": "load", "anchor": "ridge"}
    run = hs.run("ncp", settings, budget=2, results=tmp_path / "results")
    (table,) = tables(a.extra for a in run.attempts)
    assert [row[0] for row in table.rows] == [
        *("the network", "last value", "seasonal naive", "harmonics, damped"),
        "ridge autoregression",
    ]
    errors = {row[0]: row[table.columns.index("validation rmse")] for row in table.rows}
    # Validation chose between the ridge alone and every epoch.
    assert errors["the network"] <= errors["ridge autoregression"] + 1e-6

    more = written(tmp_path, "\n".join(daily(200).split("\n")[:1] + daily(200).split("\n")[-60:]))
    made = predict(run.folder, more).prediction
    low, high = made.columns["low 95 %"], made.columns["high 95 %"]
    assert (low < made.columns["low 80 %"]).all() and (made.columns["high 80 %"] < high).all()
    assert (
        made.columns["observed"][-1] is None and made.columns["from"][-1] < made.columns["time"][-1]
    )
    assert 35 < np.mean(made.columns["forecast"]) < 65

    other = written(tmp_path, "date,load\n2024-01-01,1\n2024-01-02,2\n", "other.csv")
    with pytest.raises(DataError, match="no column heat"):
        predict(run.folder, other)


def test_other_programs_load_the_weights(tmp_path):
    from safetensors.numpy import load_file

    from homeostat.workloads.ncp import load

    file = written(tmp_path, daily(120, gaps=False))
    run = hs.run("ncp", {**SMALL, "file": str(file)}, budget=1, results=tmp_path / "results")
    path = run.attempts[0].folder / "artifacts" / "weights.safetensors"
    network, facts = load(path)
    tensors = load_file(path)
    assert set(tensors) == set(network.state_dict())
    assert facts["config"]["hidden_size"] == 16 and facts["inputs"] == network.recurrent.input_size


def test_anomalies_without_labels_are_scored_by_the_loss(tmp_path):
    file = written(tmp_path, daily(160, dated=False))
    settings = {**SMALL, "task": "anomaly", "file": str(file)}
    run = hs.run("ncp", settings, budget=1, results=tmp_path / "results")
    assert "val_vus_pr" not in run.curves()[42]
    made = predict(run.folder, file).prediction
    assert set(made.columns) == {"time", "oddness", "alarm"}


@pytest.mark.slow
def test_the_command_writes_a_table_and_a_document(tmp_path):
    file = written(tmp_path, daily(120))
    run = hs.run("ncp", {**SMALL, "file": str(file)}, budget=1, results=tmp_path / "results")
    line = [sys.executable, "-m", "homeostat", "predict", str(run.folder), str(file), "--json"]
    out = subprocess.run(
        [*line, "--out", str(tmp_path / "f.csv")], capture_output=True, text=True, check=True
    )
    found = json.loads(out.stdout)
    assert (
        len(found["columns"]["forecast"]) == len((tmp_path / "f.csv").read_text().splitlines()) - 1
    )
