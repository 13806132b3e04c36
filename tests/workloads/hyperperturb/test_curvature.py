"""Curvature changes what the network says, and vanishes into the Euclidean twin."""

from __future__ import annotations

import geoopt
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from homeostat.workloads.hyperperturb.ball import midpoints, squared_distances


def points(seed, count, c, reach=0.9):
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(count, 4))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return torch.tensor(directions * rng.uniform(0, reach, (count, 1)) / np.sqrt(c))


def number(c):
    return torch.tensor(c, dtype=torch.float64)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 10.0))
def test_distances_and_midpoints_are_those_of_geoopt(seed, c):
    ball = geoopt.PoincareBall(c)
    x, y = points(seed, 6, c), points(seed + 1, 5, c)
    expected = ball.dist(x[:, None], y[None]) ** 2 / 4
    np.testing.assert_allclose(squared_distances(x, y, number(c)), expected, rtol=1e-4, atol=1e-6)
    weights = torch.rand(3, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    expected = torch.stack([ball.weighted_midpoint(x, weights=w, reducedim=[0]) for w in weights])
    np.testing.assert_allclose(midpoints(weights, x, number(c)), expected, rtol=1e-4, atol=1e-5)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_moving_the_whole_ball_moves_midpoints_along_and_leaves_distances(seed):
    ball, c = geoopt.PoincareBall(1.0), number(1.0)
    x, y, by = points(seed, 6, 1.0), points(seed + 1, 5, 1.0), points(seed + 2, 1, 1.0, reach=0.5)
    moved_x, moved_y = ball.mobius_add(by, x), ball.mobius_add(by, y)
    before, after = squared_distances(x, y, c), squared_distances(moved_x, moved_y, c)
    np.testing.assert_allclose(after, before, rtol=1e-6, atol=1e-9)
    weights = torch.ones(1, 6, dtype=torch.float64)
    expected = ball.mobius_add(by, midpoints(weights, x, c))
    np.testing.assert_allclose(midpoints(weights, moved_x, c), expected, rtol=1e-6, atol=1e-8)


def test_gradients_are_finite_where_points_meet_and_at_the_edge():
    x = torch.tensor([[0.0, 0.0], [0.3, 0.1], [0.996, 0.0]], requires_grad=True)
    y = x.detach().clone().requires_grad_()
    c = torch.tensor(1.0)
    (squared_distances(x, y, c).sum() + midpoints(torch.ones(3, 3), x, c).sum()).backward()
    assert torch.isfinite(x.grad).all() and torch.isfinite(y.grad).all()


def said(learner, configure, c=None, **changes):
    """What a network of this curvature says, its heads drawn at random; None is the twin."""
    flat = {"geometry": "euclidean"} if c is None else {}
    network, _ = learner(configure("small", base="none", node_dims=0, **flat, **changes))
    if c is not None:
        network.model.ball.isp_c.data.fill_(float(np.log(np.expm1(c))))
    answer = network.predict()
    return np.concatenate([answer.policy_GP, answer.effects_GP], axis=1)


@pytest.mark.parametrize("bias", ["vector", "ball"])
def test_without_curvature_the_network_is_its_twin_and_with_it_another_function(
    learner, configure, bias
):
    twin = said(learner, configure, bias=bias)
    np.testing.assert_allclose(said(learner, configure, 1e-5, bias=bias), twin, atol=2e-4)
    scale = np.abs(twin).max()
    apart = [np.abs(said(learner, configure, c, bias=bias) - twin).max() for c in (0.01, 0.3, 2.0)]
    assert apart[0] < apart[1] < apart[2]
    assert apart[2] > 0.1 * scale


def test_the_documented_layers_know_no_curvature(learner, configure):
    plain = {"aggregation": "tangent", "decoder": "dense", "bias": "vector"}
    one, other = (said(learner, configure, c, **plain) for c in (0.01, 1.0))
    np.testing.assert_allclose(one, other, atol=1e-5)
