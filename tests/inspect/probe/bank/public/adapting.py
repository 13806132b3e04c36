"""Healthy loops in which part of a network is held still, added, pruned, rounded or compiled."""

import copy

import torch
from common import LR, blobs, curve, maximise, minimise
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, prune

import homeostat as hs


def body(norm=False):
    middle = [nn.BatchNorm1d(32)] if norm else []
    return nn.Sequential(nn.Linear(6, 32), *middle, nn.ReLU(), nn.Linear(32, 16), nn.ReLU())


def pretrained(x, y, norm=False):
    """A body that has learnt to tell other groups of the same rows apart."""
    made, head = body(norm), nn.Linear(16, 2)
    opt = torch.optim.Adam([*made.parameters(), *head.parameters()], 1e-2)
    for _ in range(60):
        opt.zero_grad()
        F.cross_entropy(head(made(x)), (y == 0).long()).backward()
        opt.step()
    return made


def accuracy(model, x, y):
    model.eval()
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean()


class LowRank(nn.Module):
    """A frozen layer plus a product of two thin ones, the second of which starts at 0."""

    def __init__(self, layer, rank):
        super().__init__()
        self.layer = layer.requires_grad_(False)
        self.down = nn.Parameter(torch.randn(rank, layer.in_features) / layer.in_features**0.5)
        self.up = nn.Parameter(torch.zeros(layer.out_features, rank))

    def forward(self, x):
        return self.layer(x) + x @ self.down.T @ self.up.T


