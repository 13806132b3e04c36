"""Loops with nothing wrong, in many styles: no fault may be reported on any of them."""

import copy
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, TensorDataset

import homeostat as hs

from .parts import LR, blobs, curve, maximise, minimise, tokens
from .samples import Attends, Averages


@minimise()
def tiny(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"), features=3)
    model = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    for step in trial.steps():
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy))


@maximise(
    budget=5,
    space=hs.Space(lr=LR, width=hs.Int(8, 64, log=True, default=32), dropout=hs.Float(0.0, 0.5)),
)
def epochs_with_loaders(config, trial):
    """Modes switched as they should be, nothing shown with watch."""
    (x, y), (vx, vy) = blobs(trial.torch_rng("data"))
    loader = DataLoader(TensorDataset(x, y), 32, shuffle=True)
    model = nn.Sequential(
        nn.Linear(6, config.width), nn.BatchNorm1d(config.width), nn.ReLU(),
        nn.Dropout(config.dropout), nn.Linear(config.width, 3),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    for epoch in range(trial.budget):
        model.train()
        for one, two in loader:
            loss = F.cross_entropy(model(one), two)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            train_accuracy = (model(x).argmax(1) == y).float().mean()
            accuracy = (model(vx).argmax(1) == vy).float().mean()
        yield hs.Report(epoch, val_accuracy=accuracy, train_accuracy=train_accuracy)


@minimise()
def noisy(config, trial):
    """Batches of four, and more noise than signal."""
    rng = trial.torch_rng("data")
    (x, y), (vx, vy) = curve(rng, rows=400, noise=1.0)
    model = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer, train=(x, y), validation=(vx, vy))
    for step in trial.steps():
        rows = torch.randint(len(x), (4,), generator=rng)
        optimizer.zero_grad()
        F.mse_loss(model(x[rows]), y[rows]).backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy))


@minimise(space=hs.Space(lr=LR, warmup=hs.Int(5, 40, default=30)))
def long_warm_up(config, trial):
    """The rate starts at 0 and is still rising when the short run ends."""
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.lr)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, step / config.warmup)
    )
    trial.watch(model, optimizer, schedule)
    for step in trial.steps():
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy), train_loss=loss)


@minimise()
def frozen_layers(config, trial):
    (x, y), (vx, vy) = blobs(trial.torch_rng("data"))
    body = nn.Sequential(nn.Linear(6, 24), nn.ReLU()).requires_grad_(False)
    model = nn.Sequential(body, nn.Linear(24, 3))
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=config.lr)
    trial.watch(model, optimizer)
    for step in trial.steps():
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.cross_entropy(model(vx), vy))


@minimise()
def several_optimisers(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    body, head = nn.Linear(5, 16), nn.Linear(16, 1)
    optimizers = [
        torch.optim.Adam(body.parameters(), lr=config.lr),
        torch.optim.SGD(head.parameters(), lr=config.lr),
    ]
    trial.watch(body, head, *optimizers)
    for step in trial.steps():
        for optimizer in optimizers:
            optimizer.zero_grad()
        F.mse_loss(head(body(x).tanh()), y).backward()
        for optimizer in optimizers:
            optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(head(body(vx).tanh()), vy))


@minimise(metric="distance", budget=12)
def adversaries(config, trial):
    """Two networks with opposite aims, and gradients that pass through the other one."""
    rng = trial.torch_rng("noise")
    maker = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2))
    critic = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
    makes = torch.optim.Adam(maker.parameters(), lr=config.lr / 10, betas=(0.5, 0.9))
    judges = torch.optim.Adam(critic.parameters(), lr=config.lr / 10, betas=(0.5, 0.9))
    trial.watch(makes, judges, maker=maker, critic=critic)
    ones, zeros = torch.ones(64, 1), torch.zeros(64, 1)
    for step in trial.steps():
        real = torch.randn(64, 2, generator=rng) * 0.3 + 1.0
        made = maker(torch.randn(64, 4, generator=rng))
        judges.zero_grad()
        judged = F.binary_cross_entropy_with_logits(critic(real), ones)
        judged = judged + F.binary_cross_entropy_with_logits(critic(made.detach()), zeros)
        judged.backward()
        judges.step()
        makes.zero_grad()
        fooled = F.binary_cross_entropy_with_logits(critic(made), ones)
        fooled.backward()
        makes.step()
        distance = (made.mean(0) - real.mean(0)).norm()
        yield hs.Report(step, distance=distance, critic_loss=judged, maker_loss=fooled)


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(40, 12, padding_idx=0)
        self.mix = nn.GRU(12, 12, batch_first=True)
        self.head = nn.Linear(12, 40, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, tokens):
        return self.head(self.mix(self.embed(tokens))[0])


