"""To Optuna and back: nothing is lost that Optuna has a word for."""

from __future__ import annotations

import json
import warnings
from wsgiref.util import setup_testing_defaults

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState
from tests.search.loops import two_aims, valley
from tests.search.problems import open_study

import homeostat as hs
from homeostat.cli.main import app as homeostat_app
from homeostat.cli.main import run_app
from homeostat.errors import RecordError, StudyError, UnknownNameError
from homeostat.record.outcome import Outcome
from homeostat.search.search import read
from homeostat.study.optuna.export_study import export_study
from homeostat.study.optuna.import_study import import_study
from homeostat.study.records import ReportPoint
from homeostat.study.store import Store

ENDINGS = [
    (Outcome.COMPLETED, [0.1, 0.3], "", TrialState.COMPLETE),
    (Outcome.DIVERGED, None, "loss was nan at step 3", TrialState.FAIL),
    (Outcome.DIVERGED, [9.0, 8.0], "loss was 9 at step 3", TrialState.COMPLETE),
    (Outcome.PRUNED, [0.5, 0.5], "stopped early at step 1", TrialState.PRUNED),
    (Outcome.FAILED, None, "ValueError: no", TrialState.FAIL),
    (Outcome.TIMEOUT, None, "ran longer than its 3 s", TrialState.FAIL),
    (Outcome.COMPLETED, [0.2, 0.2], "", TrialState.COMPLETE),
]


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/optuna.db"


def a_study_of_everything(folder):
    """One trial for each ending, and one that still runs."""
    study = open_study(folder, method="random", seeds=2)
    for outcome, values, reason, _ in ENDINGS:
        number = study.ask().number
        curve = [ReportPoint(42, "loss", step, 1.0 / (step + 1)) for step in range(3)]
        measured = {"loss": values} if values else None
        study.tell(number, outcome, measured, reason=reason, wall_s=1.5, curves=curve)
    study.ask()
    return study


def load(url, name="s"):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return optuna.load_study(study_name=name, storage=url)


def test_an_export_is_a_study_to_optuna(tmp_path, url):
    ours = a_study_of_everything(tmp_path)
    assert export_study(ours.store, "s", url) == len(ENDINGS) + 1
    there = load(url)
    assert there.direction.name == "MINIMIZE"
    assert there.metric_names == ["loss"]
    assert [t.state for t in there.trials] == [e[3] for e in ENDINGS] + [TrialState.RUNNING]
    first = there.trials[0]
    assert first.params == dict(ours.trials[0].parameters)
    assert first.distributions["lr"] == FloatDistribution(1e-4, 1.0, log=True)
    assert first.distributions["width"] == IntDistribution(1, 64, log=True)
    assert first.distributions["optimizer"] == CategoricalDistribution(["sgd", "adam", None])
    assert first.value == pytest.approx(0.2)
    assert first.intermediate_values == {0: 1.0, 1: 0.5, 2: 1 / 3}
    assert first.user_attrs["homeostat:per_seed"] == {"loss": [0.1, 0.3]}
    assert there.trials[4].user_attrs["homeostat:reason"] == "ValueError: no"
    # To Optuna the best is a trial that did not diverge.
    assert there.trials[2].constraints == {"diverged": 1.0}
    assert there.best_trial.number in (0, 6)
    # People go on with it, and ask it what matters.
    there.optimize(lambda trial: trial.suggest_float("lr", 1e-4, 1.0, log=True), n_trials=3)
    assert len(there.trials) == len(ENDINGS) + 4


def test_what_was_exported_comes_back_as_it_was(tmp_path, url):
    ours = a_study_of_everything(tmp_path)
    export_study(ours.store, "s", url)
    store = Store(tmp_path / "other.db")
    row = import_study(store, url)
    assert (row.name, row.workload) == ("s", "mixed")
    assert row.definition == json.loads(json.dumps(ours.row.definition))
    assert facts(store.trials(row.key)) == facts(ours.trials[:-1])
    back = f"{url}.again"
    export_study(store, "s", back)
    again = import_study(Store(tmp_path / "third.db"), back)
    assert facts(Store(tmp_path / "third.db").trials(again.key)) == facts(ours.trials[:-1])


def facts(trials):
    return [
        (t.number, t.outcome, t.reason, dict(t.parameters), dict(t.per_seed), dict(t.values),
         dict(t.sds), pytest.approx(t.started), pytest.approx(t.finished), t.wall_s)
        for t in trials
    ]  # fmt: skip


