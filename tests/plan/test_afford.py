"""What an attempt takes: a start, and its steps."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import homeostat as hs
from homeostat.plan.afford import affordable_steps, measured
from homeostat.plan.context import Context
from homeostat.plan.phase import PhaseResult
from homeostat.record.attempt import Attempt
from homeostat.record.curves import FILE
from homeostat.record.outcome import Outcome


def attempt(folder, *, start_s, step_s, every, steps, budget):
    """One whose steps take equally long, as it would be on disk."""
    reports = list(range(every - 1, steps, every))
    folder.mkdir(exist_ok=True)
    rows = "".join(f"{step},{1.0 / (step + 1)!r}\n" for step in reports)
    (folder / FILE).write_text(f"step,loss\n{rows}")
    return Attempt(
        folder=folder, seed=1, budget=budget, outcome=Outcome.COMPLETED, last_step=reports[-1],
        num_reports=len(reports), first_s=start_s + step_s * every,
        wall_s=start_s + step_s * (reports[-1] + 1),
    )  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(
    start_s=st.floats(0.0, 60.0),
    step_s=st.floats(0.001, 5.0),
    every=st.integers(1, 4),
    steps=st.integers(8, 40),
)
def test_the_start_is_told_from_the_steps(tmp_path_factory, start_s, step_s, every, steps):
    folder = tmp_path_factory.mktemp("attempt")
    one = attempt(folder, start_s=start_s, step_s=step_s, every=every, steps=steps, budget=100)
    pace = measured([one])
    assert pace.step_s == pytest.approx(step_s)
    assert pace.attempt_s(100) == pytest.approx(start_s + 100 * step_s)


def test_an_attempt_that_does_not_say_when_it_began_has_even_steps(tmp_path):
    import dataclasses

    one = attempt(tmp_path, start_s=5.0, step_s=1.0, every=1, steps=10, budget=10)
    pace = measured([dataclasses.replace(one, first_s=0.0)])
    assert (pace.start_s, pace.step_s) == (0.0, pytest.approx(1.5))


def test_attempts_of_a_slow_starter_are_cut_by_what_their_steps_take(tmp_path):
    @hs.workload(space=hs.Space(lr=hs.Float(0.1, 1.0)), metric="loss", goal="minimize", budget=100)
    def slow(config, trial):
        yield hs.Report(0, loss=1.0)

    context = Context(slow, {}, steps=100, budget_s=600.0, study="s", results=tmp_path)
    context.done["baseline"] = PhaseResult(
        "baseline", "done", (), facts={"step_s": 0.1, "start_s": 10.0}
    )
    # Ten runs in 150 s: 15 s each, of which 10 are the start.
    assert affordable_steps(context, 150.0, 10) == 50
