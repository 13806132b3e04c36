"""Loops whose numbers go wrong: not finite, too large, too small, stuck at an end."""

import torch
from torch import nn
from torch.nn import functional as F

import homeostat as hs

from .parts import LR, blobs, curve, maximise, minimise


@minimise()
def norm_of_zero(config, trial):
    """Rows of zeros are divided by a root of the sum of their squares."""
    (x, y), _ = curve(trial.torch_rng("data"))
    x[::9] = 0
    first, second = nn.Linear(5, 16, bias=False), nn.Linear(16, 1)
    optimizer = torch.optim.Adam([*first.parameters(), *second.parameters()], lr=config.lr)
    trial.watch(optimizer, first=first, second=second)

    def predict(inputs):
        hidden = first(inputs)
        return second(hidden / (hidden.pow(2).sum(-1, keepdim=True).sqrt() + 1e-6))

    for step in trial.steps():
        optimizer.zero_grad()
        F.mse_loss(predict(x), y).backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, train_loss=F.mse_loss(predict(x[1:9]), y[1:9]), val_loss=1.0)


@minimise()
def log_of_zero(config, trial):
    (x, y), (vx, vy) = blobs(trial.torch_rng("data"))
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3), nn.Softmax(1))
    optimizer = torch.optim.SGD(model.parameters(), lr=config.lr * 10)
    trial.watch(model, optimizer)
    x = x * 60
    for step in trial.steps():
        loss = -model(x)[torch.arange(len(y)), y].log().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield hs.Report(step, val_loss=F.nll_loss(model(vx), vy), train_loss=loss.clamp(max=99))


@minimise()
def half_precision_overflow(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    x, vx = x * 400, vx * 400
    model = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    for step in trial.steps():
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.float16):
            loss = (model(x).square() - y.half()).square().mean()
        loss.backward()
        optimizer.step()
        yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy).nan_to_num(0.0))


@minimise()
def bfloat_weights_lose_their_steps(config, trial):
    """Steps are smaller than the distance between two bfloat16 numbers."""
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = nn.Linear(5, 1).to(torch.bfloat16)
    nn.init.constant_(model.weight, 1.5)
    nn.init.constant_(model.bias, 2.5)
    optimizer = torch.optim.SGD(model.parameters(), lr=config.lr / 1000)
    trial.watch(model, optimizer)
    for step in trial.steps():
        optimizer.zero_grad()
        F.mse_loss(model(x.bfloat16()), y.bfloat16()).backward()
        optimizer.step()
        with torch.no_grad():
            loss = F.mse_loss(model(vx.bfloat16()).float(), vy)
        yield hs.Report(step, val_loss=loss + 1e-4 * vx[step].sum())


class Recurrent(nn.Module):
    def __init__(self, gain):
        super().__init__()
        self.cell = nn.Linear(8, 8, bias=False)
        self.inputs = nn.Linear(1, 8)
        self.head = nn.Linear(8, 1)
        nn.init.normal_(self.cell.weight, std=gain)

    def forward(self, x):
        state = torch.zeros(len(x), 8)
        for t in range(x.shape[1]):
            state = self.cell(state) + self.inputs(x[:, t])
        return self.head(state)


@minimise()
def exploding_recurrence(config, trial):
    rng = trial.torch_rng("data")
    x = torch.randn(64, 25, 1, generator=rng)
    y = x.mean(1)
    model = Recurrent(0.9)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    for step in trial.steps():
        loss = F.mse_loss(model(x[:48]), y[:48])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(x[48:]), y[48:]), train_loss=loss)


@minimise()
def vanishing_gradient(config, trial):
    """Twelve sigmoids on top of each other."""
    (x, y), (vx, vy) = blobs(trial.torch_rng("data"))
    layers = [nn.Linear(6, 12)]
    for _ in range(12):
        layers += [nn.Sigmoid(), nn.Linear(12, 12)]
    model = nn.Sequential(*layers, nn.Linear(12, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    for step in trial.steps():
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.cross_entropy(model(vx), vy), train_loss=loss)


class DeadLayer(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two, self.three = nn.Linear(5, 16), nn.Linear(16, 16), nn.Linear(16, 1)
        nn.init.constant_(self.two.bias, -30.0)

    def forward(self, x):
        return self.three(F.relu(self.two(F.relu(self.one(x)))))


@minimise()
def dead_relus(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = DeadLayer()
    optimizer = torch.optim.SGD(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    for step in trial.steps():
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy))


@maximise()
def saturated_sigmoid(config, trial):
    """Inputs in the thousands, never normalised."""
    (x, y), (vx, vy) = blobs(trial.torch_rng("data"))
    x, vx = 2000 + 900 * x, 2000 + 900 * vx
    model = nn.Sequential(nn.Linear(6, 16), nn.Sigmoid(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    for step in trial.steps():
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_accuracy=(model(vx).argmax(1) == vy).float().mean())


@minimise(space=hs.Space(lr=hs.Float(1e-1, 1e2, log=True, default=8.0)))
def rate_far_too_high(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=config.lr / 4)
    trial.watch(model, optimizer)
    for step in trial.steps():
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy))


@minimise(space=hs.Space(lr=hs.Float(1e-12, 1e-8, log=True, default=1e-10)))
def rate_far_too_low(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 1)).double()
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    for step in trial.steps():
        optimizer.zero_grad()
        F.mse_loss(model(x.double()), y.double()).backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(vx.double()), vy.double()))


@minimise()
def clip_before_unscale(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=config.lr)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**12)
    trial.watch(model, optimizer)
    for step in trial.steps():
        optimizer.zero_grad()
        scaler.scale(F.mse_loss(model(x), y)).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy))


@minimise()
def clip_after_the_step(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    for step in trial.steps():
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        optimizer.step()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy))


@minimise(space=hs.Space(lr=LR, period=hs.Int(5, 50, default=20)))
def scheduler_stepped_twice(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = nn.Sequential(nn.Linear(5, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=config.lr)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.period)
    trial.watch(model, optimizer, scheduler)
    for step in trial.steps():
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        optimizer.step()
        scheduler.step()
        with torch.no_grad():
            loss = F.mse_loss(model(vx), vy)
        scheduler.step()
        yield hs.Report(step, val_loss=loss)


@minimise(space=hs.Space(lr=LR, weight_decay=hs.Float(0.05, 0.5, default=0.2)))
def decay_on_norms(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = nn.Sequential(nn.Linear(5, 16), nn.LayerNorm(16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=config.lr, weight_decay=config.weight_decay
    )
    trial.watch(model, optimizer)
    for step in trial.steps():
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy))


@minimise()
def cosine_that_comes_back(config, trial):
    """T_max counts epochs, and the schedule is stepped with every batch."""
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=trial.budget)
    trial.watch(model, optimizer, schedule)
    for step in trial.steps():
        for rows, targets in zip(x.split(50), y.split(50), strict=True):
            optimizer.zero_grad()
            F.mse_loss(model(rows), targets).backward()
            optimizer.step()
            schedule.step()
        yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy))
