"""Reported faults in optimisers, schedules, weights and modes, each beside its corrected twin."""

import copy
import math

import torch
from common import classes, lr, pair, surface, walk
from torch import nn
from torch.nn import functional as F

import homeostat as hs


def mlp(inputs, outputs, width=32, *middle):
    return nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), *middle, nn.Linear(width, outputs))


def epoch_of(net, opt, x, y, batch=40, after=lambda: None):
    """One epoch of the plainest kind; the last loss."""
    for rows in torch.randperm(len(x)).split(batch):
        loss = F.cross_entropy(net(x[rows]).float(), y[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
        after()
    return loss


def scores(net, x, y):
    with torch.no_grad():
        said = net(x).float()
    return F.cross_entropy(said, y), (said.argmax(1) == y).float().mean()


@pair(
    expect="eps|half|float16|precision",
    kind="weights in float16, where Adam's epsilon is 0",
    source="github afiaka87/glide-finetune#5, pytorch/pytorch#8860",
    space=hs.Space(lr=lr(1e-3), width=hs.Int(16, 96, default=48)),
    metric="val_loss", goal="minimize", budget=8, unit="epoch",
)  # fmt: skip
def epsilon_in_half(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    x = torch.cat([x, torch.zeros(len(x), 4)], 1).half()  # columns that are always 0
    vx = torch.cat([vx, torch.zeros(len(vx), 4)], 1).half()
    net = mlp(12, 4, config.width).half()
    opt = torch.optim.Adam(net.parameters(), lr=config.lr, eps=1e-8 if faulty else 1e-3)
    trial.watch(net, opt)
    for epoch in trial.steps():
        loss = epoch_of(net, opt, x, y)
        yield hs.Report(epoch, val_loss=scores(net, vx, vy)[0], train_loss=loss)


@pair(
    expect="dropout.*eval|evaluation",
    kind="attention drops in evaluation too, inside a fused function",
    source="github karpathy/nanoGPT PR 240",
    space=hs.Space(lr=lr(5e-3), dropout=hs.Float(0.0, 0.6, default=0.2)),
    metric="val_loss", goal="minimize", budget=50,
)  # fmt: skip
def attention_drops_in_evaluation(config, trial, faulty):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens, self.places = nn.Embedding(12, 32), nn.Embedding(16, 32)
            self.parts, self.out = nn.Linear(32, 96), nn.Linear(32, 32)
            self.norm, self.head = nn.LayerNorm(32), nn.Linear(32, 12)

        def forward(self, x):
            h = self.tokens(x) + self.places(torch.arange(x.size(1)))
            q, k, v = (p.unflatten(2, (2, 16)).transpose(1, 2) for p in self.parts(h).chunk(3, 2))
            share = config.dropout if faulty or self.training else 0.0
            mixed = F.scaled_dot_product_attention(q, k, v, dropout_p=share, is_causal=True)
            return self.head(self.norm(h + self.out(mixed.transpose(1, 2).flatten(2))))

    train, test = walk(trial.seed)
    net = Net()
    opt = torch.optim.AdamW(net.parameters(), lr=config.lr)
    trial.watch(net, opt)
    for step in trial.steps():
        net.train()
        rows = train[torch.randint(len(train), (24,))]
        loss = F.cross_entropy(net(rows[:, :-1]).flatten(0, 1), rows[:, 1:].flatten())
        opt.zero_grad()
        loss.backward()
        opt.step()
        net.eval()
        with torch.no_grad():
            val = F.cross_entropy(net(test[:, :-1]).flatten(0, 1), test[:, 1:].flatten())
        yield hs.Report(step, val_loss=val, train_loss=loss)


@pair(
    expect="buffer|running|statistic|average",
    kind="an average of weights without the statistics of its batch norms",
    source="github FlyreelAI/sesemi#36, pytorch/ignite#2590",
    space=hs.Space(lr=lr(5e-3), decay=hs.Float(0.5, 0.98, default=0.9)),
    metric="val_loss", goal="minimize", budget=10, unit="epoch",
)  # fmt: skip
def average_forgets_statistics(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    x, vx = 4 * x + 3, 4 * vx + 3
    net = nn.Sequential(
        nn.Linear(8, 48), nn.BatchNorm1d(48), nn.ReLU(), nn.Linear(48, 48), nn.BatchNorm1d(48),
        nn.ReLU(), nn.Linear(48, 4),
    )  # fmt: skip
    slow = copy.deepcopy(net).eval()
    opt = torch.optim.Adam(net.parameters(), lr=config.lr)
    trial.watch(net, opt)

    @torch.no_grad()
    def follow():
        for late, now in zip(slow.parameters(), net.parameters(), strict=True):
            late.lerp_(now, 1 - config.decay)
        for late, now in zip(slow.buffers(), net.buffers(), strict=True):
            if not faulty:
                late.copy_(now)

    for epoch in trial.steps():
        net.train()
        loss = epoch_of(net, opt, x, y, after=follow)
        yield hs.Report(epoch, val_loss=scores(slow, vx, vy)[0], train_loss=loss)


@pair(
    expect="copy|reference|alias|same (tensor|weights)|best",
    kind="the best weights are kept by reference",
    source="github pytorch/tutorials PR 188, WenjieDu/PyPOTS#667",
    space=hs.Space(lr=lr(2e-2), width=hs.Int(64, 512, log=True, default=256)),
    metric="val_loss", goal="minimize", budget=25, unit="epoch",
)  # fmt: skip
def best_is_the_last(config, trial, faulty):
    x, y, vx, vy = surface(trial.seed)
    x, y = x[:60], y[:60]
    net = mlp(6, 1, config.width)
    opt = torch.optim.Adam(net.parameters(), lr=config.lr)
    trial.watch(net, opt)
    best, state = math.inf, None
    for epoch in trial.steps():
        for rows in torch.randperm(60).split(20):
            loss = F.mse_loss(net(x[rows])[:, 0], y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            val = float(F.mse_loss(net(vx)[:, 0], vy))
        if val < best:
            best = val
            state = net.state_dict() if faulty else copy.deepcopy(net.state_dict())
        if epoch == trial.budget - 1:
            net.load_state_dict(state)
            with torch.no_grad():
                val = float(F.mse_loss(net(vx)[:, 0], vy))
        yield hs.Report(epoch, val_loss=val, train_loss=loss)


@pair(
    expect="init|symmetr|alike|identical|same",
    kind="every weight starts at one value",
    source="stackoverflow 34311586 (DeepFD 9), github fla-org/flash-linear-attention PR 739",
    space=hs.Space(lr=lr(1e-2), width=hs.Int(8, 128, log=True, default=32)),
    metric="val_loss", goal="minimize", budget=15, unit="epoch",
)  # fmt: skip
def one_value_for_all_weights(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    net = mlp(8, 4, config.width, nn.Linear(config.width, config.width), nn.ReLU())
    for layer in net:
        if faulty and isinstance(layer, nn.Linear):
            nn.init.constant_(layer.weight, 0.02)
            nn.init.zeros_(layer.bias)
    opt = torch.optim.Adam(net.parameters(), lr=config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        loss = epoch_of(net, opt, x, y)
        val, acc = scores(net, vx, vy)
        yield hs.Report(epoch, val_loss=val, val_acc=acc, train_loss=loss)


@pair(
    expect="dropout",
    kind="dropout is set to 0 for a score, and never set back",
    source="github NVIDIA/Megatron-LM PR 411",
    space=hs.Space(lr=lr(5e-3), dropout=hs.Float(0.0, 0.7, default=0.3)),
    metric="val_loss", goal="minimize", budget=12, unit="epoch",
)  # fmt: skip
def dropout_until_the_first_score(config, trial, faulty):
    class Drop(nn.Module):
        def __init__(self):
            super().__init__()
            self.share = config.dropout

        def forward(self, x):
            if not self.training:
                if faulty:
                    self.share = 0.0
                return x
            return F.dropout(x, self.share)

    x, y, vx, vy = classes(trial.seed)
    net = mlp(8, 4, 96, Drop())
    opt = torch.optim.Adam(net.parameters(), lr=config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        net.train()
        loss = epoch_of(net, opt, x, y)
        net.eval()
        yield hs.Report(epoch, val_loss=scores(net, vx, vy)[0], train_loss=loss)


@pair(
    expect="schedul|rate.*(fall|decay|small|ends)",
    kind="milestones count epochs, and the schedule is stepped with every batch",
    source="github ivadomed/ivadomed PR 55, automl/Auto-PyTorch PR 210",
    space=hs.Space(lr=lr(1e-2), gamma=hs.Float(0.05, 0.5, default=0.1)),
    metric="val_loss", goal="minimize", budget=20, unit="epoch",
)  # fmt: skip
def milestones_pass_in_two_epochs(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    net = mlp(8, 4)
    opt = torch.optim.Adam(net.parameters(), lr=config.lr)
    fall = torch.optim.lr_scheduler.MultiStepLR(opt, [10, 16], gamma=config.gamma)
    trial.watch(net, opt)
    for epoch in trial.steps():
        loss = epoch_of(net, opt, x, y, after=fall.step if faulty else lambda: None)
        if not faulty:
            fall.step()
        yield hs.Report(epoch, val_loss=scores(net, vx, vy)[0], train_loss=loss)


@pair(
    expect="gamma|schedul|step_size",
    kind="optimiser and schedule are made anew in every epoch",
    source="github aimagelab/mammoth#25, nianticlabs/manydepth#46",
    space=hs.Space(
        lr=lr(2e-2), gamma=hs.Float(0.1, 0.9, default=0.5), step_size=hs.Int(2, 6, default=3)
    ),
    metric="val_loss", goal="minimize", budget=14, unit="epoch",
)  # fmt: skip
def schedule_is_always_new(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    net = mlp(8, 4)

    def made():
        opt = torch.optim.SGD(net.parameters(), lr=config.lr, momentum=0.9)
        return opt, torch.optim.lr_scheduler.StepLR(opt, config.step_size, gamma=config.gamma)

    opt, fall = made()
    trial.watch(net, opt)
    for epoch in trial.steps():
        if faulty:
            opt, fall = made()
        loss = epoch_of(net, opt, x, y)
        fall.step()
        yield hs.Report(epoch, val_loss=scores(net, vx, vy)[0], train_loss=loss)


@pair(
    expect="detach|cut off|no gradient",
    kind="the generator learns from a detached sample",
    source="github nikhilsinghmus/image2reverb#37, wangle53/CSA-CDGAN#5",
    space=hs.Space(lr=lr(2e-3, 1e-4, 1e-2), aux=hs.Float(0.01, 1.0, log=True, default=0.05)),
    metric="distance", goal="minimize", budget=120,
)  # fmt: skip
def generator_learns_from_a_detached_sample(config, trial, faulty):
    def real(rows):
        angle = 2 * math.pi * torch.rand(rows)
        return torch.stack([2 * angle.cos() + 1, angle.sin() - 1], 1)

    g = mlp(4, 2)
    d = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
    opt_g = torch.optim.Adam(g.parameters(), lr=config.lr, betas=(0.5, 0.99))
    opt_d = torch.optim.Adam(d.parameters(), lr=config.lr, betas=(0.5, 0.99))
    trial.watch(g, d, opt_g, opt_d)
    test = real(500)
    for step in trial.steps():
        data, fake = real(64), g(torch.randn(64, 4))
        loss_g = F.softplus(-d(fake.detach() if faulty else fake)).mean()
        loss_g = loss_g + config.aux * (fake.mean() - data.mean()).square()
        opt_g.zero_grad()
        loss_g.backward()
        opt_g.step()
        loss_d = F.softplus(-d(data)).mean() + F.softplus(d(fake.detach())).mean()
        opt_d.zero_grad()
        loss_d.backward()
        opt_d.step()
        with torch.no_grad():
            made = g(torch.randn(500, 4))
        distance = (made.mean(0) - test.mean(0)).norm() + (made.std(0) - test.std(0)).norm()
        yield hs.Report(step, distance=distance, loss_d=loss_d, loss_g=loss_g)
