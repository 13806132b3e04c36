"""What earlier studies found is carried over: honestly, for good, and to some use."""

from __future__ import annotations

import math
import statistics

import pytest
from tests.search.loops import three, two_aims, valley
from tests.search.problems import MIXED, drive, mixed, mixed_loss, open_study, sequence

import homeostat as hs
from homeostat.errors import StudyError, UnknownNameError
from homeostat.record.outcome import Outcome
from homeostat.search.search import read
from homeostat.study.store import Store
from homeostat.study.study import Study

LEARNING = ("auto", "tpe", "nsga2", "nsga3")


def bowl(space, *, goal="minimize", name="bowl", budget=1):
    metric = "v" if goal == "minimize" else "score"

    def loop(config, trial):
        yield hs.Report(0, **{metric: 0.0})

    loop.__name__ = name
    return hs.workload(space=space, metric=metric, goal=goal, budget=budget)(loop)


CUBE = {name: hs.Float(0.0, 1.0) for name in "abc"}


def depth(config):
    return sum((config[name] - at) ** 2 for name, at in (("a", 0.8), ("b", 0.3), ("c", 0.1)))


@pytest.mark.parametrize(
    ("method", "before", "trials"), [("tpe", 30, 14), ("auto", 20, 8), ("nsga2", 40, 20)]
)
@pytest.mark.slow
def test_a_warm_start_beats_a_cold_one_of_as_many_trials(method, before, trials, tmp_path):
    """Not by the rerun of the earlier best alone: what the sampler proposes next is better too."""
    workload = bowl(hs.Space(**CUBE))
    gains, medians = [], []
    for seed in range(5):
        earlier = open_study(tmp_path, workload, f"earlier{seed}", method="tpe", seed=seed + 50)
        drive(earlier, before, depth)
        found = {}
        for kind, sources in (("cold", ()), ("warm", (f"earlier{seed}",))):
            study = open_study(
                tmp_path, workload, f"{kind}{seed}", method=method, seed=seed, carry_from=sources
            )
            drive(study, trials, depth)
            found[kind] = [trial.values["v"] for trial in study.trials[2:]]
        gains.append(math.log(min(found["cold"]) / min(found["warm"])))
        medians.append(statistics.median(found["cold"]) / statistics.median(found["warm"]))
    assert statistics.fmean(gains) > 0.5
    assert sum(gain > 0 for gain in gains) >= 4
    assert min(medians) > 1.2


def lost_at_high_rates(config):
    return None if config["lr"] > 0.5 else mixed_loss(config)


@pytest.mark.parametrize("method", LEARNING)
def test_a_resumed_warm_study_equals_an_uninterrupted_one(method, tmp_path):
    drive(open_study(tmp_path, name="earlier", method="sobol"), 25, lost_at_high_rates)
    whole, parts = (
        open_study(tmp_path, name=name, method=method, carry_from=["earlier"])
        for name in ("whole", "parts")
    )
    # The earlier study goes on meanwhile; what was carried over stays as it was.
    drive(open_study(tmp_path, name="earlier"), 30, lost_at_high_rates)
    drive(whole, 14, lost_at_high_rates)
    for stop in (1, 2, 5, 14):
        drive(parts, stop, lost_at_high_rates)
        if stop == 5:
            parts.ask()  # and dies with this one running
        parts.close()
        parts = open_study(tmp_path, name="parts")
    assert sequence(parts) == sequence(whole)
    cold = open_study(tmp_path, name="cold", method=method)
    drive(cold, 14, lost_at_high_rates)
    assert sequence(cold) != sequence(whole)


def test_carried_trials_are_marked_and_are_none_of_the_study_s_own(tmp_path):
    earlier = open_study(tmp_path, name="earlier", method="sobol")
    drive(earlier, 12, lost_at_high_rates)
    study = open_study(tmp_path, name="next", carry_from=["earlier"])
    assert len(study.trials) == 0
    assert study.ranked() == []
    kept = study.definition.carried
    assert [(c.study, c.number) for c in kept] == [("earlier", n) for n in range(12)]
    assert [dict(c.parameters) for c in kept] == [dict(t.parameters) for t in earlier.trials]
    assert [dict(c.values) for c in kept] == [dict(t.values) for t in earlier.trials]
    assert {len(c.values) for c in kept} == {0, 1}  # some diverged, and are known to
    assert open_study(tmp_path, name="next").definition == study.definition


