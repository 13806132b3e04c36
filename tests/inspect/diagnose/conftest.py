"""Small real training loops, each with one numerical fault, and some without."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import homeostat as hs

SPACE = hs.Space(
    lr=hs.Float(1e-8, 1e4, log=True, default=0.01),
    fault=hs.Bool(True, fixed="what the tests are about"),
    eps=hs.Float(0.0, 1e-2, default=0.0),
)


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    torch.set_num_threads(1)


def workload(loop, **more):
    return hs.workload(space=SPACE, metric="loss", goal="minimize", budget=30, **more)(loop)


class Net(nn.Module):
    """Two layers, with something in between that a test plants."""

    def __init__(self, generator, between=torch.tanh, width=8):
        super().__init__()
        self.first, self.between, self.second = nn.Linear(4, width), between, nn.Linear(width, 1)
        for p in self.parameters():
            nn.init.uniform_(p, -0.5, 0.5, generator=generator)

    def forward(self, x):
        return self.second(self.between(self.first(x)))


def train(trial, model, loss_of, optimizer=None, rows=16):
    """An ordinary loop: fixed data, plain steps."""
    x = torch.randn(rows, 4, generator=trial.torch_rng("data"))
    y = x.sum(1, keepdim=True)
    optimizer = optimizer or torch.optim.SGD(model.parameters(), lr=trial.config.lr)
    trial.watch(model, optimizer)
    for step in trial.steps():
        loss = loss_of(step, model, x, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield hs.Report(step, loss=loss)


def squared(step, model, x, y):
    return (model(x) - y).pow(2).mean()


def zero_norm(config, trial):
    """Normalises rows by their length, and row 3 is zero from step 12 on."""
    model = Net(trial.torch_rng("init"))

    def loss_of(step, model, x, y):
        h = model.first(x)
        if config.fault and step >= 12:
            h = h * (torch.arange(len(x)) != 3).float()[:, None]
        length = (h.pow(2).sum(-1, keepdim=True) + config.eps**2).sqrt()
        return (model.second(h / (length + 1e-6)) - y).pow(2).mean() + length.mean()

    yield from train(trial, model, loss_of)


def log_of_zero(config, trial):
    """Cross-entropy written by hand; a probability underflows to 0."""
    model = Net(trial.torch_rng("init"))

    def loss_of(step, model, x, y):
        logits = torch.cat([model(x), -model(x)], 1) * (100.0 if config.fault else 1.0)
        return -(torch.softmax(logits, 1) + config.eps).log().mean()

    yield from train(trial, model, loss_of)


def rate_too_high(config, trial):
    """Least squares by gradient descent, far above the largest stable rate."""
    yield from train(trial, Net(trial.torch_rng("init"), between=nn.Identity()), squared)


def exp_overflow(config, trial):
    """An exponential of something that grows to 100."""
    between = (lambda h: torch.exp(h * 0 + 100.0) * h) if config.fault else torch.tanh
    yield from train(trial, Net(trial.torch_rng("init"), between), squared)


def masked_everything(config, trial):
    """Attention in which one query may look at nothing: softmax of a row of -inf."""
    model = nn.Linear(4, 4)
    x = torch.randn(5, 4, generator=trial.torch_rng("data"))
    mask = torch.triu(torch.ones(5, 5, dtype=torch.bool), diagonal=1)
    mask[2] |= bool(config.fault)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    for step in trial.steps():
        scores = (model(x) @ x.T).masked_fill(mask, -math.inf)
        loss = (torch.softmax(scores, -1) @ x - x).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield hs.Report(step, loss=loss)


def scaled_and_skipped(config, trial):
    """Overflowing gradients that are left out, as loss scaling does: healthy."""
    model = Net(trial.torch_rng("init"))
    optimizer = torch.optim.SGD(model.parameters(), lr=config.lr)
    x = torch.randn(16, 4, generator=trial.torch_rng("data"))
    trial.watch(model, optimizer)
    for step in trial.steps():
        loss = squared(step, model, x, x.sum(1, keepdim=True))
        optimizer.zero_grad()
        (loss * (math.inf if step % 5 == 0 else 1.0)).backward()
        if all(bool(torch.isfinite(p.grad).all()) for p in model.parameters()):
            optimizer.step()
        yield hs.Report(step, loss=loss)


def missing_data(config, trial):
    """A row of the data has a missing value."""
    model = Net(trial.torch_rng("init"))

    def loss_of(step, model, x, y):
        x = x.clone()
        if config.fault and step == 6:
            x[5, 1] = math.nan
        return squared(step, model, x, y)

    yield from train(trial, model, loss_of)


def reported_early(config, trial):
    """Reports between the backward pass and the update."""
    model = Net(trial.torch_rng("init"))
    optimizer = torch.optim.SGD(model.parameters(), lr=config.lr)
    x = torch.randn(16, 4, generator=trial.torch_rng("data"))
    trial.watch(model, optimizer)
    for step in trial.steps():
        h = model.first(x) * (0.0 if step == 7 else 1.0)
        loss = model.second(h).pow(2).mean() + (h.pow(2).sum(1) + config.eps).sqrt().mean()
        optimizer.zero_grad()
        loss.backward()
        yield hs.Report(step, loss=loss)
        optimizer.step()


def raises(config, trial):
    """Not a numerical failure at all."""
    for step in trial.steps():
        if step == 4:
            raise RuntimeError("shapes do not match")
        yield hs.Report(step, loss=1.0)


def without_torch(config, trial):
    """A loop of plain numbers that overflows, and shows nothing to watch."""
    value = 1.0
    for step in trial.steps():
        value = value * 1e40 if config.fault else value
        yield hs.Report(step, loss=value if value < 1e300 else math.inf)
