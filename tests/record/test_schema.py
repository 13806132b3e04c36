"""What a file may hold is said once: damage is told with its place, old files stay readable."""

import json
import shutil
from contextlib import closing
from pathlib import Path
from sqlite3 import connect

import pytest

import homeostat as hs
from homeostat.design.designs import DesignPoint
from homeostat.design.run_design import run_design
from homeostat.errors import ConfigError, HomeostatError, RecordError, StudyError
from homeostat.execute import resume, run
from homeostat.record.attempt import read_attempt
from homeostat.record.curves import CurveWriter, read_curves
from homeostat.record.index import list_runs
from homeostat.record.outcome import Outcome
from homeostat.record.runs import read_run
from homeostat.search.search import look_store
from homeostat.space.yaml_file import read as read_yaml
from homeostat.study.store import Store
from homeostat.study.study import Study
from homeostat.workload.load import find

OLD = Path(__file__).with_name("old_results")
LINE = OLD / "line.py"


@pytest.fixture
def old(tmp_path):
    """A results folder that a version without formats and checksums made."""
    shutil.copytree(OLD, tmp_path / "old_results")
    return tmp_path / "old_results"


@pytest.fixture
def made(tmp_path):
    return run(LINE, {"lr": 0.1}, results=tmp_path / "results")


def test_runs_and_studies_of_the_version_without_checksums_are_read(old):
    runs = {record.name: record for record in list_runs(old)}
    assert {record.outcome for record in runs.values()} == {Outcome.COMPLETED, Outcome.DIVERGED}
    plain = next(record for record in runs.values() if record.outcome is Outcome.COMPLETED)
    assert plain.values() == {42: pytest.approx(0.59049), 123: pytest.approx(0.59049)}
    assert [len(curves) for curves in plain.curves().values()] == [5, 5]
    found = hs.search(LINE, 4, study="first", results=old, confirm=False)
    assert len(look_store(old).trials(look_store(old).study(found.study).key)) == 4


def test_an_edited_file_is_told_with_how_to_accept_the_edit(made):
    path = made.folder / "run.json"
    path.write_text(path.read_text().replace('"budget": 5', '"budget": 6'))
    with pytest.raises(RecordError, match=r'set "crc32" in run\.json to null'):
        read_run(made.folder)
    text = path.read_text()
    path.write_text(text.replace(text.splitlines()[0], '{"crc32": null,'))
    assert read_run(made.folder).budget == 6
    path.write_text(path.read_text().replace('"budget": 6', '"budget": "six"'))
    with pytest.raises(RecordError, match=r"run.json, line \d+: 'budget' must be a whole number"):
        read_run(made.folder)


def test_a_damaged_run_is_listed_as_damaged_and_the_others_are_there(made):
    other = run(LINE, {"lr": 0.2}, results=made.folder.parent)
    path = made.folder / "run.json"
    path.write_bytes(path.read_bytes()[:-9])
    listed = {record.name: record.outcome for record in list_runs(made.folder.parent)}
    assert listed == {made.name: Outcome.DAMAGED, other.name: Outcome.COMPLETED}


def test_a_damaged_attempt_is_made_again_by_resuming(made):
    path = made.folder / "seed_42" / "attempt.json"
    path.write_text(path.read_text().replace("completed", "compleled"))
    assert read_run(made.folder).outcome is Outcome.DAMAGED
    assert read_attempt(path.parent).outcome is Outcome.DAMAGED
    assert resume(made.folder).values() == made.values()


def test_curves_that_are_not_as_they_were_when_the_attempt_ended_are_told(made):
    path = made.folder / "seed_42" / "curves.csv"
    path.write_bytes(path.read_bytes().replace(b"0.9", b"0.8"))
    with pytest.raises(RecordError, match="its checksum does not fit"):
        read_run(made.folder).curves()
    path.unlink()
    with pytest.raises(RecordError, match="is gone"):
        read_run(made.folder).curves()


@pytest.mark.parametrize(
    "rows", ["0,1.0\n1,0.5\n1,0.5\n2,0.1\n", "0,1.0\n1,0.5\n0,7\n", "0,1\n1,0.5\nx\n2,1\n"]
)
def test_resuming_cuts_curves_back_to_the_rows_before_the_damage(rows, tmp_path):
    path = tmp_path / "curves.csv"
    path.write_text(f"step,loss\n{rows}9,0.1\n")
    with pytest.raises(RecordError, match=r"curves.csv, line 4"):
        read_curves(path)
    CurveWriter(path).close()
    assert [step for step, _ in read_curves(path).rows] == [0, 1]


