"""The package that people install: built from the sdist, it works outside the checkout."""

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "homeostat"


def call(*words, **more):
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, check=False, timeout=240,
        **more,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, made from the sdist alone: what is missing there is missing here."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("dist")
    build = (sys.executable, "-m", "hatchling", "build", "-d", folder)
    call(*build, "-t", "sdist", cwd=ROOT)
    (sdist,) = folder.glob("homeostat-*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "source", filter="data")
    (source,) = (folder / "source").iterdir()
    call(*build, "-t", "wheel", cwd=source)
    (made,) = folder.glob("homeostat-*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A fresh environment with nothing but the wheel in it; libraries come from this one."""
    folder = tmp_path_factory.mktemp("fresh")
    call(sys.executable, "-m", "venv", "--without-pip", folder / "venv")
    python = folder / "venv" / "bin" / "python"
    offline = ("--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check")
    call(sys.executable, "-m", "pip", "--python", python, "install", *offline, wheel)
    here = folder / "elsewhere"
    here.mkdir()
    libraries = sysconfig.get_paths()["purelib"]
    environment = {**os.environ, "PYTHONPATH": libraries, "PYTHONDONTWRITEBYTECODE": "1"}

    def homeostat(*words):
        return call(python.parent / "homeostat", *words, cwd=here, env=environment)

    homeostat.file = call(
        python, "-c", "import homeostat; print(homeostat.__file__)", cwd=here, env=environment
    )
    return homeostat


def test_the_wheel_is_small_and_holds_every_file_of_the_package(wheel):
    assert wheel.stat().st_size < 2e6
    held = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("homeostat/")}
    wanted = {
        path.relative_to(SOURCE.parent).as_posix()
        for path in SOURCE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }
    assert held == wanted
    assert "homeostat/py.typed" in held


def test_it_runs_outside_the_checkout(installed):
    assert "/venv/lib/" in installed.file
    assert installed("--version").startswith("homeostat 0.")
    assert "apoptosis" in installed("workloads")
    assert "extends" not in installed("space", "ncp", "--config", "small")  # a file in the wheel


def test_what_it_starts_trains_and_is_kept(installed):
    installed("init", "first", "--kind", "command")
    run = json.loads(installed("run", "first/workload.yaml", "--seeds", "2", "--json"))
    assert run["outcome"] == "completed"
    found = json.loads(
        installed("search", "first/workload.yaml", "--trials", "3", "--no-confirm", "--json")
    )
    assert len(found["trials"]) == 3
