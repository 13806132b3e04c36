"""Looking changes nothing, and nothing healthy is called an offence, whatever the loop does."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

import homeostat as hs
from homeostat.inspect.diagnose.audit import Auditor
from homeostat.inspect.diagnose.health import Health
from homeostat.inspect.diagnose.precision import Float64, in_float64
from homeostat.inspect.diagnose.replay import Case, replay
from homeostat.inspect.diagnose.step_tracer import StepTracer
from homeostat.record import Outcome

from .conftest import SPACE, Net, squared, train


def data(trial, *shape):
    return torch.randn(*shape, generator=trial.torch_rng("data"))


def second_order(config, trial):
    """LBFGS: the loss is computed inside of the optimiser's step."""
    model, x = Net(trial.torch_rng("init")), data(trial, 16, 4)
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=4)
    trial.watch(model, optimizer)

    def closure():
        optimizer.zero_grad()
        loss = squared(0, model, x, x.sum(1, keepdim=True))
        loss.backward()
        return loss

    for step in trial.steps():
        yield hs.Report(step, loss=optimizer.step(closure))


def adversaries(config, trial):
    """Two networks, two optimisers, gradients that stop in between."""
    maker, judge = Net(trial.torch_rng("init")), nn.Linear(1, 1)
    optimizers = [torch.optim.Adam(m.parameters(), lr=config.lr) for m in (maker, judge)]
    trial.watch(maker=maker, judge=judge, first=optimizers[0], second=optimizers[1])
    x = data(trial, 8, 4)
    for step in trial.steps():
        fake = maker(x)
        judged = functional.softplus(judge(fake.detach())).mean()
        optimizers[1].zero_grad()
        judged.backward()
        optimizers[1].step()
        loss = functional.softplus(-judge(fake)).mean()
        optimizers[0].zero_grad()
        loss.backward()
        optimizers[0].step()
        yield hs.Report(step, loss=loss)


