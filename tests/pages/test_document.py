"""The report's pages."""

import base64
import re

import pytest

from homeostat.errors import RecordError
from homeostat.pages import plots
from homeostat.pages.document import Document, check_line


def small() -> Document:
    document = Document("What was found in <b>mlp</b>")
    document.heading("Trials")
    document.table(["name", "value"], [["a|b", 1.5], ["<script>alert(1)</script>", 2.0]])
    document.figure(
        "history", plots.history([3.0, None, 1.0], goal="minimize", metric="loss"), "Best so far"
    )
    return document


def test_the_page_holds_its_plots_and_asks_for_nothing_else(tmp_path):
    page = small().write(tmp_path).read_text()
    data = re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', page)
    assert len(data) == 1 and base64.b64decode(data[0]).startswith(b"<svg")
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert (tmp_path / "plots" / "history.svg").exists()


def test_names_that_look_like_markup_are_shown_as_they_are(tmp_path):
    page = small().write(tmp_path).read_text()
    assert "<script>alert" not in page and "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<td>a|b</td>" in page
    assert "<h1>What was found in &lt;b&gt;mlp&lt;/b&gt;</h1>" in page


def test_the_same_numbers_draw_the_same_picture():
    draw = [plots.history([3.0, 2.0], goal="minimize", metric="loss") for _ in range(2)]
    assert draw[0] == draw[1]


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match="cannot be written"):
        small().write(tmp_path / "file" / "deeper")


def test_every_plot_draws_its_edge_cases():
    assert "<svg" in plots.history([None, float("nan")], goal="maximize", metric="x")
    assert "<svg" in plots.curves(
        {"default": [([0, 1], [2.0, 1.0]), ([0], [2.0])]}, metric="x", unit="step"
    )
    assert "<svg" in plots.slices(
        {"lr": [1e-3, 1e-2, None], "act": ["relu", "tanh", "relu"], "flag": [True, False, None]},
        [1.0, None, 2.0],
        log={"lr": True},
        metric="x",
        best=0,
    )
    assert "<svg" in plots.paired([1.0, 2.0], [0.5, 1.5], metric="x", names=("default", "best"))


def test_a_check_is_a_line_whose_command_is_code():
    check = {"check": "range", "status": "warning", "saw": "x_1 is at an end."}
    assert check_line(check | {"remedy": ""}) == r"**range** (warning): x\_1 is at an end."
    line = check_line(check | {"remedy": "Widen x_1, then:  homeostat search my_file.py"})
    assert line.endswith(r"Widen x\_1, then: `homeostat search my_file.py`")
