"""The repaired network: its optimisers, its points, its twin, and what it learns."""

from __future__ import annotations

import math

import geoopt
import numpy as np
import pytest
import torch

from homeostat.workloads.hyperperturb import baselines, training
from homeostat.workloads.hyperperturb.data import prepare


def train(learner, config, steps, seed=0, rate=None):
    network, problem = learner(config, seed)
    draws = np.random.default_rng(seed)
    reports = []
    for _ in range(steps):
        seen, targets = problem.train.lesson(draws)
        reports.append(network.step(targets, rate or config.learning_rate, seen))
    return network, problem, reports


def test_riemannian_adam_moves_the_ball_points_and_nothing_else(configure, learner, monkeypatch):
    calls = []
    original = geoopt.PoincareBall.egrad2rgrad

    def counted(self, x, *args, **kwargs):
        calls.append(x.shape)
        return original(self, x, *args, **kwargs)

    monkeypatch.setattr(geoopt.PoincareBall, "egrad2rgrad", counted)
    network, _, _ = train(learner, configure("small"), steps=7)
    ball = network.model.ball_parameters()
    # A point for each gene, four biases of convolutions, two points a column of shares and effects.
    assert len(ball) == 9
    assert len(calls) == 7 * len(ball)
    assert network.audit()["optimizer_steps"] == {"optimizer": 7, "ball_optimizer": 7}
    held = {
        name: {id(p) for group in o.param_groups for p in group["params"]}
        for name, o in network.optimizers.items()
    }
    assert held["ball_optimizer"] == {id(p) for p in ball}
    everything = {id(p) for p in network.model.parameters() if p.requires_grad}
    assert held["optimizer"] | held["ball_optimizer"] == everything
    assert not held["optimizer"] & held["ball_optimizer"]


@pytest.mark.parametrize("changes", [{}, {"learn_curvature": True}, {"curvature": 4.0}])
@pytest.mark.slow
def test_points_stay_inside_the_ball_even_at_a_huge_rate(configure, learner, changes):
    network, _, reports = train(learner, configure("small", **changes), steps=25, rate=0.5)
    assert network.audit()["points_inside"]
    assert all(math.isfinite(report["train_loss"]) for report in reports)


def test_a_learned_curvature_moves_and_a_fixed_one_does_not(configure, learner):
    for learned in (True, False):
        network, _, _ = train(learner, configure("small", learn_curvature=learned), steps=5)
        assert (abs(network.model.ball.c.item() - 1.0) > 1e-4) is learned


@pytest.mark.parametrize("learn_curvature", [False, True])
def test_the_euclidean_twin_has_as_many_parameters(configure, learner, learn_curvature):
    sizes = [
        sum(p.numel() for p in learner(config)[0].model.parameters() if p.requires_grad)
        for config in (
            configure("small", learn_curvature=learn_curvature),
            configure("small", learn_curvature=learn_curvature, geometry="euclidean"),
        )
    ]
    assert sizes[0] == sizes[1]


def test_at_vanishing_curvature_the_network_is_its_twin(configure, learner):
    common = {"feature_radius": 1.5, "bias": "vector", "node_dims": 0}
    flat, _ = learner(configure("small", geometry="euclidean", **common))
    ball, _ = learner(configure("small", curvature=0.01, **common))
    ball.model.ball.isp_c.data.fill_(math.log(math.expm1(1e-6)))
    assert np.allclose(flat.predict().policy_GP, ball.predict().policy_GP, atol=1e-5)


@pytest.mark.slow
def test_the_repaired_network_beats_the_column_mean(configure, learner):
    network, problem, _ = train(learner, configure("small"), steps=60)
    table = baselines.metric_table(problem, {"network": network.predict()})
    assert table["network"]["val_kl"] < table["column mean"]["val_kl"] - 0.02
    assert table["network"]["val_value_mae"] < table["column mean"]["val_value_mae"]
    assert table["network"]["val_pearson"] > 0.1


@pytest.mark.parametrize(
    "changes",
    [
        {"head": "softmax_clip"},
        {"value_scale": "linear", "effect_weight": 0.0},
        {"features": "log_mean", "graph": "identity"},
        {"features": "z_mean", "graph": "identity", "node_dims": 0},
        {"optimizer": "adam", "schedule": "annealer", "epochs": 10},
        {"optimizer": "literal_hyperbolic_adam", "bias": "vector", "node_dims": 0},
        {"activation": "relu", "init": "unit_columns", "clip_layer": 1.0, "temperature": 2.0},
        {"target_temperature": 2.0, "target_log": True, "label_smoothing": 0.1},
        {"target": "mean_abs_z", "centre_batches": True, "num_genes": 40},
        {"aggregation": "ball", "learn_curvature": True, "feature_radius": 0.0},
    ],
    ids=lambda changes: ",".join(changes),
)
def test_every_switch_of_the_repaired_network_trains(configure, learner, changes):
    network, problem, reports = train(learner, configure("small", **changes), steps=8)
    assert all(math.isfinite(value) for report in reports for value in report.values())
    assert reports[-1]["nonfinite_gradients"] == 0
    scores = training.score(problem.held_out.targets(), network.predict())
    assert all(math.isfinite(value) for value in scores.values())


def test_the_same_streams_give_the_same_run_bitwise(configure, learner):
    runs = [train(learner, configure("small"), steps=5)[2] for _ in range(2)]
    assert runs[0] == runs[1]


def test_gauges_see_points_pressed_against_the_boundary(configure, learner):
    shares = []
    for radius in (1.5, 0.0):
        network, problem = learner(configure("small", feature_radius=radius, activation="none"))
        with torch.no_grad():
            network.model.norm.weight.mul_(100.0)
        shares.append(network.step(problem.train.targets(), 1e-3)["saturated"])
    assert shares[0] == 0
    assert shares[1] > 0.9


def test_evaluation_is_without_dropout_and_repeats_itself(configure, learner):
    network, _ = learner(configure("small", dropout=0.5))
    first, second = network.predict(), network.predict()
    assert np.array_equal(first.policy_GP, second.policy_GP)


def test_held_out_scores_use_only_the_held_out_half(configure):
    problem = prepare(configure("small"), np.random.default_rng(0))
    train_targets, held_out = problem.train.targets(), problem.held_out.targets()
    assert not np.allclose(train_targets.policy_GP, held_out.policy_GP)
