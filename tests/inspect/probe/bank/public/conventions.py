"""Faults of convention, as they are asked about: a number that means something else than thought.

Written before the checks had met them; the table in docs/probe.md says what was named at first.
"""

import copy

import torch
import torch.nn.functional as F
from common import SPACE, Pair, classes, lr, pair, surface, walk  # noqa: F401
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import homeostat as hs

ACCURACY = {"space": SPACE, "metric": "val_accuracy", "goal": "maximize", "budget": 14}
LOSS = {"space": SPACE, "metric": "val_loss", "goal": "minimize", "budget": 14}


def body(inputs, outputs, width=32, *, between=None):
    return nn.Sequential(
        nn.Linear(inputs, width), *(between or [nn.ReLU()]), nn.Linear(width, outputs)
    )


def fitted(trial, net, opt, loss_of, x, y, batch=32):
    """One epoch after another; yields after each."""
    for step in trial.steps():
        net.train()
        for rows in torch.randperm(len(x)).split(batch):
            loss = loss_of(net(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
        net.eval()
        yield step


def scored(net, x, y):
    with torch.no_grad():
        return (net(x).argmax(1) == y).float().mean()


@pair(
    expect="padding_idx|never move|stays? at",
    kind="a token that means something is padding",
    source="github ibalazevic/TuckER#17",
    **LOSS,
)
def first_word_is_taken_for_padding(config, trial, faulty):
    train, val = walk(trial.seed, rows=240, alphabet=6)
    net = nn.Sequential(nn.Embedding(6, 16, padding_idx=0 if faulty else None), nn.Linear(16, 6))
    opt = torch.optim.Adam(net.parameters(), lr=config.lr)
    trial.watch(net, opt)

    def loss_of(out, y):
        return F.cross_entropy(out.flatten(0, 1), y.flatten())

    for step in fitted(trial, net, opt, loss_of, train[:, :-1], train[:, 1:]):
        with torch.no_grad():
            yield hs.Report(step, val_loss=loss_of(net(val[:, :-1]), val[:, 1:]))


@pair(
    expect="running statistics|evaluation mode|momentum",
    kind="momentum means 1 - momentum",
    source="the momentum of Keras and of PyTorch, often asked about; no single report",
    **ACCURACY,
)
def batch_norm_that_hardly_follows(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    x, vx = 4 * x + 6, 4 * vx + 6
    norm = nn.BatchNorm1d(32, momentum=0.001 if faulty else 0.1)
    net = body(8, 4, between=[norm, nn.ReLU()])
    opt = torch.optim.Adam(net.parameters(), lr=config.lr)
    trial.watch(net, opt)
    for step in fitted(trial, net, opt, F.cross_entropy, x, y):
        yield hs.Report(step, val_accuracy=scored(net, vx, vy))


@pair(
    expect="ignore_index|class 0|never learnt|no effect on the loss",
    kind="a class is ignored",
    source="github meetps/pytorch-semseg#67 (asked for a background class)",
    **ACCURACY,
)
def first_class_is_ignored(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    net = body(8, 4)
    opt = torch.optim.Adam(net.parameters(), lr=config.lr)
    loss_of = nn.CrossEntropyLoss(ignore_index=0 if faulty else -100)
    trial.watch(net, opt)
    for step in fitted(trial, net, opt, loss_of, x, y):
        yield hs.Report(step, val_accuracy=scored(net, vx, vy))


@pair(
    expect="no update|never step|nothing is trained|no weight|never moves|not one batch|no batch",
    kind="no batch is left",
    source="github dreamquark-ai/tabnet#537",
    **ACCURACY,
)
def no_batch_is_left(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed, rows=160)
    loader = DataLoader(
        TensorDataset(x, y), batch_size=128 if faulty else 32, drop_last=True, shuffle=True
    )
    net = body(8, 4)
    opt = torch.optim.Adam(net.parameters(), lr=config.lr)
    trial.watch(net, opt)
    for step in trial.steps():
        for bx, by in loader:
            loss = F.cross_entropy(net(bx), by)
            opt.zero_grad()
            loss.backward()
            opt.step()
        yield hs.Report(step, val_accuracy=scored(net, vx, vy) + 1e-6 * step)


@pair(
    expect="one value|constant|all (its|the) targets",
    kind="targets cut to integers",
    source="shares made whole numbers; no single report",
    **ACCURACY,
)
def shares_are_cut_to_integers(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed, groups=2)
    share = 0.1 + 0.8 * y.float()
    y = share.long() if faulty else share.round().long()
    net = body(8, 2)
    opt = torch.optim.Adam(net.parameters(), lr=config.lr)
    trial.watch(net, opt)
    for step in fitted(trial, net, opt, F.cross_entropy, x, y):
        yield hs.Report(step, val_accuracy=scored(net, vx, vy))


@pair(
    expect="average|follow|copy of|share",
    kind="share of an average exchanged",
    source="tau and 1 - tau exchanged; no single report",
    **LOSS,
)
def average_keeps_the_wrong_share(config, trial, faulty):
    x, y, vx, vy = surface(trial.seed)
    net = body(6, 1)
    average = copy.deepcopy(net).requires_grad_(False)
    opt = torch.optim.Adam(net.parameters(), lr=config.lr)
    trial.watch(net, opt, average)
    keep = 0.01 if faulty else 0.99
    for step in trial.steps():
        for rows in torch.randperm(len(x)).split(32):
            out = net(x[rows])[:, 0]
            with torch.no_grad():
                steady = average(x[rows])[:, 0]
            loss = F.mse_loss(out, y[rows]) + 0.3 * F.mse_loss(out, steady)
            opt.zero_grad()
            loss.backward()
            opt.step()
            with torch.no_grad():
                for a, w in zip(average.parameters(), net.parameters(), strict=True):
                    a.mul_(keep).add_(w, alpha=1 - keep)
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(average(vx)[:, 0], vy))


@pair(
    expect="sum to|do not add up|several classes|more than one class",
    kind="several labels, one softmax",
    source="cross entropy for several labels, often asked about; no single report",
    **LOSS,
)
def several_labels_under_one_softmax(config, trial, faulty):
    x, _, vx, _ = classes(trial.seed)
    make = torch.randn(8, 6, generator=torch.Generator().manual_seed(5))
    y, vy = (x @ make > 0).float(), (vx @ make > 0).float()
    net = body(8, 6)
    opt = torch.optim.Adam(net.parameters(), lr=config.lr)
    trial.watch(net, opt)
    loss_of = F.cross_entropy if faulty else F.binary_cross_entropy_with_logits
    for step in fitted(trial, net, opt, loss_of, x, y):
        with torch.no_grad():
            yield hs.Report(step, val_loss=((net(vx) > 0).float() - vy).abs().mean())


@pair(
    expect="target.*(scale|spread|large|units)|does not learn",
    kind="targets in thousands",
    source="targets that are not scaled, often asked about; no single report",
    **LOSS,
)
def targets_in_thousands(config, trial, faulty):
    x, y, vx, vy = surface(trial.seed)
    factor = 20_000.0 if faulty else 1.0
    y, vy = factor * (y + 8), factor * (vy + 8)
    if not faulty:
        y, vy = y - 8, vy - 8
    net = body(6, 1)
    opt = torch.optim.Adam(net.parameters(), lr=config.lr)
    trial.watch(net, opt)
    for step in fitted(trial, net, opt, lambda out, y: F.mse_loss(out[:, 0], y), x, y):
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(net(vx)[:, 0], vy))


@pair(
    expect="decay",
    kind="a decay that outweighs the loss",
    source="a large weight_decay; no single report",
    **ACCURACY,
)
def decay_outweighs_the_loss(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    net = body(8, 4)
    opt = torch.optim.Adam(net.parameters(), lr=config.lr, weight_decay=3.0 if faulty else 1e-4)
    trial.watch(net, opt)
    for step in fitted(trial, net, opt, F.cross_entropy, x, y):
        yield hs.Report(step, val_accuracy=scored(net, vx, vy))


@pair(
    expect="dropout|by luck|mode",
    kind="the share to keep given as the share to drop",
    source="github bonlime/keras-deeplab-v3-plus#4, piergiaj/pytorch-i3d#58",
    **ACCURACY,
)
def share_to_keep_is_dropped(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    p = 0.95 if faulty else 0.05
    net = nn.Sequential(nn.Dropout(p), nn.Linear(8, 32), nn.ReLU(), nn.Dropout(p), nn.Linear(32, 4))
    opt = torch.optim.Adam(net.parameters(), lr=config.lr)
    trial.watch(net, opt)
    for step in fitted(trial, net, opt, F.cross_entropy, x, y):
        yield hs.Report(step, val_accuracy=scored(net, vx, vy))
