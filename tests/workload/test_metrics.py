"""Reading metrics that somebody else writes, while they are being written."""

import re

import pytest

from homeostat.logs.tail import Tail
from homeostat.workload.metrics import Csv, JsonLines, Merge, Pattern

NAN = pytest.approx(float("nan"), nan_ok=True)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "metrics"


def append(path, text):
    with path.open("a") as file:
        file.write(text)


def texts(tail, final=False):
    return [line.text for line in tail.lines(final)]


def test_a_file_is_read_as_it_grows_and_a_torn_line_waits_for_its_end(path):
    tail = Tail(path)
    assert texts(tail) == []  # not there yet
    append(path, "one\ntw")
    assert texts(tail) == ["one"]
    assert texts(tail) == []
    append(path, "o\r\n\nthree\rfour")
    assert texts(tail) == ["two", "three"]
    assert texts(tail, final=True) == ["four"]


def test_a_line_end_split_in_two_reads_makes_no_line_of_its_own(path):
    tail = Tail(path)
    append(path, "one\r")
    append(path, "\ntwo\r")
    assert texts(tail) == ["one", "two"]
    append(path, "\nthree\n")
    assert texts(tail) == ["three"]


def test_a_file_written_anew_gives_only_what_was_not_seen(path):
    tail = Tail(path)
    append(path, "a\nb\nc\n")
    assert texts(tail) == ["a", "b", "c"]
    path.write_text("A\nB\n")  # shorter: truncated
    assert [line.text for line in tail.lines(False) if line.new] == []
    append(path, "C\nD\n")
    assert [line.text for line in tail.lines(False) if line.new] == ["D"]
    other = path.with_name("other")
    other.write_text("1\n2\n3\n4\n5\n")
    other.replace(path)  # another file under the name
    assert [line.text for line in tail.lines(False) if line.new] == ["5"]


def test_bytes_that_are_not_text_do_no_harm(path):
    path.write_bytes(b"\xff\xfd\n{}\n")
    assert texts(Tail(path)) == ["��", "{}"]


def test_json_lines_give_their_numbers(path):
    append(
        path,
        '{"step": 0, "loss": 1, "note": "x", "flag": true, "list": [1], "label": "3"}\n'
        '{"step": 5, "loss": NaN}\n{"step": 6.0, "loss": 1e-3}\n',
    )
    assert list(JsonLines(path, "step").read(True)) == [
        (0, {"loss": 1.0}),
        (5, {"loss": NAN}),
        (6, {"loss": 1e-3}),
    ]


def test_lines_without_a_step_are_counted(path):
    append(path, '{"loss": 3}\n{"loss": 2}\n{"step": 7, "loss": 1}\n{"loss": 0}\n')
    assert [step for step, _ in JsonLines(path, "step").read(True)] == [0, 1, 7, 8]


def test_the_step_may_have_another_name(path):
    append(path, '{"epoch": 4, "step": 400, "loss": 3}\n')
    assert list(JsonLines(path, "epoch").read(True)) == [(4, {"step": 400.0, "loss": 3.0})]


def test_garbage_is_skipped_and_counted(path):
    garbage = ["garbage", "{", "[1]", "3", "{}", '{"step": 1}', '{"loss": "low"}']
    garbage += ['{"step": -1, "loss": 1}', '{"step": 1.5, "loss": 1}', '{"step": "x", "loss": 1}']
    garbage += ["[" * 100_000, '{"step": NaN, "loss": 1}', "\0\0"]
    append(path, "\n".join([*garbage, '{"step": 2, "loss": 1}', '{"step": 3, "lo']))
    reader = JsonLines(path, "step")
    assert list(reader.read(True)) == [(2, {"loss": 1.0})]
    assert reader.skipped.total == len(garbage) + 1


def test_csv_rows_are_read_by_their_header(path):
    append(path, "step, loss,acc\n0,1.5,\n1,,0.5\n")
    reader = Csv(path, "step")
    assert list(reader.read(False)) == [(0, {"loss": 1.5}), (1, {"acc": 0.5})]
    append(path, '2,"1.25",nan\n')
    assert list(reader.read(False)) == [(2, {"loss": 1.25, "acc": NAN})]
    assert reader.skipped.total == 0


def test_csv_garbage_is_skipped_and_counted(path):
    append(path, "step,loss\n0,1\nhello\n1,2,3\n,\nx,1\n2,low\nstep,loss\n3,4\n")
    reader = Csv(path, "step")
    assert list(reader.read(True)) == [(0, {"loss": 1.0}), (3, {"loss": 4.0})]
    assert reader.skipped.total == 5


def test_a_csv_written_anew_with_another_column_goes_on(path):
    append(path, "step,loss\n0,1\n1,2\n")
    reader = Csv(path, "step")
    assert len(list(reader.read(False))) == 2
    other = path.with_name("other")
    other.write_text("acc,step,loss\n,0,1\n,1,2\n0.5,2,3\n")
    other.replace(path)
    assert list(reader.read(False)) == [(2, {"acc": 0.5, "loss": 3.0})]
    assert reader.skipped.total == 0


def test_a_pattern_finds_metrics_in_ordinary_output(path):
    append(path, "starting\r\nepoch 1/9: loss=0.5\rno loss here\nepoch 2/9: loss=nan acc=3\n")
    append(path, "epoch 3/9: loss=oops\n")
    pattern = re.compile(r"epoch (?P<step>\d+)/\d+: loss=(?P<loss>\S+)(?: acc=(?P<acc>\S+))?")
    reader = Pattern(path, "step", pattern)
    assert list(reader.read(True)) == [(1, {"loss": 0.5}), (2, {"loss": NAN, "acc": 3.0})]
    assert reader.skipped.total == 1


def merged(wanted, *records):
    merge = Merge(wanted)
    out = [record for step, metrics in records for record in merge.add(step, metrics)]
    return out, list(merge.flush()), merge.late


def test_what_several_lines_say_about_a_step_is_one_report():
    out, rest, late = merged({"val"}, (0, {"train": 1}), (0, {"val": 2}), (1, {"train": 3}))
    assert out == [(0, {"train": 1, "val": 2})]
    assert rest == [(1, {"train": 3})]
    assert late == 0


def test_a_step_is_handed_on_as_soon_as_all_objectives_are_there():
    merge = Merge({"a", "b"})
    assert list(merge.add(0, {"a": 1})) == []
    assert list(merge.add(0, {"b": 2, "c": 3})) == [(0, {"a": 1, "b": 2, "c": 3})]


def test_what_comes_too_late_is_counted():
    out, _, late = merged({"a"}, (1, {"a": 1}), (1, {"b": 1}), (0, {"a": 1}), (2, {"a": 2}))
    assert out == [(1, {"a": 1}), (2, {"a": 2})]
    assert late == 2
