"""A .py file without a workload is a script; what is wrong with one is said in a line."""

import shlex

import pytest
import yaml

from homeostat.errors import HomeostatError
from homeostat.script.source import Source
from homeostat.workload import load

HAND = """
import argparse, random
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--power", type=int, default=2)
parser.add_argument("--never", type=float, default=0.5)
parser.add_argument("--mode", choices=["plain", "fast"], default="plain")
parser.add_argument("--steps", type=int, default=20)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--data", default="none.csv")
args = parser.parse_args()
rng = random.Random(args.seed)
x = 3 + rng.random()
for step in range(args.steps):
    x -= args.lr * args.power * x ** (args.power - 1) * (2 if args.mode == "fast" else 1)
    print(f"step {step} val_loss: {abs(x) ** args.power}")
"""


def test_a_script_becomes_a_workload_with_its_options_as_knobs(script):
    found = load.find(str(script(HAND)))
    assert list(found.space) == ["lr", "power", "never", "mode"]
    assert (found.metric, found.goal, found.budget) == ("val_loss", "minimize", 20)
    assert found.reference == str(script(HAND))
    assert found.words.knob("lr") == "--lr"
    assert any("--seed gets the trial's seed" in remark for remark in found.remarks)


def test_its_own_arguments_stay_as_they_are_and_are_no_knobs(script):
    found = load.find(f"{script(HAND)} -- --lr 0.05 --data 'my file.csv'")
    assert list(found.space) == ["power", "never", "mode"]
    again = load.find(found.reference)
    assert again.reference == found.reference
    assert again.reference.endswith("-- --lr 0.05 --data 'my file.csv'")


def test_a_printed_command_runs_a_script_with_its_arguments(script):
    from homeostat.execute.rerun import rerun

    path = script(HAND)
    line = rerun(f"{path} -- --data 'a b'", {"power": 3}, budget=20, seeds=(42,))
    words = shlex.split(line)
    assert words[2] == "train.py -- --data 'a b'"
    assert load.split_arguments(words[2]) == ("train.py", ("--data", "a b"))


def test_it_is_looked_at_once_and_again_when_one_of_its_files_changes(script, monkeypatch):
    from homeostat.script import load as scripts

    looks = []
    survey = scripts.survey
    monkeypatch.setattr(scripts, "survey", lambda *a: looks.append(a) or survey(*a))
    script("POWER = 2\n", "beside.py")
    path = script("import beside\n" + HAND)
    for _ in range(2):
        load.find(str(path))
    assert len(looks) == 1
    script("POWER = 3\n", "beside.py")
    load.find(str(path))
    assert len(looks) == 2


def test_a_run_has_the_trials_seed_length_and_values(script):
    from homeostat.workload.trial import Trial

    found = load.find(str(script(HAND)))

    def last(seed, budget=20, **values):
        trial = Trial(found.space.resolve(values), seed=seed, budget=budget)
        reports = list(found(trial.config, trial))
        return len(reports), reports[-1].metrics["val_loss"]

    assert last(1) == last(1)
    assert last(1) != last(2)
    assert last(1, budget=7)[0] == 7
    assert last(1, lr=0.2) != last(1)


def test_the_probe_speaks_of_options_and_of_the_script(script):
    from homeostat.inspect.probe.audit import probe

    found = probe(load.find(str(script(HAND))), seconds=60)
    (dead,) = found.faults
    assert "--never is not connected to anything" in dead.saw
    assert "the script never reads it" in dead.saw
    assert "config." not in dead.remedy


def test_constants_are_knobs_where_there_is_no_parser(script):
    text = "LR = 0.1\nEPOCHS = 6\nSEED = 1\nx = 3.0\nfor e in range(EPOCHS):\n    x -= LR * 2 * x\n"
    found = load.find(str(script(text + "    print(f'val_loss: {x * x}')\n")))
    assert list(found.space) == ["LR"]
    assert found.budget == 6
    assert [option.written for option in _plan(found).options] == ["constant"] * 3


