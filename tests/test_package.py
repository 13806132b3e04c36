"""The package that people install: built from the sdist, it works outside the checkout."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
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


def test_the_image_copies_what_exists_and_installs_extras_that_exist():
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for extra in re.search(r"homeostat-\*\.whl\)\[([\w,]+)\]", text).group(1).split(","):
        assert extra in project["optional-dependencies"]
    for source in re.findall(r"^COPY (?!--from)(\S+)", text, re.M):
        assert (ROOT / source).exists()
    pinned = re.search(r"torch==[\d.]+", text).group(0)
    assert pinned in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert 'ENTRYPOINT ["homeostat"]' in text


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["uvx", "pipx"])
def test_the_wheel_runs_where_nothing_is_installed(wheel, tool, tmp_path):
    """With the packages that the machine's index or cache has; without them it cannot be tried."""
    found = shutil.which(tool) or shutil.which(tool, path=Path(sys.executable).parent)
    if found is None:
        pytest.skip(f"{tool} is not installed")
    words = [found, "--from", wheel] if tool == "uvx" else [found, "run", "--spec", wheel]
    environment = {**os.environ, "PIPX_HOME": str(tmp_path / "pipx")}
    environment.pop("PYTHONPATH", None)
    script = tmp_path / "train.py"
    script.write_text(
        "import argparse\n"
        "p = argparse.ArgumentParser()\n"
        "p.add_argument('--lr', type=float, default=0.3)\n"
        "w, lr = 3.0, p.parse_args().lr\n"
        "for step in range(9):\n"
        "    w -= lr * w\n"
        "    print(f'step {step} loss {w * w:.6f}')\n"
    )
    done = call(*words, "homeostat", "search", "train.py", "--trials", "3", cwd=tmp_path,
                env=environment)  # fmt: skip
    assert "Winner" in done or "Nothing beat the default" in done
