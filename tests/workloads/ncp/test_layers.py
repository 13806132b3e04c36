"""The public layers: stacking, states, seeds, and a sentence for each input they refuse."""

from __future__ import annotations

import doctest
import subprocess
import sys

import numpy as np
import pytest
import torch

import homeostat.workloads.ncp as ncp
from homeostat.errors import DataError, SpaceError
from homeostat.workloads.ncp import LTC, AutoNCP, CfC, model, wirings

X = torch.randn(3, 12, 5, generator=torch.Generator().manual_seed(0))
DT = torch.rand(3, 12, generator=torch.Generator().manual_seed(1)) + 0.1

LAYERS = {
    "cfc": lambda **options: CfC(5, 8, **options),
    "ltc": lambda **options: LTC(5, 8, **options),
    "pure cfc": lambda **options: CfC(5, 8, mode="pure", **options),
    "wired cfc": lambda **options: CfC(5, AutoNCP(12, 4), **options),
    "wired ltc": lambda **options: LTC(5, AutoNCP(12, 4), **options),
}
OPTIONS = [
    {},
    {"num_layers": 2, "residual": True},
    {"num_layers": 3, "share_layers": True},
    {"num_layers": 2, "mixed_memory": True},
]


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_sequence_may_be_fed_whole_in_parts_or_step_by_step(name, options):
    layer = LAYERS[name](**options)
    with torch.no_grad():
        whole, end = layer(X, DT)
        first, state = layer(X[:, :5], DT[:, :5])
        second, _ = layer(X[:, 5:], DT[:, 5:], state)
        torch.testing.assert_close(torch.cat([first, second], dim=1), whole)
        state = None
        for t in range(X.shape[1]):
            y, state = layer.step(X[:, t], DT[:, t], state)
    torch.testing.assert_close(y, whole[:, -1])
    torch.testing.assert_close(state, end)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("mixed_memory", [False, True])
def test_outputs_depend_on_the_past_and_never_on_the_future(name, mixed_memory):
    layer = LAYERS[name](num_layers=2, mixed_memory=mixed_memory)
    before, _ = layer(X, DT)
    later = X.clone()
    later[:, 7:] += 1.0
    after, _ = layer(later, DT)
    assert torch.equal(after[:, :7], before[:, :7])
    assert not torch.equal(after[:, 8:], before[:, 8:])


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_every_parameter_learns(name, options):
    layer = LAYERS[name](**options)
    layer(X, DT)[0].square().sum().backward()
    still = [n for n, p in layer.named_parameters() if p.grad is None or not p.grad.any()]
    assert not still


def test_time_passing_matters_and_one_number_serves_all_steps():
    for layer in (CfC(5, 8), LTC(5, 8)):
        assert not torch.equal(layer(X, DT)[0], layer(X)[0])
        torch.testing.assert_close(layer(X, 0.5)[0], layer(X, torch.full((3, 12), 0.5))[0])
        torch.testing.assert_close(layer(X, DT[0])[0], layer(X, DT[:1].expand(3, 12))[0])


def test_shared_layers_cost_one_layer_whatever_the_depth():
    one, three = (CfC(5, 8, n, share_layers=True, rng=np.random.default_rng(0)) for n in (1, 3))
    sizes = [sum(p.numel() for p in layer.parameters()) for layer in (one, three)]
    assert sizes[0] == sizes[1]
    assert not torch.equal(one(X)[0], three(X)[0])


def test_a_residual_stack_adds_the_layer_below():
    plain, residual = (
        CfC(5, 8, 2, residual=residual, rng=np.random.default_rng(0)) for residual in (False, True)
    )
    below, _ = CfC(5, 8, rng=np.random.default_rng(0))(X)
    torch.testing.assert_close(residual(X)[0], plain(X)[0] + below)


def test_the_same_generator_gives_the_same_layer():
    def same(one, other):
        return all(map(torch.equal, one.parameters(), other.parameters()))

    assert same(*(CfC(5, 8, rng=np.random.default_rng(3)) for _ in range(2)))
    torch.manual_seed(5)
    one, two = CfC(5, 8), CfC(5, 8)
    torch.manual_seed(5)
    assert same(one, CfC(5, 8))
    assert not same(one, two)


def test_the_fused_layer_refuses_a_second_derivative():
    x = X.clone().requires_grad_()
    (first,) = torch.autograd.grad(CfC(5, 8)(x)[0].square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


def dt_with(value):
    steps = DT.clone()
    steps[2, 4] = value
    return steps


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: CfC(5, 8)(X, dt_with(0.0)), r"above 0, got 0 at row 2, step 4 \(1 such of 36\)"),
        (lambda: CfC(5, 8)(X, dt_with(-0.5)), "got -0.5 at row 2, step 4"),
        (lambda: LTC(5, 8)(X, dt_with(float("nan"))), "got nan at row 2, step 4"),
        (lambda: CfC(5, 8)(X, dt_with(float("inf"))), "got inf at row 2, step 4"),
        (lambda: CfC(5, 8)(X, -1.0), "got -1"),
        (lambda: CfC(5, 8)(X, DT[:, :5]), r"shape \[3, 5\].*Give one number, \[12\] or \[3, 12\]"),
        (lambda: CfC(5, 8)(X[0]), r"shape \[12, 5\]; expected \[B, T, 5\]"),
        (lambda: CfC(4, 8)(X), r"expected \[B, T, 4\]"),
        (lambda: CfC(5, AutoNCP(6, 5)), "5 outputs do not fit a circuit of 6"),
        (lambda: CfC(5, AutoNCP(9, 2), backbone_layers=1), "A wired CfC has no backbone"),
        (lambda: CfC(5, 8, mode="gated"), "No mode 'gated'. *Choose one of: default, no_gate"),
        (lambda: CfC(5, 8, activation="elu"), "No activation 'elu'"),
        (lambda: LTC(5, 8, solver="euler"), "No solver 'euler'. *Choose one of: semi_implicit"),
        (lambda: CfC(5, 8, num_layers=0), "num_layers must be 1 or more, got 0"),
        (lambda: CfC(5, 8, backbone_dropout=1.0), "backbone_dropout must be from 0 to below 1"),
        (lambda: CfC(5, 8, gate_span=-1.0), "gate_span must be 0 or more.* got -1.0"),
        (lambda: CfC(5, 8, mode="pure", gate_span=2.0), "0 in the pure mode, which has no gates"),
        (lambda: CfC(0, 8), "at least one input"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_sentence(call, sentence):
    with pytest.raises((DataError, SpaceError), match=sentence):
        call()


def test_examples_in_the_docstrings_run():
    names = {"torch": torch, "CfC": CfC, "LTC": LTC, "AutoNCP": AutoNCP}
    for module in (model, wirings):
        failed, run = doctest.testmod(module, extraglobs=names)
        assert run and not failed


def test_the_wirings_come_without_torch():
    code = "import sys; from homeostat.workloads import ncp; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


def test_the_package_lists_what_it_promises():
    assert all(getattr(ncp, name) is not None for name in ncp.__all__)
    with pytest.raises(AttributeError, match="no attribute 'GRU'"):
        _ = ncp.GRU
