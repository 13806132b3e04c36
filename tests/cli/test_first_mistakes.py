"""The mistakes a new user makes first: one line each, with what to type next."""

import errno
import re
import textwrap

import pytest

from homeostat.cli.main import app, run_app
from homeostat.record import files

GOOD = """
import homeostat as hs

@hs.workload(
    space=hs.Space(lr=hs.Float(1e-4, 1.0, log=True), act=hs.Choice(["relu", "tanh"])),
    metric="loss", goal="minimize", budget=3,
)
def bowl(config, trial):
    for step in trial.steps():
        yield hs.Report(step, loss=(config.lr - 0.1) ** 2)
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.py").write_text(GOOD)
    return tmp_path


@pytest.fixture
def fails(here, capsys):
    """Run a command that must fail with one line on standard error, and give that line."""

    def call(*words: str, code: int = 1) -> str:
        assert run_app(app, words, name="homeostat") == code
        told = capsys.readouterr().err
        assert told.count("\n") == 1, told
        assert told.startswith("Error: ")
        assert "Traceback" not in told
        return told

    return call


def run(*words: str) -> tuple[str, ...]:
    return ("run", *words, "--engine", "inline")


def test_a_misspelt_workload(fails):
    assert re.search(
        r"'apoptosys'.*Did you mean 'apoptosis'\?.*homeostat workloads", fails(*run("apoptosys"))
    )


def test_a_misspelt_file(fails):
    assert re.search(r"No file 'goood.py'.*'good.py'", fails(*run("goood.py")))


def test_a_file_that_is_nowhere_near(fails):
    assert "homeostat init" in fails(*run("elsewhere/net.py"))


def test_a_folder_in_place_of_its_file(fails, here):
    (here / "project").mkdir()
    assert "is a folder.  Write a first" in fails(*run("project"))
    (here / "project" / "data.py").touch()
    (here / "project" / "workload.py").touch()
    told = fails(*run("project"))
    assert told.endswith("Name a file in it, such as:  project/workload.py\n")


def test_a_target_that_is_not_reported(fails):
    bisect = ("bisect", "good.py", "--param", "lr", "--engine", "inline", "--results", "kept")
    assert "(reported: loss)" in fails(*bisect, "--target", "los=0..1")


def test_a_misspelt_command(fails):
    assert "Did you mean 'run'?" in fails("runn", code=2)


def test_a_misspelt_option(fails):
    assert "--see" in fails("run", "good.py", "--see", "3", code=2)


def test_a_misspelt_parameter(fails):
    assert re.search(r"'lrr'.*Did you mean 'lr'\?", fails(*run("good.py", "--set", "lrr=0.1")))


def test_a_setting_without_a_value(fails):
    assert "name=value" in fails(*run("good.py", "--set", "lr"))


def test_a_value_out_of_range(fails):
    told = fails(*run("good.py", "--set", "lr=12"))
    assert re.search(r"lr: .*12.*0\.0001.*1", told)


def test_a_value_of_the_wrong_type(fails):
    assert re.search(r"lr: .*fast", fails(*run("good.py", "--set", "lr=fast")))


def test_an_option_that_is_not_among_the_choices(fails):
    assert re.search(
        r"act: .*rellu.*Did you mean 'relu'", fails(*run("good.py", "--set", "act=rellu"))
    )


def test_a_misspelt_configuration(fails):
    assert re.search(
        r"'tiney'.*Did you mean 'tiny'\?", fails(*run("apoptosis", "--config", "tiney"))
    )


def test_a_broken_configuration_file(fails, here):
    (here / "mine.yaml").write_text("parameters: {lr: 0.1\n")
    assert re.search(r"mine\.yaml:2: expected", fails(*run("good.py", "--config", "mine.yaml")))


def test_a_configuration_with_an_unknown_key(fails, here):
    (here / "mine.yaml").write_text("parameter: {lr: 0.1}\n")
    assert "Did you mean 'parameters'?" in fails(*run("good.py", "--config", "mine.yaml"))


def test_a_file_without_a_workload(fails, here):
    (here / "empty.py").write_text("x = 1\n")
    assert "empty.py ended, but it never trained" in fails(*run("empty.py"))


def test_a_file_that_does_not_parse(fails, here):
    (here / "broken.py").write_text("def f(:\n")
    assert "broken.py:1: SyntaxError" in fails(*run("broken.py"))


def test_a_file_that_needs_what_is_not_there(fails, here):
    (here / "needs.py").write_text("import not_a_module_at_all\n")
    assert re.search(r"needs\.py:1: ModuleNotFoundError", fails(*run("needs.py")))


def test_a_time_that_is_no_time(fails):
    assert "30m" in fails(*run("good.py", "--timeout", "soon"))


def test_a_run_that_does_not_exist(fails):
    assert "there are no runs in results" in fails("resume", "results/nothing")


def test_a_data_set_that_does_not_exist(fails):
    assert "Did you mean 'papalexi'?" in fails("data", "get", "papalex")


def test_a_results_folder_that_cannot_be_written(fails, here):
    (here / "results").write_text("a file where the folder should be")
    told = fails(*run("good.py"))
    assert re.search(r"Cannot write results.*Choose another folder", told)


def test_no_space_left_keeps_what_was_written(fails, here, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "replace", full)
    assert "no space left on the device" in fails(*run("good.py"))


BODIES = {
    "a loop that never yields": ("return None\n", "never yields a report"),
    "a loop that yields nothing": ("if False:\n        yield\n", "never yielded a Report"),
    "a missing metric": (
        "for step in trial.steps():\n        yield hs.Report(step, los=1.0)\n",
        "never reported 'loss'; it reported los.  Did you mean 'los'?",
    ),
    "a number instead of a report": ("yield 0.5\n", "yielded 0.5 (float) instead of a Report"),
    "a mistake in the loop": ("yield hs.Report(0, loss=config.lrr)\n", "AttributeError"),
}


@pytest.mark.parametrize(("body", "told"), BODIES.values(), ids=BODIES)
def test_a_loop_that_breaks_its_contract_is_named_in_the_table(here, capsys, body, told):
    start = GOOD[: GOOD.index("    for step")]
    (here / "bad.py").write_text(textwrap.dedent(start) + "    " + body)
    assert run_app(app, run("bad.py"), name="homeostat") == 1
    printed = capsys.readouterr()
    assert told in printed.out
    assert "failed" in printed.out
    assert "log.txt" in printed.out
    assert "Traceback" not in printed.out + printed.err
