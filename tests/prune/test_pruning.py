"""Trials that will not be among the best stop early, and what that costs is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.search.loops import racing, two_races
from tests.search.problems import sequence

import homeostat as hs
from homeostat.errors import StudyError, UnknownNameError
from homeostat.prune.auto import expected_end, outlook, possible_ends
from homeostat.prune.curve import Curve, dominators
from homeostat.prune.rules import RULES, make_rule
from homeostat.prune.seedwise import reason_to_skip
from homeostat.record.outcome import Outcome
from homeostat.search.search import read
from homeostat.study.ask import EXPECTED
from homeostat.study.store import Store
from homeostat.study.study import Study

BUDGET = 40


def training_curves(count: int, seed: int) -> np.ndarray:
    """Errors of networks that learn at their own pace to their own floor, with noise."""
    rng = np.random.default_rng(seed)
    floor = 0.05 + 0.5 * rng.random(count) ** 2
    pace = np.exp(rng.normal(-1.0, 0.7, count))
    t = np.arange(BUDGET)
    clean = floor[:, None] + (0.9 - floor[:, None]) * (1 + t) ** -pace[:, None]
    return clean + 0.005 * rng.normal(size=clean.shape)


def replay(rule, curves: np.ndarray) -> tuple[float, float]:
    """Plays a study on known curves; the share of steps saved, and how much worse the best is."""
    past, used, finals = [], 0, []
    for number, y in enumerate(curves):
        stop = len(y)
        for rung in sorted(rule.rungs(number)):
            curve = Curve(number, np.arange(rung + 1), y[: rung + 1, None])
            if rule.reason(curve, past):
                stop = rung + 1
                break
        used += stop
        if stop == len(y):
            finals.append(y[-1])
        past.append(Curve(number, np.arange(stop), y[:stop, None], completed=stop == len(y)))
    return 1 - used / curves.size, min(finals) - curves[:, -1].min()


def test_auto_saves_a_third_of_the_steps_and_keeps_the_best():
    played = [replay(make_rule("auto", (), BUDGET), training_curves(60, s)) for s in range(12)]
    saved, lost = np.array(played).T
    assert saved.mean() >= 0.30
    assert (lost > 0.005).mean() <= 0.1  # within the noise of a single report


@pytest.mark.parametrize("name", [name for name in RULES if name != "seeds"])
def test_a_rule_saves_steps_and_lets_the_first_trials_pass(name):
    curves = training_curves(60, 1)
    saved, _ = replay(make_rule(name, (), BUDGET), curves)
    assert 0.2 < saved < 0.95
    assert replay(make_rule(name, (), BUDGET), curves[:2])[0] == 0


@pytest.mark.parametrize("name", ["auto", "median"])
def test_a_trial_that_is_ahead_is_never_stopped(name):
    curves = training_curves(40, 2)
    best = curves[[np.argmin(curves[:, -1])]] - 0.02
    rule = make_rule(name, (), BUDGET)
    past = [Curve(i, np.arange(BUDGET), y[:, None], completed=True) for i, y in enumerate(curves)]
    for rung in rule.rungs(40):
        curve = Curve(40, np.arange(rung + 1), (curves[:, : rung + 1].min(0) - 0.01)[:, None])
        assert rule.reason(curve, past) == "", best


def test_an_extrapolation_is_right_where_curves_are_straight_in_log_time():
    t = np.arange(BUDGET)
    lines = [1.0 - slope * np.log1p(t) for slope in np.linspace(0.05, 0.2, 12)]
    curves = [Curve(i, t, y[:, None], completed=True) for i, y in enumerate(lines)]
    own, others = curves[5].until(9), curves[:5] + curves[6:]
    level_O, drift_O = outlook(own, BUDGET - 1)
    assert level_O + drift_O == pytest.approx(curves[5].final_O, abs=1e-9)
    finals_CO = np.array([c.final_O for c in others])
    ends_MO = possible_ends(own, [c.until(9) for c in others], finals_CO, BUDGET - 1)
    assert np.median(ends_MO) == pytest.approx(curves[5].final_O[0], abs=0.01)


def test_chances_are_as_large_as_they_say():
    """Of all ends, about one in ten lies below the tenth percentile that was predicted."""
    curves = training_curves(300, 3)
    known, rest = curves[:40], curves[40:]
    past = [Curve(i, np.arange(11), y[:11, None]) for i, y in enumerate(known)]
    finals_CO = known[:, -1:]
    below = [
        y[-1]
        < np.quantile(
            possible_ends(Curve(99, np.arange(11), y[:11, None]), past, finals_CO, BUDGET - 1), 0.1
        )
        for y in rest
    ]
    assert 0.02 < np.mean(below) < 0.2


def test_where_a_stopped_curve_would_end_is_closer_than_where_it_was_stopped():
    curves = training_curves(60, 3)
    whole = [Curve(n, np.arange(BUDGET), y[:, None], completed=True) for n, y in enumerate(curves)]
    closer, ends = [], []
    for y in curves[30:]:
        [end] = expected_end(Curve(99, np.arange(8), y[:8, None]), whole[:30], BUDGET - 1)
        closer.append(abs(end - y[-1]) < abs(y[7] - y[-1]))
        ends.append(end)
    assert np.mean(closer) >= 0.8
    assert np.corrcoef(ends, curves[30:, -1])[0, 1] > 0.9


def test_the_sampler_is_told_where_a_stopped_trial_would_have_ended(tmp_path):
    found = hs.search(racing, 24, prune="auto", results=tmp_path, confirm=False, method="random")
    done = [t.values["loss"] for t in found.trials if t.outcome is Outcome.COMPLETED]
    stopped = [t for t in found.trials if t.outcome is Outcome.PRUNED]
    told = [t.attributes[EXPECTED]["loss"] for t in stopped]
    assert told
    assert all(np.isfinite(told)) and min(told) > min(done)


def test_the_median_rule_is_the_usual_one_with_one_objective():
    rule = make_rule("median", (4,), BUDGET)
    past = [Curve(i, np.arange(9), np.full((9, 1), float(i)), completed=True) for i in range(11)]
    for value in (0.0, 4.5, 5.0, 5.5, 20.0):
        curve = Curve(11, np.arange(5), np.full((5, 1), value))
        assert bool(rule.reason(curve, past)) == (value > 5.0)


@given(st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_the_median_rule_stops_exactly_what_is_worse_than_the_median_in_every_objective(
    objectives, seed
):
    rng = np.random.default_rng(seed)
    points_CO = rng.integers(0, 6, (12, objectives)).astype(float)  # with ties
    own_O = rng.integers(0, 6, objectives).astype(float)
    past = [
        Curve(i, np.arange(9), np.tile(p, (9, 1)), completed=True) for i, p in enumerate(points_CO)
    ]
    rule = make_rule("median", (4,), BUDGET)
    stopped = bool(rule.reason(Curve(12, np.arange(5), np.tile(own_O, (5, 1))), past))
    worse = [own > np.median(column) for own, column in zip(own_O, points_CO.T, strict=True)]
    assert stopped == all(worse)


def test_with_several_objectives_a_trial_on_the_front_goes_on():
    x = np.linspace(0, 1, 12)
    front_CO = np.stack([x, 1 - x], axis=1)
    inner_CO = front_CO + 0.3
    assert dominators(front_CO, np.vstack([front_CO, inner_CO])).tolist() == [0] * 12
    past = [
        Curve(i, np.arange(9), np.tile(p, (9, 1)), completed=True)
        for i, p in enumerate(np.vstack([front_CO, inner_CO]))
    ]
    for name in ("median", "auto"):
        rule = make_rule(name, (4,), 9)
        assert not rule.reason(Curve(30, np.arange(5), np.tile([0.2, 0.7], (5, 1))), past)
        assert rule.reason(Curve(30, np.arange(5), np.tile([0.9, 0.9], (5, 1))), past)


def test_the_other_seeds_of_a_hopeless_trial_are_left_out():
    rng = np.random.default_rng(0)
    means = rng.normal(size=12)
    complete_CSO = means[:, None, None] + rng.normal(0, 0.1, (12, 3, 1))
    assert reason_to_skip(np.array([[means.min() + 1.5]]), complete_CSO)
    assert not reason_to_skip(np.array([[means.min()]]), complete_CSO)
    # A seed that is hard for every trial is not held against this one.
    complete_CSO[:, 0] += 5.0
    assert not reason_to_skip(np.array([[means.min() + 5.0]]), complete_CSO)


def test_a_search_prunes_tells_why_and_goes_on_the_same_after_a_stop(tmp_path):
    settings = {"method": "tpe", "prune": "auto", "confirm": False}
    whole = hs.search(racing, 30, results=tmp_path / "a", study="s", **settings)
    pruned = [t for t in whole.trials if t.outcome is Outcome.PRUNED]
    assert len(pruned) >= 5
    assert all("to end among the best" in t.reason for t in pruned)
    assert whole.best.value == min(t.values["loss"] for t in whole.trials if t not in pruned)
    hs.search(racing, 17, results=tmp_path / "b", study="s", **settings)
    hs.search(racing, 30, results=tmp_path / "b", study="s")  # keeps the rule it was made with
    with Study.open(racing, "s", store=Store(tmp_path / "b/studies.db")) as other:
        assert sequence(other) == [
            (t.number, t.outcome, dict(t.parameters), dict(t.values)) for t in whole.trials
        ]


@pytest.mark.slow
def test_seeds_run_in_turn_and_the_engines_agree(tmp_path):
    settings = {"method": "random", "prune": "auto", "seeds": 3, "confirm": False}
    inline = hs.search(racing, 24, results=tmp_path / "a", study="s", **settings)
    local = hs.search(
        racing, 24, results=tmp_path / "b", study="s", engine="local", jobs=1, **settings
    )
    assert [t.outcome for t in inline.trials] == [t.outcome for t in local.trials]
    assert [t.values for t in inline.trials] == [t.values for t in local.trials]
    short = [t for t in inline.trials if len(t.per_seed["loss"]) < 3]
    assert short
    assert all(t.outcome is Outcome.PRUNED for t in short)


def test_seeds_alone_can_be_left_out(tmp_path):
    """Each seed that is begun runs to its end: for losses that come with the last report only."""
    settings = {"method": "sobol", "seeds": 3, "confirm": False}
    whole = hs.search(racing, 24, results=tmp_path / "a", study="s", **settings)
    found = hs.search(racing, 24, results=tmp_path / "b", study="s", prune="seeds", **settings)
    short = [t for t in found.trials if t.outcome is Outcome.PRUNED]
    assert len(short) >= 8
    for trial in short:
        assert 1 <= len(trial.per_seed["loss"]) < 3
        assert trial.per_seed["loss"][0] == whole.trials[trial.number].per_seed["loss"][0]
        assert "a chance of" in trial.reason
    assert found.best.number == whole.best.number
    with pytest.raises(StudyError, match="there is one"):
        hs.search(racing, 5, results=tmp_path / "c", prune="seeds")
    with pytest.raises(StudyError, match="at whichever step"):
        hs.search(racing, 5, results=tmp_path / "c", prune="seeds", seeds=3, prune_at=[3])


def test_several_objectives_can_be_pruned(tmp_path):
    found = hs.search(
        two_races, 30, method="random", prune="median", results=tmp_path, study="s", confirm=False
    )
    assert found.outcomes[Outcome.PRUNED] >= 3
    assert read("s", workload=two_races, results=tmp_path).outcomes == found.outcomes


@pytest.mark.parametrize(
    ("goal", "reached", "told"),
    [
        ("maximize", 2.0, 10.0),  # scores grow: 2 at step 10 is no worse than the worst at the end
        ("maximize", 25.0, 20.0),  # it overfits from here on: no better than the median
        ("maximize", 15.0, 15.0),
        ("minimize", 50.0, 30.0),
        ("minimize", 5.0, 20.0),
    ],
)
def test_a_pruned_trial_counts_as_one_of_the_worse_half(tmp_path, goal, reached, told):
    @hs.workload(space=hs.Space(x=hs.Float(0.0, 1.0)), metric="score", goal=goal, budget=1)
    def any_score(config, trial):
        yield hs.Report(0, score=0.0)

    store = hs.Store(tmp_path / "studies.db")
    study = Study.open(any_score, "s", store=store, method="tpe", wave=1)
    shown = {}
    study._proposals._sampler.learn = lambda number, values, excess: shown.update({number: values})
    for value in (10.0, 20.0, 30.0):
        study.tell(study.ask().number, Outcome.COMPLETED, {"score": [value]})
    study.tell(study.ask().number, Outcome.PRUNED, {"score": [reached]})
    study._proposals._show(study.trials, 4)
    assert shown[3] == (told,)


def test_a_wrong_rule_or_step_is_refused(tmp_path):
    with pytest.raises(UnknownNameError, match="medain"):
        hs.search(racing, 2, prune="medain", results=tmp_path)
    with pytest.raises(StudyError, match="step 99"):
        hs.search(racing, 2, prune="median", prune_at=[99], results=tmp_path)
