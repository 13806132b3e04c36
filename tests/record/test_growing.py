"""What a growing file has gained is known whatever is done to the file in between."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeostat.record.curves import CurveWriter
from homeostat.record.growing import GrowingFile

LINES = st.text("abc,\n", max_size=12)
DEEDS = st.one_of(
    st.tuples(st.just("append"), LINES),
    st.tuples(st.just("replace"), LINES),  # by rename, as a column is added
    st.tuples(st.just("rewrite"), LINES),  # in place, from its start
    st.tuples(st.just("cut"), st.integers(0, 30)),
    st.tuples(st.just("remove"), st.none()),
    st.tuples(st.just("look"), st.none()),
)


def do(deed, value, path):
    data = path.read_bytes() if path.exists() else b""
    if deed == "append":
        with path.open("ab") as file:
            file.write(value.encode())
    elif deed == "replace":
        beside = path.with_name("beside")
        # Longer than before, as a file with one more column is: its size tells nothing.
        beside.write_bytes(b"new" + data[:5] + value.encode() + data[5:])
        beside.replace(path)
    elif deed == "rewrite":
        path.write_text(value)
    elif deed == "cut" and path.exists():
        os.truncate(path, min(value, len(data)))
    elif deed == "remove":
        path.unlink(missing_ok=True)


@settings(max_examples=300, deadline=None)
@given(st.lists(DEEDS, max_size=14))
def test_a_copy_made_of_what_was_gained_is_the_file(tmp_path_factory, deeds):
    path = tmp_path_factory.mktemp("growing") / "file"
    growing, copy = GrowingFile(path), b""

    def look():
        nonlocal copy
        growth = growing.more()
        if growth is not None:
            copy = copy[: growth.at] + growth.data

    for deed, value in deeds:
        do(deed, value, path)
        if deed == "look":
            look()
    do("append", "the end", path)
    look()
    assert copy == path.read_bytes()
    growing.close()


def test_a_line_without_its_end_waits_for_it(tmp_path):
    path = tmp_path / "rows"
    growing = GrowingFile(path, whole_lines=True)
    path.write_text("0,1\n1,")
    assert growing.more() == (b"0,1\n", 0)
    assert growing.more() is None
    path.write_text("0,1\n1,2\n")
    assert growing.more() == (b"1,2\n", 4)


@pytest.mark.parametrize("looks", [1, 2, 3, 5])
def test_curves_that_gain_columns_between_two_looks_arrive_whole(tmp_path, looks):
    path = tmp_path / "curves.csv"
    writer, growing, copy = CurveWriter(path), GrowingFile(path, whole_lines=True), b""
    for step in range(40):
        metrics = {"loss": 1.0} | ({f"late_{step // 3}": 2.0} if step % 3 == 1 else {})
        writer.append(step, metrics)
        if step % looks == 0 and (growth := growing.more()) is not None:
            copy = copy[: growth.at] + growth.data
    growth = growing.more()
    if growth is not None:
        copy = copy[: growth.at] + growth.data
    writer.close()
    assert copy == path.read_bytes()
