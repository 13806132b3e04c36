"""Reported faults of sequence models, adversaries and losses of several parts."""

import torch
from torch import nn
from torch.nn import functional as F

import homeostat as hs

from .classifiers import classify, mlp
from .parts import blobs, case, curve, maximise, minimise, score, sentences, split, waves


class Reader(nn.Module):
    """Predicts a token at each place from those up to it."""

    def __init__(self, width=24):
        super().__init__()
        self.emb, self.rnn = nn.Embedding(11, width), nn.GRU(width, width, batch_first=True)
        self.out = nn.Linear(width, 11)

    def forward(self, tokens):
        return self.out(self.rnn(self.emb(tokens))[0])


@case("shift|places on", "github huggingface/transformers#47394, PR 37830")
def targets_shifted_twice(broken):
    @minimise()
    def loop(config, trial):
        x, _, vx, _ = split(*sentences())
        net = Reader()
        opt = torch.optim.Adam(net.parameters(), lr=config.lr)
        trial.watch(net, opt)
        s = 2 if broken else 1

        def loss_of(tokens):
            logits = net(tokens[:, :-s])
            return F.cross_entropy(logits.flatten(0, 1), tokens[:, s:].flatten())

        for step in trial.steps():
            for rows in torch.randperm(len(x)).split(24):
                loss = loss_of(x[rows])
                opt.zero_grad()
                loss.backward()
                opt.step()
            with torch.no_grad():
                val = loss_of(vx)
            yield hs.Report(step, val_loss=val, train_loss=loss)

    return loop


@case(
    "gradient.*(other|went)|steps on a gradient",
    "github FoundationVision/OmniTokenizer#15, Project-MONAI/GenerativeModels#102",
)
def critic_keeps_the_generators_gradient(broken):
    @minimise(metric="distance", budget=40, lr=2e-3)
    def loop(config, trial):
        g = nn.Sequential(nn.Linear(4, 24), nn.ReLU(), nn.Linear(24, 2))
        d = nn.Sequential(nn.Linear(2, 24), nn.LeakyReLU(0.2), nn.Linear(24, 1))
        opt_g = torch.optim.Adam(g.parameters(), lr=config.lr)
        opt_d = torch.optim.Adam(d.parameters(), lr=config.lr)
        trial.watch(g, d, opt_g, opt_d)
        for step in trial.steps():
            real, z = torch.randn(48, 2) + 2, torch.randn(48, 4)
            fake = g(z)
            opt_g.zero_grad()
            if broken:
                opt_d.zero_grad()
            F.softplus(-d(fake)).mean().backward()
            opt_g.step()
            if not broken:
                opt_d.zero_grad()
            loss_d = F.softplus(-d(real)).mean() + F.softplus(d(fake.detach())).mean()
            loss_d.backward()
            opt_d.step()
            with torch.no_grad():
                made = g(torch.randn(200, 4))
            yield hs.Report(step, distance=(made.mean(0) - 2).norm(), loss_d=loss_d)

    return loop


@case("no gradient|detach|teaches nothing", "github guopengf/FL-MRCM#10")
def adversarial_part_is_a_number(broken):
    @minimise(budget=20)
    def loop(config, trial):
        x, y, vx, vy = split(*curve())
        net, critic = mlp(8, 24, 1), mlp(1, 12, 1)
        opt = torch.optim.Adam(net.parameters(), lr=config.lr)
        opt_c = torch.optim.Adam(critic.parameters(), lr=config.lr)
        trial.watch(net, critic, opt, opt_c)
        for step in trial.steps():
            out = net(x)
            fooled = F.softplus(-critic(out)).mean()
            if broken:
                fooled = fooled.detach()
            loss = F.mse_loss(out[:, 0], y) + 0.5 * fooled
            opt.zero_grad()
            loss.backward()
            opt.step()
            loss_c = F.softplus(-critic(y[:, None])) + F.softplus(critic(out.detach()))
            opt_c.zero_grad()
            loss_c.mean().backward()
            opt_c.step()
            val = F.mse_loss(score(net, vx)[:, 0], vy)
            yield hs.Report(step, val_loss=val, train_loss=loss)

    return loop


@case(
    "ignores an input|no effect|moves no answer", "github JulesBelveze/time-series-autoencoder#14"
)
def encoded_vector_is_not_passed_on(broken):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.encoder, self.decoder = (
                nn.GRU(3, 12, batch_first=True),
                nn.GRU(3, 12, batch_first=True),
            )
            self.out = nn.Linear(12, 3)

        def forward(self, history, context):
            _, code = self.encoder(context)
            return self.out(self.decoder(history, None if broken else code)[0][:, -1])

    @maximise()
    def loop(config, trial):
        x, y, vx, vy = split(*waves())
        net = Net()
        opt = torch.optim.Adam(net.parameters(), lr=config.lr)
        trial.watch(net, opt)
        for step in trial.steps():
            for rows in torch.randperm(len(x)).split(24):
                loss = F.cross_entropy(net(x[rows, 6:], x[rows, :6]), y[rows])
                opt.zero_grad()
                loss.backward()
                opt.step()
            with torch.no_grad():
                acc = (net(vx[:, 6:], vx[:, :6]).argmax(1) == vy).float().mean()
            yield hs.Report(step, val_acc=acc, train_loss=loss)

    return loop


