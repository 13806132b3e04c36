"""Healthy loops that step in unusual ways: closures, two passes, averages, inner loops, by hand."""

import copy

import torch
from common import LR, SPACE, blobs, curve, maximise, minimise
from torch import nn
from torch.func import functional_call, grad, vmap
from torch.nn import functional as F

import homeostat as hs


def net(inputs=5, outputs=1, width=32):
    return nn.Sequential(nn.Linear(inputs, width), nn.Tanh(), nn.Linear(width, outputs))


@minimise(budget=30)
def sharpness_aware(config, trial):
    """Two backward passes a step, the second at weights that are moved and put back."""
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = net()
    opt = torch.optim.SGD(model.parameters(), config.lr, momentum=0.9)
    trial.watch(model, opt)
    for step in trial.steps():
        F.mse_loss(model(x), y).backward()
        size = torch.stack([p.grad.norm() for p in model.parameters()]).norm()
        moves = [0.05 * p.grad / (size + 1e-12) for p in model.parameters()]
        with torch.no_grad():
            for p, move in zip(model.parameters(), moves, strict=True):
                p.add_(move)
        opt.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        with torch.no_grad():
            for p, move in zip(model.parameters(), moves, strict=True):
                p.sub_(move)
        opt.step()
        opt.zero_grad()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy), train_loss=loss)


@minimise(
    budget=20,
    space=hs.Space(
        lr=hs.Float(1e-3, 1e-1, log=True, default=2e-2), alpha=hs.Float(0.2, 0.9, default=0.5)
    ),
)
def lookahead(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = net()
    opt = torch.optim.Adam(model.parameters(), config.lr)
    trial.watch(model, opt)
    slow = [p.detach().clone() for p in model.parameters()]
    for step in trial.steps():
        for _ in range(5):
            loss = F.mse_loss(model(x), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            for kept, p in zip(slow, model.parameters(), strict=True):
                kept.lerp_(p, config.alpha)
                p.copy_(kept)
            yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy), train_loss=loss)


@minimise(budget=12)
def line_search_over_closures(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = net()
    opt = torch.optim.LBFGS(
        model.parameters(), 10 * config.lr, max_iter=4, line_search_fn="strong_wolfe"
    )
    trial.watch(model, opt)

    def closure():
        opt.zero_grad()
        loss = F.mse_loss(model(x), y) + 1e-4 * sum(p.square().sum() for p in model.parameters())
        loss.backward()
        return loss

    for step in trial.steps():
        loss = opt.step(closure)
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy), train_loss=loss)


@minimise(
    "query_loss",
    budget=25,
    space=hs.Space(lr=LR, inner=hs.Float(0.01, 0.3, log=True, default=0.1)),
)
def learning_to_adapt(config, trial):
    """MAML: the outer gradient passes through inner steps that no optimiser makes."""
    model = net(1, 1)
    opt = torch.optim.Adam(model.parameters(), config.lr)
    trial.watch(model, opt)

    def task():
        shift, size = 3 * torch.rand(1), 0.5 + 2 * torch.rand(1)
        x = 4 * torch.rand(20, 1) - 2
        return x, size * (x + shift).sin()

    def adapted(x, y):
        weights = dict(model.named_parameters())
        for _ in range(2):
            loss = F.mse_loss(functional_call(model, weights, (x[:10],)), y[:10])
            slopes = torch.autograd.grad(loss, list(weights.values()), create_graph=True)
            weights = {
                n: w - config.inner * s for (n, w), s in zip(weights.items(), slopes, strict=True)
            }
        return F.mse_loss(functional_call(model, weights, (x[10:],)), y[10:])

    for step in trial.steps():
        loss = sum(adapted(*task()) for _ in range(8)) / 8
        opt.zero_grad()
        loss.backward()
        opt.step()
        test = sum(float(adapted(*task()).detach()) for _ in range(12)) / 12
        yield hs.Report(step, query_loss=test, train_loss=loss)


