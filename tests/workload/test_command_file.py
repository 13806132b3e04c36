"""The YAML of a command workload, and every sentence with which it is refused."""

import textwrap

import pytest

from homeostat.errors import ConfigError
from homeostat.space import Bool, Choice, Fixed, Float, Int
from homeostat.workload import load
from homeostat.workload.command_file import load as read_file
from homeostat.workload.command_file import placeholders

GOOD = """
command: [train, "{lr}"]
space:
  lr: {float: [1e-5, 1e-1], log: true, default: 1e-3}
metric: loss
goal: minimize
budget: 10
metrics: {jsonl: metrics.jsonl}
"""


@pytest.fixture
def write(tmp_path):
    def write(changes="", without=()):
        """GOOD with some top-level keys replaced or left out."""
        kept, skipping = [], False
        changed = {line.split(":")[0] for line in changes.splitlines() if line[:1].isalpha()}
        for line in GOOD.splitlines():
            if line[:1].isalpha():
                skipping = line.split(":")[0] in changed | set(without)
            if not skipping:
                kept.append(line)
        path = tmp_path / "train.sh.yaml"
        path.write_text("\n".join([*kept, textwrap.dedent(changes)]))
        return path

    return write


def refused(path):
    with pytest.raises(ConfigError) as error:
        load.find(path)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_file_becomes_a_workload(write):
    path = write(
        """
description: Trains.
command: train "{lr}" --width={width} {act} {fast} {wd} {{literal}} '{seed}' {budget}
env: {THREADS: 1, FOLDER: "{folder}"}
cwd: "{here}/.."
space:
  lr: {float: [1e-5, 1e-1], log: true, default: 1e-3, tier: 2, help: The rate.}
  width: {int: [1, 64], when: {act: [relu, tanh]}}
  act: {choice: [relu, tanh, null]}
  fast: {bool: true, fixed: only on machines with a fan}
  wd: {value: 0.01, why: settled}
rules:
  - {when: {act: tanh}, set: {fast: false}, why: too hot}
unit: epoch
bounds: {grad_norm: [null, 1000]}
configs: presets
timeout: 1.5
"""
    )
    found = load.find(path)
    assert found.name == "train_sh"
    assert found.doc == "Trains."
    assert found.source == path
    assert found.reference == str(path)
    assert found.objectives == {"loss": "minimize"}
    assert (found.budget, found.unit, found.timeout_s) == (10, "epoch", 1.5)
    assert found.bounds == {"grad_norm": (None, 1000)}
    assert found.configs == path.parent / "presets"
    assert found.space["lr"] == Float(1e-5, 1e-1, log=True, default=1e-3, tier=2, help="The rate.")
    assert found.space["width"] == Int(1, 64, when={"act": ("relu", "tanh")})
    assert found.space["act"] == Choice(["relu", "tanh", None])
    assert found.space["fast"] == Bool(True, fixed="only on machines with a fan")
    assert found.space["wd"] == Fixed(0.01, why="settled")
    assert found.space.resolve({"act": "tanh"}).fast is False


def test_several_objectives_are_named_in_place_of_metric_and_goal(write):
    found = load.find(write("objectives: {a: minimize, b: maximize}", without=("metric", "goal")))
    assert found.objectives == {"a": "minimize", "b": "maximize"}


def test_placeholders_are_names_in_single_braces():
    assert placeholders("{a} {{b}} { c } {d{e}} ${f} {1}") == {"a", "e", "f"}