def test_the_default_comes_first_and_the_best_of_before_is_run_again(tmp_path):
    earlier = open_study(tmp_path, name="earlier", method="sobol")
    drive(earlier, 12, mixed_loss)
    study = open_study(tmp_path, name="next", carry_from=["earlier"])
    drive(study, 3, mixed_loss)
    assert study.config(study.trials[0]) == MIXED.resolve()
    assert study.trials[1].parameters == earlier.ranked()[0].parameters
    assert study.trials[1].values == earlier.ranked()[0].values


def test_a_diverged_region_is_not_tried_again(tmp_path):
    workload = bowl(hs.Space(**CUBE))

    def falling_off(config):
        return None if config["a"] > 0.6 else (config["a"] - 0.6) ** 2

    drive(open_study(tmp_path, workload, "earlier", method="sobol"), 40, falling_off)
    lost = {}
    for kind, sources in (("cold", ()), ("warm", ["earlier"])):
        study = open_study(tmp_path, workload, kind, method="tpe", carry_from=sources)
        drive(study, 20, falling_off)
        lost[kind] = sum(t.outcome is Outcome.DIVERGED for t in study.trials)
    assert lost["warm"] < lost["cold"]


def narrowed(**change):
    return hs.Space(**{n: p for n, p in {**CUBE, **change}.items() if p is not None})


@pytest.mark.parametrize(
    ("space", "settings", "carried", "said"),
    [
        (narrowed(a=hs.Float(0.0, 0.5)), {}, 6, "6 with a outside 0..0.5"),
        (narrowed(a=hs.Float(-1.0, 2.0)), {}, 12, ""),
        (narrowed(c=None), {}, 12, "c, unknown now, varied in them"),
        (narrowed(), {"seeds": 2}, 12, "their seeds were 42 and are 42, 123 now"),
        (narrowed(), {"pins": {"c": 0.25}}, 12, "c, 0.25 now, varied in them"),
        (narrowed(), {"names": ["a", "b"]}, 12, "c, 0.5 now, varied in them"),
        (
            narrowed(d=hs.Float(0.0, 1.0, default=0.125)),
            {},
            12,
            "d, searched now, was 0.125 in them",
        ),
        (narrowed(b=hs.Choice([0.5, 1.0])), {}, 1, "11 with b outside 0.5 or 1"),
    ],
)
def test_what_cannot_be_carried_over_is_said_with_the_reason(
    space, settings, carried, said, tmp_path
):
    drive(open_study(tmp_path, bowl(hs.Space(**CUBE)), "earlier", method="sobol"), 12, depth)
    study = open_study(tmp_path, bowl(space), "next", carry_from=["earlier"], **settings)
    [sentence] = study.definition.sources.values()
    assert sentence.startswith(f"From study earlier: {carried} of 12 trials carried over")
    assert said in sentence
    assert sentence in study.notes
    assert len(study.definition.carried) == carried
    for trial in study.definition.carried:
        assert trial.parameters.keys() == study.definition.searched.keys()
    drive(study, 5, lambda config: depth({"c": 0.5, **config}))


def test_a_trial_without_a_value_that_is_needed_now_is_left_out(tmp_path):
    earlier = open_study(tmp_path, name="earlier", method="sobol")
    drive(earlier, 12, mixed_loss)
    with_sgd = [t.number for t in earlier.trials if t.parameters["optimizer"] == "sgd"]
    study = open_study(tmp_path, name="next", carry_from=["earlier"], pins={"optimizer": "sgd"})
    assert [trial.number for trial in study.definition.carried] == with_sgd
    assert f"{12 - len(with_sgd)} without momentum" in study.definition.sources["earlier"]


def test_pruned_failed_and_unfinished_trials_stay_behind(tmp_path):
    earlier = open_study(tmp_path, name="earlier", method="sobol")
    drive(earlier, 3, mixed_loss)
    for outcome in (Outcome.PRUNED, Outcome.FAILED, Outcome.TIMEOUT):
        earlier.tell(earlier.ask().number, outcome, {"loss": [0.0]})
    earlier.ask()
    study = open_study(tmp_path, name="next", carry_from=["earlier"])
    assert study.definition.sources["earlier"] == (
        "From study earlier: 3 of 7 trials carried over; not carried: 1 pruned, 1 failed, "
        "1 timeout, 1 running."
    )


def test_several_studies_and_one_elsewhere(tmp_path):
    drive(open_study(tmp_path / "other", name="far", method="sobol"), 4, mixed_loss)
    drive(open_study(tmp_path, name="near", method="sobol"), 3, mixed_loss)
    path = str(tmp_path / "other" / "studies" / "far")
    study = open_study(tmp_path, name="next", carry_from=["near", path])
    assert [c.study for c in study.definition.carried] == ["near"] * 3 + [path] * 4


