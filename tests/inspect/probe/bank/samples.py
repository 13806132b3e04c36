"""Loops whose data, modes or randomness are not what they seem."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

import homeostat as hs

from .parts import LR, blobs, curve, maximise, minimise, tokens


@minimise(budget=12)
def shuffled_labels(config, trial):
    """The loader shuffles the targets, and not the inputs with them."""
    (x, y), (vx, vy) = blobs(trial.torch_rng("data"), rows=360, spread=0.8)
    y = y[torch.randperm(len(y), generator=trial.torch_rng("order"))]
    model = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer, train=(x, y), validation=(vx, vy))
    for step in trial.steps():
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.cross_entropy(model(vx), vy))


@minimise(budget=6)
def batches_mismatched(config, trial):
    """Each batch takes rows of x in another order than rows of y; nothing is declared."""
    (x, y), (vx, vy) = curve(trial.torch_rng("data"), rows=320)
    model = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    rng = trial.torch_rng("order")
    for step in trial.steps():
        inputs = x[torch.randperm(len(x), generator=rng)].split(32)
        targets = y[torch.randperm(len(x), generator=rng)].split(32)
        for one, two in zip(inputs, targets, strict=True):
            loss = ((model(one) - two) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=((model(vx) - vy) ** 2).mean())


@maximise(budget=8)
def overlap_as_declared(config, trial):
    (x, y), _ = blobs(trial.torch_rng("data"))
    vx, vy = x[100:], y[100:]
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer, train=(x, y), validation=(vx, vy))
    for step in trial.steps():
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_accuracy=(model(vx).argmax(1) == vy).float().mean())


@minimise(budget=8)
def repeated_before_the_split(config, trial):
    """Rows are drawn with replacement to have more of them, and split after that."""
    (x, y), _ = curve(trial.torch_rng("data"), rows=100)
    drawn = torch.randint(len(x), (220,), generator=trial.torch_rng("draw"))
    x, y, vx, vy = x[drawn[:160]], y[drawn[:160]], x[drawn[160:]], y[drawn[160:]]
    model = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer, train=(x, y), validation=(vx, vy))
    for step in trial.steps():
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy))


@minimise(budget=8)
def overlap_as_it_passes(config, trial):
    """A third of the validation rows come from the training set; loaders, nothing declared."""
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    loader = DataLoader(TensorDataset(x, y), 32, shuffle=True, generator=trial.torch_rng("batches"))
    held_out = DataLoader(TensorDataset(torch.cat([vx, x[:25]]), torch.cat([vy, y[:25]])), 25)
    model = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    for epoch in range(trial.budget):
        model.train()
        for one, two in loader:
            optimizer.zero_grad()
            F.mse_loss(model(one), two).backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            losses = [F.mse_loss(model(one), two) for one, two in held_out]
        yield hs.Report(epoch, val_loss=torch.stack(losses).mean())


@minimise(budget=8)
def target_among_the_inputs(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    x, vx = torch.cat([x, 2 * y + 1], 1), torch.cat([vx, 2 * vy + 1], 1)
    model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    for step in trial.steps():
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy))


class Attends(nn.Module):
    def __init__(self, causal, alphabet=11, width=16, length=12):
        super().__init__()
        self.embed = nn.Embedding(alphabet, width)
        self.place = nn.Parameter(torch.randn(length, width) * 0.1)
        self.qkv = nn.Linear(width, 3 * width)
        self.head = nn.Linear(width, alphabet)
        self.causal = causal

    def forward(self, tokens):
        x = self.embed(tokens) + self.place[: tokens.shape[1]]
        q, k, v = self.qkv(x).chunk(3, -1)
        scores = q @ k.transpose(1, 2) / q.shape[-1] ** 0.5
        if self.causal:
            mask = torch.ones(scores.shape[-2:]).triu(1).bool()
            scores = scores.masked_fill(mask, -torch.inf)
        return self.head(x + scores.softmax(-1) @ v)


@minimise(budget=8)
def attention_without_mask(config, trial):
    train, held_out = tokens(trial.torch_rng("data"))
    model = Attends(causal=False)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)

    def loss_of(rows):
        scores = model(rows[:, :-1])
        return F.cross_entropy(scores.reshape(-1, 11), rows[:, 1:].reshape(-1))

    for step in trial.steps():
        loss = loss_of(train)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=loss_of(held_out))


class Averages(nn.Module):
    """An exponential average over time, then a small network."""

    def __init__(self, oldest_first):
        super().__init__()
        weights = 0.7 ** torch.arange(12.0)
        self.register_buffer("weights", weights if oldest_first else weights.flip(0))
        self.net = nn.Sequential(nn.Linear(3, 12), nn.Tanh(), nn.Linear(12, 1))

    def forward(self, x):
        return self.net((x * self.weights[:, None]).sum(1) / self.weights.sum())


@minimise(budget=10)
def average_reversed_in_time(config, trial):
    x = torch.randn(120, 12, 3, generator=trial.torch_rng("data"))
    y = x[:, -3:].mean((1, 2)).unsqueeze(1)
    model = Averages(oldest_first=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    for step in trial.steps():
        optimizer.zero_grad()
        F.mse_loss(model(x[:90]), y[:90]).backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(x[90:]), y[90:]))


@minimise(budget=10)
def dropout_left_on(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    for step in trial.steps():
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy))


class Functional(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(5, 16), nn.Linear(16, 1)

    def forward(self, x):
        return self.two(F.dropout(self.one(x).relu(), 0.3))


@minimise(budget=10)
def functional_dropout_left_on(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = Functional()
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    for step in trial.steps():
        model.train()
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        optimizer.step()
        model.eval()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy))


@minimise(budget=10)
def batch_norm_in_training_mode(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = nn.Sequential(nn.Linear(5, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    for step in trial.steps():
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy))


@minimise(budget=10)
def left_in_evaluation_mode(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    model.train()
    for step in trial.steps():
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        optimizer.step()
        model.eval()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy))


@minimise(budget=8)
def seed_ignored(config, trial):
    torch.manual_seed(1234)
    x = torch.randn(100, 5)
    y = x.sum(1, keepdim=True)
    model = nn.Linear(5, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    for step in trial.steps():
        optimizer.zero_grad()
        F.mse_loss(model(x[:80]), y[:80]).backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(x[80:]), y[80:]))


@minimise(budget=8)
def unseeded(config, trial):
    """numpy's new generator takes its seed from the machine."""
    rng = np.random.default_rng()
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = nn.Linear(5, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    for step in trial.steps():
        rows = torch.from_numpy(rng.permutation(len(x))[:50])
        optimizer.zero_grad()
        F.mse_loss(model(x[rows]), y[rows]).backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy))


@minimise(space=hs.Space(lr=LR, momentum=hs.Float(0.0, 0.99, default=0.9)), budget=10)
def numpy_with_unused_knob(config, trial):
    """No PyTorch at all."""
    rng = trial.rng("data")
    x = rng.standard_normal((80, 4))
    y = x @ np.array([1.0, -2.0, 0.5, 0.0]) + 0.1 * rng.standard_normal(80)
    weights = np.zeros(4)
    for step in trial.steps():
        weights -= config.lr * 2 * x[:60].T @ (x[:60] @ weights - y[:60]) / 60
        yield hs.Report(step, val_loss=np.mean((x[60:] @ weights - y[60:]) ** 2))
