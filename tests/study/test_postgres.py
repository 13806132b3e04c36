"""Studies in a real PostgreSQL: the same promises, several drivers, a server that goes away."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.search.loops import valley
from tests.study import test_store
from tests.study.postgres import Server

import homeostat as hs
from homeostat.cli.main import app
from homeostat.errors import RecordError, StudyLockedError
from homeostat.execute.rerun import STORAGE_VARIABLE
from homeostat.record.liveness import owner
from homeostat.record.outcome import Outcome
from homeostat.search.search import read
from homeostat.study import database
from homeostat.study import store as store_module
from homeostat.study.store import Store

DRIVER = Path(__file__).with_name("shared_driver.py")


@pytest.fixture(scope="module")
def server():
    pytest.importorskip("psycopg")
    made = Server()
    yield made
    made.remove()


@pytest.fixture
def store(server):
    opened = Store(server.url)
    with opened._engine.begin() as connection:
        for table in ("reports", "objectives", "parameters", "trials", "drivers", "studies"):
            connection.execute(sa.text(f"DELETE FROM nas_{table}"))
    yield opened
    opened.close()


LAWS = [
    test_store.test_a_trial_comes_back_as_it_was_told,
    test_store.test_a_number_can_be_claimed_once,
    test_store.test_studies_do_not_mix,
    test_store.test_creating_a_study_twice_keeps_the_first,
    test_store.test_an_unknown_study_names_the_nearest,
    test_store.test_a_trial_belongs_to_its_driver_until_another_has_taken_it_over,
    test_store.test_one_driver_confirms,
]


def test_drivers_elsewhere_are_timed_by_the_servers_clock(store, monkeypatch):
    study = test_store.new_study(store)
    there = owner() | {"host": "elsewhere", "boot": "another", "pid_namespace": "pid:[1]"}
    monkeypatch.setattr(store_module, "owner", lambda: there)
    store.join(study.key, alone=True)
    monkeypatch.undo()
    now = time.time()
    for wrong_by in (-86_400, 0, 86_400):  # whatever this machine's clock says
        monkeypatch.setattr(store_module.time, "time", lambda wrong_by=wrong_by: now + wrong_by)
        with pytest.raises(StudyLockedError, match="on elsewhere"):
            store.join(study.key)
    monkeypatch.undo()
    with store._engine.connect() as connection:
        connection.exec_driver_sql("UPDATE nas_drivers SET heartbeat = heartbeat - 601")
        connection.commit()
    store.join(study.key)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_what_holds_for_sqlite_holds_here(law, store):
    law(store)


def test_a_study_is_the_same_in_either_database(store, server, tmp_path, monkeypatch, capsys):
    here = hs.search(valley, 12, method="tpe", study="s", results=tmp_path)
    there = hs.search(valley, 12, method="tpe", study="s", results=tmp_path / "b", store=server.url)
    assert [t.parameters for t in here.trials] == [t.parameters for t in there.trials]
    assert [t.per_seed for t in here.trials] == [t.per_seed for t in there.trials]
    assert here.best.confirmed == there.best.confirmed
    monkeypatch.setenv(STORAGE_VARIABLE, server.url)
    assert read("s").best.config == there.best.config
    app(["status", "--storage", server.url, "--json"], standalone_mode=False)
    [row] = json.loads(capsys.readouterr().out)
    assert (row["study"], row["trials"], row["state"]) == ("s", 12, "confirmed")


def test_a_server_that_is_not_there_is_one_line():
    pytest.importorskip("psycopg")
    with pytest.raises(RecordError, match=r"Cannot reach the studies in .*Start the server") as it:
        Store("postgresql://homeostat:secret@127.0.0.1:1/postgres")
    assert "secret" not in str(it.value)


class Driver:
    """A process of several on one study; what it prints is heard as it comes."""

    def __init__(self, url, results, trials, pause_s=0.02):
        command = [sys.executable, str(DRIVER), url, str(results), str(trials), str(pause_s)]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.told: list[int] = []
        self.errors = ""
        self.end = None
        assert self.process.stdout.readline() == "ready\n", self.process.stderr.read()
        self._threads = [threading.Thread(target=f) for f in (self._listen, self._listen_to_errors)]

    def go(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        for thread in self._threads:
            thread.start()

    def _listen(self):
        for line in self.process.stdout:
            if line.startswith("told "):
                self.told.append(int(line.split()[1]))
            else:
                self.end = json.loads(line)

    def _listen_to_errors(self):
        for line in self.process.stderr:
            self.errors += line

    def wait(self):
        self.process.wait(timeout=60)
        for thread in self._threads:
            thread.join()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()
        return self


def until(condition):
    given_up = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < given_up
        time.sleep(0.01)


def trials_of(store):
    return store.trials(store.study("shared").key)


@pytest.mark.parametrize(
    "how", [signal.SIGINT, pytest.param(signal.SIGQUIT, marks=pytest.mark.slow)]
)
def test_two_drivers_share_a_study_through_a_restart_of_the_server(server, store, tmp_path, how):
    drivers = [Driver(server.url, tmp_path, 40) for _ in range(2)]
    for driver in drivers:
        driver.go()
    until(lambda: all(len(driver.told) >= 5 for driver in drivers))
    server.stop(how=how)
    before = [len(driver.told) for driver in drivers]
    until(lambda: all("does not answer; waiting for it" in driver.errors for driver in drivers))
    server.start()
    one, two = (driver.wait() for driver in drivers)
    for driver, count in zip((one, two), before, strict=True):
        assert driver.process.returncode == 0, driver.errors
        assert "The database is back after" in driver.errors
        assert "Traceback" not in driver.errors
        assert len(driver.told) > count  # it went on
    assert sorted(one.told + two.told) == list(range(40))  # every trial once
    kept = trials_of(store)
    assert [t.number for t in kept] == list(range(40))
    assert all(t.outcome is Outcome.COMPLETED for t in kept)
    assert len({t.driver for t in kept}) == 2
    assert store.drivers(store.study("shared").key) == []
    # The last to end knows everything, the values of the other included, and it alone confirms.
    everything = {str(t.number): dict(t.values) for t in kept}
    assert sorted(d.end["confirmed"] for d in (one, two)) == [False, True]
    last = next(d for d in (one, two) if d.end["confirmed"])
    assert last.end["values"] == everything


def test_a_driver_takes_over_what_a_killed_one_left(server, store, tmp_path):
    one, two = (Driver(server.url, tmp_path, 24) for _ in range(2))
    one.go()
    until(lambda: len(one.told) >= 3)
    one.process.send_signal(signal.SIGSTOP)  # in the middle of a trial
    two.go()
    until(lambda: len(two.told) >= 3)
    [left] = [t for t in trials_of(store) if t.driver == trials_of(store)[0].driver][-1:]
    one.process.kill()
    one.wait()
    two.wait()
    assert two.process.returncode == 0, two.errors
    kept = trials_of(store)
    assert [t.number for t in kept] == list(range(24))
    assert all(t.outcome is Outcome.COMPLETED for t in kept)
    if not left.outcome.final:
        assert left.number in two.told
    assert not set(one.told) & set(two.told)
    assert two.end["confirmed"]


def test_patience_ends_and_says_that_nothing_is_lost(store, server, monkeypatch, capsys):
    monkeypatch.setattr(database, "PATIENCE_S", 0.3)
    test_store.new_study(store)
    server.stop()
    try:
        with pytest.raises(RecordError, match=r"Cannot reach .* Everything told before is kept"):
            store.names()
    finally:
        server.start()
    assert "does not answer; waiting for it" in capsys.readouterr().err
    assert store.names() == ["s"]
