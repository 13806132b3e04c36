"""Scripts of our own, as people write them: probed, diagnosed and tuned without a change."""

import json

import pytest

from homeostat.cli.main import main

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # of libraries, on themselves

SCRIPTS = {
    # script: (what it needs, its own arguments, its metric, its length, its seed, dead knobs)
    "with_argparse": ("torch", [], "validation_accuracy", "--epochs", "--seed", ["--warmup"]),
    "with_click": ("click", ["fit"], "val_loss", "--epochs", "--seed", None),
    "with_typer": ("typer", [], "val_loss", None, None, None),
    "with_tyro": ("tyro", [], "val_loss", None, None, None),
    "with_absl": ("absl", [], "val_loss", None, None, None),
    "with_fire": ("fire", [], "val_loss", None, None, None),
    "with_hydra": ("hydra", [], "val_loss", None, None, None),
    "with_constants": ("numpy", [], "val_loss", None, None, None),
    "with_configurator": ("numpy", [], "val_loss", None, None, None),
    "with_numpy": ("numpy", [], "val_acc", "--epochs", "--seed", []),
    "with_lightning": ("lightning", [], "val_loss", "--max-epochs", "--seed", []),
    "with_lightning_cli": ("jsonargparse", ["fit"], "val_loss", "--trainer.max_epochs", None, None),
    "with_simple_parsing": ("simple_parsing", [], "val_mse", "--steps", "--seed", []),
    "with_xgboost": ("xgboost", [], "val_mlogloss", "--rounds", "--seed", None),
    "with_keras": ("keras", [], "val_accuracy", "--epochs", "--seed", []),
    "with_huggingface": ("transformers", [], "eval_loss", "--num_train_epochs", "--seed", None),
}


@pytest.fixture
def homeostat(at_desk, capfd):
    def call(*words):
        with pytest.raises(SystemExit) as caught:
            main([*words])
        out = capfd.readouterr()
        return caught.value.code, out.out, out.err

    return call


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_is_probed_diagnosed_and_tuned_as_it_is(homeostat, desk, name):
    needs, own, metric, length, seed, dead = SCRIPTS[name]
    pytest.importorskip(needs)
    file, made = f"{name}.py", ("tuned", "results")
    before = sorted(p.name for p in desk.iterdir() if p.name not in made)
    own = ["--", *own] if own else []
    _, out, err = homeostat("probe", file, "--json", "--seconds", "15", *own)
    assert out, err
    document = json.loads(out)
    faults = [c for c in document["checks"] if c["status"] == "fault"]
    if dead is not None:
        assert [f["evidence"].get("knob", f["saw"]) for f in faults] == [
            word.strip("-").replace("-", "_") for word in dead
        ]
    if metric is not None:
        remarks = homeostat("space", file, *own)
        assert remarks[0] == 0, remarks
        assert f"imize {metric}, said at" in remarks[1] + remarks[2]
        for flag in filter(None, (length, seed)):
            assert flag in remarks[1] + remarks[2]
    assert not any(f["check"] == "runs" for f in faults), faults
    code, out, err = homeostat("diagnose", file, "--budget", "10s", *own)
    assert code == 0, out + err
    code, out, err = homeostat(
        "tune", file, "--budget", "60s", "--anyway", "--results", "tuned", *own
    )
    assert code == 0, out + err
    assert "Report:" in out
    assert sorted(p.name for p in desk.iterdir() if p.name not in made) == before


def test_a_rate_that_blows_up_is_the_first_offender(homeostat):
    code, out, _ = homeostat(
        "diagnose", "with_argparse.py", "--budget", "40s", "--", "--lr", "1e30"
    )
    assert code == 1
    assert "First offender" in out