def test_an_import_goes_on_as_if_it_had_been_ours(tmp_path, url):
    whole = hs.search(valley, 14, method="tpe", study="s", results=tmp_path / "a", confirm=False)
    hs.search(valley, 9, method="tpe", study="s", results=tmp_path / "b", confirm=False)
    export_study(Store(tmp_path / "b" / "studies.db"), "s", url)
    import_study(Store(tmp_path / "c" / "studies.db"), url, workload=valley)
    on = hs.search(valley, 14, study="s", results=tmp_path / "c", confirm=False)
    assert [t.parameters for t in on.trials] == [t.parameters for t in whole.trials]
    assert [t.per_seed for t in on.trials] == [t.per_seed for t in whole.trials]


def a_study_of_theirs(url):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study = optuna.create_study(study_name="theirs", storage=url, direction="minimize")

    def objective(trial):
        x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
        trial.set_user_attr("machine", {"name": "old", "cores": 4})
        if trial.number == 1:
            raise optuna.TrialPruned
        if trial.number == 2:
            trial.set_constraint("memory", 2.5)
        if trial.number == 3:
            raise ValueError
        trial.report(x, 0)
        return (x - 0.7) ** 2 + (y - 0.2) ** 2

    study.optimize(objective, n_trials=12, catch=ValueError)
    study.enqueue_trial({"x": 0.5, "y": 0.5})
    return study


def test_a_study_of_theirs_is_read_with_its_attributes_and_constraints(tmp_path, url):
    theirs = a_study_of_theirs(url)
    store = Store(tmp_path / "studies.db")
    row = import_study(store, url)
    ours = store.trials(row.key)
    assert row.definition["searched"]["x"] == {"kind": "float", "low": 0, "high": 1, "log": False}
    assert [t.outcome for t in ours[:4]] == ["completed", "pruned", "diverged", "failed"]
    assert ours[2].reason == "a constraint is violated: memory = 2.5"
    assert ours[0].values == {"value": theirs.trials[0].value}
    assert ours[0].attributes == {"machine": {"name": "old", "cores": 4}}
    assert len(ours) == 12  # the one that waits is left out
    export_study(store, "theirs", f"{url}.back")
    back = load(f"{url}.back", "theirs")
    for before, after in zip(theirs.trials, back.trials, strict=False):
        assert before.params == after.params
        assert before.distributions == after.distributions
        assert before.state == after.state
        assert before.values == after.values
        assert before.constraints == after.constraints
        assert before.intermediate_values == after.intermediate_values
        assert before.user_attrs.items() <= after.user_attrs.items()


def test_a_study_of_theirs_can_be_gone_on_with(tmp_path, url):
    theirs = a_study_of_theirs(url)
    import_study(Store(tmp_path / "studies.db"), url, workload=valley, as_name="mine")
    found = hs.search(valley, 16, study="mine", results=tmp_path, confirm=False)
    assert [t.parameters for t in found.trials[:12]] == [t.params for t in theirs.trials[:12]]
    assert all(t.outcome is Outcome.COMPLETED for t in found.trials[12:])
    assert read("mine", workload=valley, results=tmp_path).best is not None


