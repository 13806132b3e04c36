"""A study's page: it fetches nothing, its notebook runs from the file alone, numbers are right."""

import html
import json
import re
import shutil

import nbformat
import numpy as np
import plotly.graph_objects as go
import pytest
from nbclient import NotebookClient

import homeostat as hs
from homeostat.cli.main import app, run_app
from homeostat.errors import UnknownNameError
from homeostat.pages import figures
from homeostat.pages.figures.family import rises
from homeostat.pages.figures.scale import scale_of
from homeostat.pages.study import write_report
from homeostat.record.outcome import Outcome
from homeostat.search.decide import verdict_of
from homeostat.search.pareto import front
from homeostat.search.search import open_store
from homeostat.study.records import TrialRow

NASTY = "<script>alert(1)</script>"
SPACE = hs.Space(
    lr=hs.Float(1e-3, 1.0, log=True, default=0.5),
    kind=hs.Choice(["plain", NASTY]),
)


def way(kept):
    """A view with names that could be taken for more than names."""
    found = kept.artifact("way.npz")
    return hs.View(NASTY, go.Figure(go.Scatter(y=found["losses"])), f"The way of {NASTY}.")


def broken(kept):
    """A view that cannot be drawn."""
    raise ValueError(NASTY)


@hs.workload(
    space=SPACE, objectives={"val_loss": "minimize", "size": "minimize"}, budget=6,
    views=(way, broken),
)  # fmt: skip
def bowl(config, trial):
    """A bowl with a size."""
    offset = 0.02 * trial.rng("noise").standard_normal()
    losses = []
    for step in trial.steps():
        loss = abs(np.log10(config.lr) + 2) + 1 / (step + 1) + offset
        losses.append(float(loss))
        yield hs.Report(step, val_loss=loss, size=1 / config.lr)
    trial.write("way.npz", lambda: {"losses": losses})


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    results = tmp_path_factory.mktemp("results")
    hs.search(bowl, 12, study="s", method="random", seeds=2, results=results, confirm=False)
    return results, write_report("s", store=open_store(results), results=results)


def trial(number, **values):
    return TrialRow(
        key=number, number=number, outcome=Outcome.COMPLETED, values=values, parameters={"lr": 0.1}
    )


