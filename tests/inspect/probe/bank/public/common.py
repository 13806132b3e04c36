"""Parts of the loops beside this file: pairs of a fault and its corrected twin, and small data.

The files here stand for themselves (`homeostat probe FILE:NAME` looks at one loop), so they find
this one as a neighbour and not as part of a package.
"""

from dataclasses import dataclass

import torch

import homeostat as hs
from homeostat.workload.workload import Workload

LR = hs.Float(1e-3, 1e-1, log=True, default=1e-2)
SPACE = hs.Space(lr=LR)


@dataclass(frozen=True)
class Pair:
    """A loop with a fault that people had, and the same loop with that put right."""

    fault: Workload
    twin: Workload
    expect: str
    """A pattern that a finding on the fault must match."""
    kind: str
    source: str


def pair(*, expect, kind, source, **settings):
    """Make both from one function of (config, trial, faulty)."""

    def make(loop):
        def fault(config, trial):
            yield from loop(config, trial, True)

        def twin(config, trial):
            yield from loop(config, trial, False)

        name = loop.__name__
        return Pair(
            hs.workload(name=name, **settings)(fault),
            hs.workload(name=f"{name}_corrected", **settings)(twin),
            expect, kind, source,
        )  # fmt: skip

    return make


def lr(default, low=1e-4, high=1e-1):
    return hs.Float(low, high, log=True, default=default)


def classes(seed, rows=480, columns=8, groups=4, spread=0.9):
    """Rows around points of their own: (x, y) of training and (x, y) of validation."""
    g = torch.Generator().manual_seed(seed)
    centres = 1.5 * torch.randn(groups, columns, generator=torch.Generator().manual_seed(7))
    y = torch.randint(groups, (rows,), generator=g)
    x = centres[y] + spread * torch.randn(rows, columns, generator=g)
    cut = rows * 3 // 4
    return x[:cut], y[:cut], x[cut:], y[cut:]


def surface(seed, rows=480, columns=6):
    """A smooth function of several columns with a little noise."""
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, columns, generator=g)
    y = x[:, 0] + (2 * x[:, 1]).sin() + 0.1 * torch.randn(rows, generator=g)
    cut = rows * 3 // 4
    return x[:cut], y[:cut], x[cut:], y[cut:]


def walk(seed, rows=160, length=16, alphabet=12):
    """Sequences in which each token mostly follows from the one before it."""
    g = torch.Generator().manual_seed(seed)
    follow = torch.randperm(alphabet, generator=torch.Generator().manual_seed(3))
    made = torch.randint(alphabet, (rows, length), generator=g)
    for t in range(1, length):
        keep = torch.rand(rows, generator=g) < 0.85
        made[:, t] = torch.where(keep, follow[made[:, t - 1]], made[:, t])
    return made[: rows * 3 // 4], made[rows * 3 // 4 :]


def blobs(generator, rows=240, features=6, classes=3, spread=1.0):
    """Classes around points of their own; returns (x, y) of training and of validation."""
    centres = torch.randn(classes, features, generator=generator) * 1.5
    y = torch.arange(rows) % classes
    x = centres[y] + spread * torch.randn(rows, features, generator=generator)
    return (x[: rows * 2 // 3], y[: rows * 2 // 3]), (x[rows * 2 // 3 :], y[rows * 2 // 3 :])


def curve(generator, rows=200, features=5, noise=0.1):
    """A smooth function of several inputs with a little noise."""
    x = torch.randn(rows, features, generator=generator)
    y = (x[:, 0].sin() + 0.5 * x[:, 1] * x[:, 2]).unsqueeze(1)
    y = y + noise * torch.randn(rows, 1, generator=generator)
    cut = rows * 3 // 4
    return (x[:cut], y[:cut]), (x[cut:], y[cut:])


def minimise(metric="val_loss", budget=16, space=SPACE, **more):
    return hs.workload(space=space, metric=metric, goal="minimize", budget=budget, **more)


def maximise(metric="val_accuracy", budget=16, space=SPACE, **more):
    return hs.workload(space=space, metric=metric, goal="maximize", budget=budget, **more)
