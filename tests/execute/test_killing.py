"""Real processes, killed at any moment: nothing that was reported is lost, nothing is left over."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from homeostat.execute import resume, run
from homeostat.record import Outcome, read_run

HERE = Path(__file__).parent
DRIVER = HERE / "driver.py"
LOOPS = HERE / "loops.py"


def start(*arguments):
    """A driver, in a process group of its own so that a signal reaches nobody else."""
    return subprocess.Popen(
        [sys.executable, DRIVER, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def start_run(results, name, *, engine="local", jobs=1, seeds=1, pause_s=0.0, snapshot_s=0.0):
    config = json.dumps({"pause_s": pause_s})
    return start("run", results, name, engine, jobs, seeds, config, snapshot_s)


def wait_for(condition, within_s=30.0):
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
    return found


def rows(folder):
    """The whole rows on disk, by seed."""
    files = {path.parent.name: path.read_bytes() for path in folder.glob("*/seed_*/curves.csv")}
    return {seed: data[: data.rfind(b"\n") + 1] for seed, data in files.items()}


def descendants(process):
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.Error:
        return []


def all_gone(processes, within_s=5.0):
    _, alive = psutil.wait_procs(processes, timeout=within_s)
    return not [p for p in alive if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def kill(process, rng):
    """The driver, its workers at the same time or left to themselves: as a machine may."""
    family = descendants(process)
    process.kill()
    for worker in family:
        if rng.random() < 0.5:
            with contextlib.suppress(psutil.NoSuchProcess):
                worker.kill()
    process.communicate()
    assert all_gone(family)


def end_with(process):
    """Kill a driver and wait until its workers have gone as well."""
    family = descendants(process)
    process.kill()
    process.communicate()
    assert all_gone(family)


# The attempts at `alike` are made side by side.
@pytest.mark.parametrize(
    ("name", "engine", "jobs"),
    [
        pytest.param("noisy", "inline", 1, marks=pytest.mark.slow),
        ("noisy", "local", 2),
        pytest.param("alike", "local", 2, marks=pytest.mark.slow),
    ],
)
def test_random_kills_lose_nothing_and_end_with_the_curves_of_an_uninterrupted_run(
    name, engine, jobs, tmp_path
):
    whole = run(f"{LOOPS}:{name}", seeds=4, results=tmp_path / "whole")
    rng = random.Random(jobs)
    parts = tmp_path / "parts"
    process = start_run(parts, name, engine=engine, jobs=jobs, seeds=4, pause_s=0.04)
    for _ in range(3):
        before = rows(parts)
        # Let each get somewhere, or the fourth would have to do nearly all of it.
        wait_for(lambda before=before: rows(parts) != before)
        time.sleep(rng.uniform(0.0, 0.15))
        kill(process, rng)
        now = rows(parts)
        for seed, kept in before.items():
            assert now[seed].startswith(kept)
        [folder] = parts.iterdir()
        assert read_run(folder).outcome is Outcome.INTERRUPTED
        process = start("resume", folder, engine, jobs, 0.0)
    out, err = process.communicate()
    assert (out, err) == ("completed\n", "")
    assert read_run(folder).values() == whole.values()
    assert rows(parts) == rows(tmp_path / "whole")


def killed_driver(name, results):
    """What a driver had started when it was killed, the worker first."""
    process = start_run(results, name)
    wait_for(lambda: any(b"\n0,1.0" in data for data in rows(results).values()))
    family = descendants(process)
    process.kill()
    process.communicate()
    return family


@pytest.mark.parametrize("name", ["slow", "waits_with_children"])
def test_workers_end_with_a_driver_that_is_killed(name, tmp_path):
    assert all_gone(killed_driver(name, tmp_path))
    [folder] = tmp_path.iterdir()
    assert read_run(folder).outcome is Outcome.INTERRUPTED


def test_workers_end_although_a_forked_child_keeps_the_pipe_open(tmp_path):
    process = start("fork", tmp_path, "slow", "local", 1, 1, "{}", 1e9)
    family = wait_for(lambda: len(found := descendants(process)) == 2 and found)
    [worker] = [p for p in family if "homeostat.execute.engines.worker" in p.cmdline()]
    [child] = [p for p in family if p != worker]
    process.kill()
    process.stdout.close()
    process.stderr.close()
    process.wait()
    gone = all_gone([worker])
    child.kill()
    assert gone


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs the kernel's word that a parent died")
def test_a_worker_that_hangs_in_c_ends_some_seconds_after_its_driver(tmp_path):
    worker, child = killed_driver("hangs_with_children", tmp_path)
    child.kill()  # nobody is left who could
    time.sleep(0.5)
    assert worker.status() != psutil.STATUS_ZOMBIE
    assert all_gone([worker], within_s=25)


@pytest.mark.parametrize("engine", ["inline", "local"])
@pytest.mark.parametrize("name", ["noisy", "plain"])
def test_ctrl_c_stops_between_two_steps_and_resume_goes_on(name, engine, tmp_path):
    whole = run(f"{LOOPS}:{name}", seeds=2, results=tmp_path / "whole")
    parts = tmp_path / "parts"
    process = start_run(parts, name, engine=engine, seeds=2, pause_s=0.05, snapshot_s=1e9)
    wait_for(lambda: any(data.count(b"\n") > 3 for data in rows(parts).values()))
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (out, err, process.returncode) == ("interrupted\n", "", 0)
    [folder] = parts.iterdir()
    record = read_run(folder)
    assert record.outcome is Outcome.INTERRUPTED
    assert [attempt.reason for attempt in record.attempts] == ["stopped by Ctrl-C"]
    assert (folder / "seed_42" / "snapshot.npz").exists() == (name == "noisy")
    assert resume(folder).values() == whole.values()
    assert rows(parts) == rows(tmp_path / "whole")


@pytest.mark.parametrize("engine", ["inline", "local"])
def test_a_second_ctrl_c_insists(engine, tmp_path):
    process = start_run(tmp_path, "hangs", engine=engine)
    wait_for(lambda: any(b"\n0,1.0" in data for data in rows(tmp_path).values()))
    family = descendants(process)
    while process.poll() is None:  # one that comes before the last was heard is no second one
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        time.sleep(1.0)
    _, err = process.communicate(timeout=20)
    assert "KeyboardInterrupt" in err, err
    assert all_gone(family)
    [folder] = tmp_path.iterdir()
    assert read_run(folder).outcome is Outcome.INTERRUPTED
    assert len(read_run(folder).attempts[0].curves) == 1
