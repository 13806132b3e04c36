"""The workload as it is driven: its reports, its resumption, and what its switches do."""

from __future__ import annotations

import copy

import pytest
import torch

from homeostat.errors import UnknownNameError
from homeostat.record.snapshot import read_snapshot, write_snapshot
from homeostat.space import configs
from homeostat.space.moves import made
from homeostat.workload.trial import Trial
from homeostat.workloads.apoptosis.data import SplitText
from homeostat.workloads.apoptosis.remedies import NEUTRAL
from homeostat.workloads.apoptosis.senescence import INFLUENCES
from homeostat.workloads.apoptosis.workload import apoptosis, baselines

SMALL = {
    "width": 16,
    "heads": 2,
    "context": 16,
    "eval_windows": 8,
    "eval_interval": 10,
    "text": "python_source",
}
FAST = {"max_lifespan": 20, "gap": False}


def resolve(**changes):
    return apoptosis.space.resolve({**SMALL, **changes})


def train(config, steps, *, seed=42, state=None, keep=()):
    """Reports by step, and the states at the given steps."""
    trial = Trial(config, seed=seed, budget=steps)
    states = {}

    def remember(step):
        if step in keep:
            states[step] = copy.deepcopy(trial.state(step))

    trial.between_steps.append(remember)
    if state is not None:
        trial.resume_from(state)
    return {report.step: report.metrics for report in apoptosis(config, trial)}, states, trial


def test_every_report_has_the_training_loss_and_the_last_one_the_scores():
    reports, _, trial = train(resolve(max_lifespan=20), 25)
    assert list(reports) == list(range(25))
    assert all({"train_loss", "grad_norm", "events"} <= r.keys() for r in reports.values())
    assert [step for step, r in reports.items() if "val_loss" in r] == [9, 19, 24]
    assert {"val_loss", "bpc", "gap", "vitality_0", "influence_5"} <= reports[24].keys()
    assert reports[24]["bpc"] == pytest.approx(reports[24]["val_loss"] / 0.6931, rel=1e-4)
    # Due at 18 of 20; staggered by half a lifespan; the next multiple of 3 after 8.
    assert trial.extra["events"][0]["step"] == 9


@pytest.mark.slow
def test_it_learns_more_than_the_frequency_of_characters():
    config = apoptosis.space.resolve({"gap": False})
    reports, *_ = train(config, 100)
    floors = baselines(config, Trial(config))
    assert reports[99]["val_loss"] < floors["unigram"] < floors["uniform"]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, marks=pytest.mark.slow),
        pytest.param({"scope": "neuron"}, marks=pytest.mark.slow),
        {"arch": "resnet"},
    ],
)
def test_the_same_seed_gives_the_same_curves_and_another_seed_does_not(changes):
    small = {} if changes.get("arch") else SMALL
    config = apoptosis.space.resolve({**small, **FAST, **changes})
    first, *_ = train(config, 25)
    assert train(config, 25)[0] == first
    assert train(config, 25, seed=123)[0] != first


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, marks=pytest.mark.slow),
        {"birth": "distil", "selection": "both"},
        pytest.param({"influence": "stochastic_depth", "scope": "neuron"}, marks=pytest.mark.slow),
        pytest.param(
            {"update_rule": "sgd_bypass", "roles": "one_way", "start": "half"},
            marks=pytest.mark.slow,
        ),
        pytest.param({"phases": "three"}, marks=pytest.mark.slow),
    ],
)
def test_a_resumed_run_goes_on_bit_for_bit(changes, tmp_path):
    config = resolve(**FAST, **changes)
    whole, states, _ = train(config, 40, keep=[17])
    write_snapshot(tmp_path / "snapshot.npz", states[17])
    rest, *_ = train(config, 40, state=read_snapshot(tmp_path / "snapshot.npz"))
    assert rest == {step: metrics for step, metrics in whole.items() if step >= 17}


def test_senescence_at_neutral_is_the_baseline_bit_for_bit():
    neutral, _, a = train(resolve(**FAST, **NEUTRAL["senescence"]), 15)
    without, _, b = train(resolve(senescence=False), 15)
    assert [r["train_loss"] for r in neutral.values()] == [
        r["train_loss"] for r in without.values()
    ]
    for mine, theirs in zip(parameters(a), parameters(b), strict=True):
        assert torch.equal(mine, theirs)


def test_the_bypass_is_a_different_update_rule_even_at_neutral():
    neutral, *_ = train(resolve(**FAST, **NEUTRAL["senescence"], update_rule="sgd_bypass"), 5)
    without, *_ = train(resolve(senescence=False, update_rule="sgd_bypass"), 5)
    assert neutral[0]["train_loss"] == without[0]["train_loss"]
    assert neutral[4]["train_loss"] != without[4]["train_loss"]


def parameters(trial):
    (model,) = trial.modules.values()
    return list(model.parameters())


@pytest.mark.parametrize("influence", INFLUENCES)
@pytest.mark.slow
def test_every_influence_mode_trains_through_deaths(influence):
    reports, *_ = train(resolve(**FAST, influence=influence), 40)
    assert reports[39]["deaths"] > 2
    assert reports[39]["val_loss"] < reports[9]["val_loss"] + 0.5


