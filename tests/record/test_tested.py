"""Scores on data that no choice has seen stand beside what was chosen by."""

import homeostat as hs
from homeostat.cli.main import app, run_app
from homeostat.pages.study import write_report
from homeostat.record.tested import held_out_scores, table_of
from homeostat.search.search import open_store


@hs.workload(
    space=hs.Space(x=hs.Float(0.0, 1.0, default=0.5)),
    objectives={"test_error": "minimize"},
    budget=2,
)
def scored(config, trial):
    for step in trial.steps():
        yield hs.Report(step, test_error=config.x, test_loss=config.x + step, train_loss=9.0)
    trial.extra["test"] = {"auc": 0.75 + trial.seed % 2 / 10, "kind": "held out", "sure": True}


def test_numbers_of_the_test_part_are_found_under_either_name_and_the_objective_is_none(tmp_path):
    run = hs.run(scored, {}, seeds=[1, 2], results=tmp_path)
    assert held_out_scores(run) == {
        "test auc": {1: 0.85, 2: 0.75}, "test_loss": {1: 1.5, 2: 1.5},
    }  # fmt: skip
    head, rows = table_of({"default": run})
    assert head == ("on the test part", "default")
    assert rows == [("test auc", "0.8 ± 0.071"), ("test_loss", "1.5 ± 0")]


def test_a_study_shows_them_of_the_winner_and_of_the_default(tmp_path):
    hs.search(scored, 6, study="s", method="sobol", results=tmp_path)
    store = open_store(tmp_path)
    write_report("s", store=store, workload=scored, results=tmp_path, with_notebook=False)
    text = (tmp_path / "studies" / "s" / "report.html").read_text()
    assert "on the test part" in text and "test auc" in text


def test_a_run_prints_them(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop.py").write_text(
        "import homeostat as hs\n\n"
        "@hs.workload(space=hs.Space(x=hs.Float(0, 1)), metric='loss', goal='minimize', budget=1)\n"
        "def loop(config, trial):\n"
        "    yield hs.Report(0, loss=config.x)\n"
        "    trial.extra['test'] = {'loss': 0.25}\n"
    )
    assert run_app(app, ["run", "loop.py", "--engine", "inline"], name="homeostat") == 0
    assert "test loss: 0.25" in capsys.readouterr().out
