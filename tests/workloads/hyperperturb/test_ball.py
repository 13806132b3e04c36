"""Laws of the maps between the ball and its tangent space."""

from __future__ import annotations

import geoopt
import pytest
import torch
from torch.autograd import gradcheck

from homeostat.workloads.hyperperturb.ball import (
    DocumentedMaps,
    SafeMaps,
    boundary_gap,
    clip_norm,
    project,
    safe_norm,
    singular_norm,
)

SAFE = SafeMaps()
CURVATURES = [0.1, 1.0, 4.0]
# float32 keeps 7 digits; tanh and atanh lose about two of them near the boundary.
TOLERANCE = {torch.float32: 2e-4, torch.float64: 1e-9}


def vectors(dtype, norms=(1e-12, 1e-6, 5e-4, 2e-3, 0.1, 1.0, 2.0)):
    direction = torch.randn(len(norms), 5, generator=torch.Generator().manual_seed(0)).to(dtype)
    direction /= direction.norm(dim=1, keepdim=True)
    return direction * torch.tensor(norms, dtype=dtype)[:, None]


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("c", CURVATURES)
def test_log0_undoes_exp0(dtype, c):
    c = torch.tensor(c, dtype=dtype)
    v = vectors(dtype) / c.sqrt()
    torch.testing.assert_close(SAFE.log0(SAFE.exp0(v, c), c), v, rtol=TOLERANCE[dtype], atol=1e-12)


@pytest.mark.parametrize("c", CURVATURES)
def test_the_safe_maps_are_those_of_geoopt(c):
    ball = geoopt.PoincareBall(c)
    v = vectors(torch.float64)
    c = torch.tensor(c, dtype=torch.float64)
    points = SAFE.exp0(v, c)
    # The smooth norm differs from geoopt's by eps^2 / (2 |v|), which shows for the tiniest alone.
    torch.testing.assert_close(points, ball.expmap0(v), rtol=1e-6, atol=1e-13)
    torch.testing.assert_close(SAFE.log0(points, c), ball.logmap0(points), rtol=1e-6, atol=1e-13)


def test_the_series_meets_the_formula_where_it_takes_over():
    c = torch.tensor(1.0, dtype=torch.float64)
    for norm in (0.999e-3, 1.001e-3):
        v = torch.tensor([[norm, 0.0]], dtype=torch.float64)
        n = safe_norm(v)
        torch.testing.assert_close(SAFE.exp0(v, c), v * torch.tanh(n) / n, rtol=1e-12, atol=0)
        torch.testing.assert_close(SAFE.log0(v, c), v * torch.atanh(n) / n, rtol=1e-12, atol=0)


@pytest.mark.parametrize("map_name", ["exp0", "log0"])
def test_the_safe_gradients_are_right_also_at_zero(map_name):
    c = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    v = torch.cat([torch.zeros(1, 3), 0.3 * torch.ones(2, 3)]).double().requires_grad_()
    assert gradcheck(getattr(SAFE, map_name), (v, c), eps=1e-8, atol=1e-5)


def test_the_singular_norm_has_no_gradient_at_zero_and_the_safe_one_has():
    for norm, finite in ((singular_norm, False), (safe_norm, True)):
        x = torch.zeros(2, 3, requires_grad=True)
        norm(x).sum().backward()
        assert bool(torch.isfinite(x.grad).all()) is finite


def test_pytorchs_own_norm_would_hide_the_singular_point():
    x = torch.zeros(2, 3, requires_grad=True)
    x.norm(dim=-1).sum().backward()
    assert bool((x.grad == 0).all())


def test_the_documented_map_shrinks_tiny_vectors_quadratically():
    c = torch.tensor(1.0, dtype=torch.float64)
    v = torch.tensor([[1e-9]], dtype=torch.float64)
    assert DocumentedMaps().exp0(v, c).item() == pytest.approx(1e-9 * 1e-9 / 1.1e-8, rel=1e-6)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("c", CURVATURES)
def test_projection_keeps_points_inside_and_leaves_inner_ones_alone(dtype, c):
    c = torch.tensor(c, dtype=dtype)
    inside, outside = vectors(dtype, (0.1, 0.5)) / c.sqrt(), vectors(dtype, (1.0, 50.0)) / c.sqrt()
    assert torch.equal(project(inside, c), inside)
    length = project(outside, c).norm(dim=1) * c.sqrt()
    torch.testing.assert_close(
        length, torch.full_like(length, 1 - boundary_gap(dtype)), rtol=1e-6, atol=0
    )


def test_clipping_shortens_only_the_long():
    v = vectors(torch.float64, (0.5, 1.0, 8.0))
    norms = clip_norm(v, 1.0).norm(dim=1)
    torch.testing.assert_close(norms, torch.tensor([0.5, 1.0, 1.0]).double(), rtol=1e-9, atol=0)
