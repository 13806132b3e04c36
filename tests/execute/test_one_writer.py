"""Two processes never write one run, whatever clocks, containers and names make them believe."""

import json
import os
import shutil
import subprocess
import sys
import time

import pytest
from tests.execute.test_killing import DRIVER, end_with, rows, start, start_run, wait_for

from homeostat.errors import RecordError
from homeostat.execute import resume, run
from homeostat.record import Outcome, read_run
from homeostat.record.curves import read_curves

SECONDS = {"pause_s": 0.1}


def running(results, engine="local"):
    """A run that another process is making, and that process."""
    process = start_run(results, "noisy", engine=engine, **SECONDS)
    wait_for(lambda: any(data.count(b"\n") > 2 for data in rows(results).values()))
    [folder] = results.iterdir()
    return folder, process


def step_the_clock(folder, seconds):
    """What a correction of this machine's clock does to records: they are of another time."""
    for path in (folder / "run.json", *folder.glob("seed_*/attempt.json")):
        facts = json.loads(path.read_text())
        facts["pid_started"] += seconds
        path.write_text(json.dumps(facts | {"crc32": None}))
        os.utime(path, (time.time() + seconds, time.time() + seconds))


def one_and_whole(folder):
    """Every step is there once, in order."""
    for path in folder.glob("seed_*/curves.csv"):
        steps = [step for step, _ in read_curves(path).rows]
        assert steps == list(range(20))


@pytest.mark.parametrize("seconds", [-7200, 3, 7200])
def test_a_step_of_the_clock_lets_nobody_else_write_a_run(seconds, tmp_path):
    folder, process = running(tmp_path)
    step_the_clock(folder, seconds)
    assert read_run(folder).outcome is Outcome.RUNNING
    for force in (False, True):
        with pytest.raises(RecordError, match=r"is running, in process \d+ on "):
            resume(folder, force=force)
    out, err = process.communicate(timeout=60)
    assert (out, err) == ("completed\n", "")
    one_and_whole(folder)


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare (util-linux)")
def test_a_run_in_another_pid_namespace_of_the_same_host_is_alive(tmp_path):
    separate = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    if subprocess.run([*separate, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this user may not make PID namespaces")
    arguments = ["run", str(tmp_path), "noisy", "inline", "1", "1", json.dumps(SECONDS), "0.0"]
    process = subprocess.Popen(
        [*separate, sys.executable, str(DRIVER), *arguments], stdout=subprocess.PIPE, text=True
    )
    wait_for(lambda: any(data.count(b"\n") > 2 for data in rows(tmp_path).values()))
    [folder] = tmp_path.iterdir()
    assert read_run(folder).outcome is Outcome.RUNNING
    with pytest.raises(RecordError, match="is running"):
        resume(folder)
    out, _ = process.communicate(timeout=60)
    assert out == "completed\n"
    one_and_whole(folder)


def test_of_two_that_resume_a_run_at_once_one_does(tmp_path):
    folder, process = running(tmp_path, engine="inline")
    end_with(process)
    both = [start("resume", folder, "inline", 1, 0.0) for _ in range(2)]
    ends = [each.communicate(timeout=60) for each in both]
    assert sorted(out for out, _ in ends) in (["", "completed\n"], ["completed\n", "completed\n"])
    for out, err in ends:
        assert out or "RecordError" in err
    assert read_run(folder).outcome is Outcome.COMPLETED
    one_and_whole(folder)


def test_a_run_of_another_machine_is_resumed_only_when_somebody_says_that_it_is_gone(tmp_path):
    whole = run("tests/execute/loops.py:noisy", results=tmp_path / "whole")
    folder, process = running(tmp_path / "parts", engine="inline")
    end_with(process)
    for path in (folder / "run.json", folder / "seed_42" / "attempt.json"):
        facts = json.loads(path.read_text()) | {"host": "elsewhere", "boot": "another"}
        path.write_text(json.dumps(facts | {"crc32": None}))
    with pytest.raises(RecordError, match=r"seems to be running, in process \d+ on elsewhere"):
        resume(folder)
    assert resume(folder, force=True).values() == whole.values()
