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


BOWL = hs.Space(x=hs.Float(0, 1, default=0.9), y=hs.Float(0, 1, default=0.9))


def bowl(sd):
    @hs.workload(space=BOWL, metric="loss", goal="minimize", budget=1)
    def noisy(config, trial):
        luck = sd * trial.rng("luck").normal()
        yield hs.Report(0, loss=(config.x - 0.3) ** 2 + (config.y - 0.6) ** 2 + luck)

    return noisy


def test_it_stops_when_more_trials_would_gain_less_than_seeds_differ(tmp_path):
    """And not before: what it has then is within the noise of the best, 0 at (0.3, 0.6)."""
    for seed in range(3):
        found = hs.search(
            bowl(0.02),
            120,
            results=tmp_path,
            seed=seed,
            enough=True,
            confirm=False,
            study=f"{seed}",
        )
        assert 25 <= len(found.trials) < 80
        assert "gain less than seeds differ" in found.notes[-1]
        config = found.best.config
        assert (config.x - 0.3) ** 2 + (config.y - 0.6) ** 2 < 0.02


def test_it_goes_on_where_hardly_anything_is_known(tmp_path):
    """Eight parameters, twenty-five random trials, hardly any noise: much is still to gain."""
    space = hs.Space(**{f"x{i}": hs.Float(0, 1, default=0.9) for i in range(8)})

    @hs.workload(space=space, metric="loss", goal="minimize", budget=1)
    def far(config, trial):
        yield hs.Report(0, loss=sum((config[f"x{i}"] - 0.1 * i) ** 2 for i in range(8)))

    found = hs.search(far, 30, method="random", results=tmp_path, enough=True, confirm=False)
    assert len(found.trials) == 30
