"""Whoever writes a folder holds it, and the kernel lets go when that process ends."""

import errno
import os
import subprocess
import sys
import threading
import time

import pytest

from homeostat.errors import RecordError
from homeostat.record import hold as hold_module
from homeostat.record.hold import Hold, holds, is_held

HOLDS = """
import os, sys, time
from pathlib import Path
from homeostat.record.hold import Hold
hold = Hold(Path(sys.argv[1]), file=sys.argv[2] == "file")
if sys.argv[3] == "forks":
    if os.fork() == 0:
        time.sleep(60)
        os._exit(0)
if sys.argv[3] == "starts":
    import subprocess
    subprocess.Popen(["sleep", "60"])
print("held", flush=True)
time.sleep(60)
"""


def holder(path, *, file=False, also=""):
    """A process that keeps a hold until it is killed."""
    arguments = [sys.executable, "-c", HOLDS, path, "file" if file else "folder", also]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout.readline() == "held\n"
    return process


def end(process):
    process.kill()
    process.stdout.close()
    process.wait()


@pytest.fixture(params=["folder", "file"])
def place(request, tmp_path):
    file = request.param == "file"
    return (tmp_path / "locks" / "7", True) if file else (tmp_path, False)


@pytest.mark.parametrize("also", ["", "forks", "starts"])
def test_it_is_held_until_its_process_is_killed_whatever_that_had_started(place, also):
    path, file = place
    assert is_held(path) is False
    process = holder(path, file=file, also=also)
    try:
        assert is_held(path)
        with pytest.raises(RecordError, match="Another process is writing"):
            Hold(path, file=file, patience_s=0.1)
    finally:
        end(process)
    assert is_held(path) is False
    with Hold(path, file=file, patience_s=0.0):
        assert holds(path)
    if also:
        subprocess.run(["pkill", "-KILL", "-s", str(process.pid)], check=False)


def test_it_is_taken_as_soon_as_the_other_lets_go(place):
    path, file = place
    process = holder(path, file=file)
    timer = threading.Timer(0.3, process.kill)
    timer.start()
    started = time.monotonic()
    with Hold(path, file=file, patience_s=10.0):
        assert 0.2 < time.monotonic() - started < 5.0
    timer.join()
    end(process)


def test_within_one_process_too_it_is_one_writers(place):
    path, file = place
    with Hold(path, file=file):
        with pytest.raises(RecordError, match="Another process is writing"):
            Hold(path, file=file, patience_s=0.0)
        assert is_held(path)
    assert not holds(path)
    assert is_held(path) is False


def test_one_that_is_forgotten_is_let_go(place):
    path, file = place
    hold = Hold(path, file=file)
    del hold
    assert is_held(path) is False


def test_looks_do_not_stand_in_a_writers_way(place):
    path, file = place
    stop = threading.Event()

    def look():
        while not stop.is_set():
            is_held(path)

    lookers = [threading.Thread(target=look) for _ in range(3)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(100):
            Hold(path, file=file, patience_s=1.0).release()
    finally:
        stop.set()
        for looker in lookers:
            looker.join()


def test_a_look_leaves_no_trace(place, tmp_path):
    path, _ = place
    before = sorted(tmp_path.rglob("*"))
    is_held(path)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_file_is_gone_with_its_hold_and_a_folder_stays_as_it_was(place):
    path, file = place
    Hold(path, file=file).release()
    assert path.exists() != file
    assert file or list(path.iterdir()) == []


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EBADF, errno.EOPNOTSUPP, errno.ENOSYS])
def test_without_locks_nobody_is_refused_and_nothing_is_claimed(place, code, monkeypatch):
    path, file = place

    def refuse(*arguments):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(hold_module.fcntl, "flock", refuse)
    with Hold(path, file=file) as hold:
        assert not hold.works
        assert not holds(path)
        assert is_held(path) is (None if path.exists() else False)
