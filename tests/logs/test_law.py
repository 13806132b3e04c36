"""The law of the reader: the same rows in any dialect are the same rows; nothing is merged."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.logs.shapes import SHAPES

from homeostat.logs import LineReader, parse_log
from homeostat.logs.encoding import decode

NOISE = (
    "Using 2 GPUs and 8 workers",
    "2025-01-02 10:00:00 starting",
    "Saved 3 files to /out/run_7",
    "Loaded 50000 images of 10 classes",
    "----------",
    "",
)
measures = st.sampled_from(["loss", "acc", "f1", "grad_norm", "ppl", "mse", "reward"])
phases = st.sampled_from(["", "train_", "val_", "test_", "train/", "val/"])
tokens = st.from_regex(r"\A[A-Za-z_][A-Za-z0-9_/]{1,11}[a-z]\Z").filter(lambda name: _free(name))
names = st.builds(lambda p, m: p + m, phases, measures) | tokens
numbers = (
    st.floats(-1e6, 1e6).map(lambda x: f"{x:.4f}")
    | st.floats(-1e6, 1e6).map(lambda x: f"{x:.6g}")
    | st.floats(0, 1).map(lambda x: f"{x:.3e}")
    | st.integers(-1000, 1000).map(str)
    | st.sampled_from(["nan", "inf", "-inf"])
)


def _free(name):
    """Whether a name is a metric's: those of time, steps and run are no metrics in any dialect."""
    from homeostat.logs.names import is_metric, phase_of

    return is_metric(name) and phase_of(name) is None and name.lower() not in ("nan", "inf")


@st.composite
def logs(draw):
    """Runs of rows: each has the same metrics, at epochs from 1 or at growing steps."""
    columns = draw(st.lists(names, min_size=1, max_size=4, unique_by=str.lower))
    unit = draw(st.sampled_from(["epoch", "step"]))
    runs = []
    for _ in range(draw(st.integers(1, 3))):
        length = draw(st.integers(2, 5))
        first = 1 if unit == "epoch" else draw(st.integers(0, 3))
        at = [first + i * (1 if unit == "epoch" else 10) for i in range(length)]
        runs.append([(a, {name: draw(numbers) for name in columns}) for a in at])
    return unit, columns, runs


def text(unit, columns, runs, join, sep, head="{unit} {at}: "):
    return "\n".join(
        head.format(unit=unit, at=at) + join.join(f"{n}{sep}{v}" for n, v in row.items())
        for run in runs
        for at, row in run
    )


def table(unit, columns, runs, delimiter):
    lines = [[unit, *columns], *([str(at), *row.values()] for run in runs for at, row in run)]
    return "\n".join(delimiter.join(line) for line in lines)


def objects(unit, columns, runs):
    return [{unit: at} | {n: float(v) for n, v in row.items()} for run in runs for at, row in run]


def commas(content):
    return content.replace(".", ",")


DIALECTS = {
    "equals": lambda *log: text(*log, " ", "="),
    "spaced equals": lambda *log: text(*log, " | ", " = "),
    "colons": lambda *log: text(*log, ", ", ": "),
    "pipes": lambda *log: text(*log, " | ", ": ", "[{unit} {at}/99] | "),
    "dashes": lambda *log: text(*log, " - ", ": ", "{unit} {at} - "),
    "tabs": lambda *log: text(*log, "\t", ":", "{unit}: {at}\t"),
    "brackets": lambda *log: text(*log, "] [", ": ", "[{unit} {at}/99] ["),
    "logging": lambda *log: text(
        *log, " ", "=", "2025-01-02 10:00:00,123 - x - INFO - {unit} {at} "
    ),
    "coloured": lambda *log: text(*log, " ", "=", "\x1b[32m{unit}\x1b[0m {at} "),
    "csv": lambda *log: table(*log, ","),
    "csv with blanks": lambda *log: table(*log, ", "),
    "semicolons": lambda *log: table(*log, ";"),
    "tsv": lambda *log: table(*log, "\t"),
    "bars": lambda *log: table(*log, " | "),
    "quoted csv": lambda *log: '"' + table(*log, '","').replace("\n", '"\n"') + '"',
    "jsonl": lambda *log: "\n".join(json.dumps(o) for o in objects(*log)),
    "dicts": lambda *log: "\n".join(str(o) for o in objects(*log)),
    "named dicts": lambda *log: "\n".join(f"INFO:x:{o}" for o in objects(*log)),
    "json": lambda *log: json.dumps(objects(*log), indent=1),
    "log_history": lambda *log: json.dumps({"best": 1, "log_history": objects(*log)}),
}


