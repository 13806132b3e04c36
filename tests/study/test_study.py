"""A study remembers, refuses what does not belong to it, and does not depend on who ends first."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.search.problems import MIXED, drive, mixed, mixed_loss, open_study, sequence

import homeostat as hs
from homeostat.errors import SpaceError, StudyError
from homeostat.record.outcome import Outcome
from homeostat.study.store import Store
from homeostat.study.study import Study


def finish(study, spec):
    study.tell(spec.number, Outcome.COMPLETED, {"loss": [mixed_loss(spec.config)]})


def test_neither_who_ends_first_nor_how_many_run_makes_a_difference(tmp_path):
    found = []
    for jobs, rng in ((4, None), (4, np.random.default_rng(0)), (2, np.random.default_rng(1))):
        study = open_study(tmp_path, name=f"s{len(found)}", method="tpe", wave=4)
        running = []
        while len(study.trials) < 32:
            while len(running) < jobs and not study.must_wait:
                running.append(study.ask())
            finish(study, running.pop(rng.integers(len(running)) if rng is not None else 0))
        while running:
            finish(study, running.pop())
        found.append(sequence(study)[:32])
    assert found[0] == found[1] == found[2]


def test_a_wave_learns_from_earlier_waves_only(tmp_path):
    study = open_study(tmp_path, method="tpe", wave=3)
    specs = []
    for _ in range(3):
        assert not study.must_wait
        specs.append(study.ask())
    assert study.must_wait
    finish(study, specs[2])
    finish(study, specs[0])
    assert study.must_wait
    finish(study, specs[1])
    assert not study.must_wait


def test_asking_without_waiting_goes_on_and_shows_running_trials_as_running(tmp_path):
    study = open_study(tmp_path, method="tpe")
    specs = [study.ask() for _ in range(5)]
    assert [s.number for s in specs] == [0, 1, 2, 3, 4]
    for spec in reversed(specs):
        finish(study, spec)
    drive(study, 20, mixed_loss)
    assert len(study.trials) == 20


def test_a_trial_left_running_is_asked_again_once_with_its_parameters(tmp_path):
    study = open_study(tmp_path, method="random")
    drive(study, 3, mixed_loss)
    left = study.ask()
    again = open_study(tmp_path, method="random")
    taken = again.ask()
    assert taken.resumed
    assert (taken.number, dict(taken.drawn)) == (left.number, dict(left.drawn))
    assert again.ask().number == left.number + 1


def test_mean_and_spread_over_seeds_are_kept(tmp_path):
    study = open_study(tmp_path, method="random", seeds=3)
    spec = study.ask()
    assert spec.seeds == (42, 123, 456)
    told = study.tell(spec.number, Outcome.COMPLETED, {"loss": [1.0, 2.0, 6.0]}, wall_s=2.0)
    assert told.values["loss"] == 3.0
    assert told.sds["loss"] == pytest.approx(math.sqrt(7.0))
    assert open_study(tmp_path, method="random", seeds=3).trials[0] == told


def test_telling_twice_or_telling_a_stranger_is_refused(tmp_path):
    study = open_study(tmp_path, method="random")
    spec = study.ask()
    finish(study, spec)
    with pytest.raises(StudyError, match="told already"):
        finish(study, spec)
    with pytest.raises(StudyError, match="no trial 7"):
        study.tell(7, Outcome.COMPLETED, {"loss": [1.0]})


def test_the_best_is_the_best_completed_one_whatever_the_goal(tmp_path):
    @hs.workload(space=MIXED, metric="score", goal="maximize", budget=1)
    def upward(config, trial):
        yield hs.Report(0, score=0.0)

    study = open_study(tmp_path, upward, method="random")
    for value in (1.0, 5.0, 3.0):
        study.tell(study.ask().number, Outcome.COMPLETED, {"score": [value]})
    study.tell(study.ask().number, Outcome.DIVERGED, {"score": [9.0]})
    study.tell(study.ask().number, Outcome.PRUNED, {"score": [8.0]})
    assert [t.values["score"] for t in study.ranked()] == [5.0, 3.0, 1.0]


def test_a_study_is_reopened_as_it_was_made(tmp_path):
    made = open_study(tmp_path, method="sobol", seed=9, seeds=2, wave=3, names=["lr"], budget=7)
    assert open_study(tmp_path).definition == made.definition


def changed(**change):
    parameters = {"lr": hs.Float(0.0, 1.0), "act": hs.Choice(["relu", "tanh"])}
    space = hs.Space(**{n: p for n, p in {**parameters, **change}.items() if p is not None})

    @hs.workload(space=space, metric="loss", goal="minimize", budget=2)
    def loop(config, trial):
        yield hs.Report(0, loss=0.0)

    return loop


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"lr": hs.Float(0.0, 2.0)}, "lr was 0..1 and is now 0..2"),
        ({"lr": hs.Float(1e-3, 1.0, log=True)}, "lr was 0..1 and is now 0.001..1 on a log scale"),
        ({"act": hs.Choice(["relu", "gelu"])}, "act was relu or tanh and is now relu or gelu"),
        ({"act": None}, "act was searched and is no longer"),
    ],
)
def test_a_study_is_not_continued_in_another_space(tmp_path, change, sentence):
    open_study(tmp_path, changed(), method="random")
    with pytest.raises(StudyError) as error:
        open_study(tmp_path, changed(**change))
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"method": "tpe"}, "the method was random and is now tpe"),
        ({"seed": 4}, "the seed of the search was 0 and is now 4"),
        ({"seeds": 2}, "the seeds of a trial was 42 and is now 42, 123"),
        ({"pins": {"depth": 2}}, "the pinned parameters was none and is now depth=2"),
    ],
)
def test_a_study_is_not_continued_in_another_way(tmp_path, settings, sentence):
    open_study(tmp_path, method="random")
    with pytest.raises(StudyError) as error:
        open_study(tmp_path, **settings)
    assert sentence in str(error.value)


def test_a_study_that_is_driven_can_be_looked_at(tmp_path):
    study = open_study(tmp_path, method="tpe")
    drive(study, 3, mixed_loss)
    study.ask()
    looked = Study.look(mixed, "s", store=Store(tmp_path / "studies.db"))
    assert [t.outcome.final for t in looked.trials] == [True, True, True, False]
    assert looked.ranked() == study.ranked()


def test_a_study_belongs_to_one_workload(tmp_path):
    open_study(tmp_path, method="random")
    with pytest.raises(StudyError, match="of mixed, not of loop"):
        open_study(tmp_path, changed())


def test_a_number_taken_by_another_driver_is_skipped(tmp_path):
    """What two drivers on PostgreSQL do; here, two studies open in one process."""
    one, two = (open_study(tmp_path, mixed, method="tpe") for _ in range(2))
    numbers = [study.ask().number for study in (one, two, two, one, one)]
    assert numbers == [0, 1, 2, 3, 4]


def test_a_choice_may_be_searched_among_some_of_its_options(tmp_path):
    space = hs.Space(mode=hs.Choice(["a", "b", "c"], default="c"), x=hs.Float(0.0, 1.0))

    @hs.workload(space=space, metric="loss", goal="minimize", budget=1)
    def three(config, trial):
        yield hs.Report(0, loss=config.x)

    def opened(**more):
        made = {"start": {"mode": "a"}, "method": "random", **more}
        return Study.open(three, "some", store=Store(tmp_path / "studies.db"), **made)

    study = opened(among={"mode": ("a", "b")})
    for _ in range(20):
        spec = study.ask()
        study.tell(spec.number, Outcome.COMPLETED, {"loss": [spec.config.x]})
    study.close()
    again = opened()  # keeps what it was made with, and finds nothing changed
    assert again.differences == ()
    again.close()
    assert {trial.parameters["mode"] for trial in study.trials} == {"a", "b"}
    with pytest.raises(SpaceError, match="d is not one of a, b, c"):
        Study.open(three, "n", store=Store(tmp_path / "n.db"), among={"mode": ("a", "d")})
    with pytest.raises(SpaceError, match="x is not a choice that is searched"):
        Study.open(three, "n", store=Store(tmp_path / "n.db"), among={"x": (0.0, 1.0)})