@minimise(budget=10)
def tied_weights_and_padding(config, trial):
    """Most rows of the embedding are never used, and one never may be."""
    train, held_out = tokens(trial.torch_rng("data"))
    train[:, -2:] = 0
    model = Tied()
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)

    def loss_of(rows):
        scores = model(rows[:, :-1])
        return F.cross_entropy(scores.transpose(1, 2), rows[:, 1:], ignore_index=0)

    for step in trial.steps():
        optimizer.zero_grad()
        loss_of(train).backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=loss_of(held_out))


@minimise(budget=8)
def causal_attention(config, trial):
    train, held_out = tokens(trial.torch_rng("data"))
    model = Attends(causal=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)

    def loss_of(rows):
        return F.cross_entropy(model(rows[:, :-1]).reshape(-1, 11), rows[:, 1:].reshape(-1))

    for step in trial.steps():
        optimizer.zero_grad()
        loss_of(train).backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=loss_of(held_out))


@minimise(budget=16)
def one_window_of_text(config, trial):
    """A batch of one short window: where the text repeats a letter, it is its own next token."""
    text = torch.tensor([ord(letter) - 97 for letter in "aaaaaabcdbbbbbbbacddddddddca" * 4])
    other = torch.tensor([ord(letter) - 97 for letter in "dddabbacccabdcbccdaccb"])
    model = Attends(causal=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    places = trial.torch_rng("data")
    held_out = other.unfold(0, 5, 5)

    def loss_of(rows):
        return F.cross_entropy(model(rows[:, :-1]).reshape(-1, 11), rows[:, 1:].reshape(-1))

    for step in trial.steps():
        start = int(torch.randint(len(text) - 5, (1,), generator=places))
        optimizer.zero_grad()
        loss_of(text[None, start : start + 5]).backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=loss_of(held_out))


@minimise(budget=8)
def average_over_time(config, trial):
    x = torch.randn(120, 12, 3, generator=trial.torch_rng("data"))
    y = x[:, -3:].mean((1, 2)).unsqueeze(1)
    model = Averages(oldest_first=False)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    for step in trial.steps():
        optimizer.zero_grad()
        F.mse_loss(model(x[:90]), y[:90]).backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(x[90:]), y[90:]))


@minimise(budget=5, space=hs.Space(lr=hs.Float(0.1, 1.0, default=0.5)))
def lbfgs(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 1))
    optimizer = torch.optim.LBFGS(model.parameters(), lr=config.lr, max_iter=4)
    trial.watch(model, optimizer)

    def closure():
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        return loss

    for step in trial.steps():
        optimizer.step(closure)
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy))


class Checkpointed(nn.Module):
    def __init__(self, reentrant):
        super().__init__()
        self.first = nn.Linear(5, 16)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(16, 16), nn.Dropout(0.1), nn.GELU()) for _ in range(2)
        )
        self.last = nn.Linear(16, 1)
        self.reentrant = reentrant

    def forward(self, x):
        x = self.first(x)
        for block in self.blocks:
            x = checkpoint(block, x, use_reentrant=self.reentrant)
        return self.last(x)


@minimise(budget=8, space=hs.Space(lr=LR))
def gradient_checkpoints(config, trial):
    """Blocks run again in the backward pass, the old way: first without gradients."""
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = Checkpointed(reentrant=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    for step in trial.steps():
        model.train()
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        optimizer.step()
        model.eval()
        yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy).item())


@minimise(budget=12)
def mixed_precision(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.lr)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**16)
    trial.watch(model, optimizer, scaler)
    for step in trial.steps():
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.float16):
            predicted = model(x)
        scaler.scale(F.mse_loss(predicted.float(), y)).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy))


@minimise(budget=12)
def numpy_only(config, trial):
    rng = trial.rng("data")
    x = rng.standard_normal((80, 4))
    y = x @ np.array([1.0, -2.0, 0.5, 0.0]) + 0.1 * rng.standard_normal(80)
    weights = np.zeros(4)
    for step in trial.steps():
        weights -= config.lr * 2 * x[:60].T @ (x[:60] @ weights - y[:60]) / 60
        yield hs.Report(step, val_loss=np.mean((x[60:] @ weights - y[60:]) ** 2))


