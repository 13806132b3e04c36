"""The store keeps what it is given, as one piece, for one driver."""

from __future__ import annotations

import sqlite3
import subprocess
import sys

import pytest

from homeostat.errors import RecordError, StudyLockedError, UnknownNameError
from homeostat.record.attempt import owner
from homeostat.record.outcome import Outcome
from homeostat.search import store as store_module
from homeostat.search.rows import Point, TrialRow
from homeostat.search.store import Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "new" / "studies.db")


def new_study(store, name="s"):
    return store.create(name, "mlp", {"method": "tpe"}, {"jobs": 1})


def test_a_trial_comes_back_as_it_was_told(store):
    study = new_study(store)
    drawn = {"lr": 1e-300, "name": "ü", "flag": True, "count": 3, "none": None}
    key = store.add_trial(study.key, 0, drawn, started=12.5)
    told = TrialRow(
        key=key,
        number=0,
        outcome=Outcome.COMPLETED,
        reason="",
        parameters=drawn,
        per_seed={"loss": (0.1, 0.3), "score": (1.0, 1.0)},
        values={"loss": 0.2, "score": 1.0},
        sds={"loss": 0.1414, "score": 0.0},
        started=12.5,
        finished=13.5,
        wall_s=0.9,
    )
    points = [Point(42, "loss", step, 1 / (step + 1)) for step in range(3)]
    store.finish_trial(told, points)
    assert store.trials(study.key) == [told]
    assert store.points(study.key) == {0: points}
    kinds = {type(value) for value in store.trials(study.key)[0].parameters.values()}
    assert kinds == {float, str, bool, int, type(None)}


def test_the_tables_are_the_ones_promised(store, tmp_path):
    connection = sqlite3.connect(tmp_path / "new" / "studies.db")
    names = {
        row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
    }
    mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    connection.close()
    assert names == {"nas_studies", "nas_trials", "nas_parameters", "nas_objectives", "nas_reports"}
    assert mode == "wal"


def test_a_number_can_be_claimed_once(store):
    study = new_study(store)
    assert store.add_trial(study.key, 0, {}, 0.0) is not None
    assert store.add_trial(study.key, 0, {"x": 1}, 0.0) is None
    assert [t.parameters for t in store.trials(study.key)] == [{}]


def test_studies_do_not_mix(store):
    a, b = new_study(store, "a"), new_study(store, "b")
    store.add_trial(a.key, 0, {"x": 1}, 0.0)
    store.add_trial(b.key, 0, {"x": 2}, 0.0)
    assert [t.parameters["x"] for t in store.trials(b.key)] == [2]
    assert store.names() == ["a", "b"]


def test_creating_a_study_twice_keeps_the_first(store):
    first = new_study(store)
    again = store.create("s", "other", {"method": "gp"}, {})
    assert again == first


def test_an_unknown_study_names_the_nearest(store):
    new_study(store, "overnight")
    with pytest.raises(UnknownNameError, match="Did you mean 'overnight'"):
        store.study("overnigth")


def test_a_study_has_one_driver_until_it_dies(store):
    study = new_study(store)
    store.lock(study.key)
    store.lock(study.key)  # the same process may open it again
    assert store.study("s").driven
    code = (
        "import sys; from homeostat.search.store import Store; s = Store(sys.argv[1]);"
        "s.lock(s.study('s').key)"
    )
    command = [sys.executable, "-c", code, store.place]
    refused = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    assert f"StudyLockedError: Study 's' is being driven by process {owner()['pid']}" in refused
    store.release(study.key)
    # It locks and ends without releasing: the lock of a dead process does not count.
    assert subprocess.run(command, check=False).returncode == 0
    assert not store.study("s").driven
    store.lock(study.key)


def test_a_driver_on_another_machine_counts_while_its_heart_beats(store, monkeypatch):
    study = new_study(store)
    elsewhere = owner() | {"host": "elsewhere"}
    monkeypatch.setattr(store_module, "owner", lambda: elsewhere)
    store.lock(study.key)
    monkeypatch.undo()
    with pytest.raises(StudyLockedError, match="on elsewhere"):
        store.lock(study.key)
    store.update(study.key, heartbeat=0.0)
    store.lock(study.key)


def test_a_database_that_cannot_be_used_is_one_line(tmp_path):
    (tmp_path / "studies.db").write_text("this is not a database, and it is long enough to tell")
    with pytest.raises(RecordError, match=r"Cannot use the studies in .*not a database"):
        Store(tmp_path / "studies.db")
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match="there is a file of that name"):
        Store(tmp_path / "file" / "studies.db")
    with pytest.raises(RecordError, match="not the address of a database"):
        Store("nonsense://x:y")


def fill(store, study):
    for number in range(1, 10_000):
        store.add_trial(study, number, {"x": "y" * 100}, 0.0)


def test_a_full_database_keeps_what_was_written_and_says_so(store):
    study = new_study(store)
    store.add_trial(study.key, 0, {"x": 1}, 0.0)
    with store._engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(RecordError, match=r"full.*resume the study"):
        fill(store, study.key)
    kept = Store(store.place).trials(study.key)
    assert kept[0].parameters == {"x": 1}
    assert [t.number for t in kept] == list(range(len(kept)))
    assert all(len(t.parameters) == 1 for t in kept)  # never half a trial
