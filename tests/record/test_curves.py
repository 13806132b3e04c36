"""Curves: what was appended comes back, bit by bit, whatever happened to the end of the file."""

import math
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeostat.errors import RecordError, WorkloadError
from homeostat.record.curves import MAX_METRICS, CurveWriter, read_curves


def bits(value):
    return struct.pack("<d", value)


def write(path, rows):
    writer = CurveWriter(path)
    for step, values in rows:
        writer.append(step, values)
    writer.close()


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).filter(
    lambda name: name != "step" and name.isprintable()
)
numbers = st.floats(allow_nan=True, allow_infinity=True)
reports = st.lists(st.dictionaries(names, numbers, min_size=1, max_size=4), max_size=12)


@settings(max_examples=60, deadline=None)
@given(reports)
def test_what_is_written_comes_back_with_the_same_bits(tmp_path_factory, reports):
    path = tmp_path_factory.mktemp("curves") / "curves.csv"
    write(path, enumerate(reports))
    rows = read_curves(path).rows
    assert [step for step, _ in rows] == list(range(len(reports)))
    for (_, got), wanted in zip(rows, reports, strict=True):
        assert got.keys() == wanted.keys()
        for name in wanted:
            same = bits(got[name]) == bits(wanted[name])
            assert same or (math.isnan(got[name]) and math.isnan(wanted[name]))


def test_a_row_is_on_disk_as_soon_as_it_is_appended(tmp_path):
    writer = CurveWriter(tmp_path / "curves.csv")
    for step in range(3):
        writer.append(step, {"loss": step / 3})
        assert read_curves(tmp_path / "curves.csv").rows[-1] == (step, {"loss": step / 3})
    writer.close()


def test_every_cut_of_the_file_keeps_the_whole_rows_before_it(tmp_path):
    path = tmp_path / "curves.csv"
    rows = [(step, {"loss": 1 / (step + 3), "gap": -step / 7}) for step in range(5)]
    write(path, rows)
    whole = path.read_bytes()
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        kept = read_curves(path).rows
        assert kept == rows[: max(0, whole[:cut].count(b"\n") - 1)]
        write(path, rows[len(kept) :])
        assert path.read_bytes() == whole


def test_a_metric_that_appears_later_adds_a_column(tmp_path):
    path = tmp_path / "curves.csv"
    write(path, [(0, {"loss": 1.0}), (5, {"loss": 0.5, "accuracy": 0.9}), (6, {"accuracy": 0.8})])
    assert path.read_text() == "step,loss,accuracy\n0,1.0,\n5,0.5,0.9\n6,,0.8\n"
    curves = read_curves(path)
    steps, values = curves.of("accuracy")
    assert (steps.tolist(), values.tolist()) == ([5, 6], [0.9, 0.8])
    assert math.isnan(curves["accuracy"][0])
    assert curves.last("loss") == 0.5
    assert list(curves.frame().columns) == ["step", "loss", "accuracy"]


def test_rubbish_in_the_middle_is_told_with_its_line(tmp_path):
    path = tmp_path / "curves.csv"
    path.write_text("step,loss\n0,1.0\nx,2.0\n2,3.0\n")
    with pytest.raises(RecordError, match="line 3"):
        read_curves(path)


def test_metrics_without_end_are_refused(tmp_path):
    writer = CurveWriter(tmp_path / "curves.csv")
    with pytest.raises(WorkloadError, match="different metrics"):
        writer.append(0, {f"loss_{i}": 0.0 for i in range(MAX_METRICS + 1)})


def test_a_name_that_would_break_the_line_is_refused(tmp_path):
    with pytest.raises(WorkloadError, match="cannot be named"):
        CurveWriter(tmp_path / "curves.csv").append(0, {"loss\n": 1.0})


def test_a_full_disk_is_told_in_one_line(tmp_path):
    path = tmp_path / "curves.csv"
    writer = CurveWriter(path)
    path.symlink_to("/dev/full")
    with pytest.raises(
        RecordError, match=r"Cannot write .*curves.csv: no space left on the device"
    ):
        writer.append(0, {"loss": 1.0})


def test_no_file_is_no_reports(tmp_path):
    assert len(read_curves(tmp_path / "curves.csv")) == 0