@minimise("query_loss", budget=25)
def reptile(config, trial):
    """Copies are trained with optimisers of their own; the model is moved towards them by hand."""
    model = net(1, 1)
    trial.watch(model)
    phases = torch.Generator().manual_seed(5)

    def task():
        shift = 3 * torch.rand(1, generator=phases)
        x = 4 * torch.rand(20, 1) - 2
        return x, (x + shift).sin()

    def trained(x, y):
        twin = copy.deepcopy(model)
        opt = torch.optim.SGD(twin.parameters(), 5 * config.lr)
        for _ in range(5):
            opt.zero_grad()
            F.mse_loss(twin(x[:10]), y[:10]).backward()
            opt.step()
        with torch.no_grad():
            return twin, F.mse_loss(twin(x[10:]), y[10:])

    for step in trial.steps():
        losses = []
        for _ in range(5):
            twin, loss = trained(*task())
            losses.append(loss)
            with torch.no_grad():
                for mine, theirs in zip(model.parameters(), twin.parameters(), strict=True):
                    mine.lerp_(theirs, 0.3)
        yield hs.Report(step, query_loss=torch.stack(losses).mean())


@minimise(budget=20)
def many_clients_averaged(config, trial):
    """Federated averaging: an optimiser is made for each client and each round."""
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = net()
    trial.watch(model)
    for step in trial.steps():
        states = []
        for rows in torch.arange(len(x)).chunk(4):
            client = copy.deepcopy(model)
            opt = torch.optim.SGD(client.parameters(), config.lr, momentum=0.9)
            for _ in range(5):
                loss = F.mse_loss(client(x[rows]), y[rows])
                opt.zero_grad()
                loss.backward()
                opt.step()
            states.append(client.state_dict())
        model.load_state_dict(
            {name: torch.stack([s[name] for s in states]).mean(0) for name in states[0]}
        )
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy), train_loss=loss)


@minimise(budget=30)
def gradients_by_function_transforms(config, trial):
    """Per-sample gradients by vmap, clipped one by one, with noise, as for privacy."""
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = net()
    opt = torch.optim.SGD(model.parameters(), 3 * config.lr, momentum=0.9)
    trial.watch(model, opt)

    def loss_of(weights, row, target):
        return F.mse_loss(functional_call(model, weights, (row[None],))[0], target)

    for step in trial.steps():
        weights = {name: p.detach() for name, p in model.named_parameters()}
        rows = torch.randint(len(x), (64,))
        slopes = vmap(grad(loss_of), (None, 0, 0))(weights, x[rows], y[rows])
        size = torch.stack([s.flatten(1).norm(dim=1) for s in slopes.values()]).norm(dim=0)
        factor = (1.0 / size).clamp(max=1.0)
        for name, p in model.named_parameters():
            p.grad = torch.einsum("n...,n->...", slopes[name], factor) / 64
            p.grad += 1e-3 * torch.randn_like(p)
        opt.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy))


@minimise(budget=40)
def steps_by_hand(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = net()
    trial.watch(model)
    for step in trial.steps():
        loss = F.mse_loss(model(x), y)
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for p in model.parameters():
                p -= 5 * config.lr * p.grad
            yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy), train_loss=loss)


@minimise("val_nll", budget=30)
def sampled_weights(config, trial):
    """Langevin dynamics: noise is added to every step, and the average of samples is scored."""
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = net()
    opt = torch.optim.SGD(model.parameters(), config.lr)
    trial.watch(model, opt)
    made = []
    for step in trial.steps():
        for _ in range(5):
            loss = F.mse_loss(model(x), y)
            opt.zero_grad()
            loss.backward()
            opt.step()
            with torch.no_grad():
                for p in model.parameters():
                    p += 0.002 * torch.randn_like(p)
        with torch.no_grad():
            made = [*made[-4:], model(vx)]
            yield hs.Report(step, val_nll=F.mse_loss(torch.stack(made).mean(0), vy))


