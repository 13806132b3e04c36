"""A disk that fills up, or will not be written: one clear line, everything before it kept."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from homeostat.errors import RecordError
from homeostat.execute import resume, run
from homeostat.record import Outcome, read_run

HERE = Path(__file__).parent
LOOPS = HERE / "loops.py"


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of 64 KB; only root may make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.call(mount, stderr=subprocess.DEVNULL) != 0:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("engine", ["inline", "local"])
def test_a_disk_that_fills_up_keeps_what_was_written_and_resume_goes_on(
    engine, small_disk, tmp_path
):
    whole = run(f"{LOOPS}:noisy", budget=2000, results=tmp_path / "whole")
    with pytest.raises(RecordError, match=r"Cannot write .*: no space left on the device") as told:
        run(f"{LOOPS}:noisy", budget=2000, results=small_disk, engine=engine)
    assert "Free some space, then resume the run." in str(told.value)
    assert "\n" not in str(told.value)
    [folder] = small_disk.iterdir()
    left = read_run(folder)
    assert left.outcome is Outcome.INTERRUPTED
    kept = left.attempts[0].curves.rows
    expected = whole.attempts[0].curves.rows
    assert len(kept) > 500
    assert kept == expected[: len(kept)]
    subprocess.run(["mount", "-o", "remount,size=1m", str(small_disk)], check=True)
    assert resume(folder).attempts[0].curves.rows == expected


@pytest.mark.slow
def test_a_limit_on_file_size_is_told_the_same_way(tmp_path):
    """The same from an ordinary user's limits, in a process of its own."""
    done = subprocess.run(
        [sys.executable, HERE / "driver.py", *f"run {tmp_path} long inline 1 1 {{}} 1e9".split()],
        check=False,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192)),
    )
    assert "curves.csv: the file would pass the size limit." in done.stderr.splitlines()[-1]
    [folder] = tmp_path.iterdir()
    record = read_run(folder)
    assert record.outcome is Outcome.INTERRUPTED
    data = (folder / "seed_42" / "curves.csv").read_bytes()
    assert 8000 < len(data) <= 8192
    assert data.endswith(b"\n")
    assert len(record.attempts[0].curves) == data.count(b"\n") - 1


def test_a_results_folder_that_is_a_file_is_told(tmp_path):
    (tmp_path / "results").write_text("not a folder")
    with pytest.raises(
        RecordError, match=r"Cannot write .*results.*: a part of the path is a file"
    ):
        run(f"{LOOPS}:noisy", results=tmp_path / "results")


def test_a_results_folder_without_permission_is_told(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)  # root may write anywhere
    with pytest.raises(RecordError, match=r"Cannot write .*: permission denied\.  Choose another"):
        run(f"{LOOPS}:noisy", results=tmp_path)
