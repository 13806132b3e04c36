"""A small network on handwritten digits: twelve parameters, of which three matter a great deal.

The workload of `pruning.py` and `peers.py`. Plain NumPy, so that a training takes tens of
milliseconds. High rates without clipping diverge, some of them with some seeds only.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

import homeostat as hs
from homeostat.execute.loop.drive import drive
from homeostat.record.outcome import Outcome
from homeostat.workload.trial import Trial

HIDDEN_DEFAULT = 24
EPOCHS = 40

SPACE = hs.Space(
    # The three that matter.
    lr=hs.Float(1e-3, 10.0, log=True, default=0.02),
    momentum=hs.Float(0.0, 0.98, default=0.5),
    init_scale=hs.Float(0.03, 10.0, log=True, default=1.0),
    # Nine that hardly do.
    hidden=hs.Int(16, 48, default=HIDDEN_DEFAULT),
    batch=hs.Int(24, 64, log=True, default=32),
    weight_decay=hs.Float(1e-7, 1e-4, log=True),
    smoothing=hs.Float(0.0, 0.05),
    input_noise=hs.Float(0.0, 0.1),
    decay_from=hs.Float(0.8, 1.0),
    bias_init=hs.Float(-0.05, 0.05),
    shift=hs.Float(-0.1, 0.1),
    slope=hs.Float(0.0, 0.05),
)


@cache
def splits() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Images and labels to train on (600) and to validate on (600)."""
    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    images = (images[order] / 16.0 - 0.3).astype(np.float32)
    labels = labels[order]
    return images[:600], labels[:600], images[600:1200], labels[600:1200]


@hs.workload(space=SPACE, metric="accuracy", goal="maximize", budget=EPOCHS, unit="epoch")
def digits(config, trial):
    x_train, y_train, x_val, y_val = splits()
    rng = trial.rng("training")
    sizes = (64, config.hidden, 10)
    w = [
        (config.init_scale * rng.normal(size=(i, o)) / np.sqrt(i)).astype(np.float32)
        for i, o in pairwise(sizes)
    ]
    b = [np.full(o, config.bias_init, np.float32) for o in sizes[1:]]
    v = [np.zeros_like(p) for p in (*w, *b)]
    targets = np.full((len(y_train), 10), config.smoothing / 10, np.float32)
    targets[np.arange(len(y_train)), y_train] += 1 - config.smoothing

    def forward(x):
        h = x @ w[0] + b[0]
        return np.where(h > 0, h, config.slope * h), h

    for epoch in trial.steps():
        late = epoch / trial.budget > config.decay_from
        lr = config.lr * (0.1 if late else 1.0)
        order = rng.permutation(len(y_train))
        for rows in np.array_split(order, len(order) // config.batch):
            x = x_train[rows] + np.float32(config.shift)
            x += config.input_noise * rng.standard_normal(x.shape, dtype=np.float32)
            a, h = forward(x)
            scores = a @ w[1] + b[1]
            scores -= scores.max(axis=1, keepdims=True)
            p = np.exp(scores)
            p /= p.sum(axis=1, keepdims=True)
            d2 = (p - targets[rows]) / len(rows)
            d1 = (d2 @ w[1].T) * np.where(h > 0, 1.0, config.slope)
            gradients = (x.T @ d1, a.T @ d2, d1.sum(0), d2.sum(0))
            for parameter, velocity, g in zip((*w, *b), v, gradients, strict=True):
                velocity *= config.momentum
                velocity += g + config.weight_decay * parameter
                parameter -= lr * velocity
        scores = forward(x_val + np.float32(config.shift))[0] @ w[1] + b[1]
        accuracy = 100 * float((scores.argmax(axis=1) == y_val).mean())
        scores -= scores.max(axis=1, keepdims=True)
        surprise = np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(len(y_val)), y_val]
        size = float(sum((p**2).sum() for p in w))  # beyond a million nothing is learned any more
        yield hs.Report(
            epoch,
            accuracy=accuracy if size < 1e6 else float("nan"),
            val_loss=float(surprise.mean()),
        )


def error(values, seed: int) -> float | None:
    """The error in percent after a whole training; none if it diverged."""
    trial = Trial(SPACE.resolve(values), seed=seed, budget=EPOCHS, folder=Path())
    with np.errstate(all="ignore"):
        ending = drive(digits, trial)
    return 100 - ending.last["accuracy"] if ending.outcome is Outcome.COMPLETED else None
