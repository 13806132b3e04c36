"""What the shell offers for a half-typed line."""

import json
import os
import subprocess
import sys

import pytest

import homeostat as hs
from homeostat.cli import complete
from homeostat.study.store import Store
from homeostat.study.study import Study


@hs.workload(space=hs.Space(lr=hs.Float(0.0, 1.0)), metric="loss", goal="minimize", budget=1)
def toy(config, trial):
    for step in trial.steps():
        yield hs.Report(step, loss=config.lr)


class Line:
    """What was typed so far, as Typer gives it."""

    def __init__(self, **params):
        self.params = params


def test_studies_and_runs_are_those_of_the_results_folder(tmp_path, monkeypatch):
    for name in ("first", "second"):
        Study.open(toy, name, store=Store(tmp_path / "studies.db"))
    (tmp_path / "mlp_1").mkdir()
    (tmp_path / "mlp_1" / "run.json").write_text(json.dumps({}))
    line = Line(results=str(tmp_path))
    assert complete.studies(line, "") == ["first", "second"]
    assert complete.studies(line, "se") == ["second"]
    assert complete.runs(line, "ml") == ["mlp_1"]


def test_where_nothing_can_be_found_out_nothing_is_offered(tmp_path):
    (tmp_path / "studies.db").write_text("no database")
    (tmp_path / "mine.py").write_text("raise SystemExit('it was run')")
    assert complete.studies(Line(results=str(tmp_path)), "") == []
    assert complete.studies(Line(results=str(tmp_path / "none")), "") == []
    for ask in (complete.configurations, complete.settings):
        assert ask(Line(workload=str(tmp_path / "mine.py")), "") == []
        assert ask(Line(), "") == []


def test_configurations_and_parameters_are_the_named_workloads():
    line = Line(workload="apoptosis")
    assert "as_documented" in complete.configurations(line, "as")
    assert complete.settings(line, "lr_s") == ["lr_scaling="]


@pytest.mark.parametrize(
    ("typed", "offered"), [("best --study ", "first"), ("tune apop", "apoptosis")]
)
def test_the_shell_is_told_through_typer(typed, offered, tmp_path):
    Study.open(toy, "first", store=Store(tmp_path / "results" / "studies.db"))
    words = f"homeostat {typed}"
    asked = {"_HOMEOSTAT_COMPLETE": "complete_bash", "COMP_WORDS": words,
             "COMP_CWORD": str(words.count(" "))}  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", "from homeostat.cli.main import main; main()"],
        cwd=tmp_path, env=os.environ | asked, capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip
    assert offered in done.stdout.split(), done.stderr