def _plan(found):
    from homeostat.script.load import plan_of

    return plan_of(found.source)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("def f(:\n", "train.py:1: SyntaxError: "),
        ("import nowhere_at_all\n", "train.py:1: ModuleNotFoundError: No module named"),
        ("x = 1\n\nraise OSError('disk')\n", "train.py:3: OSError: disk."),
        ("x = 1\n", "train.py ended, but it never trained: "),
        ("input('Rate? ')\n", "train.py:1: it asks for input('Rate?')"),
        (
            "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'print(1)'])\n",
            "train.py starts other processes and trains there",
        ),
        ("import os\nos.abort()\n", "train.py ended its process by signal 6"),
        (
            "import argparse\np = argparse.ArgumentParser()\n"
            "p.add_argument('--data', required=True)\np.parse_args()\n",
            "train.py exits with code 2: train.py: error: the following arguments are required: "
            "--data",
        ),
        ("import sys\nsys.exit('no data')\n", "train.py stopped: no data"),
        ("", "train.py ended, but it never trained: "),
        ("x = '\0'\n", "train.py"),
        ("def f():\n\tx\n        y\n", "train.py:3: SyntaxError: "),
        ("print('1 2 3')\n", "train.py ended, but it never trained: "),
        (
            "import homeostat as hs\nfor e in range(5): hs.report(depth=e / 8)\n",
            "train.py says depth, and none of these",
        ),
        (
            "import os\nassert 'DISPLAY' in os.environ, 'no display name'\n",
            "train.py:2: AssertionError: no display name",
        ),
    ],
)
def test_a_script_that_cannot_be_used_says_why_in_one_line(script, text, sentence):
    with pytest.raises(HomeostatError) as caught:
        load.find(str(script(text)))
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)
    assert caught.value.hint


def test_a_file_that_is_not_there_is_refused(script, tmp_path):
    script("x = 1\n")
    with pytest.raises(HomeostatError, match=r"No file 'trian.py'\."):
        load.find("trian.py")


@pytest.mark.parametrize(
    ("text", "is_workload"),
    [
        ("import homeostat as hs\n@hs.workload()\ndef f(): ...\n", True),
        ("from homeostat import workload\n", True),
        ("import homeostat as hs\nhs.tune('x.py')\n", True),
        ("import homeostat as hs\nhs.report(loss=1)\n", False),
        ("from homeostat import report\nreport(loss=1)\n", False),
        ("from homeostat.callbacks import xgboost\n", False),
        ("import torch\n", False),
        ("import other\n", True),
    ],
)
def test_a_file_that_does_more_with_homeostat_than_report_is_no_script(script, text, is_workload):
    script("import homeostat as hs\nspace = hs.Space(a=hs.Bool(True))\n", "other.py")
    assert Source(script(text)).declares_workload is is_workload


def test_arguments_are_refused_where_there_is_no_script():
    with pytest.raises(HomeostatError, match="nothing can be given to it after --"):
        load.find("apoptosis -- --lr 1")


def test_an_adopted_file_gives_the_same_workload_back(script, tmp_path):
    from homeostat.script.load import plan_of

    path = script(HAND)
    plan = plan_of(path, ("--data", "b.csv"))
    file = tmp_path / "train.homeostat.yaml"
    file.write_text(yaml.safe_dump(plan.to_json(), sort_keys=False))
    found = load.find(str(file))
    assert repr(found.space) == repr(load.find(f"{path} -- --data b.csv").space)
    assert found.reference == str(file)


SELDOM = """
import argparse, torch
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--max-steps", type=int, default=40)
args = parser.parse_args()
w = torch.nn.Linear(2, 1)
opt = torch.optim.SGD(w.parameters(), lr=args.lr)
for step in range(args.max_steps):
    if step % 20 == 0:
        print(f"step {step} val_loss: {float(w(torch.ones(1, 2)).detach().pow(2))}")
    opt.zero_grad(); w(torch.ones(1, 2)).pow(2).mean().backward(); opt.step()
"""


def test_a_run_that_is_given_little_still_comes_to_its_first_score(script):
    from homeostat.workload.trial import Trial

    found = load.find(str(script(SELDOM)))
    trial = Trial(found.space.resolve({}), seed=1, budget=6)
    reports = list(found(trial.config, trial))
    assert "val_loss" in reports[-1].metrics
    assert len(reports) <= 21


def test_rounds_of_boosting_are_its_length(script):
    text = HAND.replace('"--steps"', '"--num-rounds"').replace("args.steps", "args.num_rounds")
    found = load.find(str(script(text)))
    assert "num_rounds" not in found.space
    assert any("--num-rounds is its length: 20 takes 20 steps" in r for r in found.remarks)


