"""CfC and LTC cells: their equations, their hand-derived gradients, and the bounds they keep."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from homeostat.workloads.ncp import LTC, AutoNCP, CfC, FullyConnected, Random
from homeostat.workloads.ncp.on_torch import cfc_fused
from homeostat.workloads.ncp.on_torch.cfc import CfCCell
from homeostat.workloads.ncp.on_torch.ltc import LTCCell
from homeostat.workloads.ncp.spec import ACTIVATIONS, MODES, Backbone, CfCSpec, LTCSpec

# Steps, sequences and inputs: small, but all different, so that no mix-up of axes can hide.
STEPS, ROWS, INPUTS = 6, 2, 3


def sequence(units=4):
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(STEPS, ROWS, INPUTS, generator=rng, dtype=torch.float64)
    dt = torch.rand(STEPS, ROWS, 1, generator=rng, dtype=torch.float64) + 0.1
    h0 = torch.randn(ROWS, units, generator=rng, dtype=torch.float64)
    return tuple(tensor.requires_grad_() for tensor in (x, dt, h0))


def cfc_cell(mode="default", activation="lecun_tanh", layers=1, dropout=0.0):
    backbone = Backbone(units=5, layers=layers, activation=activation, dropout=dropout)
    spec = CfCSpec(input_size=INPUTS, hidden_size=4, mode=mode, backbone=backbone)
    cell = CfCCell(spec, np.random.default_rng(0)).double()
    if mode == "pure":
        with torch.no_grad():
            cell.get_parameter("w_tau").copy_(torch.tensor([0.3, -0.2, 0.0, -0.4]))
    return cell


def ltc_cell(rule, layers=0, solver="semi_implicit", unfolds=6, seed=0):
    spec = LTCSpec(INPUTS, rule, Backbone(units=5, layers=layers), solver, unfolds)
    return LTCCell(spec, np.random.default_rng(seed))


def step_by_step(cell, x, dt, h0):
    state, states = (h0,), []
    for x_t, dt_t in zip(x, dt, strict=True):
        state = cell.step(x_t, dt_t, state)
        states.append(state[0])
    return torch.stack(states)


def assert_same_value_and_gradients(plain, fused, leaves):
    rng = torch.Generator().manual_seed(1)
    weights = torch.randn(plain.shape, dtype=plain.dtype, generator=rng)
    expected = torch.autograd.grad((plain * weights).sum(), leaves)
    found = torch.autograd.grad((fused * weights).sum(), leaves)
    # Double precision: what is left is the order of additions.
    torch.testing.assert_close(fused, plain, rtol=1e-10, atol=1e-12)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("activation", "layers"), [("tanh", 0), *itertools.product(ACTIVATIONS, (1, 2))]
)
def test_the_fused_cfc_has_the_plain_cells_values_and_gradients(mode, activation, layers):
    cell = cfc_cell(mode, activation, layers)
    inputs = sequence()
    plain = step_by_step(cell, *inputs)
    fused, _ = cell(inputs[0], inputs[1], (inputs[2],))
    assert_same_value_and_gradients(plain, fused, [*inputs, *cell.parameters()])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("steps_at_once", [1, 4])
def test_gradients_do_not_depend_on_the_chunks_they_are_made_in(monkeypatch, mode, steps_at_once):
    cell = cfc_cell(mode, layers=1)
    numbers_a_step = ROWS * cell.spec.num_heads * cell.spec.hidden_size
    monkeypatch.setattr(cfc_fused, "CHUNK", steps_at_once * numbers_a_step)
    inputs = sequence()
    plain = step_by_step(cell, *inputs)
    fused, _ = cell(inputs[0], inputs[1], (inputs[2],))
    assert_same_value_and_gradients(plain, fused, [*inputs, *cell.parameters()])


@pytest.mark.parametrize(
    "make", [cfc_cell, lambda: cfc_cell("pure"), lambda: ltc_cell(AutoNCP(9, 2))]
)
def test_going_back_twice_through_one_graph_gives_the_same_gradients(make):
    cell = make().double()
    x, dt, h0 = sequence(units=cell.initial_state(torch.zeros(1, 1, 1))[0].shape[1])
    loss = cell(x, dt, (h0,))[0].square().sum()
    leaves = [x, dt, h0, *cell.parameters()]
    first = torch.autograd.grad(loss, leaves, retain_graph=True)
    again = torch.autograd.grad(loss, leaves)
    assert all(map(torch.equal, first, again))


def test_the_fused_cfc_drops_what_its_gradient_drops():
    cell = cfc_cell(activation="gelu", layers=2, dropout=0.4)

    def run(x, dt, h0):
        torch.manual_seed(7)  # the same units dropped at every call
        return cell(x, dt, (h0,))[0]

    assert torch.autograd.gradcheck(run, sequence())


@pytest.mark.parametrize("layers", [0, 1])
@pytest.mark.parametrize("rule", [FullyConnected(4, 2), AutoNCP(9, 2), Random(6, 3, 0.5)])
def test_the_fused_ltc_has_the_plain_cells_values_and_gradients(rule, layers):
    cell = ltc_cell(rule, layers).double()
    inputs = sequence(units=rule.units)
    plain = cell.read(step_by_step(cell, *inputs))
    fused, _ = cell(inputs[0], inputs[1], (inputs[2],))
    assert_same_value_and_gradients(plain, fused, [*inputs, *cell.parameters()])


@pytest.mark.parametrize("mode", MODES)
def test_a_cfc_step_is_its_published_equation(mode):
    cell = cfc_cell(mode, layers=0)
    values = {name: value.detach().numpy() for name, value in cell.named_parameters()}
    x, dt, h = np.array([0.5, -1.0, 2.0]), 0.7, np.array([0.1, -0.2, 0.3, 0.0])
    heads = values["heads_weight"] @ np.concatenate([x, h]) + values["heads_bias"]
    if mode == "pure":
        speed = np.abs(values["w_tau"]) + np.abs(heads)
        expected = values["A"] - values["A"] * np.exp(-dt * speed) * heads
    else:
        f1, f2, t_a, t_b = heads.reshape(4, 4)
        gate = 1 / (1 + np.exp(-(t_a * dt + t_b)))
        keep = 1.0 if mode == "no_gate" else 1 - gate
        expected = np.tanh(f1) * keep + gate * np.tanh(f2)
    (found,) = cell.step(
        torch.tensor(x)[None], torch.tensor([[dt]], dtype=torch.float64), (torch.tensor(h)[None],)
    )
    assert_allclose(found.detach().numpy()[0], expected, rtol=1e-12)


@pytest.mark.parametrize("mode", MODES)
def test_a_cfc_agrees_with_the_reference_package(need, mode):
    options = {"backbone_units": 5, "backbone_layers": 2, "activation": "silu"}
    reference = need("ncps.torch", "bench").CfC(INPUTS, 4, mode=mode, **options)
    ours = CfC(INPUTS, 4, mode=mode, **options)
    theirs = dict(reference.rnn_cell.named_parameters())
    heads = ["ff1"] if mode == "pure" else ["ff1", "ff2", "time_a", "time_b"]
    cell = ours.layers[0][0]
    with torch.no_grad():
        for layer, index in enumerate((0, 2)):
            for kind in ("weight", "bias"):
                ours_here = cell.get_parameter(f"backbone_{kind}_{layer}")
                ours_here.copy_(theirs[f"backbone.{index}.{kind}"])
        for kind in ("weight", "bias"):
            joined = torch.cat([theirs[f"{head}.{kind}"] for head in heads])
            cell.get_parameter(f"heads_{kind}").copy_(joined)
        for own in ("A", "w_tau") if mode == "pure" else ():
            cell.get_parameter(own).copy_(theirs[own][0])
    x, dt = torch.randn(5, 7, INPUTS), torch.rand(5, 7) + 0.1
    # The reference cannot broadcast steps of shape (B, T): it is given them once per neuron.
    expected, _ = reference(x, timespans=dt.unsqueeze(-1).expand(-1, -1, 4))
    found, _ = ours(x, dt)
    torch.testing.assert_close(found, expected)


def test_an_ltc_agrees_with_the_reference_package(need):
    wirings, layers = need("ncps.wirings", "bench"), need("ncps.torch", "bench")
    reference = layers.LTC(INPUTS, wirings.AutoNCP(9, 2))
    ours = LTC(INPUTS, AutoNCP(9, 2))
    theirs = dict(reference.rnn_cell.named_parameters())
    with torch.no_grad():
        for name, parameter in ours.layers[0][0].named_parameters():
            short = name.replace("put_weight", "put_w").replace("put_bias", "put_b")
            parameter.copy_(theirs[short])
    x = torch.randn(4, 5, INPUTS)
    for dt in (1.0, 0.2):
        expected, _ = reference(x, timespans=torch.full((4, 5, 9), dt))
        found, _ = ours(x, dt)
        torch.testing.assert_close(found, expected)


def test_each_row_has_its_own_time_even_when_rows_are_as_many_as_neurons():
    """The reference spreads steps of shape (B, T) over neurons when B equals their number."""
    cfc = CfC(INPUTS, 4)
    x, dt = torch.randn(4, 5, INPUTS), torch.rand(4, 5) + 0.1
    together, _ = cfc(x, dt)
    alone = torch.cat([cfc(x[i : i + 1], dt[i : i + 1])[0] for i in range(4)])
    torch.testing.assert_close(together, alone)


@settings(max_examples=60, deadline=None)
@given(
    scale=st.floats(0.0, 1e3),
    dt=st.floats(1e-4, 1e4),
    v0=st.floats(-3.0, 3.0),
    seed=st.integers(0, 10_000),
)
def test_ltc_potentials_never_leave_the_range_that_pulls_them(scale, dt, v0, seed):
    cell = ltc_cell(AutoNCP(9, 2), seed=seed)
    x = scale * torch.randn(STEPS, ROWS, INPUTS, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        start = torch.full((ROWS, 9), v0)
        v = step_by_step(cell, x, torch.full((STEPS, ROWS, 1), dt), start)
    # Weighted means of the start, of vleak (within 0.2) and of erev (-1 or 1).
    assert v.abs().max() <= max(abs(v0), 1.0) * (1 + 1e-5)


@pytest.mark.parametrize(("solver", "order"), [("explicit", 1), ("semi_implicit", 1), ("rk4", 4)])
def test_a_solvers_error_falls_at_its_order(solver, order):
    def solve(solver, unfolds):
        cell = ltc_cell(FullyConnected(4), solver=solver, unfolds=unfolds).double()
        x = torch.tensor([[0.4, -0.3, 0.8]], dtype=torch.float64)
        dt, v0 = x.new_full((1, 1), 0.5), x.new_zeros(1, 4)
        with torch.no_grad():
            return cell.step(x, dt, (v0,))[0]

    truth = solve("rk4", 512)
    coarse, fine = ((solve(solver, n) - truth).abs().max().item() for n in (16, 32))
    assert math.log2(coarse / fine) == pytest.approx(order, rel=0.1)


@pytest.mark.parametrize("layer", [CfC, LTC])
def test_a_synapse_absent_from_the_wiring_carries_nothing(layer):
    rule = AutoNCP(9, 2, sparsity=0.7)
    wiring = rule.build(INPUTS)
    inter = list(wiring.layers[0])
    # One solver step: over a whole step, signals travel on through the circuit.
    options = {"unfolds": 1} if layer is LTC else {}
    cell = layer(INPUTS, rule, **options).layers[0][0]
    columns = inter if layer is LTC else range(len(inter))
    x = torch.randn(1, INPUTS, requires_grad=True)
    (h,) = cell.step(x, torch.ones(1, 1), (torch.randn(1, 9 if layer is LTC else len(inter)),))
    for neuron, column in zip(inter, columns, strict=True):
        (gradient,) = torch.autograd.grad(h[0, column], x, retain_graph=True)
        assert (gradient[0] != 0).tolist() == (wiring.sensory_IN[:, neuron] != 0).tolist()


def test_fresh_gates_open_one_after_another_over_their_span():
    def fresh(gate_span):
        cell = CfC(INPUTS, 4, gate_span=gate_span, rng=np.random.default_rng(0)).layers[0][0]
        return {name: p.detach() for name, p in cell.named_parameters()}

    spread, random = fresh(8.0), fresh(0.0)
    *values, slope, start = spread["heads_bias"].chunk(4)
    # What the weights add comes and goes with the state; by its bias, a gate opens at -t_b / t_a.
    assert_allclose(-start / slope, [1.0, 3.0, 5.0, 7.0], rtol=1e-6)
    opened = torch.sigmoid(slope * torch.tensor([[0.1], [2.0], [4.0], [6.0], [8.0]]) + start)
    assert [(row > 0.9).sum().item() for row in opened] == [0, 1, 2, 3, 4]
    assert [(row < 0.1).sum().item() for row in opened] == [4, 3, 2, 1, 0]
    # Nothing else starts anywhere else.
    assert torch.equal(torch.cat(values), random.pop("heads_bias")[: 2 * 4])
    assert all(torch.equal(spread[name], value) for name, value in random.items())


def test_backbone_dropout_is_alive_with_one_layer():
    """In the reference, the dropout of a backbone of one layer is never built."""
    cfc = CfC(INPUTS, 4, backbone_layers=1, backbone_dropout=0.5)
    x = torch.randn(2, 5, INPUTS)
    assert not torch.equal(cfc(x)[0], cfc(x)[0])
    cfc.eval()
    assert torch.equal(cfc(x)[0], cfc(x)[0])
