"""Healthy loops of generators: adversaries, diffusion, flows, variational and energy-based ones."""

import math

import torch
from common import minimise
from torch import nn
from torch.nn import functional as F

import homeostat as hs

RATE = hs.Space(lr=hs.Float(1e-4, 1e-2, log=True, default=2e-3))


def mlp(inputs, outputs, width=32, activation=nn.ReLU):
    return nn.Sequential(nn.Linear(inputs, width), activation(), nn.Linear(width, outputs))


def ring(rows, generator=None):
    """Points around a circle of radius 2."""
    angle = 2 * math.pi * torch.rand(rows, generator=generator)
    return 2 * torch.stack([angle.cos(), angle.sin()], 1) + 0.1 * torch.randn(
        rows, 2, generator=generator
    )


def apart(one, two):
    """The energy distance between two samples."""
    return 2 * torch.cdist(one, two).mean() - torch.pdist(one).mean() - torch.pdist(two).mean()


@minimise("distance", budget=80, space=hs.Space(lr=hs.Float(1e-3, 3e-2, log=True, default=8e-3)))
def wasserstein_with_gradient_penalty(config, trial):
    g, d = mlp(4, 2), mlp(2, 1, 64)
    opt_g = torch.optim.Adam(g.parameters(), config.lr, betas=(0.0, 0.9))
    opt_d = torch.optim.Adam(d.parameters(), config.lr, betas=(0.0, 0.9))
    trial.watch(g, d, opt_g, opt_d)
    test = ring(300)
    for step in trial.steps():
        for _ in range(3):
            real, fake = ring(64), g(torch.randn(64, 4)).detach()
            mixed = torch.lerp(real, fake, torch.rand(64, 1)).requires_grad_(True)
            slope = torch.autograd.grad(d(mixed).sum(), mixed, create_graph=True)[0]
            loss_d = d(fake).mean() - d(real).mean() + 10 * (slope.norm(dim=1) - 1).square().mean()
            opt_d.zero_grad()
            loss_d.backward()
            opt_d.step()
        loss_g = -d(g(torch.randn(64, 4))).mean()
        opt_g.zero_grad()
        loss_g.backward()
        opt_g.step()
        with torch.no_grad():
            yield hs.Report(step, distance=apart(g(torch.randn(300, 4)), test), loss_d=loss_d)


@minimise("distance", budget=80, space=RATE)
def least_squares_adversaries_with_spectral_norm(config, trial):
    g = mlp(4, 2)
    d = nn.Sequential(
        nn.utils.parametrizations.spectral_norm(nn.Linear(2, 32)), nn.LeakyReLU(0.2),
        nn.utils.parametrizations.spectral_norm(nn.Linear(32, 1)),
    )  # fmt: skip
    opt_g = torch.optim.Adam(g.parameters(), config.lr, betas=(0.5, 0.9))
    opt_d = torch.optim.Adam(d.parameters(), 2 * config.lr, betas=(0.5, 0.9))
    trial.watch(g, d, opt_g, opt_d)
    test = ring(300)
    for step in trial.steps():
        fake = g(torch.randn(64, 4))
        loss_d = (d(ring(64)) - 1).square().mean() + d(fake.detach()).square().mean()
        opt_d.zero_grad()
        loss_d.backward()
        opt_d.step()
        d.requires_grad_(False)
        loss_g = (d(fake) - 1).square().mean()
        opt_g.zero_grad()
        loss_g.backward()
        opt_g.step()
        d.requires_grad_(True)
        with torch.no_grad():
            yield hs.Report(step, distance=apart(g(torch.randn(300, 4)), test), loss_g=loss_g)


@minimise("distance", budget=60, space=RATE)
def one_optimiser_with_gradient_reversal(config, trial):
    """Features that two domains share: the gradient of the critic is turned round on its way."""

    class Reverse(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.view_as(x)

        @staticmethod
        def backward(ctx, grad):
            return -0.3 * grad

    body, label, domain = mlp(5, 8), nn.Linear(8, 1), mlp(8, 1)
    opt = torch.optim.Adam(
        [*body.parameters(), *label.parameters(), *domain.parameters()], config.lr
    )
    trial.watch(body, label, domain, opt)
    for step in trial.steps():
        x, other = torch.randn(64, 5), torch.randn(64, 5) + torch.tensor([1.0, 0, 0, 0, 0])
        y = (x[:, 1:2] + x[:, 2:3]).sin()
        h, k = torch.tanh(body(x)), torch.tanh(body(other))
        said = domain(Reverse.apply(torch.cat([h, k])))
        which = torch.cat([torch.zeros(64, 1), torch.ones(64, 1)])
        loss = F.mse_loss(label(h), y) + 0.2 * F.binary_cross_entropy_with_logits(said, which)
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            z = torch.randn(200, 5)
            wrong = F.mse_loss(label(torch.tanh(body(z))), (z[:, 1:2] + z[:, 2:3]).sin())
        yield hs.Report(step, distance=wrong, loss=loss)


@minimise("val_loss", budget=60, space=RATE)
def denoising_diffusion(config, trial):
    steps = 20
    kept = torch.cumprod(1 - torch.linspace(1e-3, 0.2, steps), 0)
    net = mlp(3, 2, 64, nn.SiLU)
    opt = torch.optim.AdamW(net.parameters(), config.lr)
    trial.watch(net, opt)
    test, noise = ring(200), torch.randn(200, 2)
    when = torch.randint(steps, (200,))

    def guess(x, noise, t):
        a = kept[t][:, None]
        noisy = a.sqrt() * x + (1 - a).sqrt() * noise
        return net(torch.cat([noisy, t[:, None] / steps], 1))

    for step in trial.steps():
        x, e, t = ring(128), torch.randn(128, 2), torch.randint(steps, (128,))
        loss = F.mse_loss(guess(x, e, t), e)
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            val = F.mse_loss(guess(test, noise, when), noise)
        yield hs.Report(step, val_loss=val, train_loss=loss)


@minimise("val_loss", budget=50, space=RATE)
def flow_matching(config, trial):
    net = mlp(3, 2, 64, nn.SiLU)
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    ends, starts, times = ring(200), torch.randn(200, 2), torch.rand(200, 1)

    def loss_of(x, z, t):
        return (net(torch.cat([torch.lerp(z, x, t), t], 1)) - (x - z)).square().mean()

    for step in trial.steps():
        loss = loss_of(ring(128), torch.randn(128, 2), torch.rand(128, 1))
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=loss_of(ends, starts, times), train_loss=loss)


