"""Entries written from run records."""

from __future__ import annotations

import math

import pytest

import homeostat as hs
from homeostat import notes
from homeostat.errors import RecordError
from homeostat.execute.run import run

SPACE = hs.Space(lr=hs.Float(1e-6, 1.0, log=True, default=0.1), optimizer=hs.Choice(["sgd"]))


@hs.workload(space=SPACE, metric="loss", goal="minimize", budget=6)
def halving(config, trial):
    """A loss that halves; at rates above 0.5 it is NaN from the second step."""
    for step in trial.steps():
        broken = config.lr > 0.5 and step >= 1
        yield hs.Report(
            step, loss=math.nan if broken else trial.seed * 0.5**step, learning_rate=0.1
        )


def test_an_entry_says_what_was_run_and_how_it_went(tmp_path):
    record = run(halving, {"lr": 0.01}, seeds=[1, 2], results=tmp_path)
    entry = notes.add_run(tmp_path / "NOTES.md", record, remark="first try")
    assert entry.number == 1
    assert entry.learning_rate == 0.01
    assert entry.optimizer == "sgd"
    assert entry.context.endswith("2 seeds, first try")
    assert entry.metrics[0]["loss"] == (1.0, 2.0)
    assert any("at the end" in line for line in entry.behaviour)
    assert notes.read(tmp_path / "NOTES.md")[0].learning_rate == 0.01


def test_a_diverged_run_and_its_neighbours_give_the_verdict(tmp_path):
    journal = tmp_path / "NOTES.md"
    for rate in (1.0, 0.6):
        notes.add_run(journal, run(halving, {"lr": rate}, results=tmp_path))
    assert notes.assess(notes.read(journal)) is None  # 1.7x is no change to speak of
    last = notes.add_run(journal, run(halving, {"lr": 0.01}, results=tmp_path))
    assert notes.behaviour_of(last).kind == "improving"


def test_a_log_that_cannot_be_read_is_one_line(tmp_path):
    journal = tmp_path / "NOTES.md"
    journal.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecordError, match="Cannot read the notes"):
        notes.read(journal)


def test_each_run_of_a_log_is_an_entry_and_what_was_not_read_is_said(tmp_path):
    log = tmp_path / "two.log"
    log.write_text(
        "lr: 0.1\nepoch 1: loss=2\nepoch 2: loss=1\nlr: 0.001\nepoch 1: loss=9\n"
        "epoch 1.5: loss=8\nepoch 2: loss=4 loss=5\n"
    )
    entries = notes.add_log_runs(tmp_path / "NOTES.md", log)
    assert [(e.title, e.learning_rate) for e in entries] == [
        ("two.log, run 1", 0.1),
        ("two.log, run 2", 0.001),
    ]
    assert "1 line was not read (two values of 'loss'); line 7: epoch 2:" in entries[0].context
    again = notes.read(tmp_path / "NOTES.md")
    assert [list(e.metrics) for e in again] == [[1, 2], [1, 1.5]]
    assert again == entries
