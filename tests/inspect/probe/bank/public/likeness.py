"""Healthy loops without labels, or with labels for pairs: contrast, teachers, word vectors."""

import copy

import torch
from common import blobs, maximise, minimise
from torch import nn
from torch.nn import functional as F

import homeostat as hs

RATE = hs.Space(lr=hs.Float(1e-4, 3e-2, log=True, default=3e-3))


def encoder(outputs=8, norm=True):
    middle = [nn.BatchNorm1d(32)] if norm else []
    return nn.Sequential(nn.Linear(6, 32), *middle, nn.ReLU(), nn.Linear(32, outputs))


def views(x):
    return (x * (torch.rand_like(x) > 0.2) + 0.1 * torch.randn_like(x) for _ in "ab")


def nearest(net, train, test):
    """The share of test rows whose nearest training row is of their class."""
    net.eval()
    with torch.no_grad():
        bank, query = (F.normalize(net(part[0]), dim=1) for part in (train, test))
    net.train()
    return (train[1][(query @ bank.T).argmax(1)] == test[1]).float().mean()


@maximise("knn_acc", budget=30, space=hs.Space(
    lr=hs.Float(1e-4, 3e-2, log=True, default=3e-3), heat=hs.Float(0.1, 1.0, log=True, default=0.3)
))  # fmt: skip
def contrast_of_two_views(config, trial):
    """Each row's target is its own place in the batch; rows depend on each other by design."""
    train, test = blobs(trial.torch_rng("data"), rows=360, spread=1.2)
    net = encoder()
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for step in trial.steps():
        one, two = (F.normalize(net(v), dim=1) for v in views(train[0]))
        loss = F.cross_entropy(one @ two.T / config.heat, torch.arange(len(one)))
        opt.zero_grad()
        loss.backward()
        opt.step()
        yield hs.Report(step, knn_acc=nearest(net, train, test), loss=loss)


@maximise("knn_acc", budget=30, space=RATE)
def stopped_gradient_siamese(config, trial):
    train, test = blobs(trial.torch_rng("data"), rows=360, spread=1.2)
    net, predictor = encoder(), nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 8))
    opt = torch.optim.SGD([*net.parameters(), *predictor.parameters()], 10 * config.lr, 0.9)
    trial.watch(net, predictor, opt)
    for step in trial.steps():
        one, two = (net(v) for v in views(train[0]))
        loss = -F.cosine_similarity(predictor(one), two.detach()).mean()
        loss = loss - F.cosine_similarity(predictor(two), one.detach()).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        yield hs.Report(step, knn_acc=nearest(net, train, test), loss=loss)


@maximise("knn_acc", budget=30, space=RATE)
def variance_and_covariance(config, trial):
    train, test = blobs(trial.torch_rng("data"), rows=360, spread=1.2)
    net = encoder()
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for step in trial.steps():
        one, two = (net(v) for v in views(train[0]))
        loss = 5 * F.mse_loss(one, two)
        for z in (one, two):
            loss = loss + 5 * F.relu(1 - (z.var(0) + 1e-4).sqrt()).mean()
            c = torch.cov(z.T)
            loss = loss + (c - torch.diag(c.diag())).square().sum() / 8
        opt.zero_grad()
        loss.backward()
        opt.step()
        yield hs.Report(step, knn_acc=nearest(net, train, test), loss=loss)


@maximise("knn_acc", budget=30, space=RATE)
def momentum_contrast_with_a_queue(config, trial):
    train, test = blobs(trial.torch_rng("data"), rows=360, spread=1.2)
    net = encoder(norm=False)
    slow = copy.deepcopy(net).requires_grad_(False)
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    queue = F.normalize(torch.randn(128, 8), dim=1)
    for step in trial.steps():
        for rows in torch.randperm(len(train[0])).split(60):
            one, two = views(train[0][rows])
            query = F.normalize(net(one), dim=1)
            with torch.no_grad():
                for late, new in zip(slow.parameters(), net.parameters(), strict=True):
                    late.lerp_(new, 0.1)
                key = F.normalize(slow(two), dim=1)
            logits = torch.cat([(query * key).sum(1, keepdim=True), query @ queue.T], 1) / 0.2
            loss = F.cross_entropy(logits, torch.zeros(len(rows), dtype=torch.long))
            opt.zero_grad()
            loss.backward()
            opt.step()
            queue = torch.cat([key, queue])[:128]
        yield hs.Report(step, knn_acc=nearest(net, train, test), loss=loss)


