"""One verdict of a study, from the store alone: who won, on which evidence, or why nobody has."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homeostat.record.files import plain
from homeostat.record.outcome import Outcome
from homeostat.search.decide import verdict_of
from homeostat.study.records import StudyRow, TrialRow
from homeostat.workload.goal import Goal

FRESH = (11, 12, 13)


def study(objectives=None, confirmation=None, **settings):
    """A study as stored: an old one has neither a default trial nor losses in it."""
    objectives = objectives or {"loss": "minimize"}
    definition = {"objectives": objectives, "seeds": [42], "budget": 4, "start": {}, "pins": {}}
    return StudyRow(
        key=1, name="s", workload="w", definition=definition, settings=settings,
        confirmation=confirmation, created=0.0,
    )  # fmt: skip


def trial(number, value=None, outcome=Outcome.COMPLETED, x=None, **others):
    values = ({} if value is None else {"loss": value}) | others
    return TrialRow(
        key=number, number=number, outcome=outcome, values=values, sds=dict.fromkeys(values),
        per_seed={name: (v,) for name, v in values.items()},
        parameters={"x": number if x is None else x},
    )  # fmt: skip


def confirmed(trials, values, **more):
    """As `confirm` records it: trial -> its values on the fresh seeds, None where it has none."""
    kept = {
        str(number): {str(s): v for s, v in zip(FRESH, row, strict=True) if v is not None}
        for number, row in values.items()
    }
    return {"after": len(trials), "seeds": list(FRESH), "chosen": [], "values": kept} | more


TRIALS = [trial(0, 0.50), trial(1, 0.30), trial(2, 0.40)]


def test_the_winner_is_the_best_on_fresh_seeds_and_every_figure_says_where_it_is_from():
    values = {0: (0.50, 0.52, 0.48), 1: (0.41, 0.43, 0.39), 2: (0.5, 0.5, 0.5)}
    verdict = verdict_of(study(confirmation=confirmed(TRIALS, values)), TRIALS)
    assert (verdict.status, verdict.winner.number, verdict.leader.number) == ("confirmed", 1, 1)
    assert verdict.on_fresh_seeds(verdict.winner).mean == pytest.approx(0.41)
    assert verdict.gain.mean == pytest.approx(0.09) and verdict.gain.low > 0
    assert verdict.lines == (
        "Winner: trial 1.",
        "Settings of trial 1: x=1.",
        "loss on 3 fresh seeds: trial 1 0.41 ± 0.02; the default 0.5 ± 0.02 (± is the s.d. between "
        "seeds).",
        "Paired gain of trial 1 over the default: 0.09 (95 % interval 0.09 .. 0.09, for the "
        "best of 2): an improvement.",
        "loss in the search (chosen on, 1 seed): trial 1 0.3; the default 0.5.",
    )


@pytest.mark.parametrize("rivals", [1, 5])
def test_the_best_of_several_that_are_no_better_is_seldom_called_an_improvement(rivals):
    # Each helps a little on most seeds, and fails badly on a few: on average not at all.
    rng, runs, wrong = np.random.default_rng(3), 300, 0
    trials = [trial(0, 1.0), *(trial(n, 0.9 - n / 100) for n in range(1, rivals + 1))]
    for _ in range(runs):
        losses = (rng.lognormal(size=(rivals, 10)) - math.exp(0.5)).tolist()
        seen = {0: [0.0] * 10, **dict(enumerate(losses, start=1))}
        kept = {str(n): {str(seed): v for seed, v in enumerate(row)} for n, row in seen.items()}
        found = {"after": len(trials), "seeds": list(range(10)), "chosen": [], "values": kept}
        gain = verdict_of(study(confirmation=found), trials).gain
        wrong += gain.low > 0
    assert wrong / runs <= 0.05  # Student's interval of the best alone: .13 of one, .5 of five


def test_where_nothing_beats_the_default_the_default_has_won_and_the_loser_is_shown_too():
    values = {0: (21.0, 22.0, 23.0), 1: (17.0, 18.0, 19.0)}
    trials = [trial(0, 15.1), trial(1, 35.6)]
    row = study({"loss": "maximize"}, confirmed(trials, values))
    verdict = verdict_of(row, trials)
    assert verdict.default_won and verdict.winner.number == 0
    assert verdict.lines[0] == "Winner: trial 0, the default; nothing did better on fresh seeds."
    text = " ".join(verdict.lines)
    assert "the default 22 ± 1; trial 1 18 ± 1" in text
    assert "(chosen on, 1 seed): the default 15.1; trial 1 35.6" in text
    assert verdict.gain.high < 0 and "a loss: keep the default" in text


def test_several_objectives_are_all_shown_and_the_first_decides():
    trials = [trial(0, 1.0, size=5.0), trial(1, 0.5, size=9.0)]
    others = {"size": {"0": {"11": 5.0}, "1": {"11": 9.5}}}
    kept = confirmed(trials, {0: (1.0,) * 3, 1: (0.6, 0.5, 0.7)}, others=others)
    verdict = verdict_of(study({"loss": "minimize", "size": "minimize"}, kept), trials)
    assert verdict.winner.number == 1
    assert any(line.startswith("size on 3 fresh seeds: trial 1 9.5") for line in verdict.lines)
    assert "size in the search (chosen on, 1 seed): trial 1 9; the default 5." in verdict.lines
    assert "loss, the first objective, decides" in verdict.lines[-1]


# Why there is no winner


def no_winner(row, trials):
    verdict = verdict_of(row, trials)
    assert verdict.winner is None and verdict.gain is None and verdict.why
    assert verdict.why in verdict.lines[0]
    assert not any("fresh seeds:" in line for line in verdict.lines)
    return verdict


@pytest.mark.parametrize(
    ("trials", "why"),
    [
        ([], "no trial has ended yet"),
        ([trial(0, outcome=Outcome.RUNNING)], "no trial has ended yet"),
        (
            [trial(0, outcome=Outcome.DIVERGED), trial(1, outcome=Outcome.FAILED)],
            "none of 2 trials completed (1 diverged, 1 failed)",
        ),
        ([trial(0), trial(1)], "none of the 2 completed trials reported loss"),
        (
            [trial(0, 0.5), trial(1, 0.5), trial(2, outcome=Outcome.DIVERGED)],
            "all 2 completed trials score loss 0.5, so none of their settings is the best",
        ),
    ],
)
def test_without_a_best_trial_no_winner_is_named_and_the_reason_is(trials, why):
    verdict = no_winner(study(), trials)
    assert (verdict.status, verdict.trial, verdict.why) == ("none", None, why)


def test_a_tie_is_one_even_after_it_was_run_on_fresh_seeds():
    trials = [trial(0, 0.5), trial(1, 0.5)]
    kept = confirmed(trials, {0: (0.5, 0.4, 0.3), 1: (0.5, 0.4, 0.2)})
    assert no_winner(study(confirmation=kept), trials).trial is None


def test_one_setting_drawn_twice_is_no_tie():
    assert verdict_of(study(), [trial(0, 0.5, x=1), trial(1, 0.5, x=1)]).leader.number == 0


def test_trials_that_share_the_best_value_are_said_to():
    verdict = verdict_of(study(), [trial(0, 0.9), trial(1, 0.5), trial(2, 0.5)])
    assert verdict.leader.number == 1 and verdict.tied == (2,)
    assert "With other settings trial 2 scored exactly the same in the search." in verdict.lines


@pytest.mark.parametrize(
    ("confirmation", "why"),
    [
        (None, "has not been run on fresh seeds"),
        (confirmed(TRIALS[:2], {0: (1, 1, 1), 1: (0, 0, 0)}), "1 trial came after the runs on"),
        ({"after": 3, "seeds": [], "values": {}, "why": "too little time"}, "too little time"),
        (confirmed(TRIALS, {0: (None,) * 3, 1: (None,) * 3}), "no attempt on fresh seeds has a"),
        (
            confirmed(TRIALS, {1: (None,) * 3}, lost={"1": {"11": "timeout", "12": "timeout"}}),
            "no attempt on fresh seeds has a value (2 ended as timeout)",
        ),
        ({"after": 3, "seeds": [], "values": {"0": {}, "1": {}}}, "no attempt on fresh seeds has"),
    ],
)
def test_what_was_not_confirmed_is_the_best_in_the_search_and_no_winner(confirmation, why):
    verdict = no_winner(study(confirmation=confirmation), TRIALS)
    assert (verdict.status, verdict.leader.number) == ("unconfirmed", 1)
    assert why in verdict.why
    assert "Best in the search: trial 1." in verdict.lines[0]
    assert "confirmed" not in " ".join(verdict.lines)


def test_seeds_that_timed_out_are_not_counted():
    values = {0: (0.5, 0.5, 0.5), 1: (0.1, None, None)}
    kept = confirmed(TRIALS, values, lost={"1": {"12": "timeout", "13": "timeout"}})
    verdict = verdict_of(study(confirmation=kept), TRIALS)
    assert verdict.winner.number == 0
    assert "trial 1 0.1 (1 of 3 seeds: 2 ended as timeout)" in " ".join(verdict.lines)
    assert verdict.gain.n == 1 and "one pair has no interval" in " ".join(verdict.lines)


def test_a_study_from_elsewhere_has_no_default():
    verdict = verdict_of(study(default_trial=None), TRIALS)
    assert verdict.default is None and "default" not in " ".join(verdict.lines)


# Laws

ENDS = st.sampled_from([Outcome.COMPLETED] * 3 + [Outcome.DIVERGED, Outcome.RUNNING])
VALUES = st.one_of(st.none(), st.sampled_from([0.1, 0.2, 0.3, 1e-9, -4.0]))


@st.composite
def stored(draw):
    goals = {"loss": draw(st.sampled_from(Goal)).value}
    if draw(st.booleans()):
        goals["size"] = draw(st.sampled_from(Goal)).value
    count = draw(st.integers(0, 6))
    trials = []
    for number in range(count):
        outcome = draw(ENDS)
        value, size = draw(VALUES), draw(VALUES)
        others = {} if size is None or "size" not in goals else {"size": size}
        if outcome is Outcome.RUNNING:
            value, others = None, {}
        trials.append(trial(number, value, outcome, x=draw(st.integers(0, 2)), **others))
    kept = None
    if trials and draw(st.booleans()):
        numbers = draw(st.lists(st.sampled_from(range(count)), unique=True))
        values = {n: tuple(draw(VALUES) for _ in FRESH) for n in numbers}
        kept = confirmed(trials, values) | {"after": draw(st.sampled_from([count, count - 1]))}
    return study(goals, kept), trials


@settings(max_examples=300, deadline=None)
@given(stored())
def test_a_verdict_has_a_winner_or_a_reason_and_never_an_empty_figure(case):
    row, trials = case
    verdict = verdict_of(row, trials)
    assert (verdict.winner is None) == bool(verdict.why)
    text = json.dumps(plain(verdict.to_json(), null=True)) + " ".join(verdict.lines)
    assert "nan" not in text and "n = 0" not in text
    assert verdict.lines[0].startswith("Winner: " if verdict.winner else "No winner")
    done = [t.values["loss"] for t in trials
            if t.outcome is Outcome.COMPLETED and "loss" in t.values]  # fmt: skip
    if verdict.leader is not None:
        assert verdict.leader.values["loss"] == verdict.goal.best(done)
    if verdict.winner is not None:
        score = verdict.on_fresh_seeds(verdict.winner)
        assert score.n > 0 and math.isfinite(score.mean)
        whole = [s for s in verdict.fresh["loss"].values() if s.n == score.n]
        assert score.mean == verdict.goal.best(s.mean for s in whole)


@settings(max_examples=100, deadline=None)
@given(stored(), st.randoms())
def test_a_verdict_does_not_depend_on_the_order_in_which_a_database_gives_trials(case, random):
    row, trials = case
    shuffled = list(trials)
    random.shuffle(shuffled)
    assert verdict_of(row, shuffled).to_json() == verdict_of(row, trials).to_json()


def test_a_mirrored_metric_with_the_other_goal_has_the_same_winner():
    kept = confirmed(TRIALS, {0: (0.5, 0.5, 0.6), 1: (0.3, 0.2, 0.4), 2: (0.6, 0.4, 0.5)})
    mirrored = [replace(t, values={"loss": -t.values["loss"]}) for t in TRIALS]
    values = {n: {s: -v for s, v in row.items()} for n, row in kept["values"].items()}
    one = verdict_of(study(confirmation=kept), TRIALS)
    other = verdict_of(study({"loss": "maximize"}, kept | {"values": values}), mirrored)
    assert one.winner.number == other.winner.number
    assert one.gain == other.gain