def rows_of(log):
    return [{at: dict(row) for at, row in run.rows.items()} for run in log.runs]


def same(found, expected):
    assert len(found) == len(expected)
    for mine, its in zip(found, expected, strict=True):
        assert mine == {at: pytest.approx(row, rel=1e-12, nan_ok=True) for at, row in its.items()}


@pytest.mark.parametrize("dialect", DIALECTS)
@settings(max_examples=25, deadline=None)
@given(log=logs(), ends=st.sampled_from(["\n", "\r\n"]), noise=st.lists(st.sampled_from(NOISE)))
def test_the_same_rows_in_any_dialect_are_read_the_same(dialect, log, ends, noise):
    content = DIALECTS[dialect](*log)
    if "\n" in content and dialect in ("equals", "colons", "pipes", "logging", "dashes", "tabs"):
        content = "\n".join([*noise, content, *noise])
    expected = [{at: {n: float(v) for n, v in row.items()} for at, row in run} for run in log[2]]
    if dialect == "csv" and log[0] == "epoch":
        pass
    same(rows_of(parse_log(content.replace("\n", ends))), expected)


@settings(max_examples=40, deadline=None)
@given(log=logs())
def test_decimal_commas_are_read_as_decimals_or_refused(log):
    expected = [{at: {n: float(v) for n, v in row.items()} for at, row in run} for run in log[2]]
    for content in (text(*log, " ", "="), table(*log, ";")):
        read = parse_log("\n".join(commas(line) for line in content.split("\n")))
        if read.skipped.total == 0:
            same(rows_of(read), expected)
        else:  # "1,234" alone says nothing
            assert any("decimals or thousands" in s for s in read.skipped.sentences())


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("name", ["equals", "csv", "keras", "jsonl", "json list", "tqdm"])
def test_encodings_make_no_difference(name, encoding):
    content, expected = SHAPES[name]
    same(rows_of(parse_log(decode(content.encode(encoding))[0])), [expected])


def test_an_accent_of_western_europe_is_a_letter_of_a_name():
    log = parse_log(decode("époque,perte_entraînement\n1,0.5\n2,0.25\n".encode("latin-1"))[0])
    assert [row["perte_entraînement"] for row in log.rows.values()] == [0.5, 0.25]


@settings(max_examples=120, deadline=None)
@given(shape=st.sampled_from(sorted(SHAPES)), cuts=st.lists(st.integers(1, 40), min_size=1))
def test_pieces_of_any_length_are_read_as_the_whole(shape, cuts):
    content = SHAPES[shape][0][:20_000]
    whole = LineReader()
    expected = whole.feed(content) + whole.close()
    pieces = LineReader()
    readings, at, i = [], 0, 0
    while at < len(content):
        size = cuts[i % len(cuts)]
        readings += pieces.feed(content[at : at + size])
        at, i = at + size, i + 1
    readings += pieces.close()
    assert repr(readings) == repr(expected)  # nan is not equal to itself
    assert pieces.skipped == whole.skipped


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=200)
    | st.lists(st.sampled_from(sorted("loss:=0.1,2 {}[]|epoch\n%/e'\t")), max_size=80).map("".join)
)
def test_whatever_is_read_is_a_number_at_one_place(content):
    log = parse_log(content)
    for run in log.runs:
        assert list(run.rows) == sorted(run.rows)
        for at, row in run.rows.items():
            assert row and math.isfinite(at)
            assert all(isinstance(v, float) and n for n, v in row.items())


def test_what_was_not_read_is_counted_with_its_first_line():
    log = parse_log("step,loss\n1,2.0\nhello\n2,low\n3\n4,1.0\n")
    assert rows_of(log) == [{1: {"loss": 2.0}, 4: {"loss": 1.0}}]
    assert log.skipped.sentences() == [
        "2 lines were not read (not 2 columns with a number); the first is line 3: hello",
        "1 line was not read (no number in 'loss'); line 4: 2,low",
    ]


def test_of_two_values_at_one_epoch_the_earlier_is_said_to_be_left_out():
    log = parse_log("epoch 1 loss=2.0\nepoch 1 loss=1.5\nepoch 2 loss=1.0\n")
    assert rows_of(log) == [{1: {"loss": 1.5}, 2: {"loss": 1.0}}]
    assert log.skipped.sentences() == [
        "1 line was not read (another value of 'loss' at the same epoch comes after it); "
        "line 1: epoch 1 loss=2.0"
    ]
