"""Whether the process that a record names still runs: held where possible, asked, or heard of."""

import json
import os
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from homeostat.record import Outcome, read_attempt
from homeostat.record.attempt import Attempt, write_attempt
from homeostat.record.hold import Hold
from homeostat.record.liveness import REMOTE_SILENCE_S, is_alive, owner

ELSEWHERE = {"host": "elsewhere", "boot": "another", "pid_namespace": "pid:[1]"}


def record(folder, **changes):
    """attempt.json of an attempt that has not said how it ended."""
    write_attempt(Attempt(folder=folder, seed=1, budget=1, outcome=Outcome.RUNNING))
    path = folder / "attempt.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"crc32": None} | changes))
    return path


def silent(path, seconds):
    os.utime(path, (time.time() - seconds, time.time() - seconds))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"pid_started": 1.0},
        {"pid_started": 1.0, "start_ticks": 1, "pid": 1},
        {"pid_namespace": "pid:[1]", "pid": 999_999},
        ELSEWHERE,
        {"boot": None, "pid_started": 1.0},
    ],
    ids=str,
)
def test_what_is_held_is_written_whatever_clocks_and_numbers_say(changes, tmp_path):
    with Hold(tmp_path):
        path = record(tmp_path, **changes)
        silent(path, 7200)
        assert read_attempt(tmp_path).outcome is Outcome.RUNNING
        silent(path, -7200)
        assert read_attempt(tmp_path).outcome is Outcome.RUNNING


def test_what_was_held_and_is_not_has_lost_its_process(tmp_path):
    with Hold(tmp_path):
        record(tmp_path)
    assert read_attempt(tmp_path).outcome is Outcome.INTERRUPTED


@pytest.mark.parametrize("step_s", [-3600.0, -3.0, 3.0, 3600.0])
def test_without_locks_no_step_of_the_clock_kills_a_living_process(step_s):
    # What a correction of the clock changes: when processes seem to have begun.
    stepped = owner() | {"pid_started": owner()["pid_started"] + step_s}
    assert is_alive(stepped, step_s)


def test_without_locks_a_number_that_another_process_has_now_is_not_the_same(tmp_path):
    other = owner() | {"start_ticks": owner()["start_ticks"] - 100}
    assert not is_alive(other, 0.0)


def test_without_locks_another_container_counts_by_its_last_sign_of_life():
    there = owner() | {"pid_namespace": "pid:[1]", "pid": 1}
    assert is_alive(there, REMOTE_SILENCE_S - 1)
    assert not is_alive(there, REMOTE_SILENCE_S + 1)


def test_a_process_from_before_the_machine_was_started_anew_is_dead():
    assert not is_alive(owner() | {"boot": "before", "held": True}, 1.0, False)


def test_records_of_an_earlier_version_are_read_as_before(tmp_path):
    old = {key: owner()[key] for key in ("pid", "pid_started", "host")}
    assert is_alive(old, 0.0)
    assert not is_alive(old | {"pid_started": old["pid_started"] - 100}, 0.0)
    assert is_alive(old | {"host": "elsewhere"}, 0.0)
    assert not is_alive(old | {"host": "elsewhere"}, 3600.0)


def test_a_process_that_is_dead_and_not_yet_buried_counts_as_dead(tmp_path):
    child = subprocess.Popen(["sleep", "60"])
    stat = Path(f"/proc/{child.pid}/stat").read_text(encoding="utf-8")
    who = {"pid": child.pid, "start_ticks": int(stat.rpartition(")")[2].split()[19])}
    who |= {"pid_started": psutil.Process(child.pid).create_time()}
    record(tmp_path, **who)
    assert read_attempt(tmp_path).outcome is Outcome.RUNNING
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # look, but leave it a zombie
    assert read_attempt(tmp_path).outcome is Outcome.INTERRUPTED
    child.wait()


def test_a_silent_process_on_another_machine_counts_as_dead(tmp_path):
    path = record(tmp_path, **ELSEWHERE)
    assert read_attempt(tmp_path).outcome is Outcome.RUNNING
    silent(path, 3600)
    assert read_attempt(tmp_path).outcome is Outcome.INTERRUPTED


def test_a_sign_of_life_from_another_clock_counts_within_a_day(tmp_path):
    path = record(tmp_path, **ELSEWHERE)
    silent(path, -7200)
    assert read_attempt(tmp_path).outcome is Outcome.RUNNING
    silent(path, -100 * 86400)
    assert read_attempt(tmp_path).outcome is Outcome.INTERRUPTED
