"""A time budget is kept, whatever a trial does; what was under way goes on in the next call."""

from __future__ import annotations

import time

from tests.search.loops import hanging, unhurried

import homeostat as hs
from homeostat.record.outcome import Outcome


def test_a_trial_that_hangs_does_not_take_a_search_past_its_time(tmp_path):
    started = time.monotonic()
    found = hs.search(
        hanging, 60, method="random", budget_s=6, engine="local", jobs=2, results=tmp_path,
        study="s", confirm=False,
    )  # fmt: skip
    # Without a limit it would take ten minutes; the slack is for starting on a busy machine.
    assert time.monotonic() - started < 60
    left = [trial for trial in found.trials if not trial.outcome.final]
    assert 1 <= len(left) <= 2
    assert any(note.startswith("The time was up while ") for note in found.notes)


def test_what_the_end_of_the_time_interrupted_goes_on_from_its_snapshot(tmp_path):
    first = hs.search(
        slow_start, 1, budget_s=1.5, results=tmp_path, study="s", confirm=False, seeds=1
    )
    assert [trial.outcome for trial in first.trials] == [Outcome.RUNNING]
    again = hs.search(slow_start, 1, results=tmp_path, study="s", confirm=False)
    assert [trial.outcome for trial in again.trials] == [Outcome.COMPLETED]
    text = (tmp_path / "studies/s/trial_0000/seed_42/curves.csv").read_text()
    assert [line.split(",")[0] for line in text.split()[1:]] == [str(step) for step in range(12)]


@hs.workload(space=unhurried.space, metric="loss", goal="minimize", budget=12)
def slow_start(config, trial):
    for step in trial.steps():
        time.sleep(0.2)
        yield hs.Report(step, loss=config.x)