def test_several_objectives_go_there_and_back(tmp_path, url):
    hs.search(two_aims, 6, method="random", study="s", results=tmp_path, confirm=False)
    store = Store(tmp_path / "studies.db")
    export_study(store, "s", url)
    there = load(url)
    assert [d.name for d in there.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert there.metric_names == ["up", "down"]
    assert len(there.best_trials) > 0
    row = import_study(store, url, as_name="again")
    assert facts(store.trials(row.key)) == facts(store.trials(store.study("s").key))


def test_optuna_dashboard_opens_it(tmp_path, url):
    optuna_dashboard = pytest.importorskip("optuna_dashboard")
    export_study(a_study_of_everything(tmp_path).store, "s", url)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        application = optuna_dashboard.wsgi(url)

        def get(path, query=""):
            environ = {"PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": "GET"}
            setup_testing_defaults(environ)
            status = []
            body = b"".join(application(environ, lambda s, headers, e=None: status.append(s)))
            assert status == ["200 OK"], body
            return body

        assert b"<html" in get("/dashboard").lower()
        [summary] = json.loads(get("/api/studies"))["study_summaries"]
        assert summary["study_name"] == "s"
        detail = json.loads(get(f"/api/studies/{summary['study_id']}", "after=0"))
    assert len(detail["trials"]) == len(ENDINGS) + 1
    assert {t["state"] for t in detail["trials"]} == {"Complete", "Fail", "Pruned", "Running"}


def test_options_that_optuna_would_take_for_one_come_back_apart(tmp_path, url):
    space = hs.Space(kind=hs.Choice([True, 1, 1.5, "1", None]))

    @hs.workload(space=space, metric="loss", goal="minimize", budget=1)
    def alike(config, trial):
        yield hs.Report(0, loss=0.0)

    study = open_study(tmp_path, alike, method="random")
    rng = np.random.default_rng(0)
    for _ in range(5):
        study.tell(study.ask().number, Outcome.COMPLETED, {"loss": [rng.random()]})
    export_study(study.store, "s", url)
    row = import_study(study.store, url, as_name="again")
    drawn = [repr(t.parameters["kind"]) for t in study.trials]
    assert [repr(t.parameters["kind"]) for t in study.store.trials(row.key)] == drawn
    assert len(set(drawn)) == 5


def test_what_cannot_be_done_is_one_line(tmp_path, url):
    store = a_study_of_everything(tmp_path).store
    with pytest.raises(RecordError, match=r"No file .*optuna\.db"):
        import_study(store, url)
    with pytest.raises(RecordError, match="as an Optuna storage"):
        export_study(store, "s", "nonsense")
    with pytest.raises(UnknownNameError, match="No study 't'"):
        export_study(store, "t", url)
    export_study(store, "s", url)
    with pytest.raises(StudyError, match=r"a study 's' already.*--as"):
        export_study(store, "s", url)
    with pytest.raises(StudyError, match=r"a study 's' in .* already"):
        import_study(store, url)
    export_study(store, "s", url, as_name="t")
    with pytest.raises(UnknownNameError, match=r"Which study in .*Known: s, t"):
        import_study(store, url)
    with pytest.raises(UnknownNameError, match=r"No study 'u' in"):
        import_study(store, url, "u")
    with pytest.raises(StudyError, match=r"varied \w+, which valley has not"):
        import_study(store, url, "t", workload=valley)


def test_the_commands(tmp_path, url, capsys):
    a_study_of_everything(tmp_path)
    words = ["--study", "s", "--results", str(tmp_path)]
    assert run_app(homeostat_app, ["export", *words, "--to", "optuna", url], name="homeostat") == 0
    assert f"Look at it:  optuna-dashboard {url}" in capsys.readouterr().out
    command = ["export", *words, "--to", url, "--as", "t", "--json"]
    assert run_app(homeostat_app, command, name="homeostat") == 0
    assert json.loads(capsys.readouterr().out)["trials"] == len(ENDINGS) + 1
    command = ["import", url, "--study", "t", "--results", str(tmp_path), "--json"]
    assert run_app(homeostat_app, command, name="homeostat") == 0
    assert json.loads(capsys.readouterr().out)["trials"] == len(ENDINGS)
    assert run_app(homeostat_app, ["export", *words], name="homeostat") == 2
    assert "--to sqlite:///optuna.db" in capsys.readouterr().err


@pytest.mark.slow
def test_a_study_of_theirs_works_with_every_command_and_goes_back_as_it_came(tmp_path, url, capsys):
    """Steps and what pruned trials had reached are kept; nothing is printed that cannot run."""
    theirs = optuna.create_study(storage=url, study_name="theirs", direction="minimize")

    def objective(trial):
        width = trial.suggest_int("width", 8, 64, step=8)
        share = trial.suggest_float("share", 0.0, 0.9, step=0.3)
        single = trial.suggest_int("single", 3, 3)
        flag = trial.suggest_categorical("flag", [0, 1])
        for step in range(3):
            trial.report(width + share + step, step)
        if trial.number % 5 == 4:
            raise optuna.TrialPruned
        return width * single + share + flag

    theirs.optimize(objective, n_trials=25)
    results = tmp_path / "results"
    place = ("--results", str(results))
    for words in (
        ["import", url], ["status", "--study", "theirs"], ["best", "--study", "theirs"],
        ["importance", "--study", "theirs"], ["export", "--study", "theirs", "--to", url, "--as",
                                              "again"],
    ):  # fmt: skip
        assert run_app(homeostat_app, [*words, *place], name="homeostat") == 0, words
    printed = capsys.readouterr().out
    assert "width" in printed
    assert not any(command in printed for command in ("homeostat run", "homeostat search"))
    again = load(url, "again").get_trials()
    for before, after in zip(theirs.get_trials(), again, strict=True):
        assert (after.state, after.params, after.values) == (
            before.state, before.params, before.values)  # fmt: skip
        assert after.intermediate_values == before.intermediate_values
        for name in ("width", "share", "flag"):
            assert after.distributions[name] == before.distributions[name]
