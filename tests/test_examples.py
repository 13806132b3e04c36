"""The examples do what their first lines say."""

import json
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import homeostat as hs
from homeostat.record import seeds
from homeostat.workload import load

EXAMPLES = Path(__file__).parents[1] / "examples"


def test_a_shell_script_is_run_and_recorded_from_the_command_line(tmp_path):
    command = ["run", EXAMPLES / "train.sh.yaml", "--set", "lr=0.05", "--seeds", "2", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "homeostat", *command, "--results", tmp_path],
        capture_output=True,
        text=True,
        check=True,
    )
    run = json.loads(done.stdout)
    assert run["outcome"] == "completed"
    (folder,) = tmp_path.glob("train_sh_*")
    curves = (folder / "seed_42" / "curves.csv").read_text().splitlines()
    assert curves[0] == "step,train_loss,val_loss"
    assert len(curves) == 31


def test_a_program_that_keeps_its_seed_in_32_bits_sees_fresh_seeds_as_different(tmp_path):
    run = hs.run(EXAMPLES / "train.sh.yaml", seeds=list(seeds.fresh(3)), results=tmp_path)
    assert len(set(run.values())) == 3


@pytest.fixture(scope="module")
def curves(tmp_path_factory):
    """The curve file that digits with some settings leaves, for one seed."""
    pytest.importorskip("torch")
    mlp = load.find(EXAMPLES / "mlp_digits.py")

    def curves(budget=1, **overrides):
        results = tmp_path_factory.mktemp("results")
        run = hs.run(mlp, overrides, budget=budget, results=results)
        assert run.outcome == "completed"
        return (run.folder / "seed_42" / "curves.csv").read_text()

    return curves


def test_the_network_learns_to_read_digits_and_repeats_itself(curves):
    first = curves(budget=6)
    header, *_, last = (line.split(",") for line in first.splitlines())
    assert float(dict(zip(header, last, strict=True))["val_accuracy"]) > 0.9
    assert curves(budget=6) == first


@pytest.mark.parametrize(
    "change",
    [{"lr": 0.1}, {"width": 16}, {"depth": 1}, {"activation": "tanh"}, {"dropout": 0.5}],
)
def test_every_knob_of_the_network_is_connected(curves, change):
    assert curves(**change) != curves()


def test_the_knob_of_one_optimiser_is_connected_where_it_is_active(curves):
    assert curves(optimizer="sgd", momentum=0.5) != curves(optimizer="sgd")


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        ("mlp_classifier", "val_loss"),
        ("gradient_boosting", "val_rmse"),
        ("lightning_lstm", "train_loss"),
    ],
)
def test_a_model_of_another_library_learns_and_repeats_itself(name, metric, tmp_path):
    if name.startswith("lightning"):
        pytest.importorskip("lightning")
    workload = load.find(EXAMPLES / f"{name}.py")
    runs = [hs.run(workload, budget=4, results=tmp_path / again) for again in "ab"]
    assert runs[0].outcome == "completed", runs[0].attempts[0].reason
    first, second = (run.attempts[0].curves[metric] for run in runs)
    assert first[-1] < first[0]
    assert list(first) == list(second)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["mlp_classifier.py", "gradient_boosting.py", "lightning_lstm.py", "train.sh.yaml"]
)
def test_tune_finds_a_better_setting_than_the_default_or_says_that_it_did_not(name, tmp_path):
    found = hs.tune(EXAMPLES / name, budget="60s", results=tmp_path)
    assert found.status == "done", found.phases[-1].sentences
    verdict, text = found.verdict, " ".join(found.verdict.lines)
    assert found.phase("confirm").sentences == verdict.lines
    if verdict.gain is not None and verdict.gain.low > 0:
        assert "an improvement." in text
    else:
        unsaid = ("the default; nothing did better", "undecided with so few", "No winner")
        assert any(words in text for words in unsaid)


@pytest.mark.slow
def test_the_notebook_runs_from_top_to_bottom(tmp_path):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    notebook = nbformat.read(EXAMPLES / "in_a_notebook.ipynb", as_version=4)
    shown = "".join(str(cell.get("outputs", "")) for cell in notebook.cells)
    assert "on fresh seeds" in shown and "Error" not in shown
    run_in = {"metadata": {"path": str(tmp_path)}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the kernel's own: about TCP, and event loops
        nbclient.NotebookClient(notebook, timeout=120, resources=run_in).execute()