@pytest.mark.slow
def test_the_gap_is_the_distance_to_the_matched_baseline_and_is_trained_once(monkeypatch):
    config = resolve(max_lifespan=20)
    reports, *_ = train(config, 21)
    without, *_ = train(resolve(senescence=False), 21)
    assert reports[20]["gap"] == reports[20]["val_loss"] - without[20]["val_loss"]
    # Another lifespan has the same baseline, which is not trained again.
    monkeypatch.setattr("homeostat.workloads.apoptosis.workload.Report", _CountingReport)
    _CountingReport.made = 0
    train(resolve(max_lifespan=30), 21)
    assert _CountingReport.made == 21


def test_a_run_too_short_to_be_compared_trains_no_baseline():
    reports, *_ = train(resolve(max_lifespan=20), 20)
    assert "gap" not in reports[19]


class _CountingReport:
    made = 0

    def __init__(self, step, **metrics):
        type(self).made += 1
        self.step, self.metrics = step, metrics


@pytest.mark.slow
def test_the_documented_score_is_the_training_texts_own():
    honest, *_ = train(resolve(**FAST), 20)
    documented, *_ = train(resolve(**FAST, validation="train_text"), 20)
    last, *_ = train(resolve(**FAST, reported_loss="last_batch"), 20)
    assert honest[19]["val_loss"] == honest[19]["held_out_loss"]
    assert documented[19]["held_out_loss"] == honest[19]["val_loss"]
    assert documented[19]["val_loss"] != honest[19]["val_loss"]
    assert last[19]["val_loss"] == last[19]["train_loss"]


def test_declared_validation_rows_are_training_rows_only_as_documented():
    def shared(**changes):
        *_, trial = train(resolve(**FAST, **changes), 1)
        rows = {tuple(row) for row in trial.train_data.tolist()}
        return sum(tuple(row) in rows for row in trial.validation_data.tolist())

    assert shared() == 0
    assert shared(validation="train_text") == SMALL["eval_windows"]


def test_an_update_is_measured_as_the_gradient_step_it_is():
    config = resolve(**FAST, update_rule="sgd", lr_scaling=False, lr=0.01)
    reports, *_ = train(config, 10)
    expected = 0.01 * min(1, reports[9]["grad_norm"])
    assert reports[9]["update_norm"] == pytest.approx(expected, rel=1e-3)


def test_three_phases_read_another_text_in_the_middle():
    reports, *_ = train(resolve(**FAST, phases="three"), 40)
    # 5 : 2 : 1 of 40 steps; each phase is scored at its end.
    assert [step for step, r in reports.items() if "val_loss_b" in r] == [9, 19, 24, 29, 34, 39]
    assert {"adaptation", "forgetting", "recovery"} <= reports[39].keys()
    end_of_a, end_of_b = reports[24]["held_out_loss"], reports[34]["held_out_loss"]
    assert reports[39]["forgetting"] == pytest.approx(end_of_b - end_of_a)
    assert reports[39]["recovery"] == pytest.approx(reports[39]["held_out_loss"] - end_of_a)


def test_only_the_middle_phase_trains_on_the_other_text(monkeypatch):
    drawn, draw = [], SplitText.draw
    monkeypatch.setattr(
        SplitText, "draw", lambda self, *rest: drawn.append(self.sha256) or draw(self, *rest)
    )
    train(resolve(**FAST | {"text": "pydoc_topics"}, phases="three"), 40)
    a, b = drawn[0], drawn[25]
    assert a != b
    assert drawn == [a] * 25 + [b] * 10 + [a] * 5


def test_a_target_is_refused_as_unreachable_where_it_is():
    documented = configs.load("as_documented", apoptosis).resolve(apoptosis.space)
    assert apoptosis.reachable(documented, "deaths", 5000) == (0, 2)
    # A lifespan of 20 is due after 18 steps, and so is replaced every 18; two places, of which
    # one starts half a lifespan ahead.
    low, high = apoptosis.reachable(resolve(), "deaths", 5000)
    assert low == 0
    assert high == 5000 // 18 + (5000 + 9) // 18
    # An interval that is set by hand stays: one death per place at each multiple of 500.
    held = apoptosis.space.resolve({"apoptosis_interval": 500, "maturation_period": 6})
    assert apoptosis.reachable(held, "deaths", 5000) == (0, 20)
    assert apoptosis.reachable(resolve(senescence=False), "deaths", 5000) == (0, 0)
    assert apoptosis.reachable(resolve(), "val_loss", 5000) is None


@pytest.mark.parametrize("name", configs.names(apoptosis))
def test_every_configuration_resolves_and_is_described(name):
    config = configs.load(name, apoptosis)
    assert config.description
    config.resolve(apoptosis.space)


def test_every_remedy_applies_to_the_documented_configuration():
    documented = configs.load("as_documented", apoptosis)
    config = documented.resolve(apoptosis.space)
    for wanted in [*apoptosis.remedies.values(), *NEUTRAL.values()]:
        documented.resolve(apoptosis.space, made(config, apoptosis.space, wanted))


def test_a_text_may_be_any_file(tmp_path):
    file = tmp_path / "poem.txt"
    file.write_text("so much depends upon a red wheel barrow\n" * 60, encoding="utf-8")
    reports, *_ = train(resolve(**FAST | {"text": str(file)}), 10)
    assert reports[9]["val_loss"] > 0
    with pytest.raises(UnknownNameError, match="pydoc_topics"):
        train(resolve(text="pydoc_topic"), 1)
