"""A search ends once it has what was asked for, or when nothing improves, and says so."""

from __future__ import annotations

import pytest

import homeostat as hs
from homeostat.errors import RecordError

SPACE = hs.Space(x=hs.Float(0, 1, default=0.9))


def make(goal):
    @hs.workload(space=SPACE, metric="score", goal=goal, budget=1)
    def line(config, trial):
        yield hs.Report(0, score=config.x if goal == "minimize" else -config.x)

    return line


@pytest.mark.parametrize("goal", ["minimize", "maximize"])
def test_it_stops_at_a_value_whatever_the_goal(goal, tmp_path):
    sign = 1 if goal == "minimize" else -1
    found = hs.search(
        make(goal), 200, method="random", results=tmp_path, stop_at=sign * 0.2, confirm=False
    )
    *others, last = [sign * trial.values["score"] for trial in found.trials]
    assert last <= 0.2 < min(others)
    assert any("has reached score" in note for note in found.notes)


def test_it_stops_when_nothing_improves(tmp_path):
    found = hs.search(
        make("minimize"), 200, method="random", results=tmp_path, patience=7, confirm=False
    )
    values = [trial.values["score"] for trial in found.trials]
    assert len(values) - 1 - values.index(min(values)) == 7
    assert found.notes[-1].startswith("7 trials after trial ")


def test_a_patience_of_nothing_is_refused(tmp_path):
    with pytest.raises(RecordError, match="patience must be a whole number from 1, got 0"):
        hs.search(make("minimize"), 3, results=tmp_path, patience=0)