SPACE = "space must be names with ranges, such as lr: {float: [1e-5, 0.1]}."
KIND = "lr: expected one of float, int, choice, bool or value, such as lr: {float: [0, 1]}."


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ("comand: x", "no key 'comand' here.  Did you mean 'command'?"),
        (
            "rules: [{when: {}, set: {l: 1}, why: so}]",
            "No parameter 'l' in Rule(when always: l=1).  Did you mean 'lr'?",
        ),
        (
            'rules: [{when: {}, set: {"l\\nr": 1}, why: so}]',
            "No parameter 'l\\nr' in Rule(when always: l r=1).  Did you mean 'lr'?",
        ),
        ("command: 3", "command must be text or a list of arguments, got 3."),
        ("command: []", 'command must be a list of arguments; quote placeholders: "{lr}".'),
        ("command: ''", 'command must be a list of arguments; quote placeholders: "{lr}".'),
        (
            "command: [train, {lr}]",
            'command must be a list of arguments; quote placeholders: "{lr}".',
        ),
        ("command: train '{lr}", "command: No closing quotation."),
        (
            "command: train {lrr} {lr}",
            "the command uses {lrr}, which is not a parameter; for a brace, double it.  "
            "Did you mean 'lr'?",
        ),
        (
            "command: train",
            "the command never uses the parameter 'lr', so setting it would do nothing.  "
            'Put "{lr}" where its value belongs.',
        ),
        ("space: 3", SPACE),
        ("space: {}", SPACE),
        ("space: {lr: 3}", KIND),
        ("space: {lr: {flaot: [0, 1]}}", KIND),
        ("space: {lr: {float: [0, 1], int: [0, 1]}}", KIND),
        ("space: {lr: {float: [0, 1], lgo: true}}", "lr: no key 'lgo' here.  Did you mean 'log'?"),
        ("space: {lr: {float: 3}}", "lr: float must be [low, high], got 3."),
        (
            "space: {lr: {float: [1, 0]}}",
            "lr: Float: low must be below high, got low=1 and high=0.",
        ),
        ("space: {lr: {choice: 3}}", "lr: Choice: options must be a list, got 3."),
        ("space: {lr: {value: 3}}", "lr: say why its value is settled (why: ...)."),
        (
            "space: {lr: {bool: true, when: {x: 1}}}",
            "lr: its condition names 'x', which is not a parameter.  Known: lr.",
        ),
        (
            "space: {seed: {int: [0, 9]}}",
            "'seed' cannot be a parameter's name: it is the trial's seed.",
        ),
        ("rules: [3]", "each of the rules must have the keys when, set and why."),
        (
            "goal: minimise",
            "The goal of 'loss' must be 'minimize' or 'maximize', got 'minimise'.  "
            "Did you mean 'minimize'?",
        ),
        ("budget: 0", "train_sh: budget must be a whole number from 1, got 0."),
        ("budget: 1e3", "train_sh: budget must be a whole number from 1, got 1000.0."),
        (
            "bounds: {a: 1}",
            "train_sh: bounds['a'] must be (low, high), with low below high or None, got 1.",
        ),
        ("timeout: soon", "timeout must be seconds above 0, got 'soon'."),
        ("timeout: 0", "timeout must be seconds above 0, got 0."),
        ("env: 3", 'env must be names with values; quote placeholders: "{lr}".'),
        ("env: {A: {lr}}", 'env must be names with values; quote placeholders: "{lr}".'),
        ("cwd: 3", "cwd must be text, got 3."),
        ("metrics: 3", "metrics must have one of jsonl, csv, tensorboard, pattern."),
        (
            "metrics: {jsonl: a, csv: b}",
            "metrics must have one of jsonl, csv, tensorboard, pattern.",
        ),
        ("metrics: {jsonl: a, stpe: b}", "metrics: no key 'stpe' here.  Did you mean 'step'?"),
        ("metrics: {jsonl: 3}", "metrics: jsonl must be text, got 3."),
        (
            "metrics: {jsonl: /tmp/x}",
            "metrics: '/tmp/x' is outside of the trial's folder, where several trials would mix.  "
            'Give the command "{folder}" and let it write there.',
        ),
        (
            "metrics: {csv: ../x}",
            "metrics: '../x' is outside of the trial's folder, where several trials would mix.  "
            'Give the command "{folder}" and let it write there.',
        ),
        (
            r'metrics: {pattern: "loss (\\S+"}',
            "metrics: the pattern is not a regular expression: missing ), unterminated subpattern "
            "at position 5.",
        ),
        (
            r'metrics: {pattern: "epoch (?P<step>\\d+)"}',
            r"metrics: the pattern names no metric.  "
            r"Write a group for each, such as loss (?P<val_loss>\S+)",
        ),
        (
            r'metrics: {pattern: "acc (?P<acc>\\d+)"}',
            r"the pattern has no group for the metric 'loss'.  "
            r"Write (?P<loss>\S+) where its number stands.",
        ),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(write, changes, sentence):
    assert refused(write(changes)) == f"train.sh.yaml: {sentence}"


@pytest.mark.parametrize("key", ["command", "space", "metrics", "budget"])
def test_a_missing_key_is_named(write, key):
    assert refused(write(without=[key])) == f"train.sh.yaml: the key {key!r} is missing."


def test_a_missing_objective_is_named(write):
    assert refused(write(without=["metric", "goal"])) == (
        "train.sh.yaml: A workload needs either metric= and goal=, "
        "or objectives={metric: goal, ...}."
    )


def test_broken_yaml_is_refused_with_its_line(write):
    path = write("metrics: [1")
    assert refused(path).startswith(f"{path}:")


def test_an_option_in_braces_is_a_flag_its_value_or_left_out(tmp_path):
    path = tmp_path / "w.yaml"
    path.write_text(
        "command: [train, '{--amp}', '{--warm-up}', '{--lr=rate}', '{-n width}', '{budget}']\n"
        "space:\n"
        "  amp: {bool: false}\n"
        "  warm_up: {choice: [null, 10]}\n"
        "  rate: {float: [0, 1]}\n"
        "  width: {int: [8, 64], step: 8, default: 16}\n"
        "metric: loss\ngoal: minimize\nbudget: 3\nmetrics: {jsonl: m.jsonl}\n"
    )
    file = read_file(path)
    assert file.space["width"].count == 8
    values = {"amp": True, "warm_up": 10, "rate": 0.5, "width": 8, "budget": 3}
    assert file.arguments(values) == [
        "train", "--amp", "--warm-up", "10", "--lr=0.5", "-n", "8", "3"
    ]  # fmt: skip
    left_out = file.arguments(values | {"amp": False, "warm_up": None})
    assert left_out == ["train", "--lr=0.5", "-n", "8", "3"]
    path.write_text(path.read_text().replace("'{--amp}'", "'x{--amp}'"))
    with pytest.raises(ConfigError, match="an option in braces must be an argument of its own"):
        read_file(path)