def recurrent(config, trial):
    """A packed recurrent network with an embedding, dropout and in-place activations."""
    model = nn.ModuleDict(
        {"embed": nn.Embedding(11, 6, padding_idx=0), "cell": nn.GRU(6, 5), "out": nn.Linear(5, 11)}
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    tokens = torch.randint(0, 11, (7, 3), generator=trial.torch_rng("data"))
    for step in trial.steps():
        hidden, _ = model["cell"](model["embed"](tokens[:-1]))
        hidden = functional.dropout(functional.relu_(hidden * 1.0), 0.1)
        loss = functional.cross_entropy(model["out"](hidden).flatten(0, 1), tokens[1:].flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        yield hs.Report(step, loss=loss)


def attention(config, trial):
    """A causal mask of -inf, layer norms, checkpointing, and evaluation in between."""
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True)
    optimizer = torch.optim.Adam(layer.parameters(), lr=config.lr)
    trial.watch(layer, optimizer)
    x = data(trial, 2, 5, 8)
    mask = nn.Transformer.generate_square_subsequent_mask(5)
    for step in trial.steps():
        layer.train()
        out = checkpoint(layer, x, mask, use_reentrant=False)
        loss = (out[:, :-1] - x[:, 1:]).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        layer.eval()
        with torch.no_grad():
            layer(x, src_mask=mask)
        yield hs.Report(step, loss=loss)


class Doubled(torch.autograd.Function):
    """An operation with a gradient of its own."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x

    @staticmethod
    def backward(ctx, grad):
        return 2 * grad


def own_gradient(config, trial):
    """A custom gradient, convolution, batch norm, weight averaging, and double backward."""
    model = nn.Sequential(nn.Conv1d(1, 3, 3, padding=1), nn.BatchNorm1d(3), nn.ReLU(), nn.Flatten())
    head = nn.Linear(12, 1)
    parameters = [*model.parameters(), *head.parameters()]
    optimizer = torch.optim.SGD(parameters, lr=0.01, momentum=0.9, nesterov=True)
    average = torch.optim.swa_utils.AveragedModel(head)
    trial.watch(model, optimizer, head=head, average=average)
    x = data(trial, 6, 1, 4)
    for step in trial.steps():
        inputs = x.clone().requires_grad_()
        loss = Doubled.apply(head(model(inputs))).pow(2).mean()
        (slope,) = torch.autograd.grad(loss, inputs, create_graph=True)
        loss = loss + slope.pow(2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        average.update_parameters(head)
        yield hs.Report(step, loss=loss)


def mixed_precision(config, trial):
    """bfloat16 where autocast puts it."""
    model, x = Net(trial.torch_rng("init")), data(trial, 16, 4)

    def loss_of(step, model, x, y):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out = model(x)
        return (out.float() - y).pow(2).mean()

    del x
    yield from train(trial, model, loss_of)


def distances(config, trial):
    """Minima and maxima over infinities, sorting, complex numbers, sparse gradients."""
    model = nn.Embedding(9, 4, sparse=True)
    optimizer = torch.optim.SparseAdam(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    index = torch.arange(9)
    for step in trial.steps():
        points = model(index)
        gaps = torch.cdist(points, points) + torch.diag(torch.full((9,), math.inf))
        spectrum = torch.fft.rfft(points).abs().mean()
        loss = gaps.min(1).values.sort().values.mean() + spectrum
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield hs.Report(step, loss=loss)


LOOPS = [
    second_order,
    adversaries,
    recurrent,
    attention,
    own_gradient,
    mixed_precision,
    distances,
]


def case(loop):
    workload = hs.workload(space=SPACE, metric="loss", goal="minimize", budget=6)(loop)
    return Case(workload, workload.space.resolve({"fault": False}), seed=42, budget=6)


def losses(case, observers):
    seen = []

    class Note(Health):
        def after_report(self, step, report):
            seen.append(report.metrics["loss"])

    ending = replay(case, [*observers, Note({})]).ending
    assert ending.outcome is Outcome.COMPLETED, ending.reason
    return seen


@pytest.mark.parametrize("loop", LOOPS)
def test_looking_changes_nothing_and_finds_nothing(loop):
    examined = case(loop)
    eyes = StepTracer({})
    eyes.open()
    watched = losses(examined, [Auditor(), eyes])
    assert eyes.offence is None
    assert watched == losses(examined, [])


@pytest.mark.parametrize("loop", LOOPS)
def test_health_is_good_and_every_update_is_counted(loop):
    examined = case(loop)
    health = Health({})
    replay(examined, [health])
    assert not health.failed
    assert health.num_updates >= 6


def test_scaling_the_rate_scales_the_step_and_leaves_the_group_as_it_was():
    rates, moved = [], []

    def one_step(config, trial):
        weight = nn.Linear(1, 1, bias=False)
        optimizer = torch.optim.SGD(weight.parameters(), lr=0.5)
        trial.watch(weight, optimizer)
        for step in trial.steps():
            before = weight.weight.item()
            optimizer.zero_grad()
            weight(torch.ones(1, 1)).sum().backward()
            optimizer.step()
            moved.append(before - weight.weight.item())
            rates.append(optimizer.param_groups[0]["lr"])
            yield hs.Report(step, loss=0.0)

    replay(case(one_step), [Health({}, rate_factor=0.01)])
    assert moved == pytest.approx([0.005] * 6, rel=1e-3)
    assert rates == [0.5] * 6


@pytest.mark.parametrize("loop", [second_order, adversaries, recurrent, own_gradient, distances])
def test_a_loop_runs_in_float64_from_the_same_weights(loop):
    examined = case(loop)
    narrow, wide = losses(examined, []), losses(examined, [Float64()])
    assert wide[0] == pytest.approx(narrow[0], rel=1e-5)
    assert wide[0] != narrow[0]


def test_a_loop_that_cannot_run_in_float64_is_told_so_and_not_called_singular():
    # What checkpointing computes again during the backward pass escapes the widening.
    found = in_float64(case(attention), last_step=3)
    assert found.verdict == "unknown"
    assert "cannot run in float64" in found.sentence
