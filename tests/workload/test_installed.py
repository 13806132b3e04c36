"""Somebody else's package: its workload and its check are found as Homeostat's own are."""

import json
import os
import subprocess
import sys

import pytest

from homeostat.workload.installed import installed_workloads

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "spiking-nets"
version = "1.0"

[project.entry-points."homeostat.workloads"]
spiking = "spiking_nets:spiking"

[project.entry-points."homeostat.checks"]
silence = "spiking_nets:silence"
"""
PACKAGE = '''
import homeostat as hs
from homeostat.record.check import Check


@hs.workload(space=hs.Space(x=hs.Float(0, 1)), metric="loss", goal="minimize", budget=5)
def spiking(config, trial):
    """Somebody else's network."""
    for step in trial.steps():
        yield hs.Report(step, loss=(config.x - 0.3) ** 2 + 1 / (1 + step))


def silence(bench):
    yield Check("silence", "warning", f"{bench.workload.name} was listened to.")
'''


@pytest.fixture(scope="module")
def type_there(tmp_path_factory):
    """Commands in an environment into which the package has been installed by pip."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("somebody")
    (folder / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    (folder / "spiking_nets.py").write_text(PACKAGE, encoding="utf-8")
    site = folder / "site"
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    subprocess.run(
        [*pip, "--no-deps", "--no-index", "--no-build-isolation", "--target", site, folder],
        check=True, timeout=240,
    )  # fmt: skip
    places = [str(site), os.environ.get("PYTHONPATH", "")]

    def run(*words):
        done = subprocess.run(
            [sys.executable, "-m", "homeostat", *words],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, places))},
            capture_output=True, text=True, cwd=folder, timeout=240, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_its_workload_is_listed_and_runs_by_its_name(type_there):
    assert "spiking" in {entry["name"] for entry in json.loads(type_there("workloads", "--json"))}
    told = json.loads(type_there("run", "spiking", "--engine", "local", "--json"))
    assert told["workload"] == "spiking"


def test_its_check_is_asked_by_the_probe(type_there):
    told = json.loads(type_there("probe", "spiking", "--json"))
    assert "spiking was listened to." in json.dumps(told)


def test_our_own_five_are_found_in_the_same_way():
    assert set(installed_workloads()) == {
        "apoptosis", "evolution", "hyperperturb", "ncp", "visioncore"
    }  # fmt: skip
