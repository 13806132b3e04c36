"""The store keeps what it is given, as one piece, for one driver."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from homeostat.errors import RecordError, StudyLockedError, UnknownNameError
from homeostat.record.liveness import owner
from homeostat.record.outcome import Outcome
from homeostat.study import store as store_module
from homeostat.study.records import ReportPoint, TrialRow
from homeostat.study.store import Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "new" / "studies.db")


DEFINITION = {
    "method": "tpe", "seed": 0, "seeds": [42], "budget": 1, "wave": 1, "start": {}, "pins": {},
    "objectives": {"loss": "minimize"}, "searched": {},
}  # fmt: skip


def new_study(store, name="s"):
    return store.create(name, "mlp", DEFINITION, {"jobs": 1})


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
    points = [ReportPoint(42, "loss", step, 1 / (step + 1)) for step in range(3)]
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
    assert names - {"sqlite_sequence"} == {
        "nas_studies", "nas_drivers", "nas_trials", "nas_parameters", "nas_objectives",
        "nas_reports",
    }  # fmt: skip
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


JOIN = (
    "import sys; from homeostat.study.store import Store; s = Store(sys.argv[1]);"
    "s.join(s.study('s').key, alone=sys.argv[2] == 'alone')"
)


def join_elsewhere(store, how):
    """Joins from another process, which then ends without leaving; returns its complaint."""
    command = [sys.executable, "-c", JOIN, store.place, how]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


def test_a_study_has_several_drivers_unless_one_wants_to_be_alone(store):
    study = new_study(store)
    mine = store.join(study.key)
    assert store.study("s").driven
    assert join_elsewhere(store, "together") == ""
    here = f"StudyLockedError: Study 's' is being driven by process {owner()['pid']}"
    assert here in join_elsewhere(store, "alone")
    store.leave(mine)
    # The other one has ended without leaving: the dead do not count.
    assert len(store.drivers(study.key)) == 1
    assert not store.study("s").driven
    mine = store.join(study.key, alone=True)
    assert [driver.key for driver in store.drivers(study.key)] == [mine]
    assert here in join_elsewhere(store, "together")


@pytest.mark.parametrize(
    "changes",
    [{"pid_started": 1.0}, {"pid_namespace": "pid:[1]", "pid": 1}, {"host": "elsewhere"}],
    ids=str,
)
def test_a_driver_counts_while_it_holds_its_file_whatever_clocks_and_numbers_say(
    store, monkeypatch, changes
):
    study = new_study(store)
    monkeypatch.setattr(store_module, "owner", lambda: owner() | {"pid": 1} | changes)
    first = store.join(study.key, alone=True)
    monkeypatch.undo()
    with store._engine.connect() as connection:
        connection.exec_driver_sql("UPDATE nas_drivers SET heartbeat = 1.0")
        connection.commit()
    with pytest.raises(StudyLockedError, match="Study 's' is being driven by"):
        Store(store.place).join(study.key)
    store._holds.pop(first).release()  # as when its process ends
    assert not store.study("s").driven
    Store(store.place).join(study.key)


def test_drivers_leave_no_files_behind(store):
    study = new_study(store)
    assert "new/studies.db.drivers" not in str(list(Path(store.place).parent.iterdir()))
    first, second = store.join(study.key), store.join(study.key)
    store.leave(first)
    assert [d.key for d in store.drivers(study.key)] == [second]
    store.leave(second)
    assert not Path(f"{store.place}.drivers").exists()


def test_a_trial_belongs_to_its_driver_until_another_has_taken_it_over(store):
    study = new_study(store)
    one, two = store.join(study.key), store.join(study.key)
    key = store.add_trial(study.key, 0, {"x": 1}, 0.0, one)
    [drawn] = store.trials(study.key)
    assert store.claim(drawn, two)
    assert store.claim(drawn, two)  # the same again, should the answer to the first be lost
    assert not store.claim(drawn, one + two)
    ended = replace(drawn, outcome=Outcome.COMPLETED, values={"loss": 1.0}, sds={"loss": None})
    ended = replace(ended, per_seed={"loss": (1.0,)}, finished=1.0)
    assert not store.finish_trial(ended)  # from driver one, which was slow and taken for dead
    assert [t.outcome for t in store.trials(study.key)] == [Outcome.RUNNING]
    assert store.finish_trial(replace(ended, driver=two))
    assert store.finish_trial(replace(ended, driver=two))  # again: nothing is counted twice
    assert store.trials(study.key) == [replace(ended, key=key, driver=two)]


def test_one_driver_confirms(store):
    study = new_study(store)
    one, two = store.join(study.key), store.join(study.key)
    assert store.elect(study.key, one).key == one
    assert store.elect(study.key, two).key == one
    assert store.elect(study.key, one).key == one
    store.leave(one)
    assert store.elect(study.key, two).key == two


def test_a_store_of_an_earlier_version_gets_the_columns_that_it_lacks(store, tmp_path):
    """Studies made before several drivers could share one."""
    study = new_study(store)
    store.add_trial(study.key, 0, {"x": 1}, 0.0)
    before = store.trials(study.key)
    connection = sqlite3.connect(tmp_path / "new" / "studies.db")
    connection.execute("ALTER TABLE nas_trials DROP COLUMN driver_id")
    connection.execute("DROP TABLE nas_drivers")
    connection.close()
    assert Store(store.place).trials(study.key) == before


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


def test_a_study_that_somebody_removed_is_one_line(store, tmp_path):
    study = new_study(store).key
    store.add_trial(study, 0, {"x": 1.0}, 0.0)
    with sqlite3.connect(tmp_path / "new" / "studies.db") as database:
        database.execute("delete from nas_studies")
    with pytest.raises(RecordError, match="study that this process drives is no longer in"):
        store.add_trial(study, 1, {"x": 2.0}, 0.0)
