"""Curves that were cut, torn or scribbled on, and logs of other tools in any state."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeostat.notes import add_log, parse_log, read, read_log
from homeostat.notes import parse as parse_notes
from homeostat.record.curves import Curves, CurveWriter, read_curves

names = st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=8)
numbers = st.floats(allow_nan=True, allow_infinity=True)
rows = st.lists(
    st.dictionaries(st.sampled_from(["loss", "a,b", 'say "x"', "é"]), numbers, min_size=1),
    min_size=1, max_size=6,
)  # fmt: skip

LOGS = (
    "Epoch 1/3\n10/10 - 1s - loss: 0.52 - val_loss: 0.61\nEpoch 2/3\n10/10 - 1s - loss: 0.41\n",
    "epoch,step,train_loss,val_loss\n0,9,0.5,\n0,9,,0.6\n1,19,0.4,\n",
    '{"lr": 0.1}\n{"step": 1, "loss": 0.5, "opt": {"norm": 2}}\n{"step": 2, "loss": 0.4}\n',
    "lr=1e-3\nepoch 1 loss=0.52 acc: 0.7\nepoch 2 loss=0.41\n",
    "# Notes\n\n## Run 3: a first try\n\n* learning rate: 1e-3\n* loss: 0.5 -> 0.4\n",
)
RUBBISH = (
    *("\0", ",", '"', "\r", "nan", "1e999", "-inf", "9" * 400, "{" * 2000, "\x1b[31m"),
    *("epoch epoch", "Epoch 1/0", "\u2028"),
)


def damaged(texts, stray=RUBBISH):
    """A good text with a part replaced by rubbish; or nothing but rubbish."""
    near = st.builds(
        lambda text, i, j, piece: text[: min(i, j)] + piece + text[max(i, j) :],
        st.sampled_from(texts), st.integers(0, 200), st.integers(0, 200), st.sampled_from(stray),
    )  # fmt: skip
    return st.one_of(near, near, st.text(max_size=80))


def same(a, b):
    return a.keys() == b.keys() and all(
        a[k] == b[k] or (math.isnan(a[k]) and math.isnan(b[k])) for k in a
    )


def test_curves_cut_anywhere_are_the_rows_before_the_cut(cases, tmp_path):
    path = tmp_path / "curves.csv"

    @cases
    @given(rows, st.floats(0, 1))
    def check(written, part):
        path.unlink(missing_ok=True)
        writer = CurveWriter(path)
        for step, row in enumerate(written):
            writer.append(step, row)
        writer.close()
        data = path.read_bytes()
        assert [step for step, _ in read_curves(path).rows] == list(range(len(written)))
        path.write_bytes(data[: int(part * len(data))])
        for (step, found), row in zip(read_curves(path).rows, written, strict=False):
            assert same(found, row), step

    check()


@pytest.mark.parametrize("kind", ["text", "bytes"])
def test_scribbled_curves_are_read_or_refused(kind, cases, clear, tmp_path):
    path = tmp_path / "curves.csv"
    good = ("step,loss,acc\n0,0.5,0.1\n1,0.4,\n2,nan,0.3\n", "step,loss\n0,1.0\n")
    stray = (*RUBBISH, '"\n', "0,", "\n\n", "step")
    data = damaged(good, stray).map(lambda text: text.encode("utf-8", "replace"))

    @cases
    @given(data if kind == "text" else st.binary(max_size=80))
    def check(data):
        path.write_bytes(data)
        found = clear(read_curves, path, naming=str(path))
        if found is not None:
            assert isinstance(found, Curves)
            for metric in found.metrics:
                assert len(found.of(metric)[0]) <= len(found)
            clear(CurveWriter, path, naming=str(path))

    check()


def test_logs_in_any_state_are_read_or_refused(cases, clear, tmp_path):
    path = tmp_path / "fit.log"

    @cases
    @given(damaged(LOGS))
    def check(text):
        parse_log(text)
        path.write_bytes(text.encode("utf-8", "replace"))
        found = clear(read_log, path, naming=str(path))
        if found is not None:
            assert all(isinstance(step, int) and metrics for step, metrics in found.rows.items())

    check()


def test_notes_in_any_state_are_read_and_can_be_added_to(cases, clear, tmp_path):
    notes, log = tmp_path / "NOTES.md", tmp_path / "fit.log"
    log.write_text(LOGS[0])

    @cases
    @given(damaged(LOGS))
    def check(text):
        parse_notes(text)
        notes.write_bytes(text.encode("utf-8", "replace"))
        before = clear(read, notes)
        if before is not None and clear(add_log, notes, log) is not None:
            assert len(read(notes)) == len(before) + 1

    check()
