"""Views: what a workload draws of a run is shown, what is absent left out, what is broken told."""

import plotly.graph_objects as go
import pytest

import homeostat as hs
from homeostat.errors import WorkloadError
from homeostat.workload.trial import Trial
from homeostat.workload.view import best_seed, draw_views

SPACE = hs.Space(lr=hs.Float(0.0, 1.0, default=0.5))


def trace(kept):
    """What the seed wrote at its end."""
    found = kept.artifact("trace.npz")
    if found is None:
        return None
    return hs.View("Trace", go.Figure(go.Scatter(y=found["values"])), f"seed {kept.seed}.")


def broken(kept):
    raise KeyError("nothing")


def declare(**more):
    @hs.workload(space=SPACE, metric="loss", goal="minimize", budget=2, **more)
    def line(config, trial):
        for step in trial.steps():
            yield hs.Report(step, loss=1.0 / trial.seed)
        if config.lr > 0:
            trial.write("trace.npz", lambda: {"values": [trial.seed, 2.0]})

    return line


@pytest.fixture
def ran(tmp_path):
    def run(**config):
        workload = declare(views=(trace, broken))
        return workload, hs.run(workload, config, seeds=2, results=tmp_path)

    return run


def test_a_view_draws_what_the_run_kept_of_the_best_seed(ran):
    workload, record = ran()
    assert best_seed(record) == 123
    view = draw_views(workload.views, record)["trace"]
    assert list(view.figure.data[0].y) == [123, 2.0]
    assert list(draw_views(workload.views, record, 42)["trace"].figure.data[0].y) == [42, 2.0]


def test_a_run_that_kept_nothing_has_no_view(ran):
    workload, record = ran(lr=0.0)
    assert "trace" not in draw_views(workload.views, record)
    assert draw_views(workload.views, record, seed=7) == {}


def test_what_nobody_would_keep_is_not_even_made(tmp_path):
    made = []
    Trial({}).write("x.npz", lambda: made.append(1))
    assert made == []
    Trial({}, folder=tmp_path).write("x.npz", lambda: {"a": 1})
    Trial({}, folder=tmp_path).write("y.npz", lambda: None)
    assert [path.name for path in (tmp_path / "artifacts").iterdir()] == ["x.npz"]


def test_a_broken_artifact_and_a_view_that_raises_are_one_line_each(ran):
    workload, record = ran()
    (record.folder / "seed_123" / "artifacts" / "trace.npz").write_bytes(b"half of")
    found = draw_views(workload.views, record)
    assert "trace.npz" in found["trace"] and "\n" not in found["trace"]
    assert found["broken"].startswith("broken of ") and "KeyError" in found["broken"]


def test_what_is_not_a_view_is_told(tmp_path):
    def number(kept):
        return 3

    def text(kept):
        return hs.View("Text", "not a figure", "")

    workload = declare(views=(number, text))
    found = draw_views(workload.views, hs.run(workload, results=tmp_path))
    assert "returned int, not an hs.View" in found["number"]
    assert "needs a plotly figure, got str" in found["text"]


def test_a_bigger_better_run_shows_its_biggest_seed(tmp_path):
    @hs.workload(space=SPACE, metric="score", goal="maximize", budget=1)
    def climb(config, trial):
        yield hs.Report(0, score=-trial.seed)

    assert best_seed(hs.run(climb, seeds=3, results=tmp_path)) == 42


@pytest.mark.parametrize("views", [("trace",), (trace, trace)])
def test_views_are_functions_of_different_names(views):
    with pytest.raises(WorkloadError, match="different names"):
        declare(views=views)