@case("pad|mask", "forum kind: masked scores are set to 0, not to minus infinity")
def mask_that_multiplies_scores(broken):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.emb, self.place = nn.Embedding(11, 16, padding_idx=0), nn.Embedding(14, 16)
            self.q, self.k, self.v = (nn.Linear(16, 16) for _ in range(3))
            self.out = nn.Linear(16, 3)

        def forward(self, tokens):
            real = tokens != 0
            x = self.emb(tokens) + self.place(torch.arange(tokens.shape[1]))
            scores = self.q(x) @ self.k(x).transpose(1, 2) / 4
            if broken:
                scores = scores * real[:, None]
            else:
                scores = scores.masked_fill(~real[:, None], -1e9)
            x = x + scores.softmax(-1) @ self.v(x)
            return self.out(x[:, 0])

    @maximise()
    def loop(config, trial):
        x, y, vx, vy = split(*sentences(padded=True))
        yield from classify(config, trial, Net(), x, y, vx, vy)

    return loop


@case("pad", "github kind: mean pooling over padded places")
def mean_over_padding(broken):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.emb, self.rnn = nn.Embedding(11, 16, padding_idx=0), nn.Linear(16, 16)
            self.out = nn.Linear(16, 3)

        def forward(self, tokens):
            x = self.rnn(self.emb(tokens)).relu()
            real = (tokens != 0).float()[..., None]
            pooled = x.mean(1) if broken else (x * real).sum(1) / real.sum(1).clamp(min=1)
            return self.out(pooled)

    @maximise()
    def loop(config, trial):
        x, y, vx, vy = split(*sentences(padded=True))
        yield from classify(config, trial, Net(), x, y, vx, vy)

    return loop


@case("rate|schedul|warm", "forum kind: a warm-up of updates that is stepped each epoch")
def warm_up_in_updates_stepped_each_epoch(broken):
    @maximise(budget=10)
    def loop(config, trial):
        x, y, vx, vy = split(*blobs(rows=400))
        net = mlp(8, 24, 4)
        opt = torch.optim.Adam(net.parameters(), lr=config.lr)
        warm = torch.optim.lr_scheduler.LambdaLR(opt, lambda step: min(1.0, (step + 1) / 120))
        trial.watch(net, opt)
        for epoch in trial.steps():
            for rows in torch.randperm(len(x)).split(12):
                loss = F.cross_entropy(net(x[rows]), y[rows])
                opt.zero_grad()
                loss.backward()
                opt.step()
                if not broken:
                    warm.step()
            if broken:
                warm.step()
            acc = (score(net, vx).argmax(1) == vy).float().mean()
            yield hs.Report(epoch, val_acc=acc, train_loss=loss)

    return loop


@case(
    "detach|no gradient|teaches nothing|cut off", "forum kind: distillation from a detached student"
)
def distillation_of_a_detached_student(broken):
    @maximise()
    def loop(config, trial):
        x, y, vx, vy = split(*blobs())
        teacher, net = mlp(8, 32, 4), mlp(8, 16, 4)
        opt = torch.optim.Adam(net.parameters(), lr=config.lr)
        trial.watch(net, opt)
        for epoch in trial.steps():
            for rows in torch.randperm(len(x)).split(24):
                out, wanted = net(x[rows]), teacher(x[rows])
                soft = (
                    F.mse_loss(out.detach(), wanted) if broken else F.mse_loss(out, wanted.detach())
                )
                loss = F.cross_entropy(out, y[rows]) + 0.1 * soft
                opt.zero_grad()
                loss.backward()
                opt.step()
            acc = (score(net, vx).argmax(1) == vy).float().mean()
            yield hs.Report(epoch, val_acc=acc, train_loss=loss)

    return loop


@case("float16|half", "github pytorch/pytorch#8860 kind: an epsilon below float16")
def epsilon_below_half_precision(broken):
    @minimise(lr=1e-2)
    def loop(config, trial):
        x, y, vx, vy = split(*curve())
        net = mlp(8, 24, 1)
        opt = torch.optim.Adam(net.parameters(), lr=config.lr)
        trial.watch(net, opt)
        eps = 1e-8 if broken else 1e-3
        for step in trial.steps():
            out = net(x)[:, 0].half()
            size = (out.square() + eps).sqrt()
            loss = F.mse_loss(out.float(), y) + 1e-3 * size.float().mean()
            opt.zero_grad()
            loss.backward()
            opt.step()
            val = F.mse_loss(score(net, vx)[:, 0], vy)
            yield hs.Report(step, val_loss=val, train_loss=loss)

    return loop
