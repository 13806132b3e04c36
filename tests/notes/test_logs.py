"""Logs of other tools are read by their contents; rubbish in them is skipped, never fatal."""

from __future__ import annotations

import contextlib
import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeostat import notes
from homeostat.errors import DataError
from homeostat.notes.entry import show_span

KERAS = (
    "2025-11-30 10:00:00 I tensorflow/core: --learning_rate 1e-05\n"
    "Epoch 1/30\n"
    "\x1b[1m1/2\x1b[0m \x1b[32m━━━━━\x1b[0m \x1b[1m3s\x1b[0m 3s/step - loss: 5.1000\r"
    "\x1b[1m2/2\x1b[0m ━━━━━━━━━━ \x1b[1m12s\x1b[0m 12s/step - loss: 4.1800 - value_mae: 0.4200"
    " - val_loss: 4.3 - learning_rate: 9.6800e-06\n"
    "Epoch 2/30\n"
    "\x08\x08\x08 2/2 [====================] - 0s 45ms/step - loss: nan - value_mae: nan\n"
    "Epoch 2: early stopping\n"
)
LIGHTNING = (
    "epoch,step,train_loss_step,train_loss_epoch,val_loss\n"
    "0,9,2.31,,\n0,19,2.0,,\n0,19,,2.1,\n0,19,,,2.2\n1,39,,1.5,\n1,39,,,1.8\n"
)


def test_what_keras_prints():
    log = notes.parse_log(KERAS)
    assert log.kind == "keras"
    assert log.settings == {"learning_rate": 1e-5}
    assert log.rows[1] == {
        "loss": 4.18,
        "value_mae": 0.42,
        "val_loss": 4.3,
        "learning_rate": 9.68e-6,
    }
    assert math.isnan(log.rows[2]["loss"])
    assert notes.classify(log.rows).text == "NaN from epoch 2"


def test_what_keras_writes_as_csv_counts_from_epoch_one():
    log = notes.parse_log("epoch,learning_rate,loss\n0,9.68e-06,4.18\n1,9.3e-06,nan\n")
    assert log.kind == "keras csv"
    assert log.rows[1] == {"learning_rate": 9.68e-6, "loss": 4.18}
    assert notes.classify(log.rows, log.unit).text == "NaN from epoch 2"


def test_lightnings_scattered_rows_come_together_and_no_step_is_lost():
    log = notes.parse_log(LIGHTNING)
    assert log.kind == "lightning csv"
    assert log.unit == "step"  # one epoch has two training losses
    assert log.rows[9] == {"train_loss_step": 2.31}
    assert log.rows[19] == {"train_loss_step": 2.0, "train_loss_epoch": 2.1, "val_loss": 2.2}
    assert log.rows[39] == {"train_loss_epoch": 1.5, "val_loss": 1.8}


def test_json_lines_with_settings_first_and_nested_metrics():
    lines = [
        {"lr": 0.001, "seed": 1},
        {"step": 10, "train": {"loss": 0.5}, "version": "2", "wall_time": 1e9},
        {"step": 20, "train": {"loss": float("nan")}},
    ]
    log = notes.parse_log("\n".join(map(json.dumps, lines)) + '\n{"step": 30, "tra')
    assert log.settings["lr"] == 0.001
    assert log.rows[10] == {"train/loss": 0.5}
    assert list(log.rows) == [10, 20]
    assert notes.classify(log.rows, log.unit).text == "NaN from step 20"


@pytest.mark.parametrize(
    "line",
    [
        "epoch 3: train_loss=0.52, acc=0.9",
        "[Epoch 3/10] train_loss: 0.52 | acc: 0.9 | time: 3.1s",
        "Epoch: 3 | train_loss 0.52 acc 0.9",
        "INFO 12:00:01 epoch=3 train_loss=5.2e-1 acc=.9",
    ],
)
def test_plain_lines(line):
    rows = notes.parse_log(f"lr = 0.01\n{line}\n").rows
    assert rows[3]["train_loss"] == pytest.approx(0.52)
    assert rows[3]["acc"] == pytest.approx(0.9)


def test_plain_lines_give_their_rate():
    assert notes.parse_log("learning_rate: 3e-4\nepoch 1 loss 2\n").settings == {
        "learning_rate": 3e-4
    }


def test_tensorboard_events(tmp_path):
    writer_module = pytest.importorskip("tensorboard.summary.writer.event_file_writer")
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    writer = writer_module.EventFileWriter(str(tmp_path))
    for step, loss in enumerate((2.0, 1.0, 0.5)):
        value = Summary.Value(tag="train/loss", simple_value=loss)
        writer.add_event(Event(step=step, wall_time=0.0, summary=Summary(value=[value])))
    writer.close()
    log = notes.read_log(tmp_path)
    assert log.kind == "tensorboard"
    assert [row["train/loss"] for row in log.rows.values()] == [2.0, 1.0, 0.5]


def test_a_file_without_metrics_is_refused_with_what_is_understood(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("nothing happened\n")
    with pytest.raises(DataError, match=r"No metrics.*Lightning"):
        notes.read_log(path)
    with pytest.raises(DataError, match="Cannot read"):
        notes.read_log(tmp_path / "missing.txt")


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300))
def test_no_text_can_break_the_readers(text):
    for run in notes.parse_log(text).runs:
        notes.classify(run.rows, run.unit)
    notes.assess(notes.parse(text))


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from([KERAS, LIGHTNING, '{"step": 1, "loss": 2}\n{"step": 2, "loss": 1}\n']),
    st.integers(0, 400),
    st.text(alphabet=st.characters(max_codepoint=255), max_size=20),
)
def test_no_damage_can_break_the_readers(text, place, rubbish):
    place = min(place, len(text))
    for run in notes.parse_log(text[:place] + rubbish + text[place:]).runs:
        notes.classify(run.rows, run.unit)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_can_break_reading_a_file(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("log") / "log.txt"
    path.write_bytes(data)
    with contextlib.suppress(DataError):  # the one error a user may see
        notes.read_log(path)


word = (
    st.text(alphabet="abcdefghij KLMN,.()=_", min_size=1, max_size=30).map(str.strip).filter(bool)
)
number = st.floats(-1e6, 1e6).map(lambda x: float(f"{x:.4g}"))


@settings(max_examples=60, deadline=None)
@given(
    title=word,
    rate=st.none() | st.floats(1e-9, 1.0).map(lambda x: float(f"{x:.4g}")),
    values=st.dictionaries(st.sampled_from(["loss", "val_loss", "train/acc"]), number, min_size=1),
    lines=st.lists(word, max_size=3),
)
def test_an_entry_survives_being_written_and_read(title, rate, values, lines):
    entry = notes.Entry(
        number=3,
        title=title,
        context="2025-11-30, somewhere.",
        learning_rate=rate,
        optimizer="Adam",
        losses=tuple(lines),
        metrics={1: {name: (value, value) for name, value in values.items()}},
        behaviour=("NaN from epoch 2.",),
        next_steps=tuple(lines),
    )
    assert notes.parse(notes.render(entry)) == [entry]


def test_a_span_is_shown_with_a_dash():
    assert show_span((4.15, 4.53)) == "4.15–4.53"
    assert show_span((0.4, 0.4)) == "0.4"
