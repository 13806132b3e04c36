"""Loops whose loss is given something else than it expects, or computed inside the model."""

import torch
from torch import nn
from torch.nn import functional as F

import homeostat as hs

from .parts import blobs, curve, minimise, tokens


def _train(trial, config, model, loss, train, held_out):
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer, train=train, validation=held_out)
    for step in trial.steps():
        optimizer.zero_grad()
        loss(*train).backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=loss(*held_out))


@minimise()
def softmax_twice(config, trial):
    """The network ends in a softmax, and cross_entropy takes another."""
    train, held_out = blobs(trial.torch_rng("data"))
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3), nn.Softmax(1))
    criterion = nn.CrossEntropyLoss()
    yield from _train(trial, config, model, lambda x, y: criterion(model(x), y), train, held_out)


@minimise()
def sigmoid_twice(config, trial):
    (x, y), (vx, vy) = blobs(trial.torch_rng("data"), classes=2)
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 1))

    def loss(x, y):
        return F.binary_cross_entropy_with_logits(model(x).sigmoid().squeeze(1), y.float())

    yield from _train(trial, config, model, loss, (x, y), (vx, vy))


@minimise()
def logits_for_logarithms(config, trial):
    train, held_out = blobs(trial.torch_rng("data"))
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
    yield from _train(trial, config, model, lambda x, y: F.nll_loss(model(x), y), train, held_out)


@minimise()
def column_against_row(config, trial):
    """(N, 1) minus (N,) is (N, N)."""
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 1))

    def loss(x, y):
        return (model(x) - y.squeeze(1)).square().mean()

    yield from _train(trial, config, model, loss, (x, y), (vx, vy))


class Reader(nn.Module):
    """Reads both ways, and gives its loss alone when it is told the targets."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 16)
        self.places = nn.Parameter(torch.zeros(12, 16))
        self.block = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
        self.head = nn.Linear(16, 11)

    def forward(self, tokens, targets):
        logits = self.head(self.block(self.embedding(tokens) + self.places))
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


@minimise(budget=8)
def without_mask_by_name(config, trial):
    """Called by keyword, with the loss inside: only its last layer tells of time."""
    train, held_out = tokens(trial.torch_rng("data"))
    model = Reader()

    def loss(told, wanted):
        return model(tokens=told, targets=wanted)

    train, held_out = [(t[:, :-1], t[:, 1:]) for t in (train, held_out)]
    yield from _train(trial, config, model, loss, train, held_out)