def test_what_does_not_belong_is_refused_in_one_line(tmp_path):
    store = Store(tmp_path / "studies.db")
    cube = bowl(hs.Space(**CUBE))
    drive(open_study(tmp_path, cube, "earlier", method="sobol"), 3, depth)
    Study.open(cube, "empty", store=store)
    cases = [
        (mixed, {}, "earlier", "is of bowl, not of mixed"),
        (bowl(hs.Space(**CUBE), goal="maximize"), {}, "earlier",
         "aims to minimize v, and this one to maximize score"),
        (bowl(hs.Space(**CUBE), budget=5), {}, "earlier", "trained for 1 steps and this one for 5"),
        (cube, {}, "empty", "Nothing of study 'empty' can be carried over: no trial"),
        (cube, {}, "nowhere/else", "No study at nowhere/else"),
        (cube, {"method": "random"}, "earlier", "random learns from no trial"),
        (cube, {"method": "cmaes"}, "earlier", "cmaes learns from its own trials only"),
        (bowl(narrowed(a=hs.Float(5.0, 6.0))), {}, "earlier", "3 with a outside 5..6"),
    ]  # fmt: skip
    for workload, settings, source, said in cases:
        with pytest.raises(StudyError) as error:
            open_study(tmp_path, workload, "next", carry_from=[source], **settings)
        assert said in str(error.value)
        assert "\n" not in str(error.value)
    with pytest.raises(UnknownNameError, match="No study 'earlie' "):
        open_study(tmp_path, cube, "next", carry_from=["earlie"])
    assert store.names() == ["earlier", "empty"]


def test_where_a_study_began_is_settled_when_it_is_made(tmp_path):
    drive(open_study(tmp_path, name="earlier", method="sobol"), 3, mixed_loss)
    open_study(tmp_path, name="next", carry_from=["earlier"])
    open_study(tmp_path, name="next", carry_from=["earlier"])
    with pytest.raises(StudyError, match="'next' began from earlier"):
        open_study(tmp_path, name="next", carry_from=["earlier", "other"])
    with pytest.raises(StudyError, match="'earlier' began without earlier studies"):
        open_study(tmp_path, name="earlier", carry_from=["earlier"])


def test_a_search_says_what_it_carried_over_and_its_best_is_its_own(tmp_path):
    hs.search(valley, 20, method="tpe", results=tmp_path, study="first", confirm=False)
    found = hs.search(
        valley, 1, results=tmp_path, study="second", carry_from="first", confirm=False
    )
    assert "From study first: 20 of 20 trials carried over." in found.notes
    assert found.best.number == 0  # it has the default alone, and nothing else may win
    assert len(found.trials) == 1
    assert "From study first" in " ".join(read("second", results=tmp_path).notes)


def test_several_objectives_are_carried_over(tmp_path):
    hs.search(two_aims, 12, method="sobol", results=tmp_path, study="first", confirm=False)
    found = hs.search(
        two_aims, 6, method="nsga2", results=tmp_path, study="second", carry_from="first",
        confirm=False,
    )  # fmt: skip
    assert found.trials[1].values["up"] == max(
        c.values["up"] for c in _carried(tmp_path, two_aims, "second")
    )


def test_what_was_run_before_is_not_taken_for_a_trial_of_this_study(tmp_path):
    """Each of its own trials is run, though the same configuration was carried over."""
    hs.search(three, 3, method="sobol", results=tmp_path, study="first", confirm=False)
    hs.search(three, 2, results=tmp_path, study="second", carry_from="first", confirm=False,
              method="tpe")  # fmt: skip
    assert (tmp_path / "studies" / "second" / "trial_0000").exists()


def _carried(folder, workload, name):
    return Study.look(workload, name, store=Store(folder / "studies.db")).definition.carried


def test_a_plan_learns_from_a_study_at_that_study_s_length(tmp_path):
    hs.search(valley, 8, method="sobol", results=tmp_path, study="first", budget=2, confirm=False)
    tuned = hs.tune(valley, budget="3s", results=tmp_path, study="plan", carry_from="first")
    assert "Each attempt gets 2 steps, as in first." in tuned.phase("search").decisions
    assert any(s.startswith("From study first: 8 of") for s in tuned.phase("search").sentences)
    with pytest.raises(UnknownNameError, match="No study 'firs'"):
        hs.tune(valley, budget="3s", results=tmp_path, study="other", carry_from="firs")
