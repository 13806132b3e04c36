"""The line that says where a search stands."""

import io
import sys

import pytest

import homeostat as hs
from homeostat.search import live
from homeostat.search.live import Live, Standing
from homeostat.wording import as_html


@hs.workload(space=hs.Space(x=hs.Float(0.0, 1.0, default=0.5)), metric="loss", goal="minimize",
             budget=2)  # fmt: skip
def bowl(config, trial):
    for step in trial.steps():
        yield hs.Report(step, loss=(config.x - 0.2) ** 2)


def told(number, tmp_path, **facts):
    """What the line said after each event of a search."""
    standing = Standing(**facts)
    said = []

    def follow(event):
        standing(event)
        said.append(standing.text)

    result = hs.search(bowl, number, study="s", results=tmp_path, confirm=False, on_event=follow,
                       method="random")  # fmt: skip
    return said, result


def test_it_counts_trials_and_shows_the_best_beside_the_default(tmp_path):
    said, result = told(6, tmp_path, trials=6)
    best = result.verdict.leader
    assert "6 of 6 trials | " in said[-1] and "0 s left" in said[-1]
    shown = f"best loss {best.values['loss']:.4g} (trial {best.number}), default 0.09"
    assert shown in said[-1]
    assert "trial_0000 seed 42: step 1/2 | loss 0.09" in said[0]


def test_a_study_that_goes_on_counts_what_was_done_before(tmp_path):
    told(4, tmp_path)
    said, _ = told(6, tmp_path, trials=6)
    assert any(text.startswith("5 of 6 trials") for text in said)
    assert said[-1].startswith("6 of 6 trials")


def test_the_time_left_is_that_of_the_budget_where_there_is_one(monkeypatch):
    now = 100.0
    monkeypatch.setattr(live.time, "monotonic", lambda: now)
    standing = Standing(seconds=90)
    standing.enter("probe")
    now = 130.0
    assert standing.text == "probe | 1m00s left"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("watched", [True, False])
def test_python_shows_it_where_somebody_watches_and_leaves_nothing_behind(
    watched, tmp_path, monkeypatch
):
    stream = Terminal() if watched else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(live, "REDRAW_S", 0.0)
    hs.search(bowl, 3, study="s", results=tmp_path, confirm=False, method="random")
    assert ("3 of 3 trials" in stream.getvalue()) == watched
    assert not watched or stream.getvalue().endswith("\r\x1b[2K")


def test_results_have_an_html_form_in_which_names_are_only_text(tmp_path):
    result = hs.search(bowl, 3, study="s", results=tmp_path, confirm=False, method="random")
    assert "<li>No winner yet" in result._repr_html_()
    assert as_html("<b>", ["<i>"]) == "<b>&lt;b&gt;</b><ul><li>&lt;i&gt;</li></ul>"
    run = hs.run(bowl, results=tmp_path)
    assert "seed 42: completed, loss 0.09" in run._repr_html_()
    assert Live().standing.text == ""
