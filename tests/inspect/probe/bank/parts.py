"""Parts that several loops of the bank are built from: small data sets with known structure."""

import torch

import homeostat as hs

LR = hs.Float(1e-3, 1e-1, log=True, default=1e-2)
SPACE = hs.Space(lr=LR)


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


def tokens(generator, rows=48, length=13, alphabet=11):
    """Sequences in which each token follows from the two before it, mostly."""
    made = torch.randint(alphabet, (rows, length), generator=generator)
    for t in range(2, length):
        follow = (made[:, t - 1] + 2 * made[:, t - 2] + 1) % alphabet
        keep = torch.rand(rows, generator=generator) < 0.9
        made[:, t] = torch.where(keep, follow, made[:, t])
    return made[: rows * 2 // 3], made[rows * 2 // 3 :]


def minimise(metric="val_loss", budget=16, space=SPACE, **more):
    return hs.workload(space=space, metric=metric, goal="minimize", budget=budget, **more)


def maximise(metric="val_accuracy", budget=16, space=SPACE, **more):
    return hs.workload(space=space, metric=metric, goal="maximize", budget=budget, **more)
