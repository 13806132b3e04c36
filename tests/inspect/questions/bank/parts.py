"""What the loops are made of: small tasks, and a table of cases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

import homeostat as hs

LR = hs.Float(1e-4, 1.0, log=True, default=1e-2)


@dataclass(frozen=True)
class Case:
    """One reported fault: `make(True)` has it, `make(False)` has not."""

    name: str
    source: str
    words: str
    """A pattern of which something stands in the finding that names it."""
    make: Callable[[bool], Any]


CASES: dict[str, Case] = {}


def case(words: str, source: str):
    def decorate(make):
        CASES[make.__name__] = Case(make.__name__, source, words, make)
        return make

    return decorate


def minimise(metric="val_loss", budget=12, lr=1e-2, **knobs):
    space = hs.Space(lr=hs.Float(1e-4, 1.0, log=True, default=lr), **knobs)
    return hs.workload(space=space, metric=metric, goal="minimize", budget=budget)


def maximise(metric="val_acc", budget=12, lr=1e-2, **knobs):
    space = hs.Space(lr=hs.Float(1e-4, 1.0, log=True, default=lr), **knobs)
    return hs.workload(space=space, metric=metric, goal="maximize", budget=budget)


def blobs(rows=240, columns=8, classes=4, seed=0):
    """Clouds of points, one for each class."""
    g = torch.Generator().manual_seed(seed)
    centres = 2 * torch.randn(classes, columns, generator=g)
    y = torch.randint(classes, (rows,), generator=g)
    return centres[y] + torch.randn(rows, columns, generator=g), y


def curve(rows=240, columns=8, seed=0):
    """A smooth function of a few numbers, with a little noise; mean 0, deviation about 1."""
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, columns, generator=g)
    w = torch.randn(columns, generator=g) / columns**0.5
    return x, torch.tanh(x @ w) + 0.5 * x[:, 0] + 0.05 * torch.randn(rows, generator=g)


def waves(rows=160, times=9, columns=3, classes=3, seed=0):
    """Sequences of a class's own pace."""
    g = torch.Generator().manual_seed(seed)
    y = torch.randint(classes, (rows,), generator=g)
    t = torch.arange(times)[None, :, None]
    pace = 0.4 + 0.5 * y[:, None, None]
    start = torch.rand(rows, 1, columns, generator=g)
    return torch.sin(pace * t + start) + 0.1 * torch.randn(rows, times, columns, generator=g), y


def sentences(rows=160, length=14, alphabet=11, seed=0, padded=False):
    """Tokens of which each mostly follows from the one before; the class is the first one's."""
    g = torch.Generator().manual_seed(seed)
    follow = 1 + torch.randperm(alphabet - 1, generator=torch.Generator().manual_seed(3))
    tokens = torch.randint(1, alphabet, (rows, length), generator=g)
    for t in range(1, length):
        keep = torch.rand(rows, generator=g) < 0.8
        tokens[:, t] = torch.where(keep, follow[tokens[:, t - 1] - 1], tokens[:, t])
    label = tokens[:, 0] % 3
    if padded:
        lengths = torch.randint(3, length + 1, (rows,), generator=g)
        tokens = tokens.masked_fill(torch.arange(length)[None] >= lengths[:, None], 0)
    return tokens, label


def split(*tensors, at=0.75):
    """Training parts, then validation parts."""
    n = int(at * len(tensors[0]))
    return [t[:n] for t in tensors] + [t[n:] for t in tensors]


def train(net, opt, loss_of, x, y, batch=24):
    """One epoch over shuffled rows; the last loss."""
    net.train()
    loss = torch.tensor(0.0)
    for rows in torch.randperm(len(x)).split(batch):
        loss = loss_of(net(x[rows]), y[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
    return loss.detach()


def score(net, x):
    """What a model says in evaluation mode."""
    net.eval()
    with torch.no_grad():
        return net(x)
