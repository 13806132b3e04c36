"""The best of a large search qualify, meet in a final, and what is left is no lucky one."""

from __future__ import annotations

import signal
import statistics
import time
from statistics import NormalDist

import numpy as np
import pytest
from tests.search.loops import two_aims, valley

import homeostat as hs
from homeostat.execute.job import Finished
from homeostat.record import seeds
from homeostat.record.runs import read_run
from homeostat.search.confirm import Effort, effort, measured_s
from homeostat.search.optimise import Confirming
from homeostat.search.scores import FreshScore, gain_over
from homeostat.search.search import read
from homeostat.study.store import Store
from homeostat.study.study import Study
from homeostat.workload.goal import Goal

SEEDS_MATTER = 0.1
"""As much as good configurations differ."""


@hs.workload(space=hs.Space(x=hs.Float(0.0, 1.0)), metric="score", goal="maximize", budget=1)
def noisy(config, trial):
    yield hs.Report(0, score=config.x + SEEDS_MATTER * trial.rng(f"{config.x}").normal())


def runs(folder, name):
    found = [read_run(place) for place in sorted(folder.glob(f"studies/s/{name}_*"))]
    return {run.facts["trial"]: run.values() for run in found}


def test_the_most_promising_eight_qualify_and_two_meet_the_default_in_the_final(tmp_path):
    found = hs.search(noisy, 100, method="random", results=tmp_path, study="s")
    looked_best = max(found.trials, key=lambda trial: trial.values["score"])
    with Study.open(noisy, "s", store=Store(tmp_path / "studies.db")) as study:
        promising = [trial.number for trial in study.promising()]
    assert promising[0] == looked_best.number
    qualified = runs(tmp_path, "qualify")
    assert qualified.keys() == {*promising[:8]}
    # Score is x and noise: a surrogate of all trials knows better than each trial's own seed.
    x = {trial.number: trial.parameters["x"] for trial in found.trials}
    lucky = sorted(found.trials, key=lambda trial: -trial.values["score"])[1:8]
    assert np.mean([x[n] for n in promising[1:8]]) > np.mean([x[t.number] for t in lucky])
    [own] = {seed for values in qualified.values() for seed in values}
    final = runs(tmp_path, "confirm")
    best_two = sorted(qualified, key=lambda number: -qualified[number][own])[:2]
    assert final.keys() == {0, *best_two}
    assert {tuple(values) for values in final.values()} == {seeds.fresh(5)}
    assert own not in {*seeds.fresh(5), *seeds.first(1)}
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
    assert again.best.confirmed.n == 5
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


@pytest.mark.parametrize("trials", [5, 30, 100, 200])
def test_a_gain_of_2_7_standard_deviations_is_decided_whatever_the_size_of_the_search(trials):
    size = effort(trials, True)
    # Seeds as far apart as those of a normal distribution are on the mean, scaled to s.d. 1.
    scores = [NormalDist().inv_cdf((i + 0.5) / size.seeds) for i in range(size.seeds)]
    sd = statistics.stdev(scores)
    default = FreshScore({i: 2.7 - score / sd for i, score in enumerate(scores)}, size.seeds)
    best = FreshScore(dict.fromkeys(range(size.seeds), 0.0), size.seeds)
    gain = gain_over(default, best, Goal.MINIMIZE, among=size.finalists)
    assert gain.conclusion == "an improvement"


def test_compared_trials_are_in_the_final_whatever_their_rank():
    assert Effort(8, 4, 3, others=2).attempts == 8 + (4 + 1 + 2) * 3
    assert Effort(2, 2, 3).attempts == 9  # nobody has to qualify


# What is confirmed, and what is not

LEVEL = hs.Space(x=hs.Float(0.0, 1.0), y=hs.Int(0, 9))


@hs.workload(space=LEVEL, metric="loss", goal="minimize", budget=2)
def flat(config, trial):
    for step in trial.steps():
        yield hs.Report(step, loss=0.5)


def test_a_search_whose_trials_all_score_the_same_names_no_best_and_runs_nothing_again(tmp_path):
    events = []
    found = hs.search(flat, 6, method="random", results=tmp_path, study="s", on_event=events.append)
    assert found.best is None and found.verdict.status == "none"
    assert "all 6 completed trials score loss 0.5" in found.verdict.lines[0]
    assert not any(isinstance(event, Confirming) for event in events)
    assert not list(tmp_path.glob("studies/s/confirm_*"))


def paced(pause_s):
    @hs.workload(space=hs.Space(x=hs.Float(0.0, 1.0)), metric="loss", goal="minimize", budget=1)
    def sleeper(config, trial):
        time.sleep(pause_s)
        yield hs.Report(0, loss=config.x)

    return sleeper


def limits_of(folder):
    found = {place: read_run(place) for place in folder.glob("studies/s/confirm_*")}
    return [run.facts["limits"]["timeout_s"] for run in found.values()]


def test_an_attempt_on_fresh_seeds_may_take_three_times_what_it_took_in_the_search(tmp_path):
    found = hs.search(paced(0.05), 3, method="random", results=tmp_path, study="s", budget_s=30.0)
    assert found.verdict.status == "confirmed"
    one_s = measured_s(found.trials)
    assert one_s >= 0.05
    assert all(limit >= 3 * one_s for limit in limits_of(tmp_path))


def test_where_no_whole_attempt_fits_none_is_begun_and_every_reader_is_told_why(tmp_path):
    loop = paced(0.4)
    hs.search(loop, 3, method="random", results=tmp_path, study="s", confirm=False)
    found = hs.search(loop, 3, results=tmp_path, study="s", budget_s=0.5)
    assert found.verdict.status == "unconfirmed" and limits_of(tmp_path) == []
    assert "too little time was left" in found.verdict.why
    again = read("s", workload=loop, results=tmp_path)
    assert again.verdict.why == found.verdict.why
    later = hs.search(loop, 3, results=tmp_path, study="s", budget_s=60.0)
    assert later.verdict.status == "confirmed"


def test_seeds_that_ran_out_of_time_count_for_nothing_and_are_gone_on_with(tmp_path):
    loop = paced(0.0)
    first = hs.search(loop, 2, method="random", results=tmp_path, study="s", confirm=False)
    assert first.verdict.status == "unconfirmed"
    slow = paced(0.2)
    limited = hs.search(slow, 2, results=tmp_path, study="s", timeout_s=0.05)
    assert limited.verdict.winner is None
    assert "no attempt on fresh seeds has a value (10 ended as timeout)" in limited.verdict.why
    longer = hs.search(slow, 2, results=tmp_path, study="s", timeout_s=30.0)
    assert longer.verdict.status == "confirmed" and longer.best.confirmed.n == 5


def test_every_objective_of_the_winner_is_kept(tmp_path):
    found = hs.search(two_aims, 4, method="random", results=tmp_path, study="s")
    winner = found.verdict.winner
    assert found.verdict.on_fresh_seeds(winner, "down").n == 5
    assert found.verdict.on_fresh_seeds(winner, "down").mean == pytest.approx(winner.values["down"])
