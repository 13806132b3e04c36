"""Command workloads as real processes: metrics, failures, and that none is left over."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

import homeostat
from homeostat.errors import WorkloadError
from homeostat.workload import load
from homeostat.workload.report import Report

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def script(tmp_path):
    """A workload of a shell script; metrics are read as `metrics` says."""

    def make(text, metrics="{jsonl: m.jsonl}", more=""):
        (tmp_path / "run.sh").write_text(textwrap.dedent(text))
        path = tmp_path / "w.yaml"
        path.write_text(
            'command: [sh, run.sh, "{lr}", "{seed}", "{budget}", "{folder}"]\n'
            "space: {lr: {float: [0, 1], default: 0.5}}\n"
            f"metric: loss\ngoal: minimize\nbudget: 3\nmetrics: {metrics}\n{more}"
        )
        return load.find(path)

    return make


def drive(workload, trial):
    return list(workload(trial.config, trial))


def gone(pid, within_s=5.0):
    """Whether a process has ended (or only waits for its parent to notice)."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def pid_in(path, within_s=5.0):
    """The number a script writes to a file when it has started."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if path.exists() and path.read_text().endswith("\n"):
            return int(path.read_text())
        time.sleep(0.02)
    raise AssertionError(f"nothing in {path}")


def test_values_reach_the_command_as_arguments_and_metrics_come_back(script, trial_of):
    workload = script('echo "{\\"loss\\": $1, \\"seed\\": $2, \\"budget\\": $3}" > "$4/m.jsonl"')
    trial = trial_of(workload, {"lr": 0.25}, seed=7)
    assert drive(workload, trial) == [Report(0, loss=0.25, seed=7, budget=3)]
    assert (trial.folder / "output.txt").read_text() == ""
    assert trial.extra == {}


def test_csv_and_output_are_read_too(script, trial_of):
    workload = script('printf "step,loss\\n0,2\\n1,1\\n" > "$4/m.csv"', "{csv: m.csv}")
    assert drive(workload, trial_of(workload)) == [Report(0, loss=2), Report(1, loss=1)]
    workload = script(
        "echo 'step 4 loss 0.5'; echo 'step 5 loss 0.25' >&2",
        r'{pattern: "step (?P<step>\\d+) loss (?P<loss>\\S+)"}',
    )
    trial = trial_of(workload)
    assert drive(workload, trial) == [Report(4, loss=0.5), Report(5, loss=0.25)]
    assert (trial.folder / "output.txt").read_text() == "step 4 loss 0.5\nstep 5 loss 0.25\n"


def test_tensorboard_events_are_read_too(tmp_path, trial_of):
    pytest.importorskip("torch.utils.tensorboard")
    (tmp_path / "train.py").write_text(
        "import sys\nfrom torch.utils.tensorboard import SummaryWriter\n"
        "with SummaryWriter(sys.argv[2] + '/runs') as w:\n"
        "    for i in range(3): w.add_scalar('val/loss', float(sys.argv[1]) / 2**i, i)\n"
    )
    (tmp_path / "w.yaml").write_text(
        f'command: [{sys.executable}, "{{here}}/train.py", "{{lr}}", "{{folder}}"]\n'
        "space: {lr: {float: [0, 1], default: 0.5}}\n"
        "metric: val/loss\ngoal: minimize\nbudget: 3\nmetrics: {tensorboard: runs}\n"
    )
    workload = load.find(tmp_path / "w.yaml")
    trial = trial_of(workload)
    expected = [Report(i, **{"val/loss": 0.5 / 2**i}) for i in range(3)]
    assert drive(workload, trial) == expected
    assert drive(workload, trial) == expected  # the first attempt's files do not count again


def test_metrics_arrive_while_the_command_runs(script, trial_of):
    workload = script(
        """
        echo '{"loss": 2}' >> "$4/m.jsonl"
        while [ ! -e "$4/go" ]; do sleep 0.02; done
        echo '{"loss": 1}' >> "$4/m.jsonl"
        """
    )
    trial = trial_of(workload)
    reports = workload(trial.config, trial)
    assert next(reports) == Report(0, loss=2)
    (trial.folder / "go").touch()  # only now can the command go on
    assert list(reports) == [Report(1, loss=1)]


def test_what_an_earlier_attempt_left_is_not_read_again(script, trial_of):
    workload = script('echo "{\\"loss\\": $1}" >> "$4/m.jsonl"')
    trial = trial_of(workload)
    assert drive(workload, trial) == drive(workload, trial) == [Report(0, loss=0.5)]


def test_no_shell_looks_at_a_value(tmp_path, trial_of):
    (tmp_path / "w.yaml").write_text(
        "command: printf '%s\\n' {name} {{lr}} '$HOME' 'a  b' loss=1\n"
        "space: {name: {choice: ['$(touch hacked); `id` \"* &', other]}}\n"
        'metric: loss\ngoal: minimize\nbudget: 1\nmetrics: {pattern: "loss=(?P<loss>.)"}\n'
    )
    workload = load.find(tmp_path / "w.yaml")
    trial = trial_of(workload)
    drive(workload, trial)
    assert (trial.folder / "output.txt").read_text() == (
        '$(touch hacked); `id` "* &\n{lr}\n$HOME\na  b\nloss=1\n'
    )
    assert not (tmp_path / "hacked").exists()


def test_environment_and_working_folder_are_set(script, trial_of, tmp_path):
    workload = script(
        'echo "loss $LEVEL"; pwd; cat',
        '{pattern: "loss (?P<loss>.+)"}',
        'env: {LEVEL: "{lr}"}\n',
    )
    trial = trial_of(workload)
    assert drive(workload, trial) == [Report(0, loss=0.5)]
    assert str(tmp_path) in (trial.folder / "output.txt").read_text()


def test_garbage_is_counted_and_the_rest_is_used(script, trial_of):
    workload = script('printf \'x\\n{"loss": 1}\\n[[[\\n\' > "$4/m.jsonl"')
    trial = trial_of(workload)
    assert drive(workload, trial) == [Report(0, loss=1)]
    assert trial.extra == {
        "skipped_metric_lines": 2,
        "skipped_metrics": ["2 lines were not read (no JSON object); the first is line 1: x"],
    }


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "echo first; echo 'no such  device' >&2; exit 3",
            "w: the command ended with exit code 3. Its last lines: first | no such device",
        ),
        ("exit 1", "w: the command ended with exit code 1. It printed nothing."),
        ("kill -SEGV $$", "w: the command was ended by SIGSEGV. It printed nothing."),
        ("echo hi", "w: the command exited without an error, but it left no metric in m.jsonl."),
        (
            'echo x > "$4/m.jsonl"',
            "w: the command exited without an error, but no metric could be read: "
            "1 line was not read (no JSON object); line 1: x.",
        ),
    ],
)
def test_a_command_that_fails_says_how(script, trial_of, text, sentence):
    workload = script(text)
    trial = trial_of(workload)
    with pytest.raises(WorkloadError) as error:
        drive(workload, trial)
    assert str(error.value) == f"{sentence}  Its whole output: {trial.folder / 'output.txt'}"


def test_output_that_does_not_match_says_so(script, trial_of):
    workload = script("echo hi", '{pattern: "loss (?P<loss>.+)"}')
    with pytest.raises(WorkloadError, match="nothing it printed matches the pattern"):
        drive(workload, trial_of(workload))


def test_reports_before_a_failure_count(script, trial_of):
    workload = script('echo \'{"loss": 1}\' > "$4/m.jsonl"; exit 1')
    trial = trial_of(workload)
    reports = workload(trial.config, trial)
    assert next(reports) == Report(0, loss=1)
    with pytest.raises(WorkloadError):
        next(reports)


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("nothing-here {lr}", "There is no program 'nothing-here'.  The command runs in "),
        ("./plain {lr}", "./plain may not be run.  Try:  chmod +x ./plain"),
        ("./noexec {lr}", "./noexec cannot be run: Exec format error.  A script's first line"),
    ],
)
def test_a_command_that_cannot_start_says_why(tmp_path, trial_of, command, sentence):
    (tmp_path / "plain").write_text("#!/bin/sh\n")
    (tmp_path / "noexec").write_text("no first line\n")
    (tmp_path / "noexec").chmod(0o755)
    path = tmp_path / "w.yaml"
    path.write_text(
        f"command: {command}\nspace: {{lr: {{float: [0, 1]}}}}\nmetric: loss\ngoal: minimize\n"
        "budget: 1\nmetrics: {csv: m}\n"
    )
    workload = load.find(path)
    with pytest.raises(WorkloadError) as error:
        drive(workload, trial_of(workload))
    assert str(error.value).startswith(sentence)


def test_a_missing_working_folder_is_named(script, trial_of, tmp_path):
    workload = script("true", more="cwd: nowhere\n")
    with pytest.raises(WorkloadError) as error:
        drive(workload, trial_of(workload))
    assert str(error.value) == f"w.yaml: cwd: there is no folder {tmp_path / 'nowhere'}."


def test_another_budget_is_refused_where_the_command_does_not_know_it(tmp_path, trial_of):
    path = tmp_path / "w.yaml"
    path.write_text(
        "command: echo loss={lr}\nspace: {lr: {float: [0, 1]}}\nmetric: loss\ngoal: minimize\n"
        'budget: 3\nmetrics: {pattern: "loss=(?P<loss>.+)"}\n'
    )
    workload = load.find(path)
    assert len(drive(workload, trial_of(workload))) == 1
    with pytest.raises(WorkloadError) as error:
        drive(workload, trial_of(workload, budget=5))
    assert str(error.value) == (
        "w: the command does not use {budget}, so its length cannot be changed from 3 to 5.  "
        'Give it "{budget}" in w.yaml.'
    )


ENDLESS = """
trap '' TERM              # deaf, as hung programs are
setsid sh -c 'trap "" TERM; echo $$ > "$0/child"; while :; do sleep 1; done' "$4" &
echo $$ > "$4/parent"
while [ ! -s "$4/child" ]; do sleep 0.02; done
echo '{"loss": 1}' >> "$4/m.jsonl"
while :; do sleep 1; done
"""


def test_closing_the_loop_ends_the_command_with_all_it_started(script, trial_of):
    workload = script(ENDLESS)
    trial = trial_of(workload)
    reports = workload(trial.config, trial)
    assert next(reports) == Report(0, loss=1)
    pids = [pid_in(trial.folder / name) for name in ("parent", "child")]
    reports.close()
    assert all(gone(pid) for pid in pids)


@pytest.mark.parametrize("leaves", ["", "setsid "])
def test_what_a_command_leaves_in_the_background_is_ended(script, trial_of, leaves):
    workload = script(
        f"{leaves}sh -c " + '\'echo $$ > "$0/child"; sleep 60\' "$4" &\n'
        'while [ ! -s "$4/child" ]; do sleep 0.02; done; echo \'{"loss": 1}\' > "$4/m.jsonl"'
    )
    trial = trial_of(workload)
    assert drive(workload, trial) == [Report(0, loss=1)]
    assert gone(pid_in(trial.folder / "child"))


def test_a_trial_that_is_to_stop_ends_a_silent_command(script, trial_of):
    workload = script('echo $$ > "$4/parent"; sleep 60')
    trial = trial_of(workload)

    def stop():
        if (trial.folder / "parent").exists():
            raise TimeoutError

    trial.on_check.append(stop)
    started = time.monotonic()
    with pytest.raises(TimeoutError):
        drive(workload, trial)
    assert time.monotonic() - started < 10
    assert gone(pid_in(trial.folder / "parent"))


def test_kill_9_of_the_tool_leaves_no_command_running(script, tmp_path):
    script(ENDLESS)
    code = """
    import sys
    from pathlib import Path
    from homeostat.workload import load
    from homeostat.workload.trial import Trial
    w = load.find(sys.argv[1])
    trial = Trial(w.space.resolve(), budget=w.budget, folder=Path(sys.argv[2]))
    list(w(trial.config, trial))
    """
    folder = tmp_path / "trial"
    tool = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), tmp_path / "w.yaml", folder],
        env={**os.environ, "PYTHONPATH": str(Path(homeostat.__file__).parents[1])},
    )
    try:
        pids = [pid_in(folder / name, within_s=20) for name in ("parent", "child")]
    finally:
        tool.send_signal(signal.SIGKILL)
        tool.wait()
    assert all(gone(pid) for pid in pids)


def test_the_example_trains_and_its_parameters_matter(trial_of):
    workload = load.find(EXAMPLES / "train.sh.yaml")

    def final(**overrides):
        reports = drive(workload, trial_of(workload, overrides, seed=42))
        assert [report.step for report in reports] == list(range(workload.budget))
        return reports[-1].metrics["val_loss"]

    default = final()
    assert final(lr=0.02) < default
    assert final(momentum=0.9) != default
    assert final(batch=64) > default
    assert final(schedule="cosine") != default
