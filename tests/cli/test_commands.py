"""The commands as people type them, each in a process of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
DIGITS = str(EXAMPLES / "mlp_digits.py")


def homeostat(*words, **more):
    command = [sys.executable, "-m", "homeostat", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, **more)


def document(*words):
    done = homeostat(*words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_help_comes_up_without_importing_anything_heavy():
    code = (
        "import sys\nfrom homeostat.cli.main import run_app, app\n"
        "run_app(app, ['--help'], name='homeostat')\n"
        "print(sorted({'torch', 'numpy', 'optuna', 'pandas', 'sqlalchemy'} & {*sys.modules}))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.rstrip().endswith("[]")


def test_a_run_of_a_script_in_another_language(tmp_path):
    found = document("run", EXAMPLES / "train.sh.yaml", "--seeds", "2", "--results", tmp_path)
    assert found["outcome"] == "completed"
    assert [a["seed"] for a in found["attempts"]] == [42, 123]
    assert (Path(found["folder"]) / "seed_123" / "curves.csv").exists()


def test_search_status_best_and_compare_speak_of_the_same_study(tmp_path):
    common = ("--results", tmp_path)
    run = ("--steps", "1", "--engine", "inline", *common)
    found = document("search", DIGITS, "--study", "s", "--trials", "3", "--no-confirm", *run)
    assert len(found["trials"]) == 3
    (status,) = document("status", *common)
    assert (status["study"], status["trials"]) == ("s", 3)
    best = document("best", "--study", "s", *common)
    assert best["verdict"] == found["verdict"] == status["verdict"]
    assert best["trials"][0]["number"] == status["best_in_search"]
    assert best["trials"][0]["values"]["val_loss"] == pytest.approx(found["best"]["value"])
    runs = [
        document("run", DIGITS, "--set", f"lr={lr}", "--seeds", "3", *run)["folder"]
        for lr in (0.001, 0.02)
    ]
    compared = document("compare", *runs, *common)
    assert compared["contrasts"][0]["pairs"] == 3
    assert compared["contrasts"][0]["difference"] < 0


def test_every_listing_is_one_json_document(tmp_path):
    names = {entry["name"] for entry in document("workloads")}
    assert {"apoptosis", "hyperperturb", "ncp", "visioncore", "evolution"} <= names
    space = document("space", DIGITS, "--set", "lr=0.05")
    assert space["config"]["lr"] == 0.05
    assert document("doctor")["cores"] >= 1
    assert {entry["name"] for entry in document("data", "list")} >= {"papalexi"}


def test_ctrl_c_keeps_everything_and_says_how_to_go_on(tmp_path):
    (tmp_path / "slow.py").write_text(
        "import time\nimport homeostat as hs\n"
        "space = hs.Space(x=hs.Float(0.0, 1.0))\n"
        "@hs.workload(space=space, metric='y', goal='minimize', budget=40)\n"
        "def slow(config, trial):\n"
        "    for step in trial.steps():\n"
        "        time.sleep(0.1)\n"
        "        yield hs.Report(step, y=trial.rng('y').random())\n"
    )
    words = ["run", "slow.py", "--results", "r"]
    running = subprocess.Popen(
        [sys.executable, "-m", "homeostat", *words], cwd=tmp_path, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env=os.environ, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        curves = list(tmp_path.glob("r/*/seed_42/curves.csv"))
        if curves and len(curves[0].read_text().splitlines()) > 5:
            break
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGINT)
    told, complaint = running.communicate(timeout=60)
    assert running.returncode == 130, told + complaint
    assert re.search(r"Go on:  homeostat resume .*r/slow_", told)
    folder = curves[0].parents[1]
    resumed = homeostat("resume", folder.relative_to(tmp_path), "--results", "r", cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    whole = homeostat("run", "slow.py", "--results", "whole", cwd=tmp_path)
    assert whole.returncode == 0
    (again,) = tmp_path.glob("whole/*/seed_42/curves.csv")
    assert curves[0].read_text() == again.read_text()
