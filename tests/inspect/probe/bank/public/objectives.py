"""Healthy loops with unusual losses and targets: physics, quantiles, mixtures, several tasks."""

import math

import torch
from common import LR, blobs, curve, maximise, minimise
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

import homeostat as hs


def net(inputs=5, outputs=1, width=32, activation=nn.Tanh):
    return nn.Sequential(nn.Linear(inputs, width), activation(), nn.Linear(width, outputs))


def fitted(loss_of, model, lr, steps, trial, score):
    """The plainest loop there is, for what is unusual in the loss alone."""
    opt = torch.optim.Adam(model.parameters(), lr)
    trial.watch(model, opt)
    for step in trial.steps():
        for _ in range(steps):
            loss = loss_of()
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            value = score()
        yield hs.Report(step, val_loss=value, train_loss=loss)


@minimise("error", budget=40)
def equation_and_boundary(config, trial):
    """Physics: inputs are places, the loss holds second derivatives, there are no targets."""
    model = net(1, 1)
    opt = torch.optim.Adam(model.parameters(), config.lr)
    trial.watch(model, opt)
    grid = torch.linspace(0, 3, 50)[:, None]
    for step in trial.steps():
        for _ in range(5):
            t = (3 * torch.rand(64, 1)).requires_grad_(True)
            u = model(t)
            v = torch.autograd.grad(u.sum(), t, create_graph=True)[0]
            a = torch.autograd.grad(v.sum(), t, create_graph=True)[0]
            zero = torch.zeros(1, 1, requires_grad=True)
            start = model(zero)
            slope = torch.autograd.grad(start.sum(), zero, create_graph=True)[0]
            loss = (a + u).square().mean() + (start - 1).square().sum() + slope.square().sum()
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            yield hs.Report(step, error=(model(grid) - grid.cos()).square().mean(), loss=loss)


