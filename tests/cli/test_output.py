"""What people see: whole words on a terminal, whole lines in a pipe, little that is no news."""

from types import SimpleNamespace

import pytest
from rich.console import Console

from homeostat.cli.output import Output, fold
from homeostat.cli.progress import PlanProgress
from homeostat.execute.job import Finished
from homeostat.wording import plural

LONG = "   Warning (knobs): No effect can be seen within 2 steps: plasticity_ceiling, birth."
TYPED = (
    "   range: 128 is the upper end of 8..128. Widen it, then:  homeostat search net.py --from a"
)


def test_a_narrow_terminal_breaks_between_words_and_keeps_the_indent():
    lines = fold(LONG, 40).split("\n")
    assert max(map(len, lines)) <= 40
    assert [line[:5] for line in lines[1:]] == ["     "] * (len(lines) - 1)
    assert " ".join(line.strip() for line in lines) == LONG.strip()


def test_a_command_to_type_is_never_broken():
    assert fold(TYPED, 40) == TYPED


def test_a_pipe_gets_whole_lines(capsys):
    Output().line(LONG * 9)
    assert capsys.readouterr().out == LONG * 9 + "\n"


def test_one_is_not_many():
    assert (plural(0, "fault"), plural(1, "fault"), plural(2, "fault")) == (
        "0 faults", "1 fault", "2 faults",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("terminal", "told"), [(True, ["failed"]), (False, ["completed", "failed"])]
)
def test_on_a_terminal_only_attempts_that_failed_have_a_line(terminal, told, tmp_path, capsys):
    out = Output()
    out.console = Console(force_terminal=terminal, width=200, highlight=False)
    job = SimpleNamespace(
        workload=SimpleNamespace(metric="loss"), folder=tmp_path / "seed_1", seed=1
    )
    with PlanProgress(out, budget_s=60) as progress:
        for outcome in ("completed", "failed"):
            attempt = SimpleNamespace(outcome=outcome, values={}, reason="")
            progress(Finished(job, attempt))
    shown = capsys.readouterr().out
    assert [word for word in ("completed", "failed") if f"seed 1: {word}" in shown] == told
