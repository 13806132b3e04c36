"""A Hydra application swept as people do it: a command, its output, the files it leaves."""

import os
import subprocess
import sys

import pytest
import yaml
from tests.execute.cluster import have

from homeostat.search.decide import verdict_of
from homeostat.search.search import look_store

pytestmark = pytest.mark.skipif(not have("hydra"), reason="hydra-core is not installed")

SCRIPT = """
import hydra

@hydra.main(version_base=None, config_path="conf", config_name="config")
def main(cfg):
    if cfg.model.name == "broken":
        raise RuntimeError("no such model")
    if cfg.silent:
        return None
    wrong = 0.5 if cfg.model.name == "large" else 0.0
    return (cfg.lr - 0.1) ** 2 + 0.01 * cfg.width + wrong + 0.001 * (cfg.training.seed % 7)

main()
"""
CONFIG = """
defaults: [{model: large}, _self_]
lr: 0.5
width: 8
silent: false
training: {seed: 0}
"""
OPEN = ("lr=tag(log,interval(1e-3,1))", "width=range(1,9)", "model=small,large,broken")


@pytest.fixture
def application(tmp_path):
    """Runs the application with some words; with the sweeper it sweeps into the folder `out`."""
    (tmp_path / "conf" / "model").mkdir(parents=True)
    (tmp_path / "train.py").write_text(SCRIPT)
    (tmp_path / "conf" / "config.yaml").write_text(CONFIG)
    for name in ("small", "large", "broken"):
        (tmp_path / "conf" / "model" / f"{name}.yaml").write_text(f"name: {name}\n")

    def run(*words, trials=6):
        sweep = [f"hydra.sweeper.trials={trials}", "hydra.sweep.dir=out"]
        return subprocess.run(
            [sys.executable, "train.py", "--multirun", "hydra/sweeper=homeostat", *sweep, *words],
            cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120, env=os.environ,
        )  # fmt: skip

    return run


def test_a_sweep_starts_at_the_configuration_and_ends_with_a_verdict(application, tmp_path):
    done = application(*OPEN, "hydra.sweeper.seed_option=training.seed")
    assert done.returncode == 0, done.stderr
    assert "#0 : lr=0.5 width=8 model=large training.seed=42" in done.stdout
    store = look_store(tmp_path / "out")
    row = store.study("sweep")
    trials = store.trials(row.key)
    verdict = verdict_of(row, trials)
    assert len(trials) == 6
    assert verdict.status == "confirmed"
    assert verdict.gain.low > 0
    for trial in trials:
        assert trial.outcome.value == (
            "failed" if trial.parameters["model"] == "broken" else "completed"
        )
    result = yaml.safe_load((tmp_path / "out" / "optimization_results.yaml").read_text("utf-8"))
    assert result["verdict"][0] == verdict.lines[0] == f"Winner: trial {verdict.winner.number}."
    assert all(line in done.stdout for line in result["verdict"])
    config = yaml.safe_load((tmp_path / "out/0/.hydra/config.yaml").read_text("utf-8"))
    assert config["training"]["seed"] == 42


@pytest.mark.slow
def test_the_same_folder_is_gone_on_with_and_what_is_fixed_stays(application, tmp_path):
    words = ("lr=interval(0.01,1)", "model=small", "hydra.sweeper.at_once=2")
    application(*words, trials=3)
    done = application(*words, trials=5)
    assert done.returncode == 0, done.stderr
    assert "#4 : model=small lr=" in done.stdout
    assert "#0 :" not in done.stdout
    store = look_store(tmp_path / "out")
    assert len(store.trials(store.study("sweep").key)) == 5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("lr=0.1",), "there is nothing to sweep over"),
        (("lr=interval(0.1,1)", "silent=true"), "The function returned None; it must return value"),
        (("lr=interval(0.1,1)", "hydra.sweeper.goal=smallest"), "minimize or maximize"),
        (("lr=interval(0.1,1)", "hydra.sweeper.method=magic"), "magic"),
    ],
)
def test_what_cannot_be_swept_is_one_line(application, words, told):
    done = application(*words)
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_overrides_become_the_space_they_mean():
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from omegaconf import OmegaConf

    from homeostat.bridges.hydra_sweep import OpenOverrides

    config = OmegaConf.create(
        {"a": 3, "opt": {"lr": 0.2}, "hydra": {"runtime": {"choices": {"model": "large"}}}}
    )
    typed = [
        "a=int(interval(1,9))", "opt.lr=tag(log,interval(0.01,1))", "b=range(0,10,4)",
        "model=small,large", "+new='x y',null,3", "fixed=7", "a=99",
    ]  # fmt: skip
    made = OpenOverrides(OverridesParser.create().parse_overrides(typed), config)
    space = made.space
    assert made.fixed == ["fixed=7"]
    assert (space["a"].low, space["a"].high, space["a"].default) == (1, 9, 3)
    assert (space["opt__lr"].log, space["opt__lr"].default) == (True, 0.2)
    assert space["b"].options == (0, 4, 8)
    assert space["model"].default == "large"
    assert space["new"].options == ("x y", None, 3)
    told = made.overrides(space.resolve({"new": "x y", "b": 8}))
    assert told == ["fixed=7", "a=3", "opt.lr=0.2", "b=8", "model=large", "+new='x y'"]


def test_the_plugin_adds_nothing_to_the_start_of_an_application():
    code = (
        "import sys, hydra_plugins.homeostat_sweeper.homeostat_sweeper;"
        "assert not {'homeostat', 'numpy', 'optuna'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ, timeout=60)