@maximise(
    "val_acc",
    budget=16,
    space=hs.Space(
        lr=hs.Float(1e-3, 1e-1, log=True, default=3e-2), decay=hs.Float(0.5, 0.99, default=0.9)
    ),
)
def scored_by_an_average_of_weights(config, trial):
    (x, y), (vx, vy) = blobs(trial.torch_rng("data"), rows=360, spread=1.5)
    model = nn.Sequential(nn.Linear(6, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 3))
    average = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(config.decay),
        use_buffers=True,
    )  # fmt: skip
    opt = torch.optim.SGD(model.parameters(), config.lr)
    trial.watch(model, opt)
    for step in trial.steps():
        model.train()
        for rows in torch.randperm(len(x)).split(40):
            loss = F.cross_entropy(model(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
            average.update_parameters(model)
        average.eval()
        with torch.no_grad():
            acc = (average(vx).argmax(1) == vy).float().mean()
        yield hs.Report(step, val_acc=acc, train_loss=loss)


@minimise(budget=24, space=SPACE)
def averaged_late_with_its_own_schedule(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = net()
    opt = torch.optim.SGD(model.parameters(), config.lr, momentum=0.9)
    average = torch.optim.swa_utils.AveragedModel(model)
    late = torch.optim.swa_utils.SWALR(opt, swa_lr=0.5 * config.lr, anneal_epochs=4)
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(opt, trial.budget)
    trial.watch(model, opt)
    for step in trial.steps():
        for rows in torch.randperm(len(x)).split(30):
            loss = F.mse_loss(model(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
        if step >= trial.budget * 2 // 3:
            average.update_parameters(model)
            late.step()
        else:
            fall.step()
        scored = average if step >= trial.budget * 2 // 3 else model
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(scored(vx), vy), train_loss=loss)


@minimise(
    budget=40,
    space=hs.Space(
        lr=hs.Float(1e-3, 1e-1, log=True, default=5e-2), factor=hs.Float(0.1, 0.7, default=0.5)
    ),
)
def falls_at_plateaus(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"), noise=0.3)
    model = net()
    opt = torch.optim.Adam(model.parameters(), config.lr)
    fall = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, factor=config.factor, patience=2)
    trial.watch(model, opt)
    for step in trial.steps():
        for rows in torch.randperm(len(x)).split(30):
            loss = F.mse_loss(model(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            val = F.mse_loss(model(vx), vy)
        fall.step(val)
        yield hs.Report(step, val_loss=val, train_loss=loss)


@minimise(
    budget=30,
    space=hs.Space(
        lr=hs.Float(1e-3, 1e-1, log=True, default=3e-2), restarts=hs.Int(5, 15, default=10)
    ),
)
def warm_restarts(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = net()
    opt = torch.optim.AdamW(model.parameters(), config.lr)
    wave = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(opt, config.restarts)
    trial.watch(model, opt)
    for step in trial.steps():
        for rows in torch.randperm(len(x)).split(50):
            loss = F.mse_loss(model(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
        wave.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy), train_loss=loss)


@maximise("val_acc", budget=8, space=hs.Space(lr=hs.Float(1e-3, 1e-1, log=True, default=3e-2)))
def one_cycle_over_all_steps(config, trial):
    (x, y), (vx, vy) = blobs(trial.torch_rng("data"), rows=360)
    model = net(6, 3)
    opt = torch.optim.SGD(model.parameters(), config.lr, momentum=0.9)
    wave = torch.optim.lr_scheduler.OneCycleLR(
        opt, 5 * config.lr, total_steps=trial.budget * 6, pct_start=0.3
    )
    trial.watch(model, opt)
    for step in trial.steps():
        for rows in torch.randperm(240).split(40):
            loss = F.cross_entropy(model(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
            wave.step()
        with torch.no_grad():
            yield hs.Report(step, val_acc=(model(vx).argmax(1) == vy).float().mean(), loss=loss)
