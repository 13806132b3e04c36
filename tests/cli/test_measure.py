"""`lr-find` and `batch-size`: what they print, keep and refuse."""

import json

import pytest

from homeostat.cli.main import app, run_app

LOOP = """
import math, time
import homeostat as hs

space = hs.Space(
    lr=hs.Float(1e-4, 10.0, log=True, default=1e-2), batch_size=hs.Int(1, 64, default=8)
)

@hs.workload(space=space, metric="train_loss", goal="minimize", budget=40)
def bowl(config, trial):
    x = 1.0
    for step in trial.steps():
        x -= config.lr * x
        time.sleep(2e-4 + 1e-5 * config.batch_size)
        if abs(x) > 1e3:
            x = math.nan
        yield hs.Report(step, train_loss=x * x)
"""


@pytest.fixture
def bowl(tmp_path):
    path = tmp_path / "bowl.py"
    path.write_text(LOOP)
    return str(path)


def call(capsys, *words):
    code = run_app(app, words, name="homeostat")
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def test_lr_find_points_below_the_rates_that_fail_and_draws_them(bowl, tmp_path, capsys):
    plot = tmp_path / "rates.html"
    words = ("lr-find", bowl, "--rates", "9", "--steps", "40", "--plot", plot)
    code, out, _ = call(capsys, *map(str, words), "--json")
    found = json.loads(out)
    assert code == 0
    assert len(found["rungs"]) == 9
    failed = [rung["rate"] for rung in found["rungs"] if rung["outcome"] == "diverged"]
    # x <- (1 - lr) x grows from lr = 2 on.
    assert failed and min(failed) > 2.0
    assert 0.1 < found["suggested"] < 2.0
    assert 'id="figure-rates"' in plot.read_text()


def test_lr_find_says_what_to_type_next(bowl, capsys):
    _, out, _ = call(
        capsys, "lr-find", bowl, "--rates", "4", "--steps", "4", "--set", "batch_size=2"
    )
    assert f"Use it:  homeostat run {bowl} --set batch_size=2 --set lr=" in out


def test_batch_size_recommends_one_of_those_tried(bowl, capsys):
    code, out, _ = call(capsys, "batch-size", bowl, "--sizes", "1,4,64", "--json")
    found = json.loads(out)
    assert code == 0
    assert [one["size"] for one in found["sizes"]] == [1, 4, 64]
    assert found["recommended"] == 64  # the step's fixed cost is shared by more rows


@pytest.mark.parametrize("sizes", ["0", "8,x", ""])
def test_sizes_that_are_none_are_refused_in_one_line(bowl, capsys, sizes):
    code, _, err = call(capsys, "batch-size", bowl, "--sizes", sizes)
    assert code == 2
    assert "whole numbers from 1" in err and err.count("\n") == 1


def test_a_workload_without_a_rate_is_told_how_to_name_one(capsys):
    code, _, err = call(capsys, "lr-find", "evolution")
    assert code == 1
    assert "--param NAME" in err


def test_a_picture_that_cannot_be_written_is_one_line(bowl, tmp_path, capsys):
    place = str(tmp_path / "none" / "rates.html")
    code, _, err = call(capsys, "lr-find", bowl, "--rates", "3", "--steps", "4", "--plot", place)
    assert code == 1
    assert "rates.html cannot be written" in err and err.count("\n") == 1
