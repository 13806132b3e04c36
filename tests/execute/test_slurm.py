"""The SLURM engine on submitit's local executor: what is lost goes on in another job."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from tests.contracts.test_engines import job
from tests.execute.cluster import needs_submitit

from homeostat.cli.engine import where
from homeostat.errors import RecordError, UnknownNameError
from homeostat.execute import Finished, Reported, make_engine
from homeostat.execute.engines.slurm.cluster import Request
from homeostat.record import Outcome

SLURM = "slurm:cluster=local"
DRIVER = Path(__file__).with_name("driver.py")
LOOPS = Path(__file__).with_name("loops.py")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Where the jobs' logs go."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def stations(process=None):
    """The jobs that a process has submitted."""
    family = (process or psutil.Process()).children(recursive=True)
    return [p for p in family if "submitit.core._submit" in p.cmdline()]


@needs_submitit
def test_a_lost_job_costs_a_retry_from_the_last_snapshot_and_leaves_nothing(tmp_path, cache):
    config = {"pause_s": 0.02}
    lost = job("noisy", tmp_path / "lost", config=config, snapshot_s=0.05, budget=40)
    whole = job("noisy", tmp_path / "whole", budget=40)
    steps, events = [], []
    with make_engine(SLURM) as engine:
        engine.submit(lost)
        for event in engine.events():
            events.append(event)
            if isinstance(event, Reported):
                steps.append(event.report.step)
                if event.report.step == 12 and steps.count(12) == 1:
                    [station] = stations()
                    station.kill()
        with make_engine("inline") as inline:
            inline.submit(whole)
            *_, last = inline.events()
    assert event.attempt.outcome is Outcome.COMPLETED
    assert event.attempt.notes[0].startswith("Resumed from the snapshot before step")
    assert event.attempt.values == last.attempt.values
    assert (lost.folder / "curves.csv").read_bytes() == (whole.folder / "curves.csv").read_bytes()
    fresh = [e.report.step for e in events if isinstance(e, Reported) and not e.repeated]
    assert fresh == sorted(set(fresh))
    assert not stations()
    assert not [path for path in cache.rglob("*") if path.is_file()]


@needs_submitit
def test_a_stop_ends_between_two_steps_and_gives_back_what_waits(tmp_path):
    with make_engine(SLURM) as engine:
        for name in ("a", "b"):
            engine.submit(job("slow", tmp_path / name, budget=10**6))
        ended = []
        for event in engine.events():
            if isinstance(event, Reported):
                engine._interrupt.request()
            if isinstance(event, Finished):
                ended.append((event.attempt.outcome, event.attempt.reason))
    assert ended == [
        (Outcome.INTERRUPTED, "not started"),
        (Outcome.INTERRUPTED, "stopped by Ctrl-C"),
    ]
    assert (tmp_path / "a" / "snapshot.npz").exists()


@needs_submitit
def test_who_does_not_know_the_key_is_not_heard(tmp_path):
    with make_engine(SLURM) as engine:
        address = engine._server.getsockname()
        with socket.create_connection(address) as stranger:
            stranger.sendall(b"\x00\x00\x00\x20" + b"x" * 32)
            engine.submit(job("noisy", tmp_path / "a"))
            *_, last = engine.events()
    assert last.attempt.outcome is Outcome.COMPLETED


@needs_submitit
def test_a_job_that_cannot_begin_is_one_line_with_its_last_words(tmp_path, cache):
    engine = make_engine(SLURM)
    engine._server.close()
    engine._server = socket.create_server(("127.0.0.1", 0))
    engine._jobs.submit(1, _raises_a_riddle)
    engine._expected.append(1)
    engine.submit(job("noisy", tmp_path / "a"))
    with engine, pytest.raises(RecordError, match=r"SLURM job \d+ ended before it .*riddle"):
        list(engine.events())
    assert list(cache.rglob("*.err")), "its log is kept"


def _raises_a_riddle(number):
    raise ValueError("a riddle")


@needs_submitit
@pytest.mark.slow
def test_jobs_of_a_driver_that_was_killed_end_by_themselves(tmp_path):
    config = '{"pause_s": 0.05}'
    driver = subprocess.Popen(
        [sys.executable, DRIVER, "run", tmp_path, "noisy", SLURM, "1", "1", config, "1"]
    )
    watched = psutil.Process(driver.pid)
    while not list(tmp_path.glob("*/seed_42/curves.csv")):
        assert driver.poll() is None
    family = watched.children(recursive=True)
    assert len(family) >= 3  # submitit's own, the station, its worker
    driver.kill()
    driver.wait()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive


@needs_submitit
def test_without_slurm_it_says_where_to_go(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(RecordError, match=r"no srun.*login node.*slurm:cluster=local"):
        make_engine("slurm")


def test_what_is_asked_of_the_cluster_is_checked_and_passed_on():
    request = Request(partition="long", account="us", minutes=90, cpus=2, gpus=1, memory_gb=8)
    assert request.parameters == {
        "name": "homeostat", "timeout_min": 90, "cpus_per_task": 2, "gpus_per_node": 1,
        "mem_gb": 8, "slurm_partition": "long", "slurm_account": "us",
    }  # fmt: skip
    for wrong in ({"cluster": "pbs"}, {"minutes": 0}, {"cpus": 0}, {"gpus": -1}, {"memory_gb": 0}):
        with pytest.raises(RecordError, match=next(iter(wrong))):
            Request(**wrong)


def test_the_options_of_the_command_line_reach_slurm():
    found = where("slurm:partition=long", 8, "auto", cpus=2.0, gpus=1.0)
    assert (found.engine, found.jobs) == ("slurm:partition=long,cpus=2,gpus=1", 8)
    assert found.device == "cuda"
    with pytest.raises(UnknownNameError, match="gpus of engine 'slurm' cannot be"):
        where("slurm", 1, "auto", gpus=0.5)