@minimise("mistakes", budget=40, space=RATE)
def triplets_with_the_hardest_of_a_batch(config, trial):
    (x, y), (vx, vy) = blobs(trial.torch_rng("data"), rows=300, classes=5)
    net = encoder(4, norm=False)
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for step in trial.steps():
        rows = torch.randint(len(x), (64,))
        z = net(x[rows])
        far = torch.cdist(z, z)
        same = y[rows][:, None] == y[rows]
        worst = (far - 1e6 * ~same).amax(1)
        nearest_other = (far + 1e6 * same).amin(1)
        loss = F.relu(worst - nearest_other + 0.5).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            z = net(vx)
            d = torch.cdist(z, z).fill_diagonal_(1e9)
        yield hs.Report(step, mistakes=(vy[d.argmin(1)] != vy).float().mean(), loss=loss)


@maximise("val_acc", budget=30, space=RATE)
def prototypes_of_few_shots(config, trial):
    """Episodes: every batch has classes of its own, and targets are places in the episode."""
    net = encoder(norm=False)
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)

    def episode():
        centres = torch.randn(4, 6)
        return (centres[:, None] + 0.5 * torch.randn(4, n, 6) for n in (5, 10))

    def logits(shown, asked):
        means = net(shown.flatten(0, 1)).view(4, 5, -1).mean(1)
        return -torch.cdist(net(asked.flatten(0, 1)), means)

    wanted = torch.arange(4).repeat_interleave(10)
    for step in trial.steps():
        loss = sum(F.cross_entropy(logits(*episode()), wanted) for _ in range(4)) / 4
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            hits = [(logits(*episode()).argmax(1) == wanted).float().mean() for _ in range(10)]
        yield hs.Report(step, val_acc=torch.stack(hits).mean(), loss=loss)


@maximise("val_acc", budget=60, space=hs.Space(lr=hs.Float(1e-3, 1e-1, log=True, default=2e-2)))
def distilled_from_a_teacher(config, trial):
    (x, y), (vx, vy) = blobs(trial.torch_rng("data"), rows=300)
    teacher, student = encoder(3, norm=False), nn.Linear(6, 3)
    first = torch.optim.Adam(teacher.parameters(), 1e-2)
    for _ in range(60):
        first.zero_grad()
        F.cross_entropy(teacher(x), y).backward()
        first.step()
    teacher.requires_grad_(False).eval()
    opt = torch.optim.Adam(student.parameters(), config.lr)
    trial.watch(student, opt)
    for step in trial.steps():
        soft = F.log_softmax(teacher(x) / 2, 1)
        loss = F.kl_div(
            F.log_softmax(student(x) / 2, 1), soft, log_target=True, reduction="batchmean"
        )
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            yield hs.Report(step, val_acc=(student(vx).argmax(1) == vy).float().mean(), loss=loss)


@maximise("val_acc", budget=20, space=hs.Space(
    lr=hs.Float(1e-4, 3e-2, log=True, default=5e-3), decay=hs.Float(0.5, 0.99, default=0.9)
))  # fmt: skip
def mean_teacher(config, trial):
    (x, y), (vx, vy) = blobs(trial.torch_rng("data"), rows=360, spread=1.2)
    net = encoder(3)
    slow = copy.deepcopy(net).requires_grad_(False)
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for step in trial.steps():
        for rows in torch.randperm(len(x)).split(60):
            one, two = views(x[rows])
            told = slow(two).softmax(1)
            loss = F.cross_entropy(net(x[rows][:20]), y[rows][:20])
            loss = loss + F.mse_loss(net(one).softmax(1), told)
            opt.zero_grad()
            loss.backward()
            opt.step()
            with torch.no_grad():
                for late, new in zip(slow.parameters(), net.parameters(), strict=True):
                    late.lerp_(new, 1 - config.decay)
                for late, new in zip(slow.buffers(), net.buffers(), strict=True):
                    late.copy_(new)
        slow.eval()
        acc = (slow(vx).argmax(1) == vy).float().mean()
        slow.train()
        yield hs.Report(step, val_acc=acc, loss=loss)


@minimise("val_loss", budget=30, space=RATE)
def skip_gram_with_negatives(config, trial):
    """Word vectors: sparse gradients, two tables, and targets that are made of nothing but ones."""
    words = torch.randint(8, (600,)) * 4
    around = words + torch.randint(4, (600,))
    tables = nn.ModuleList(nn.Embedding(32, 8, sparse=True) for _ in "ab")
    opt = torch.optim.SparseAdam(list(tables.parameters()), 3 * config.lr)
    trial.watch(tables, opt)

    def loss_of(a, b):
        centre, near = tables[0](a), tables[1](b)
        random = tables[1](torch.randint(32, (len(a), 5)))
        other = torch.einsum("nd,nkd->nk", centre, random)
        return -(F.logsigmoid((centre * near).sum(1)) + F.logsigmoid(-other).sum(1)).mean()

    for step in trial.steps():
        for rows in torch.randperm(450).split(50):
            loss = loss_of(words[rows], around[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=loss_of(words[450:], around[450:]), train_loss=loss)
