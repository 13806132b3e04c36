"""`pytest --homeostat FILE`: each finding is a test, in a process of its own."""

import subprocess
import sys

import pytest

LOOP = """
import homeostat as hs


@hs.workload(
    space=hs.Space(lr=hs.Float(0.01, 1.0), unused=hs.Float(0.0, 1.0)),
    metric="loss", goal="minimize", budget=4,
)
def valley(config, trial):
    x = 1.0
    for step in trial.steps():
        x -= 0.1 * config.lr * x
        yield hs.Report(step, loss=x * x)
"""


@pytest.fixture
def run(tmp_path):
    (tmp_path / "train.py").write_text(LOOP)

    def call(*arguments):
        return subprocess.run(
            [
                sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-rA", *arguments,
            ],
            cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip

    return call


def test_a_fault_fails_with_its_remedy_and_the_rest_passes_or_is_skipped(run):
    done = run("--homeostat", "train.py", "--homeostat-seconds", "20")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "unused is not connected to anything" in done.stdout
    assert "Use config.unused" in done.stdout and "Traceback" not in done.stdout
    assert "1 failed" in done.stdout and "passed" in done.stdout and "skipped" in done.stdout


def test_a_file_that_is_not_there_is_one_line(run):
    done = run("--homeostat", "tarin.py")
    assert done.returncode == 4
    assert "tarin.py" in done.stderr and "Traceback" not in done.stderr + done.stdout
