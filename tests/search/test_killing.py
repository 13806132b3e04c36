"""kill -9 at any moment: the study goes on as if nothing had happened."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from tests.execute.cluster import needs_ray
from tests.search.loops import valley
from tests.search.problems import mixed, mixed_loss

import homeostat as hs
from homeostat.errors import RecordError
from homeostat.record.outcome import Outcome
from homeostat.record.runs import read_run
from homeostat.sample.samplers import SAMPLERS
from homeostat.study.store import Store
from homeostat.study.study import Study

DRIVER = Path(__file__).with_name("driver.py")


class Driver:
    """A driver in a process of its own."""

    def __init__(self, folder, study, engine, trials, method="tpe"):
        command = [sys.executable, str(DRIVER), str(folder), study, engine, str(trials), method]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout.readline() == "ready\n", self.process.stderr.read()

    def workers(self) -> list[psutil.Process]:
        """Those that make attempts: worker processes, and with Ray the stations that have them."""
        found = []
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.process.pid).children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    line = " ".join(child.cmdline())
                    if "homeostat.execute.engines.worker" in line or "ray::Actor" in line:
                        found.append(child)
        return found

    def wait_a_while(self, rng) -> None:
        """Some trials, and then until it is in the middle of whatever."""
        for _ in range(rng.integers(5)):
            self.process.stdout.readline()
        time.sleep(rng.uniform(0, 0.05))

    def kill(self, rng) -> list[psutil.Process]:
        """Kills it, not its workers, which are returned."""
        self.wait_a_while(rng)
        workers = self.workers()
        self.process.kill()
        self.process.communicate()
        return workers

    def kill_a_worker(self, rng) -> None:
        """Kills one of its workers, if it has any by now, and leaves it alone with that."""
        self.wait_a_while(rng)
        workers = self.workers()
        if workers:
            with contextlib.suppress(psutil.NoSuchProcess):
                workers[rng.integers(len(workers))].kill()

    def finish(self) -> float:
        """Lets it end; the seconds to its first ask."""
        out, err = self.process.communicate(timeout=120)
        assert self.process.returncode == 0, err
        assert out.endswith("done\n")
        asked = re.search(r"^asked (.*)$", out, re.MULTILINE)
        return float(asked[1]) if asked else 0.0


def trials_of(folder, study):
    if not (folder / "studies.db").exists():
        return []
    store = Store(folder / "studies.db")
    row = store.find(study)
    rows = store.trials(row.key) if row is not None else []
    return [(t.number, t.outcome, dict(t.parameters), dict(t.per_seed)) for t in rows]


def kill_and_resume(folder, engine, kills, trials, method="tpe"):
    """Kills a study again and again, lets it end, and compares it with one left in peace.

    With workers, every other kill is of one of them, on average.
    """
    rng = np.random.default_rng(kills)
    survivors: list[psutil.Process] = []
    driver = Driver(folder, "killed", engine, trials, method)
    for _ in range(kills):
        if engine != "inline" and rng.random() < 0.5:
            driver.kill_a_worker(rng)
            continue
        survivors += driver.kill(rng)
        driver = Driver(folder, "killed", engine, trials, method)
    done = sum(t[1].final for t in trials_of(folder, "killed"))
    assert 0 < done < trials, "the study was over before the last kill; this proves less"
    resumed_s = driver.finish()
    Driver(folder, "whole", engine, trials, method).finish()
    _, alive = psutil.wait_procs(survivors, timeout=5)
    assert not alive
    assert resumed_s < 1.0
    killed, whole = trials_of(folder, "killed"), trials_of(folder, "whole")
    assert [t[0] for t in killed] == list(range(trials))
    assert killed == whole
    for number, _, drawn, _ in killed:
        if drawn in [t[2] for t in killed[:number]]:
            continue  # drawn again, it is not run again
        run = read_run(folder / "studies" / "killed" / f"trial_{number:04d}")
        assert run.outcome is Outcome.COMPLETED
        steps = {seed: curves.steps.tolist() for seed, curves in run.curves().items()}
        assert steps == {42: [0, 1, 2, 3], 123: [0, 1, 2, 3]}  # no report lost or counted twice


@pytest.mark.parametrize(
    ("engine", "kills"), [("inline", 3), pytest.param("local", 6, marks=pytest.mark.slow)]
)
def test_a_killed_study_ends_with_the_same_sequence(tmp_path, engine, kills):
    kill_and_resume(tmp_path, engine, kills, trials=6 * kills)


@pytest.mark.slow
@pytest.mark.parametrize("method", SAMPLERS)
def test_twenty_kills_of_drivers_and_workers_change_nothing(tmp_path, method):
    kill_and_resume(tmp_path, "local", 20, trials=120, method=method)


@pytest.mark.slow
def test_thirty_kills_change_nothing(tmp_path):
    kill_and_resume(tmp_path, "inline", 30, trials=180)


@needs_ray
@pytest.mark.slow
def test_kills_of_drivers_stations_and_workers_of_a_ray_cluster_change_nothing(tmp_path):
    kill_and_resume(tmp_path, "ray", 10, trials=60)


def test_a_trial_that_had_ended_but_was_not_told_is_told_and_not_run_again(tmp_path):
    """The process died between the last report of a trial and its record in the study."""
    hs.search(valley, 3, method="random", results=tmp_path, study="s", confirm=False)
    store = Store(tmp_path / "studies.db")
    forget(store, 2)
    before = (tmp_path / "studies/s/trial_0002/seed_42/curves.csv").stat().st_mtime_ns
    again = hs.search(valley, 3, results=tmp_path, study="s", confirm=False)
    assert again.trials[2].outcome is Outcome.COMPLETED
    assert (tmp_path / "studies/s/trial_0002/seed_42/curves.csv").stat().st_mtime_ns == before


def forget(store, number):
    """Makes a trial one that was drawn and never told."""
    with store._engine.connect() as connection:
        connection.exec_driver_sql(
            f"DELETE FROM nas_objectives WHERE trial_id = (SELECT id FROM nas_trials "
            f"WHERE number = {number})"
        )
        connection.exec_driver_sql("DELETE FROM nas_reports")
        connection.exec_driver_sql(
            f"UPDATE nas_trials SET outcome = 'running', finished = NULL WHERE number = {number}"
        )
        connection.commit()


def test_a_torn_last_line_is_repaired_when_the_trial_goes_on(tmp_path):
    whole = hs.search(valley, 3, method="random", results=tmp_path, study="s", confirm=False)
    forget(Store(tmp_path / "studies.db"), 2)
    folder = tmp_path / "studies" / "s" / "trial_0002" / "seed_42"
    curves = folder / "curves.csv"
    complete = curves.read_bytes()
    curves.write_bytes(complete[:-5])
    attempt = folder / "attempt.json"
    attempt.write_text(attempt.read_text().replace('"completed"', '"interrupted"'))
    again = hs.search(valley, 3, results=tmp_path, study="s", confirm=False)
    assert curves.read_bytes() == complete
    assert again.trials[2].per_seed == whole.trials[2].per_seed


@pytest.mark.parametrize("call", range(1, 12, 2))
def test_a_disk_that_fills_up_is_one_line_and_the_study_resumes(tmp_path, monkeypatch, call):
    whole = hs.search(valley, 4, method="random", results=tmp_path, study="w", confirm=False)
    real, left = os.write, [call]

    def full(descriptor, data):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(RecordError, match="no space left"):
        hs.search(valley, 4, method="random", results=tmp_path, study="s", confirm=False)
    monkeypatch.undo()
    again = hs.search(valley, 4, results=tmp_path, study="s", confirm=False)
    assert [t.per_seed for t in again.trials] == [t.per_seed for t in whole.trials]


def test_a_full_database_is_one_line_and_the_study_resumes(tmp_path, monkeypatch):
    whole = hs.search(valley, 6, method="random", results=tmp_path, study="w", confirm=False)
    real = Study.tell

    def full(self, number, *args, **kwargs):
        if number == 3:
            with self.store._engine.connect() as connection:
                pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
                connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
            kwargs["reason"] = "x" * 100_000
        return real(self, number, *args, **kwargs)

    monkeypatch.setattr(Study, "tell", full)
    with pytest.raises(RecordError, match=r"full.*resume the study"):
        hs.search(valley, 6, method="random", results=tmp_path, study="s", confirm=False)
    monkeypatch.undo()
    again = hs.search(valley, 6, results=tmp_path, study="s", confirm=False)
    assert [t.per_seed for t in again.trials] == [t.per_seed for t in whole.trials]


def test_a_study_of_a_thousand_trials_resumes_within_a_second(tmp_path):
    """Processor time from opening it to the next trial drawn, imports not counted."""
    store = Store(tmp_path / "studies.db")
    study = Study.open(mixed, "long", store=store, method="tpe")
    drawn = Study.open(mixed, "random", store=store, method="random")
    for number in range(1000):
        spec = drawn.ask()
        key = store.add_trial(study.row.key, number, spec.drawn, 0.0)
        told = drawn.tell(number, Outcome.COMPLETED, {"loss": [mixed_loss(spec.config)]})
        store.finish_trial(replace(told, key=key, driver=None))
    started = time.process_time()
    again = Study.open(mixed, "long", store=store)
    assert again.ask().number == 1000
    assert time.process_time() - started < 1.0


def test_the_signals_of_a_polite_stop_leave_no_worker(tmp_path):
    driver = Driver(tmp_path, "s", "local", 200)
    time.sleep(1.5)
    workers = psutil.Process(driver.process.pid).children(recursive=True)
    driver.process.send_signal(signal.SIGINT)
    driver.finish()
    _, alive = psutil.wait_procs(workers, timeout=5)
    assert not alive