def test_options_of_a_part_are_known_by_their_own_word():
    from homeostat.script.options.option import Option
    from homeostat.script.roles import role

    words = {"--trainer.max_epochs": ("int", 3), "--model.lr": ("float", 0.1),
             "--per_device_train_batch_size": ("int", 8), "--device": ("text", "cpu")}  # fmt: skip
    roles = [
        role(Option(name=flag.strip("-"), flag=flag, kind=kind, default=default))
        for flag, (kind, default) in words.items()
    ]
    assert roles == ["length", "knob", "knob", "device"]


def test_a_metric_that_is_asked_for_is_improved(script):
    said = HAND.replace("val_loss: {abs(x)", "spread: {abs(x)")
    path = script(said + "    print(f'val_loss: {x}')\n")
    found = load.find(f"{path} --metric spread --goal maximize -- --lr 0.05")
    assert (found.metric, found.goal) == ("spread", "maximize")
    assert load.find(found.reference).metric == "spread"
    with pytest.raises(HomeostatError, match=r"says no 'sprad'.*it says spread, val_loss"):
        load.find(f"{path} --metric sprad")
    with pytest.raises(HomeostatError, match="its name does not tell"):
        load.find(f"{path} --metric spread")


def test_a_notebook_is_a_script(tmp_path):
    import json

    cells = [
        {"cell_type": "markdown", "source": ["# Title"]},
        {"cell_type": "code", "source": ["%matplotlib inline\n", "!pip install nothing\n"]},
        {"cell_type": "code", "source": ["LR = 0.1\n", "STEPS = 9\n", "x = 3.0"]},
        {"cell_type": "code", "source": ["%%bash\n", "echo this is no Python"]},
        {"cell_type": "code", "source": ["for e in range(STEPS):\n", "    x -= LR * 2 * x\n",
                                         "    print(f'val_loss: {x * x}')"]},
    ]  # fmt: skip
    path = tmp_path / "look.ipynb"
    path.write_text(json.dumps({"cells": cells, "nbformat": 4, "metadata": {}}))
    found = load.find(str(path))
    assert list(found.space) == ["LR"]
    assert found.metric == "val_loss"
    path.write_text("no JSON")
    with pytest.raises(HomeostatError, match=r"look.ipynb is no notebook"):
        load.find(str(path))


@pytest.mark.parametrize(
    "text",
    [
        "lr = 0.1",
        "def main():\n    lr = 0.1",
        "config = {'lr': 0.1}",
        "hparams = dict(lr=0.1)",
        "args = Namespace()\nargs.lr = 0.1",
        "def get_config():\n    C = Node()\n    C.trainer.lr = 0.1\n    return C",
        "class Config:\n    lr = 0.1",
        "opt = Adam(net.parameters(), lr=0.1)",
        "if __name__ == '__main__':\n    Trainer(Net(16, lr=0.1)).fit(data)",
        "class TrainConfig:\n    def __init__(self):\n        self.lr = 0.1",
    ],
)
def test_a_number_is_found_wherever_settings_are_written(script, text):
    (option,) = Source(script(text + "\n")).constants()
    assert (option.word, option.default, option.kind) == ("lr", 0.1, "float")


@pytest.mark.parametrize(
    "text",
    [
        "self.lr = 0.1",
        "net.bias = 0.1",
        "def forward():\n    x.lr = 0.1",
        "lr = 0.1\nlr = 1",
        "f(lr=0.1)\ng(lr=0.2)",
        "y = torch.cat(xs, dim=1)",
        "def make():\n    return SGD(w, lr=0.1)",
    ],
)
def test_a_number_that_is_no_setting_is_left_alone(script, text):
    assert not list(Source(script(text + "\n")).constants())


def test_a_whole_number_with_the_name_of_a_measure_is_one(script):
    text = "clip = 1\nx = 3.0\nfor e in range(6):\n    x -= 0.1 * min(2 * x, clip)\n"
    found = load.find(str(script(text + "    print(f'val_loss: {x * x}')\n")))
    assert isinstance(found.space["clip"].default, float)


def test_what_a_script_takes_into_its_globals_and_was_given_is_left_alone(at_desk):
    found = load.find("with_configurator.py -- --lr=0.3")
    assert "lr" not in found.space and "momentum" in found.space


def test_constants_of_a_script_that_takes_a_file_from_its_command_line_are_still_constants(script):
    text = "import sys\nLR = 0.1\nname = sys.argv[1:]\nx = 3.0\nfor e in range(6):\n"
    found = load.find(str(script(text + "    x -= LR * 2 * x\n    print(f'val_loss: {x * x}')\n")))
    assert [(option.name, option.written) for option in _plan(found).options] == [
        ("LR", "constant")
    ]