def test_another_store_does_not_write_into_a_studys_folder(tmp_path):
    hs.search(LINE, 2, method="random", study="s", results=tmp_path, confirm=False)
    before = {path: path.read_bytes() for path in tmp_path.rglob("curves.csv")}
    (tmp_path / "studies.db").unlink()
    for store in (None, tmp_path / "other.db"):
        with pytest.raises(StudyError, match="has the runs of another study 's'"):
            hs.search(LINE, 2, method="tpe", study="s", results=tmp_path, store=store)
    assert {path: path.read_bytes() for path in tmp_path.rglob("curves.csv")} == before


def test_a_database_that_is_removed_while_it_is_driven_is_noticed(tmp_path):
    store = Store(tmp_path / "studies.db")
    study = Study.open(find(LINE), "s", store=store)
    (tmp_path / "studies.db").unlink()
    with pytest.raises(RecordError, match="removed or replaced"):
        study.ask()


@pytest.mark.parametrize("name", ["../..", "a/b", ".hidden", "x" * 101])
def test_no_name_leads_out_of_the_results(name, tmp_path):
    with pytest.raises(HomeostatError, match="cannot be a design's name"):
        run_design(LINE, [DesignPoint("a", {"lr": 0.1})], kind="sweep", name=name, results=tmp_path)
    with pytest.raises(StudyError, match="cannot be a study's name"):
        hs.search(LINE, 1, study=name, results=tmp_path)


def test_a_moved_workload_is_found_with_its_results_or_can_be_named(tmp_path):
    first = tmp_path / "first"
    first.mkdir()
    shutil.copy(LINE, first / "line.py")
    made = run(first / "line.py", {"lr": 0.1}, results=first / "results")
    attempt = made.folder / "seed_42" / "attempt.json"
    attempt.unlink()
    first.rename(tmp_path / "second")
    moved = tmp_path / "second" / "results" / made.name
    assert resume(moved).values() == made.values()
    (moved / "seed_42" / "attempt.json").unlink()
    (tmp_path / "second" / "line.py").rename(tmp_path / "line.py")
    with pytest.raises(HomeostatError, match="--workload FILE"):
        resume(moved)
    assert resume(moved, workload=tmp_path / "line.py").values() == made.values()


def test_a_removed_study_row_ends_its_driver_with_a_line(tmp_path):
    store = Store(tmp_path / "studies.db")
    study = Study.open(find(LINE), "s", store=store, method="random")
    with closing(connect(tmp_path / "studies.db")) as database:
        database.execute("PRAGMA foreign_keys = ON")
        database.execute("DELETE FROM nas_studies")
        database.commit()
    with pytest.raises(RecordError, match="is no longer in"):
        study.ask()


def test_an_unknown_outcome_is_one_damaged_trial(tmp_path):
    hs.search(LINE, 2, method="random", study="s", results=tmp_path, confirm=False)
    with closing(connect(tmp_path / "studies.db")) as database:
        database.execute("UPDATE nas_trials SET outcome = 'odd' WHERE number = 1")
        database.commit()
    store = look_store(tmp_path)
    trials = store.trials(store.study("s").key)
    assert [trial.outcome.value for trial in trials] == ["completed", "damaged"]
    assert "'outcome' must be one of" in trials[1].reason
    hs.search(LINE, 2, study="s", results=tmp_path, confirm=False)  # told again from its folder
    assert store.trials(store.study("s").key)[1].outcome is Outcome.COMPLETED


def test_a_short_yaml_file_cannot_expand_without_end(tmp_path):
    path = tmp_path / "bomb.yaml"
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    path.write_text("\n".join(lines))
    with pytest.raises(ConfigError, match="holds more than 100,000 values"):
        read_yaml(path)
    path.write_text("a: &a [*a]")
    with pytest.raises(ConfigError, match="refers to itself"):
        read_yaml(path)


def test_every_written_file_says_its_format(made):
    for path in made.folder.rglob("*.json"):
        assert json.loads(path.read_text())["format"] == 1
