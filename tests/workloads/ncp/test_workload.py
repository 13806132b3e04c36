"""The workload: it learns, repeats itself, resumes, folds, accumulates, and keeps its rules."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

import homeostat as hs
from homeostat.inspect.symptoms.examine import examine
from homeostat.record import Outcome
from homeostat.space import configs
from homeostat.space.moves import changes
from homeostat.workload import load
from homeostat.workload.trial import Trial
from homeostat.workloads.ncp.learner import TorchLearner
from homeostat.workloads.ncp.settings import rate_at
from homeostat.workloads.ncp.symptoms import REMEDIES, SYMPTOMS
from homeostat.workloads.ncp.tasks import prepare
from homeostat.workloads.ncp.workload import ncp, space

SMALL = {"hidden_size": 16, "backbone_units": 32}


def reports(config=None, budget=3, seed=42):
    trial = Trial(space.resolve(SMALL | (config or {})), seed=seed, budget=budget)
    return trial, [report.metrics for report in ncp(trial.config, trial)]


def test_it_is_found_by_name_and_its_space_has_the_guides_tiers():
    assert load.find("ncp") is ncp
    tiers = {name: parameter.tier for name, parameter in space.searched().items()}
    assert [n for n, tier in tiers.items() if tier == 1] == [
        "learning_rate",
        "hidden_size",
        "num_layers",
    ]
    assert {"backbone_units", "backbone_layers", "backbone_dropout", "mode"} <= {
        n for n, tier in tiers.items() if tier == 2
    }
    assert {"batch_size", "solver", "sparsity", "weight_decay"} <= {
        n for n, tier in tiers.items() if tier == 3
    }
    assert not {"backend", "task", "folds", "data_seed"} & set(tiers)


def test_every_named_configuration_resolves_and_the_examples_are_the_guides():
    for path in sorted(ncp.configs.glob("*.yaml")):
        named = configs.load(path.stem, ncp)
        assert not ncp.space.resolve(named.parameters).adjustments
    forecasting = ncp.space.resolve(configs.load("forecasting", ncp).parameters)
    guide = {"hidden_size": 64, "num_layers": 2, "backbone_units": 128, "backbone_layers": 2}
    guide |= {"backbone_dropout": 0.2, "mode": "default", "activation": "lecun_tanh"}
    assert {name: forecasting[name] for name in guide} == guide
    anomaly = ncp.space.resolve(configs.load("anomaly", ncp).parameters)
    guide = {"model": "ltc", "hidden_size": 32, "num_layers": 1, "backbone_units": 64}
    guide |= {"backbone_layers": 1, "backbone_dropout": 0.1, "activation": "tanh"}
    assert {name: anomaly[name] for name in guide} == guide


def test_a_wired_cfc_gives_up_its_backbone_and_says_so():
    config = space.resolve({"wiring": "ncp"})
    assert config.backbone_layers == 0
    assert "backbone_layers: 1 -> 0" in config.adjustments[0]
    assert space.resolve({"wiring": "ncp", "model": "ltc"}).backbone_layers == 1


def test_it_beats_predicting_no_change_within_seconds():
    trial, curve = reports({"learning_rate": 3e-3}, budget=15)
    assert curve[-1]["val_loss"] < 0.6 * trial.extra["baselines"]["no change"]
    assert curve[-1]["train_loss"] < 0.6 * curve[0]["train_loss"]


@pytest.mark.parametrize(
    "config",
    [
        {"task": "anomaly", "num_points": 1_500},
        {"task": "event_xor", "num_streams": 200},
        {"model": "ltc", "wiring": "ncp"},
        {"model": "lstm"},
        {"num_layers": 2, "residual": True, "mixed_memory": True, "wiring": "random"},
        {"optimizer": "rmsprop", "lr_schedule": "decay", "time_scaling": "log"},
    ],
    ids=str,
)
def test_every_task_and_kind_of_network_trains(config):
    used = {
        k: v
        for k, v in SMALL.items()
        if k != "backbone_units"
        or (space.resolve(config).get("backbone_layers") and config.get("model") != "lstm")
    }
    trial = Trial(space.resolve(used | config), budget=2)
    curve = [report.metrics for report in ncp(trial.config, trial)]
    assert len(curve) == 2
    assert all(np.isfinite(value) for report in curve for value in report.values())
    assert curve[0]["train_loss"] != curve[1]["train_loss"]
    assert {"val_loss", "train_loss", "grad_norm", "clip_fraction"} <= set(curve[0])
    if config.get("task") == "anomaly":
        assert {"val_vus_pr", "val_event_f1"} <= set(curve[0])
        assert {"test_vus_pr", "test_event_f1"} <= set(trial.extra["test"])


def test_the_same_seed_gives_the_same_curve_and_another_does_not():
    torch.manual_seed(0)
    _, one = reports()
    torch.manual_seed(0)
    _, same = reports()
    _, other = reports(seed=43)
    assert one == same
    assert one[-1]["val_loss"] != other[-1]["val_loss"]


def test_accumulating_two_batches_is_one_batch_of_twice_the_size():
    problem = prepare(space.resolve(SMALL))
    config = space.resolve(SMALL | {"backbone_dropout": 0.0})
    one, two = (TorchLearner(config, problem, np.random.default_rng(0), "cpu") for _ in range(2))
    rows = problem.train.take(np.arange(16))
    whole = one.step([rows], 1e-3)
    halves = two.step([rows.take(slice(0, 8)), rows.take(slice(8, 16))], 1e-3)
    assert whole == pytest.approx(halves, rel=1e-5)
    for p, q in zip(one.model.parameters(), two.model.parameters(), strict=True):
        # Adam divides by the gradient's size, which magnifies rounding where that is near 0.
        torch.testing.assert_close(p, q, rtol=1e-3, atol=1e-5)


def test_folds_report_their_mean_and_their_spread():
    trial, curve = reports({"folds": 3}, budget=2)
    assert len(trial.extra["sequences"]) == 3
    assert trial.extra["sequences"] == sorted(trial.extra["sequences"])
    assert curve[-1]["val_loss_sd"] > 0
    assert "test" not in trial.extra


def test_the_rate_warms_up_from_above_0_and_falls_to_the_schedules_end():
    def rates(**options):
        config = space.resolve(options)
        return [rate_at(config, epoch / 2, 10) for epoch in range(21)]

    cosine = rates(warmup_epochs=2)
    assert cosine[0] > 0 and cosine[4] == max(cosine) == 1.0
    assert cosine[-1] == pytest.approx(0.0, abs=1e-9)
    assert rates(lr_schedule="constant", warmup_epochs=0) == [1.0] * 21
    decay = rates(lr_schedule="decay", lr_decay=0.9, warmup_epochs=0)
    assert decay[-1] == pytest.approx(0.9**10)


def test_weight_decay_pulls_on_weights_and_leaves_leaks_and_biases(monkeypatch):
    problem = prepare(space.resolve(SMALL))
    options = SMALL | {"model": "ltc", "weight_decay": 0.1}
    learner = TorchLearner(space.resolve(options), problem, np.random.default_rng(0), "cpu")
    before = {n: p.clone() for n, p in learner.model.named_parameters()}
    monkeypatch.setattr(learner.optimizer, "step", lambda: None)  # the decay alone
    learner.step([problem.train], 0.5)
    shrunk = {n for n, p in learner.model.named_parameters() if not torch.equal(p, before[n])}
    assert shrunk == {"recurrent.layers.0.0.backbone_weight_0", "readout.weight"}
    torch.testing.assert_close(learner.model.readout.weight, 0.95 * before["readout.weight"])


@pytest.mark.parametrize("config", [{}, {"folds": 2}, {"backend": "mlx"}], ids=str)
def test_a_trial_cut_short_resumes_as_if_nothing_had_happened(need, config):
    if config.get("backend") == "mlx":
        need("mlx.core", "mlx")
    states = {}
    first = Trial(space.resolve(SMALL | {"backbone_dropout": 0.0} | config), budget=4)

    def save(step):
        states[step] = copy.deepcopy(first.state(step))

    first.between_steps.append(save)
    whole = [report.metrics for report in ncp(first.config, first)]
    second = Trial(first.config, budget=4)
    second.resume_from(states[2])
    assert [report.metrics for report in ncp(second.config, second)] == whole[2:]


@pytest.mark.slow
def test_a_solver_that_runs_away_is_found_with_its_cure(tmp_path):
    config = {"hidden_size": 16, "model": "ltc", "solver": "explicit"}
    run = hs.run(ncp, config, budget=3, results=tmp_path)
    assert run.outcome is Outcome.DIVERGED
    found = {finding.symptom: finding.remedy for finding in examine(run, ncp)}
    cure = found["an explicit solver runs away"]
    assert cure == {"solver": "semi_implicit"}
    assert hs.run(ncp, config | cure, budget=3, results=tmp_path).outcome is Outcome.COMPLETED


def test_symptoms_name_remedies_that_exist_and_that_the_space_takes():
    for symptom in SYMPTOMS:
        assert set(symptom["remedies"]) <= set(REMEDIES)
    models = {"solver": "ltc"}
    for wanted in REMEDIES.values():
        (name,) = wanted
        base = {"model": models[name]} if name in models else {}
        base |= {"num_layers": 2} if name == "residual" else {}
        config = space.resolve(base)
        made = changes(config, space, wanted, steps=50)
        assert made == {} if wanted[name] == config[name] else made[name] != config[name]