@minimise("val_nll", budget=50, space=RATE)
def coupling_flow(config, trial):
    """A normalising flow: the likelihood by a change of variables."""
    layers = nn.ModuleList(mlp(1, 2, 16, nn.Tanh) for _ in range(4))
    opt = torch.optim.Adam(layers.parameters(), config.lr)
    trial.watch(layers, opt)

    def nll(x):
        volume = torch.zeros(len(x))
        for i, layer in enumerate(layers):
            fixed, moved = (x[:, :1], x[:, 1:]) if i % 2 else (x[:, 1:], x[:, :1])
            scale, shift = layer(fixed).split(1, 1)
            scale = torch.tanh(scale)
            moved = moved * scale.exp() + shift
            volume = volume + scale[:, 0]
            x = torch.cat([fixed, moved], 1) if i % 2 else torch.cat([moved, fixed], 1)
        return (0.5 * x.square().sum(1) + math.log(2 * math.pi) - volume).mean()

    test = ring(200)
    for step in trial.steps():
        loss = nll(ring(128))
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            yield hs.Report(step, val_nll=nll(test), train_nll=loss)


@minimise("val_elbo", budget=60, space=hs.Space(
    lr=hs.Float(1e-4, 1e-2, log=True, default=3e-3), beta=hs.Float(0.01, 1.0, log=True, default=0.1)
))  # fmt: skip
def variational_autoencoder(config, trial):
    encode, decode = mlp(6, 4), mlp(2, 6)
    opt = torch.optim.Adam([*encode.parameters(), *decode.parameters()], config.lr)
    trial.watch(encode, decode, opt)
    mix = torch.randn(2, 6)
    test = torch.randn(200, 2) @ mix

    def elbo(x):
        mean, log_variance = encode(x).chunk(2, 1)
        z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
        return (decode(z) - x).square().sum(1).mean() + config.beta * kl

    for step in trial.steps():
        loss = elbo(torch.randn(96, 2) @ mix)
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            yield hs.Report(step, val_elbo=elbo(test), train_elbo=loss)


@minimise("val_mse", budget=60, space=RATE)
def vector_quantised_autoencoder(config, trial):
    """Codes are the nearest of a book; the gradient passes straight through the choice."""
    encode, decode, book = mlp(6, 3), mlp(3, 6), nn.Embedding(32, 3)
    opt = torch.optim.Adam(
        [*encode.parameters(), *decode.parameters(), *book.parameters()], config.lr
    )
    trial.watch(encode, decode, book, opt)
    mix = torch.randn(2, 6)
    test = torch.randn(200, 2) @ mix

    def losses(x):
        z = encode(x)
        code = book(torch.cdist(z, book.weight).argmin(1))
        straight = z + (code - z).detach()
        wrong = F.mse_loss(decode(straight), x)
        return wrong, F.mse_loss(code, z.detach()) + 0.25 * F.mse_loss(z, code.detach())

    for step in trial.steps():
        wrong, commit = losses(torch.randn(96, 2) @ mix)
        opt.zero_grad()
        (wrong + commit).backward()
        opt.step()
        with torch.no_grad():
            yield hs.Report(step, val_mse=losses(test)[0], train_mse=wrong)


@minimise("gap", budget=60, space=RATE)
def energy_with_langevin_samples(config, trial):
    """The loss is a difference of two energies: it need not fall."""
    net = mlp(2, 1, 32, nn.Softplus)
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for step in trial.steps():
        x = 2 * torch.randn(64, 2)
        for _ in range(8):
            x = x.detach().requires_grad_(True)
            slope = torch.autograd.grad(net(x).sum(), x)[0]
            x = x - 0.2 * slope + 0.1 * torch.randn_like(x)
        real, made = net(ring(64)), net(x.detach())
        loss = real.mean() - made.mean() + 0.05 * (real.square() + made.square()).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            gap = net(ring(200)).mean() - net(3 * torch.randn(200, 2)).mean()
        yield hs.Report(step, gap=gap, loss=loss)