@minimise(budget=20)
def quantiles(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"), noise=0.5)
    model, levels = net(5, 3), torch.tensor([0.1, 0.5, 0.9])

    def pinball(x, y):
        over = y - model(x)
        return torch.maximum(levels * over, (levels - 1) * over).mean()

    yield from fitted(lambda: pinball(x, y), model, config.lr, 3, trial, lambda: pinball(vx, vy))


@minimise(budget=20)
def mixture_of_gaussians(config, trial):
    x = torch.rand(300, 1)
    y = torch.where(torch.rand(300, 1) < 0.5, x, -x) + 0.1 * torch.randn(300, 1)
    model = net(1, 6)

    def nll(x, y):
        weight, mean, spread = model(x).chunk(3, 1)
        parts = torch.distributions.Normal(mean, F.softplus(spread) + 1e-2)
        return -torch.logsumexp(weight.log_softmax(1) + parts.log_prob(y), 1).mean()

    yield from fitted(
        lambda: nll(x[:200], y[:200]), model, config.lr, 4, trial, lambda: nll(x[200:], y[200:])
    )


@minimise(budget=20)
def counts_by_a_poisson(config, trial):
    x = torch.randn(300, 5, generator=trial.torch_rng("data"))
    y = torch.poisson((x[:, :1] + 0.5 * x[:, 1:2]).exp(), generator=trial.torch_rng("noise"))
    model = net()
    yield from fitted(
        lambda: F.poisson_nll_loss(model(x[:220]), y[:220]), model, config.lr, 3, trial,
        lambda: F.poisson_nll_loss(model(x[220:]), y[220:]),
    )  # fmt: skip


@minimise(budget=20)
def mean_and_variance(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"), noise=0.4)
    model = net(5, 2)

    def nll(x, y):
        mean, log_variance = model(x).chunk(2, 1)
        return F.gaussian_nll_loss(mean, y, log_variance.exp())

    yield from fitted(lambda: nll(x, y), model, config.lr, 3, trial, lambda: nll(vx, vy))


@minimise(budget=20)
def times_until_an_event(config, trial):
    """Survival: a rank among those still at risk, so rows depend on each other by design."""
    x = torch.randn(240, 5, generator=trial.torch_rng("data"))
    time = torch.distributions.Exponential((x[:, 0] - x[:, 1]).exp()).sample()
    seen = (torch.rand(240) < 0.7).float()
    model = net()

    def partial(rows):
        order = time[rows].argsort(descending=True)
        risk = model(x[rows][order])[:, 0]
        alive = seen[rows][order]
        return -((risk - risk.logcumsumexp(0)) * alive).sum() / alive.sum()

    yield from fitted(
        lambda: partial(torch.arange(180)), model, config.lr, 3, trial,
        lambda: partial(torch.arange(180, 240)),
    )  # fmt: skip


@minimise(budget=20)
def weighted_by_learnt_uncertainty(config, trial):
    """Two tasks of different scale; the sum of losses may become negative."""
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    groups, vgroups = (y[:, 0] > 0).long(), (vy[:, 0] > 0).long()
    model, weights = net(5, 3), nn.Parameter(torch.zeros(2))
    opt = torch.optim.Adam([*model.parameters(), weights], config.lr)
    trial.watch(model, opt)

    def losses(x, y, groups):
        said = model(x)
        return F.mse_loss(said[:, :1], y), F.cross_entropy(said[:, 1:], groups)

    for step in trial.steps():
        for _ in range(3):
            one, two = losses(x, y, groups)
            loss = (-weights[0]).exp() * one + (-weights[1]).exp() * two + weights.sum()
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=sum(losses(vx, vy, vgroups)), train_loss=loss)


@maximise("val_acc", budget=20)
def experts_chosen_by_a_gate(config, trial):
    class Experts(nn.Module):
        def __init__(self):
            super().__init__()
            self.gate = nn.Linear(6, 4)
            self.experts = nn.ModuleList(net(6, 3, 16) for _ in range(4))

        def forward(self, x):
            share = self.gate(x).softmax(1)
            best, which = share.topk(2, 1)
            made = torch.stack([expert(x) for expert in self.experts], 1)
            chosen = made.gather(1, which[..., None].expand(-1, -1, 3))
            return (chosen * best[..., None]).sum(1), share

    (x, y), (vx, vy) = blobs(trial.torch_rng("data"), rows=300)
    model = Experts()
    opt = torch.optim.Adam(model.parameters(), config.lr)
    trial.watch(model, opt)
    for step in trial.steps():
        said, share = model(x)
        loss = F.cross_entropy(said, y) + 0.1 * 4 * share.mean(0).square().sum()
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            acc = (model(vx)[0].argmax(1) == vy).float().mean()
        yield hs.Report(step, val_acc=acc, train_loss=loss)


@maximise("val_acc", budget=20)
def mixed_rows_and_smoothed_labels(config, trial):
    """Mixup: no training row is a row of the data, and targets are shares of classes."""
    (x, y), (vx, vy) = blobs(trial.torch_rng("data"), rows=300)
    model = net(6, 3)
    opt = torch.optim.Adam(model.parameters(), config.lr)
    trial.watch(model, opt)
    for step in trial.steps():
        other, share = torch.randperm(len(x)), torch.rand(len(x), 1)
        soft = F.one_hot(y, 3).float()
        mixed = share * x + (1 - share) * x[other]
        loss = F.cross_entropy(model(mixed), share * soft + (1 - share) * soft[other])
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            yield hs.Report(step, val_acc=(model(vx).argmax(1) == vy).float().mean(), loss=loss)


@maximise("val_f1", budget=10, space=hs.Space(lr=LR, gamma=hs.Float(0.0, 4.0, default=2.0)))
def rare_class_with_a_sampler(config, trial):
    x = torch.randn(600, 6, generator=trial.torch_rng("data"))
    y = (x[:, 0] + x[:, 1] > 2.2).float()
    tx, ty, vx, vy = x[:400], y[:400], x[400:], y[400:]
    weights = torch.where(ty > 0, 5.0, 1.0)
    loader = DataLoader(TensorDataset(tx, ty), 50, sampler=WeightedRandomSampler(weights, 400))
    model = net(6)
    opt = torch.optim.Adam(model.parameters(), config.lr)
    trial.watch(model, opt)
    for step in trial.steps():
        for a, b in loader:
            said = model(a)[:, 0]
            ce = F.binary_cross_entropy_with_logits(said, b, reduction="none")
            loss = ((1 - (-ce).exp()) ** config.gamma * ce).mean()
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            hit = model(vx)[:, 0] > 0
        f1 = 2 * (hit & (vy > 0)).sum() / (hit.sum() + vy.sum()).clamp(min=1)
        yield hs.Report(step, val_f1=f1, train_loss=loss)


@minimise("val_rmse", budget=20)
def ratings_by_two_tables(config, trial):
    """Matrix factorisation: inputs are numbers of rows and columns, not features."""
    g = trial.torch_rng("data")
    u, v = torch.randn(40, 3, generator=g), torch.randn(30, 3, generator=g)
    pairs = torch.cartesian_prod(torch.arange(40), torch.arange(30))
    pairs = pairs[torch.randperm(len(pairs), generator=g)]
    y = (u[pairs[:, 0]] * v[pairs[:, 1]]).sum(1)

    class Tables(nn.Module):
        def __init__(self):
            super().__init__()
            self.users, self.items = nn.Embedding(40, 6), nn.Embedding(30, 6)

        def forward(self, pairs):
            return (self.users(pairs[:, 0]) * self.items(pairs[:, 1])).sum(1)

    model = Tables()
    opt = torch.optim.AdamW(model.parameters(), config.lr, weight_decay=0.01)
    trial.watch(model, opt)
    for step in trial.steps():
        for rows in torch.randperm(900).split(100):
            loss = F.mse_loss(model(pairs[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            rmse = F.mse_loss(model(pairs[900:]), y[900:]).sqrt()
        yield hs.Report(step, val_rmse=rmse, train_loss=loss)


@minimise("val_loss", budget=20)
def places_of_a_picture(config, trial):
    """Coordinates in, colours out, by sines; the scored places lie between the trained ones."""

    class Sine(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(2, 64), nn.Linear(64, 1)
            nn.init.uniform_(self.first.weight, -3, 3)

        def forward(self, x):
            return self.last(torch.sin(2 * self.first(x)))

    axis = torch.linspace(-1, 1, 24)
    grid = torch.cartesian_prod(axis, axis)
    colour = (3 * grid[:, :1]).sin() * (2 * grid[:, 1:]).cos()
    train = torch.arange(len(grid)) % 3 != 0
    model = Sine()
    yield from fitted(
        lambda: F.mse_loss(model(grid[train]), colour[train]), model, config.lr, 4, trial,
        lambda: F.mse_loss(model(grid[~train]), colour[~train]),
    )  # fmt: skip


@minimise("val_nll", budget=25)
def kernel_of_a_gaussian_process(config, trial):
    """Three numbers are learnt, by the likelihood of all rows together."""
    x = 6 * torch.rand(60, 1, generator=trial.torch_rng("data"))
    y = x.sin() + 0.1 * torch.randn(60, 1, generator=trial.torch_rng("noise"))
    logs = nn.ParameterDict(
        {name: nn.Parameter(torch.tensor(1.0)) for name in ("length", "size", "noise")}
    )
    opt = torch.optim.Adam(logs.parameters(), 3 * config.lr)
    trial.watch(logs, opt)

    def kernel(a, b):
        return logs["size"].exp() * (-0.5 * (torch.cdist(a, b) / logs["length"].exp()) ** 2).exp()

    tx, ty, vx, vy = x[:40], y[:40], x[40:], y[40:]
    for step in trial.steps():
        k = kernel(tx, tx) + (logs["noise"].exp() + 1e-4) * torch.eye(40)
        root = torch.linalg.cholesky(k)
        solved = torch.cholesky_solve(ty, root)
        loss = (0.5 * (ty.T @ solved).sum() + root.diag().log().sum()) / 40
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            mean = kernel(vx, tx) @ solved
            noise = logs["noise"].exp()
            nll = 0.5 * ((vy - mean) ** 2 / noise + noise.log() + math.log(2 * math.pi)).mean()
        yield hs.Report(step, val_nll=nll, train_nll=loss)


@maximise("val_acc", budget=12)
def labels_made_by_itself(config, trial):
    """Self-training: confident guesses on unlabelled rows become targets."""
    (x, y), (vx, vy) = blobs(trial.torch_rng("data"), rows=420, spread=1.2)
    model = net(6, 3)
    opt = torch.optim.Adam(model.parameters(), config.lr)
    trial.watch(model, opt)
    for step in trial.steps():
        for rows in torch.randperm(len(x) - 30).split(50):
            free = x[30:][rows]
            with torch.no_grad():
                sure, guess = model(free).softmax(1).max(1)
            loss = F.cross_entropy(model(x[:30]), y[:30])
            hard = F.cross_entropy(
                model(free + 0.1 * torch.randn_like(free)), guess, reduction="none"
            )
            loss = loss + 0.3 * (hard * (sure > 0.9)).mean()
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            yield hs.Report(step, val_acc=(model(vx).argmax(1) == vy).float().mean(), loss=loss)