@minimise(budget=12)
def scored_with_averaged_weights(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = nn.Sequential(nn.Linear(5, 16), nn.SiLU(), nn.Linear(16, 1))
    average = copy.deepcopy(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    trial.watch(optimizer, model=model, average=average)
    for step in trial.steps():
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        optimizer.step()
        with torch.no_grad():
            for slow, fast in zip(average.parameters(), model.parameters(), strict=True):
                slow.lerp_(fast, 0.3)
            yield hs.Report(step, val_loss=F.mse_loss(average(vx), vy))


@minimise(budget=6, space=hs.Space(lr=LR, accumulate=hs.Choice([1, 2, 4], default=2)))
def accumulated_gradients(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = nn.Sequential(nn.Linear(5, 16), nn.GELU(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    for step in trial.steps():
        optimizer.zero_grad()
        for part, wanted in zip(
            x.chunk(config.accumulate), y.chunk(config.accumulate), strict=True
        ):
            (F.mse_loss(model(part), wanted) / config.accumulate).backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy))


@minimise(budget=12)
def measures_the_machine(config, trial):
    """It reports how long a step takes, which no two runs agree on."""
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    weights = torch.zeros(5, 1, requires_grad=True)
    bias = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([weights, bias], lr=config.lr)
    for step in trial.steps():
        started = time.perf_counter()
        optimizer.zero_grad()
        (x @ weights + bias - y).square().mean().backward()
        optimizer.step()
        elapsed = time.perf_counter() - started
        with torch.no_grad():
            loss = (vx @ weights + bias - vy).square().mean()
        yield hs.Report(step, val_loss=loss, step_seconds=elapsed, samples_per_second=150 / elapsed)


@minimise(budget=10)
def deep_with_norms(config, trial):
    (x, y), (vx, vy) = blobs(trial.torch_rng("data"))
    layers = [nn.Linear(6, 24)]
    for _ in range(6):
        layers += [nn.LayerNorm(24), nn.ReLU(), nn.Linear(24, 24)]
    model = nn.Sequential(*layers, nn.LayerNorm(24), nn.Linear(24, 3))
    optimizer = torch.optim.AdamW(model.parameters(), lr=config.lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=config.lr, total_steps=trial.budget + 2
    )
    trial.watch(model, optimizer, schedule)
    for step in trial.steps():
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.cross_entropy(model(vx), vy), train_loss=loss)


@minimise(budget=10)
def by_hand(config, trial):
    """Gradients taken and weights moved without an optimiser."""
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = nn.Sequential(nn.Linear(5, 12), nn.Tanh(), nn.Linear(12, 1))
    trial.watch(model)
    for step in trial.steps():
        loss = F.mse_loss(model(x), y)
        for weight, grad in zip(
            model.parameters(),
            torch.autograd.grad(loss, list(model.parameters())),
            strict=True,
        ):
            weight.data -= config.lr * grad
        yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy).item())


@maximise(budget=10)
def few_distinct_rows(config, trial):
    """Six bits a row: most validation rows are also among the training rows, by chance."""
    x = torch.randint(2, (200, 6), generator=trial.torch_rng("data")).float()
    y = (x[:, :3].sum(1) >= 2).long()
    model = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer, train=(x[:150], y[:150]), validation=(x[150:], y[150:]))
    for step in trial.steps():
        optimizer.zero_grad()
        F.cross_entropy(model(x[:150]), y[:150]).backward()
        optimizer.step()
        with torch.no_grad():
            right = model(x[150:]).argmax(1) == y[150:]
        yield hs.Report(step, val_accuracy=right.float().mean())


class Forecaster(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.GRU(1, 12, batch_first=True)
        self.head = nn.Linear(12, 1)

    def forward(self, *, window, targets=None):
        told = self.head(self.cell(window)[0])
        return told if targets is None else F.mse_loss(told, targets)


@minimise(budget=8)
def called_by_name(config, trial):
    """A causal model that takes its inputs and targets by keyword, and gives its loss."""
    time = torch.arange(13) * 0.4 + 6 * torch.rand(80, 1, generator=trial.torch_rng("data"))
    waves = time.sin().unsqueeze(2)
    waves = waves + 0.1 * torch.randn(waves.shape, generator=trial.torch_rng("noise"))
    train, held_out = [(w[:, :-1], w[:, 1:]) for w in (waves[:60], waves[60:])]
    model = Forecaster()
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer, train=train, validation=held_out)
    for step in trial.steps():
        optimizer.zero_grad()
        model(window=train[0], targets=train[1]).backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=model(window=held_out[0], targets=held_out[1]))