@maximise("val_acc", budget=20, space=hs.Space(lr=LR, rank=hs.Int(1, 8, default=4)))
def low_rank_updates(config, trial):
    (x, y), (vx, vy) = blobs(trial.torch_rng("data"), rows=300)
    made = pretrained(x, y)
    made[0], made[2] = LowRank(made[0], config.rank), LowRank(made[2], config.rank)
    model = nn.Sequential(made, nn.Linear(16, 3))
    opt = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], config.lr)
    trial.watch(model, opt)
    for step in trial.steps():
        model.train()
        loss = F.cross_entropy(model(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        yield hs.Report(step, val_acc=accuracy(model, vx, vy), train_loss=loss)


@maximise("val_acc", budget=60)
def frozen_body_in_evaluation_mode(config, trial):
    """Only a head learns; the body's batch norm keeps the statistics that it came with."""
    (x, y), (vx, vy) = blobs(trial.torch_rng("data"), rows=300)
    frozen = pretrained(x, y, norm=True).requires_grad_(False).eval()
    head = nn.Linear(16, 3)
    opt = torch.optim.Adam(head.parameters(), config.lr)
    trial.watch(head, opt)
    for step in trial.steps():
        with torch.no_grad():
            h = frozen(x)
        loss = F.cross_entropy(head(h), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            acc = (head(frozen(vx)).argmax(1) == vy).float().mean()
        yield hs.Report(step, val_acc=acc, train_loss=loss)


@maximise("val_acc", budget=24, space=hs.Space(lr=LR, thaw=hs.Int(4, 16, default=8)))
def thawed_after_some_epochs(config, trial):
    (x, y), (vx, vy) = blobs(trial.torch_rng("data"), rows=300)
    made = pretrained(x, y).requires_grad_(False)
    model = nn.Sequential(made, nn.Linear(16, 3))
    opt = torch.optim.Adam(model[1].parameters(), config.lr)
    trial.watch(model, opt)
    for step in trial.steps():
        if step == config.thaw:
            made.requires_grad_(True)
            opt.add_param_group({"params": list(made.parameters()), "lr": 0.3 * config.lr})
        model.train()
        loss = F.cross_entropy(model(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        yield hs.Report(step, val_acc=accuracy(model, vx, vy), train_loss=loss)


@maximise("val_acc", budget=20)
def smaller_rates_for_lower_layers(config, trial):
    (x, y), (vx, vy) = blobs(trial.torch_rng("data"), rows=300)
    model = nn.Sequential(pretrained(x, y), nn.Linear(16, 3))
    groups = [
        {"params": layer.parameters(), "lr": config.lr * 0.5**depth}
        for depth, layer in enumerate([model[1], model[0][2], model[0][0]])
    ]
    opt = torch.optim.AdamW(groups)
    trial.watch(model, opt)
    for step in trial.steps():
        model.train()
        loss = F.cross_entropy(model(x), y, label_smoothing=0.1)
        opt.zero_grad()
        loss.backward()
        opt.step()
        yield hs.Report(step, val_acc=accuracy(model, vx, vy), train_loss=loss)


@maximise("val_acc", budget=20, space=hs.Space(lr=LR, share=hs.Float(0.1, 0.7, default=0.4)))
def pruned_half_way(config, trial):
    (x, y), (vx, vy) = blobs(trial.torch_rng("data"), rows=300)
    model = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 3))
    opt = torch.optim.Adam(model.parameters(), config.lr)
    trial.watch(model, opt)
    for step in trial.steps():
        if step == trial.budget // 2:
            for layer in (model[0], model[2]):
                prune.l1_unstructured(layer, "weight", config.share)
        model.train()
        loss = F.cross_entropy(model(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        yield hs.Report(step, val_acc=accuracy(model, vx, vy), train_loss=loss)


@maximise("val_acc", budget=25)
def weights_of_one_bit(config, trial):
    """The forward pass sees signs; the gradient passes straight through to the weights behind."""

    class OneBit(nn.Linear):
        def forward(self, x):
            scale = self.weight.abs().mean()
            sign = self.weight + (scale * self.weight.sign() - self.weight).detach()
            return F.linear(x, sign, self.bias)

    (x, y), (vx, vy) = blobs(trial.torch_rng("data"), rows=300)
    model = nn.Sequential(OneBit(6, 64), nn.ReLU(), OneBit(64, 3))
    opt = torch.optim.Adam(model.parameters(), config.lr)
    trial.watch(model, opt)
    for step in trial.steps():
        model.train()
        loss = F.cross_entropy(model(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        yield hs.Report(step, val_acc=accuracy(model, vx, vy), train_loss=loss)


@maximise("val_acc", budget=25)
def spikes_with_a_surrogate_gradient(config, trial):
    class Spike(torch.autograd.Function):
        @staticmethod
        def forward(ctx, potential):
            ctx.save_for_backward(potential)
            return (potential > 0).float()

        @staticmethod
        def backward(ctx, grad):
            (potential,) = ctx.saved_tensors
            return grad / (1 + 5 * potential.abs()).square()

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(6, 48), nn.Linear(48, 3)

        def forward(self, x):
            potential, counts = torch.zeros(len(x), 48), 0.0
            for _ in range(6):
                potential = 0.8 * potential + self.first(x)
                spike = Spike.apply(potential - 1)
                potential = potential * (1 - spike.detach())
                counts = counts + spike
            return self.last(counts / 6)

    (x, y), (vx, vy) = blobs(trial.torch_rng("data"), rows=300)
    model = Net()
    opt = torch.optim.Adam(model.parameters(), config.lr)
    trial.watch(model, opt)
    for step in trial.steps():
        loss = F.cross_entropy(model(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        yield hs.Report(step, val_acc=accuracy(model, vx, vy), train_loss=loss)


@minimise(budget=25)
def reparametrised_weights(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = nn.Sequential(
        parametrizations.weight_norm(nn.Linear(5, 32)), nn.SiLU(),
        parametrizations.orthogonal(nn.Linear(32, 32)), nn.SiLU(), nn.Linear(32, 1),
    )  # fmt: skip
    opt = torch.optim.Adam(model.parameters(), config.lr)
    trial.watch(model, opt)
    for step in trial.steps():
        loss = F.mse_loss(model(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy), train_loss=loss)


@maximise("val_acc", budget=20)
def bfloat_autocast(config, trial):
    (x, y), (vx, vy) = blobs(trial.torch_rng("data"), rows=300)
    model = nn.Sequential(nn.Linear(6, 64), nn.GELU(), nn.LayerNorm(64), nn.Linear(64, 3))
    opt = torch.optim.AdamW(model.parameters(), config.lr)
    trial.watch(model, opt)
    for step in trial.steps():
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = F.cross_entropy(model(x), y)
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            acc = (model(vx).argmax(1) == vy).float().mean()
        yield hs.Report(step, val_acc=acc, train_loss=loss.float())


@minimise(budget=20)
def double_precision(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    x, y, vx, vy = (t.double() for t in (x, y, vx, vy))
    model = nn.Sequential(nn.Linear(5, 32), nn.Tanh(), nn.Linear(32, 1)).double()
    opt = torch.optim.Adam(model.parameters(), config.lr)
    trial.watch(model, opt)
    for step in trial.steps():
        loss = F.mse_loss(model(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy), train_loss=loss)


@maximise("val_acc", budget=20)
def compiled_by_an_eager_backend(config, trial):
    (x, y), (vx, vy) = blobs(trial.torch_rng("data"), rows=300)
    model = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 3))
    fast = torch.compile(model, backend="eager")
    opt = torch.optim.Adam(model.parameters(), config.lr)
    trial.watch(model, opt)
    for step in trial.steps():
        loss = F.cross_entropy(fast(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            acc = (fast(vx).argmax(1) == vy).float().mean()
        yield hs.Report(step, val_acc=acc, train_loss=loss)


@minimise(budget=15, space=hs.Space(lr=LR, patience=hs.Int(2, 6, default=3)))
def best_weights_are_restored(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"), rows=60, noise=0.4)
    model = nn.Sequential(nn.Linear(5, 128), nn.ReLU(), nn.Linear(128, 1))
    opt = torch.optim.Adam(model.parameters(), config.lr)
    trial.watch(model, opt)
    best, kept, bad = float("inf"), None, 0
    for step in trial.steps():
        for _ in range(5):
            loss = F.mse_loss(model(x), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            val = float(F.mse_loss(model(vx), vy))
        if val < best:
            best, kept, bad = val, copy.deepcopy(model.state_dict()), 0
        else:
            bad += 1
        if bad > config.patience:
            model.load_state_dict(kept)
            bad = 0
        yield hs.Report(step, val_loss=min(val, best), train_loss=loss)