@pytest.mark.slow
def test_the_notebook_runs_in_a_fresh_kernel_from_its_file_alone(written, tmp_path):
    _, found = written
    shutil.copy(found.notebook, tmp_path / "alone.ipynb")
    notebook = nbformat.read(tmp_path / "alone.ipynb", as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    client = NotebookClient(
        notebook, timeout=100, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute()
    drawn = [c for c in notebook.cells if c.cell_type == "code" and "go.Figure" in c.source]
    assert len(drawn) >= 4
    assert all(cell.outputs for cell in drawn)


def test_it_was_executed_when_it_was_written(written):
    _, found = written
    notebook = nbformat.read(found.notebook, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs for cell in code)
    assert 'src="http' not in found.notebook.read_text()


def test_the_page_fetches_nothing_and_escapes_what_a_user_named(written):
    _, found = written
    page = found.page.read_text()
    outside = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)  # plotly.js and figures
    assert not re.findall(r'(?:src|href)\s*=\s*"(?:https?:)?//', outside)
    assert "default-src 'none'" in page
    assert NASTY not in page
    assert "&lt;script&gt;alert" in page


def test_views_of_the_best_stand_in_both_and_their_words_are_only_words(written):
    _, found = written
    page, notebook = found.page.read_text(), nbformat.read(found.notebook, as_version=4)
    assert 'id="figure-view-way"' in page
    told = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    assert any(text.startswith("*The way of") for text in told)
    assert any(text.startswith("broken of trial") for text in told)
    assert not any(NASTY in text for text in told if not text.startswith("```"))


def test_the_summary_is_the_verdict_that_the_store_gives(written):
    results, found = written
    store = open_store(results)
    row = store.study("s")
    page = html.unescape(found.page.read_text())
    for sentence in verdict_of(row, store.trials(row.key)).lines:
        assert sentence in page
    assert "12 trials: 12 completed" in page
    assert "luckiest of 12" in page


def test_the_history_holds_every_value_and_the_running_best():
    trials = [trial(0, loss=3.0), trial(1, loss=1.0), trial(2, loss=2.0)]
    drawn = {
        line.name: line for line in figures.history(trials, metric="loss", goal="minimize").data
    }
    assert list(drawn["a trial"].y) == [3.0, 1.0, 2.0]
    assert list(drawn["best so far"].y) == [3.0, 1.0, 1.0]
    drawn = {
        line.name: line for line in figures.history(trials, metric="loss", goal="maximize").data
    }
    best = drawn["best so far"]
    assert list(zip(best.x, best.y, strict=True)) == [(0, 3.0), (2, 3.0)]  # its turns and its end


@pytest.mark.parametrize("worst", [9.0, 1e30])
def test_the_history_of_twenty_thousand_trials_is_no_megabytes(worst):
    values = np.random.default_rng(0).lognormal(size=20_000).tolist()
    trials = [trial(number, loss=value) for number, value in enumerate([*values, worst])]
    assert len(figures.history(trials, metric="loss", goal="minimize").to_json()) < 1_000_000


def test_a_terrible_value_stands_at_the_edge_with_its_own_number():
    trials = [trial(i, loss=1.0 + i / 10) for i in range(9)] + [trial(9, loss=-1e30)]
    figure = figures.history(trials, metric="loss", goal="maximize")
    points = next(line for line in figure.data if line.name == "a trial")
    assert points.customdata[9] == -1e30 and points.y[9] == figure.layout.yaxis.range[0]
    assert list(points.marker.symbol) == ["circle"] * 9 + ["triangle-up"]


@pytest.mark.parametrize("goal", ["minimize", "maximize"])
def test_the_axis_is_logarithmic_where_values_differ_by_factors(goal):
    assert scale_of([1e-4, 1e-3, 0.01, 0.1, 1.0], goal).log
    assert not scale_of([0.8, 0.9, 1.0, 1.1], goal).log
    assert not scale_of([-1e-4, 1e-3, 0.01, 0.1, 1.0], goal).log


def test_the_default_is_a_line_with_a_band_as_wide_as_luck():
    trials = [trial(0, loss=3.0), trial(1, loss=1.0)]
    noise = figures.Noise(3.0, 0.25)
    figure = figures.history(trials, metric="loss", goal="minimize", noise=noise)
    line, band = figure.layout.shapes
    assert (line.y0, band.y0, band.y1) == (3.0, 2.75, 3.25)


def test_the_default_is_seen_however_far_it_is_from_the_others():
    trials = [trial(0, loss=5.0), *(trial(i, loss=1.0 + i / 100) for i in range(1, 9))]
    for noise in (figures.Noise(5.0, None), figures.Noise(1e6, None)):
        figure = figures.history(trials, metric="loss", goal="minimize", noise=noise)
        low, high = figure.layout.yaxis.range
        assert low < 1.0 and high > noise.mean


def test_each_seed_is_a_row_from_one_configuration_to_the_other():
    before, after = {1: 2.0, 2: 3.0, 3: 9.0}, {2: 1.0, 1: 1.5}
    figure = figures.paired(before, after, names=("a", "b"), metric="m", goal="minimize")
    _, first, second = figure.data
    assert list(first.x) == [2.0, 3.0] and list(second.x) == [1.5, 1.0]
    assert list(first.y) == list(second.y) == ["seed 1", "seed 2"]


def test_counts_are_whole_on_the_axes_of_settings_and_missing_ones_have_a_place():
    space = hs.Space(depth=hs.Int(1, 4), width=hs.Int(8, 64, log=True), rate=hs.Float(0.0, 1.0))
    drawn = {"depth": 2, "width": 16}
    trials = [
        TrialRow(key=i, number=i, outcome=Outcome.COMPLETED, values={"loss": float(i)},
                 parameters=drawn | ({"rate": 0.5} if i else {}))
        for i in range(3)
    ]  # fmt: skip
    figure = figures.parallel(trials, metric="loss", goal="minimize", space=space)
    depth, width, rate, _ = figure.data[0].dimensions
    assert list(depth.ticktext) == ["1", "2", "3", "4"]
    assert all(text.isdigit() for text in width.ticktext)
    assert rate.ticktext[0] == "–" and rate.values[0] < 0 < rate.values[1]
    orange = figure.data[0].line.color
    assert list(orange) == [1.0, 0.5, 0.0]


def test_a_band_runs_from_the_lowest_to_the_highest_seed():
    figure = figures.curves(
        {"a": [([0, 1], [1.0, 3.0]), ([0, 1], [2.0, 5.0])]}, metric="m", unit="s"
    )
    band, mean = figure.data
    assert list(mean.y) == [1.5, 4.0]
    assert list(band.y) == [2.0, 5.0, 3.0, 1.0]


def test_the_front_is_what_no_other_beats():
    goals = {"good": "maximize", "cost": "minimize"}
    trials = [
        trial(0, good=1, cost=1), trial(1, good=2, cost=2), trial(2, good=2, cost=3),
        trial(3, good=0, cost=5), trial(4, good=3, cost=9),
    ]  # fmt: skip
    assert [t.number for t in front(trials, goals)] == [4, 1, 0]
    drawn = figures.pareto(trials, objectives=goals).data[1]
    assert list(drawn.text) == ["4", "1", "0"]


def test_a_ranking_greys_what_does_not_clear_the_floor():
    figure = figures.ranking([("a", 0.5, 0.4, 0.6), ("b", 0.2, 0.05, 0.3)], title="t", floor=0.1)
    bars = figure.data[0]
    assert list(bars.y) == ["b", "a"]
    assert bars.marker.color[0] != bars.marker.color[1]


def test_numbered_metrics_are_one_quantity_of_many_parts():
    metrics = ["loss", "influence_10", "influence_2", "influence_0", "layer_1", "layer_2"]
    assert figures.families(metrics) == {
        "influence": ["influence_0", "influence_2", "influence_10"]
    }


def test_parts_are_rows_over_time_and_deaths_are_marked():
    parts = [([0, 10], [0.0, 1.0]), ([0, 5, 10], [1.0, 1.0, 0.0]), ([0, 10], [0.5, 0.5])]
    deaths = rises(([0, 5, 10], [0.0, 1.0, 2.0]), "deaths:")
    heat, marks = figures.family(parts, stem="influence", unit="step", events=deaths).data
    assert np.array(heat.z).tolist() == [[0.0, 0.5, 1.0], [1.0, 1.0, 0.0], [0.5, 0.5, 0.5]]
    assert list(marks.x) == [5, 10] and list(marks.text) == ["deaths: 1", "deaths: 2"]


def test_figures_are_plain_json():
    trials = [trial(i, loss=float(i), size=1.0) for i in range(4)]
    parallel = figures.parallel(trials, metric="loss", goal="minimize", space=SPACE)
    assert json.loads(parallel.to_json())["data"][0]["type"] == "parcoords"


def test_a_study_that_does_not_exist_is_told_with_the_nearest_name(written, capsys):
    results, _ = written
    with pytest.raises(UnknownNameError):
        write_report("t", store=open_store(results), results=results)
    assert run_app(app, ["report", "--study", "t", "--results", str(results)], name="h") == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_the_command_says_where_both_are(written, capsys, tmp_path):
    results, _ = written
    words = ["report", "--study", "s", "--results", str(results), "--out", str(tmp_path)]
    assert run_app(app, [*words, "--no-execute", "--json"], name="homeostat") == 0
    document = json.loads(capsys.readouterr().out)
    assert document == {
        "page": str(tmp_path / "report.html"), "notebook": str(tmp_path / "report.ipynb")
    }  # fmt: skip
    assert (tmp_path / "report.html").exists()


def test_the_figure_of_every_trial_compares_no_trial_with_another(monkeypatch):
    """With 20,000 trials, each against each took a minute of the page's time."""

    def compare(self, other):
        raise AssertionError("compared")

    monkeypatch.setattr(TrialRow, "__eq__", compare)
    trials = [
        TrialRow(key=n, number=n, outcome=outcome, values=values)
        for n, (outcome, values) in enumerate(
            [(Outcome.COMPLETED, {"loss": 1.0}), (Outcome.DIVERGED, {})] * 3
        )
    ]
    figure = figures.history(trials, metric="loss", goal="minimize")
    lost = next(trace for trace in figure.data if trace.name == "no value")
    assert list(lost.x) == [1, 3, 5]
