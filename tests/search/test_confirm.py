"""The best of a large search qualify, meet in a final, and what is left is no lucky one."""

from __future__ import annotations

import signal

import numpy as np
import pytest
from tests.search.loops import valley

import homeostat as hs
from homeostat.execute.job import Finished
from homeostat.record import seeds
from homeostat.record.runs import read_run
from homeostat.search.confirm import Effort, effort
from homeostat.search.optimise import Confirming

SEEDS_MATTER = 0.1
"""As much as good configurations differ."""


@hs.workload(space=hs.Space(x=hs.Float(0.0, 1.0)), metric="score", goal="maximize", budget=1)
def noisy(config, trial):
    yield hs.Report(0, score=config.x + SEEDS_MATTER * trial.rng(f"{config.x}").normal())


def runs(folder, name):
    found = [read_run(place) for place in sorted(folder.glob(f"studies/s/{name}_*"))]
    return {run.facts["trial"]: run.values() for run in found}


def test_the_best_eight_qualify_and_four_meet_the_default_in_the_final(tmp_path):
    found = hs.search(noisy, 100, method="random", results=tmp_path, study="s")
    best_eight = sorted(found.trials, key=lambda trial: -trial.values["score"])[:8]
    qualified = runs(tmp_path, "qualify")
    assert qualified.keys() == {trial.number for trial in best_eight}
    [own] = {seed for values in qualified.values() for seed in values}
    final = runs(tmp_path, "confirm")
    best_four = sorted(qualified, key=lambda number: -qualified[number][own])[:4]
    assert final.keys() == {0, *best_four}
    assert {tuple(values) for values in final.values()} == {seeds.fresh(3)}
    assert own not in {*seeds.fresh(3), *seeds.first(1)}
    means = {number: np.mean(list(values.values())) for number, values in final.items()}
    assert found.best.number == max(means, key=means.get)
    assert found.best.confirmed.mean == pytest.approx(means[found.best.number])


def test_what_is_selected_is_better_than_what_looked_best(tmp_path):
    """Of 100 random points the best has .99; a third of a seed's noise is what luck costs."""
    selected, looked = [], []
    for seed in range(6):
        found = hs.search(
            noisy, 100, method="random", results=tmp_path, study=f"s{seed}", seed=seed
        )
        selected.append(found.best.config.x)
        lucky = max(found.trials, key=lambda trial: trial.values["score"])
        looked.append(lucky.parameters["x"])
    assert np.mean(selected) > np.mean(looked)
    assert np.mean(selected) > 1 - SEEDS_MATTER


def test_an_interrupted_qualification_is_gone_on_with(tmp_path):
    finished = []

    def interrupt(event):
        if isinstance(event, Confirming):
            finished.append(0)
        elif finished and isinstance(event, Finished):
            finished.append(event.job.seed)
            if len(finished) == 4:
                signal.raise_signal(signal.SIGINT)

    first = hs.search(
        valley, 100, method="random", results=tmp_path, study="s", on_event=interrupt,
        engine="inline",
    )  # fmt: skip
    assert first.interrupted
    assert first.best.confirmed is None
    done = len(runs(tmp_path, "qualify"))
    assert 0 < done < 8
    made = []
    again = hs.search(
        valley, 100, results=tmp_path, study="s", on_event=lambda e: made.append(e),
        engine="inline",
    )  # fmt: skip
    assert again.best.confirmed.n == 3
    whole = hs.search(valley, 100, method="random", results=tmp_path, study="w")
    assert again.best.number == whole.best.number
    assert again.best.confirmed == whole.best.confirmed
    attempts = sum(isinstance(event, Finished) for event in made)
    assert attempts <= effort(100, True).attempts - 3


@pytest.mark.parametrize(
    ("affordable", "left"),
    [
        (23, Effort(8, 4, 3)),
        (22, Effort(4, 4, 3)),
        (14, Effort(3, 3, 3)),
        (6, Effort(1, 1, 3)),
        (4, Effort(1, 1, 2)),
        (3, None),
    ],
)
def test_where_time_is_short_qualifying_goes_first_then_finalists_then_seeds(affordable, left):
    assert Effort(8, 4, 3).within(lambda attempts: attempts <= affordable) == left


def test_compared_trials_are_in_the_final_whatever_their_rank():
    assert Effort(8, 4, 3, others=2).attempts == 8 + (4 + 1 + 2) * 3
    assert Effort(2, 2, 3).attempts == 9  # nobody has to qualify
