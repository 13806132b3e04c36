"""Healthy loops of many crafts, written without regard to how the checks work."""

import copy
import math

import numpy as np
import torch
from common import LR, classes, lr, maximise, minimise, surface, walk
from torch import nn
from torch.nn import functional as F

import homeostat as hs


def mlp(inputs, outputs, width=32, activation=nn.ReLU):
    return nn.Sequential(nn.Linear(inputs, width), activation(), nn.Linear(width, outputs))


def right(net, x, y):
    with torch.no_grad():
        return (net(x).argmax(1) == y).float().mean()


@minimise("distance", budget=80, space=hs.Space(lr=lr(5e-3)))
def hinge_adversaries_with_a_class(config, trial):
    """A conditional GAN: both networks are told the class of what is made."""
    g = trial.torch_rng("data")
    maker, judge = mlp(4 + 3, 2), mlp(2 + 3, 1, activation=lambda: nn.LeakyReLU(0.2))
    opt_m = torch.optim.Adam(maker.parameters(), config.lr, betas=(0.0, 0.9))
    opt_j = torch.optim.Adam(judge.parameters(), 2 * config.lr, betas=(0.0, 0.9))
    trial.watch(maker, judge, opt_m, opt_j)
    places = torch.tensor([[2.0, 0.0], [-1.0, 1.7], [-1.0, -1.7]])

    def real(n):
        k = torch.randint(3, (n,), generator=g)
        return places[k] + 0.2 * torch.randn(n, 2, generator=g), F.one_hot(k, 3).float()

    def made(k):
        return maker(torch.cat([torch.randn(len(k), 4, generator=g), k], 1))

    for step in trial.steps():
        for _ in range(3):
            x, k = real(64)
            with torch.no_grad():
                fake = made(k)
            loss_j = F.relu(1 - judge(torch.cat([x, k], 1))).mean()
            loss_j = loss_j + F.relu(1 + judge(torch.cat([fake, k], 1))).mean()
            opt_j.zero_grad()
            loss_j.backward()
            opt_j.step()
        judge.requires_grad_(False)
        loss_m = -judge(torch.cat([made(k), k], 1)).mean()
        opt_m.zero_grad()
        loss_m.backward()
        opt_m.step()
        judge.requires_grad_(True)
        with torch.no_grad():
            x, k = real(300)
            far = (made(k) - k @ places).norm(dim=1).mean()
        yield hs.Report(step, distance=far, loss_judge=loss_j, loss_maker=loss_m)


@maximise("reward", budget=25, space=hs.Space(lr=lr(3e-3), clip=hs.Float(0.05, 0.5, default=0.2)))
def proximal_policy_with_estimated_advantages(config, trial):
    """PPO with generalised advantages on a walk along a line, an own network for the critic."""
    g = trial.torch_rng("world")
    actor, critic = mlp(2, 2, activation=nn.Tanh), mlp(2, 1, activation=nn.Tanh)
    opt = torch.optim.Adam([*actor.parameters(), *critic.parameters()], config.lr)
    trial.watch(actor, critic, opt)

    def play(n, steps):
        state = torch.randn(n, 2, generator=g)
        seen, did, paid, said = [], [], [], []
        for _ in range(steps):
            with torch.no_grad():
                chances = torch.distributions.Categorical(logits=actor(state))
                action = torch.multinomial(chances.probs, 1, generator=g).squeeze(1)
            seen.append(state)
            did.append(action)
            said.append(chances.log_prob(action))
            push = torch.stack([action * 2.0 - 1, torch.zeros(n)], 1)
            state = 0.9 * state + 0.3 * push + 0.05 * torch.randn(n, 2, generator=g)
            paid.append(-(state[:, 0] - 0.5 * state[:, 1]).abs())
        return torch.stack(seen), torch.stack(did), torch.stack(paid), torch.stack(said), state

    for step in trial.steps():
        s, a, r, old, last = play(32, 12)
        with torch.no_grad():
            v = critic(torch.cat([s, last[None]])).squeeze(-1)
            gain, ahead = torch.zeros_like(r), torch.zeros(32)
            for t in reversed(range(12)):
                ahead = r[t] + 0.95 * v[t + 1] - v[t] + 0.95 * 0.9 * ahead
                gain[t] = ahead
            worth = gain + v[:-1]
        s, a, old, gain, worth = (t.flatten(0, 1) for t in (s, a, old, gain, worth))
        for _ in range(3):
            for rows in torch.randperm(len(a), generator=g).split(128):
                chances = torch.distributions.Categorical(logits=actor(s[rows]))
                ratio = (chances.log_prob(a[rows]) - old[rows]).exp()
                good = (gain[rows] - gain[rows].mean()) / (gain[rows].std() + 1e-8)
                kept = ratio.clamp(1 - config.clip, 1 + config.clip)
                loss_pi = -torch.min(ratio * good, kept * good).mean()
                loss_v = F.mse_loss(critic(s[rows]).squeeze(1), worth[rows])
                loss = loss_pi + 0.5 * loss_v - 0.01 * chances.entropy().mean()
                opt.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_([*actor.parameters(), *critic.parameters()], 0.5)
                opt.step()
        yield hs.Report(step, reward=r.sum(0).mean(), value_loss=loss_v)


@minimise("val_loss", budget=40, space=hs.Space(lr=lr(3e-3), levels=hs.Int(10, 60, default=30)))
def noise_predicted_with_a_cosine_schedule(config, trial):
    """DDPM on points of a ring, with the level as sines and cosines."""
    g = trial.torch_rng("noise")
    t = torch.arange(config.levels + 1) / config.levels
    kept = torch.cos((t + 0.01) / 1.01 * math.pi / 2) ** 2
    kept = (kept / kept[0])[1:].clamp(1e-3, 0.999)
    net = mlp(2 + 8, 2, width=64, activation=nn.SiLU)
    opt = torch.optim.AdamW(net.parameters(), config.lr)
    trial.watch(net, opt)

    def ring(n):
        angle = 2 * math.pi * torch.rand(n, generator=g)
        return torch.stack([angle.cos(), angle.sin()], 1)

    def loss_on(x):
        level = torch.randint(config.levels, (len(x),), generator=g)
        noise = torch.randn(x.shape, generator=g)
        a = kept[level][:, None]
        waves = (level[:, None] / config.levels) * 2.0 ** torch.arange(4) * math.pi
        told = torch.cat([waves.sin(), waves.cos()], 1)
        said = net(torch.cat([a.sqrt() * x + (1 - a).sqrt() * noise, told], 1))
        return F.mse_loss(said, noise)

    held = ring(400)
    for step in trial.steps():
        for _ in range(4):
            loss = loss_on(ring(128))
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=loss_on(held), train_loss=loss)


@minimise("query_loss", budget=60, space=hs.Space(lr=lr(1e-2), inner=lr(5e-2)))
def adapted_in_two_inner_steps(config, trial):
    """MAML over sines of different phase, by torch.func."""
    g = trial.torch_rng("tasks")
    net = mlp(1, 1, width=24, activation=nn.Tanh)
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)

    def task():
        shift = 3 * torch.rand(1, generator=g)
        x = 6 * torch.rand(24, 1, generator=g) - 3
        return x, (x + shift).sin()

    for step in trial.steps():
        total = 0.0
        for _ in range(8):
            x, y = task()
            weights = dict(net.named_parameters())
            for _ in range(2):
                loss = F.mse_loss(torch.func.functional_call(net, weights, (x[:12],)), y[:12])
                grads = torch.autograd.grad(loss, tuple(weights.values()), create_graph=True)
                weights = {
                    k: w - config.inner * d
                    for (k, w), d in zip(weights.items(), grads, strict=True)
                }
            total = total + F.mse_loss(torch.func.functional_call(net, weights, (x[12:],)), y[12:])
        opt.zero_grad()
        (total / 8).backward()
        opt.step()
        yield hs.Report(step, query_loss=(total / 8).detach())


@maximise("val_acc", budget=20, space=hs.Space(lr=lr(1e-2), smooth=hs.Float(0.0, 0.2, default=0.1)))
def smoothed_labels_and_normed_weights(config, trial):
    x, y, vx, vy = classes(trial.seed)
    net = nn.Sequential(
        nn.utils.parametrizations.weight_norm(nn.Linear(8, 32)), nn.GELU(),
        nn.utils.parametrizations.weight_norm(nn.Linear(32, 4)),
    )  # fmt: skip
    opt = torch.optim.NAdam(net.parameters(), config.lr)
    trial.watch(net, opt)
    g = trial.torch_rng("order")
    for epoch in trial.steps():
        for rows in torch.randperm(len(y), generator=g).split(60):
            loss = F.cross_entropy(net(x[rows]), y[rows], label_smoothing=config.smooth)
            opt.zero_grad()
            loss.backward()
            opt.step()
        yield hs.Report(epoch, val_acc=right(net, vx, vy), train_loss=loss)


@maximise("val_acc", budget=15, space=hs.Space(lr=lr(5e-3), focus=hs.Float(0.0, 3.0, default=2.0)))
def rare_class_by_a_focal_loss(config, trial):
    g = torch.Generator().manual_seed(trial.seed)
    x = torch.randn(600, 6, generator=g)
    y = ((x[:, 0] + x[:, 1] > 2.0) | (x[:, 2] > 2.2)).float()
    net = mlp(6, 1)
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in torch.randperm(450, generator=g).split(50):
            logits = net(x[rows]).squeeze(1)
            each = F.binary_cross_entropy_with_logits(logits, y[rows], reduction="none")
            p = torch.exp(-each)
            weight = torch.where(y[rows] > 0, 0.75, 0.25)
            loss = (weight * (1 - p) ** config.focus * each).mean()
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            said = net(x[450:]).squeeze(1) > 0
            acc = (said[y[450:] > 0].float().mean() + (~said[y[450:] == 0]).float().mean()) / 2
        yield hs.Report(epoch, val_acc=acc, train_loss=loss)


@minimise("inertia", budget=12, space=hs.Space(groups=hs.Int(2, 8, default=4)))
def means_of_groups(config, trial):
    """k-means: nothing is differentiated."""
    x, _, vx, _ = classes(trial.seed)
    g = trial.torch_rng("start")
    centres = x[torch.randperm(len(x), generator=g)[: config.groups]].clone()
    for step in trial.steps():
        nearest = torch.cdist(x, centres).argmin(1)
        for k in range(config.groups):
            if (nearest == k).any():
                centres[k] = x[nearest == k].mean(0)
        yield hs.Report(step, inertia=torch.cdist(vx, centres).min(1).values.square().mean())


@minimise(
    "val_loss",
    budget=30,
    space=hs.Space(
        lr=hs.Float(1e-3, 0.3, log=True, default=0.1),
        l2=hs.Float(1e-6, 1e-1, log=True, default=1e-3),
    ),
)
def logistic_regression_in_numpy(config, trial):
    rng = trial.rng("data")
    x = rng.normal(size=(300, 5))
    y = (x @ np.array([1.0, -2.0, 0.5, 0.0, 0.0]) + 0.3 * rng.normal(size=300) > 0).astype(float)
    w = np.zeros(5)
    for step in trial.steps():
        order = rng.permutation(220)
        for rows in np.array_split(order, 5):
            p = 1 / (1 + np.exp(-x[rows] @ w))
            w -= config.lr * (x[rows].T @ (p - y[rows]) / len(rows) + config.l2 * w)
        p = 1 / (1 + np.exp(-x[220:] @ w))
        yield hs.Report(
            step, val_loss=-np.mean(y[220:] * np.log(p) + (1 - y[220:]) * np.log(1 - p))
        )


@maximise("reward", budget=30, space=hs.Space(lr=lr(3e-3), follow=hs.Float(0.01, 0.3, default=0.1)))
def doubled_q_with_a_replay_buffer(config, trial):
    """Double DQN on a short corridor; the targets come from a copy that follows slowly."""
    rng, g = trial.rng("world"), trial.torch_rng("batches")
    net = mlp(1, 2)
    slow = copy.deepcopy(net).requires_grad_(False)
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    memory, place = [], 0.0

    def act(s, a):
        ahead = 0.25 if a == (s < 0) else -0.25  # the right move depends on the place
        new = float(np.clip(s + ahead, -1, 1))
        return new, 1.0 if new >= 1 else -0.05, new >= 1

    for step in trial.steps():
        for _ in range(20):
            with torch.no_grad():
                greedy = int(net(torch.tensor([[place]])).argmax())
            a = int(rng.integers(2)) if rng.random() < max(0.1, 0.8 - step / 20) else greedy
            new, r, done = act(place, a)
            memory.append((place, a, r, new, float(done)))
            place = float(rng.uniform(-1, 0.5)) if done else new
        for _ in range(6):
            picked = torch.randint(len(memory), (32,), generator=g).tolist()
            s, a, r, n, d = (
                torch.tensor(t, dtype=torch.float32)
                for t in zip(*(memory[i] for i in picked), strict=True)
            )
            with torch.no_grad():
                best = net(n[:, None]).argmax(1, keepdim=True)
                goal = r + 0.9 * (1 - d) * slow(n[:, None]).gather(1, best).squeeze(1)
            said = net(s[:, None]).gather(1, a.long()[:, None]).squeeze(1)
            loss = F.smooth_l1_loss(said, goal)
            opt.zero_grad()
            loss.backward()
            opt.step()
            with torch.no_grad():
                for p, q in zip(slow.parameters(), net.parameters(), strict=True):
                    p.lerp_(q, config.follow)
        total = 0.0
        for start in (-1.0, -0.5, 0.0):
            s = start
            for _ in range(14):
                with torch.no_grad():
                    s, r, done = act(s, int(net(torch.tensor([[s]])).argmax()))
                total += r
                if done:
                    break
        yield hs.Report(step, reward=total / 3, td_loss=loss)


@minimise("val_loss", budget=15, space=hs.Space(lr=lr(5e-3), experts=hs.Int(2, 6, default=4)))
def experts_two_of_which_are_asked(config, trial):
    """A sparse mixture with noise on the gate and a loss that balances the load."""
    x, y, vx, vy = surface(trial.seed)

    class Mixture(nn.Module):
        def __init__(self):
            super().__init__()
            self.gate = nn.Linear(6, config.experts)
            self.experts = nn.ModuleList(mlp(6, 1, 16) for _ in range(config.experts))

        def forward(self, x):
            logits = self.gate(x)
            if self.training:
                logits = logits + 0.1 * torch.randn_like(logits)
            top, which = logits.topk(2, dim=1)
            weight = torch.zeros_like(logits).scatter(1, which, top.softmax(1))
            self.load = weight.mean(0)
            return sum(w * e(x) for w, e in zip(weight.split(1, 1), self.experts, strict=True))

    net = Mixture()
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    g = trial.torch_rng("order")
    for epoch in trial.steps():
        net.train()
        for rows in torch.randperm(len(y), generator=g).split(60):
            loss = F.mse_loss(net(x[rows]).squeeze(1), y[rows])
            total = loss + 0.01 * config.experts * (net.load**2).sum()
            opt.zero_grad()
            total.backward()
            opt.step()
        net.eval()
        with torch.no_grad():
            yield hs.Report(epoch, val_loss=F.mse_loss(net(vx).squeeze(1), vy), train_loss=loss)


@minimise("val_loss", budget=15, space=hs.Space(lr=lr(1e-2), start=hs.Float(0.2, 1.0, default=0.4)))
def easy_rows_first(config, trial):
    """A curriculum: rows near the middle first, all of them later."""
    x, y, vx, vy = surface(trial.seed)
    order = x.norm(dim=1).argsort()
    net = mlp(6, 1)
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    g = trial.torch_rng("order")
    for epoch in trial.steps():
        part = min(1.0, config.start + (1 - config.start) * epoch / 8)
        pool = order[: int(part * len(order))]
        for rows in pool[torch.randperm(len(pool), generator=g)].split(40):
            loss = F.huber_loss(net(x[rows]).squeeze(1), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            yield hs.Report(epoch, val_loss=F.mse_loss(net(vx).squeeze(1), vy))


@minimise("val_loss", budget=15, space=hs.Space(lr=lr(5e-3)))
def two_tasks_with_conflicting_gradients_projected(config, trial):
    """Multi-task with gradient surgery: gradients are put together by hand."""
    x, y, vx, vy = surface(trial.seed)
    z, vz = (x[:, 2] > 0).float(), (vx[:, 2] > 0).float()
    body, one, two = nn.Sequential(nn.Linear(6, 32), nn.Tanh()), nn.Linear(32, 1), nn.Linear(32, 1)
    params = [*body.parameters(), *one.parameters(), *two.parameters()]
    opt = torch.optim.Adam(params, config.lr)
    trial.watch(body, one, two, opt)
    g = trial.torch_rng("order")
    for epoch in trial.steps():
        for rows in torch.randperm(len(y), generator=g).split(60):
            h = body(x[rows])
            a = F.mse_loss(one(h).squeeze(1), y[rows])
            b = F.binary_cross_entropy_with_logits(two(h).squeeze(1), z[rows])
            ga = torch.autograd.grad(a, params, retain_graph=True, allow_unused=True)
            gb = torch.autograd.grad(b, params, allow_unused=True)
            shared = [
                (p, q) for p, q in zip(ga, gb, strict=True) if p is not None and q is not None
            ]
            dot = sum((p * q).sum() for p, q in shared)
            size = sum((q * q).sum() for _, q in shared)
            for p, u, v in zip(params, ga, gb, strict=True):
                if u is None or v is None:
                    p.grad = u if v is None else v
                else:
                    p.grad = u + v - (dot / size).clamp(max=0) * v
            opt.step()
        with torch.no_grad():
            h = body(vx)
            loss = F.mse_loss(one(h).squeeze(1), vy)
            loss = loss + F.binary_cross_entropy_with_logits(two(h).squeeze(1), vz)
        yield hs.Report(epoch, val_loss=loss, first=a, second=b)


@maximise("val_acc", budget=15, space=hs.Space(lr=lr(1e-2), margin=hs.Float(0.1, 2.0, default=1.0)))
def pairs_ranked_by_a_margin(config, trial):
    """Learning to rank: of two rows the better one must be scored higher."""
    x, y, vx, vy = surface(trial.seed)
    net = mlp(6, 1)
    opt = torch.optim.RMSprop(net.parameters(), config.lr / 4)
    trial.watch(net, opt)
    g = trial.torch_rng("pairs")
    for epoch in trial.steps():
        for _ in range(8):
            i, j = torch.randint(len(y), (2, 64), generator=g)
            sign = torch.where(y[i] > y[j], 1.0, -1.0)
            loss = F.margin_ranking_loss(
                net(x[i]).squeeze(1), net(x[j]).squeeze(1), sign, margin=config.margin
            )
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            s = net(vx).squeeze(1)
            agree = (s[:, None] > s) == (vy[:, None] > vy)
        yield hs.Report(epoch, val_acc=agree.float().mean(), train_loss=loss)


@minimise("val_loss", budget=12, space=hs.Space(lr=lr(5e-3), window=hs.Int(4, 16, default=8)))
def sines_with_truncated_backpropagation(config, trial):
    """A GRU whose state is carried from window to window, cut off from the graph."""
    g = torch.Generator().manual_seed(trial.seed)
    t = torch.arange(97) / 6
    x = (t + 6 * torch.rand(24, 1, generator=g)).sin() + 0.05 * torch.randn(24, 97, generator=g)
    train, held = x[:16, :, None], x[16:, :, None]
    cell, head = nn.GRU(1, 24, batch_first=True), nn.Linear(24, 1)
    opt = torch.optim.Adam([*cell.parameters(), *head.parameters()], config.lr)
    trial.watch(cell, head, opt)
    for epoch in trial.steps():
        state = None
        for a in range(0, 96 - config.window + 1, config.window):
            piece = train[:, a : a + config.window + 1]
            out, state = cell(piece[:, :-1], state)
            loss = F.mse_loss(head(out), piece[:, 1:])
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(cell.parameters(), 1.0)
            opt.step()
            state = state.detach()
        with torch.no_grad():
            out, _ = cell(held[:, :-1])
            yield hs.Report(epoch, val_loss=F.mse_loss(head(out), held[:, 1:]), train_loss=loss)


@maximise("val_acc", budget=12, space=hs.Space(lr=lr(1e-2), rate=hs.Float(0.5, 1.0, default=0.9)))
def bags_of_words_with_sparse_gradients(config, trial):
    """An EmbeddingBag by SparseAdam, the head by SGD with Nesterov's momentum."""
    g = torch.Generator().manual_seed(trial.seed)
    y = torch.randint(3, (360,), generator=g)
    words = torch.randint(60, (360, 12), generator=g)
    words[:, :4] = y[:, None] * 20 + torch.randint(20, (360, 4), generator=g)
    words = words[:, torch.randperm(12, generator=g)]
    bag, head = nn.EmbeddingBag(60, 16, sparse=True), nn.Linear(16, 3)
    opts = [
        torch.optim.SparseAdam(bag.parameters(), config.lr),
        torch.optim.SGD(head.parameters(), 0.1, momentum=config.rate, nesterov=True),
    ]
    trial.watch(bag, head, *opts)
    for epoch in trial.steps():
        for rows in torch.randperm(270, generator=g).split(30):
            loss = F.cross_entropy(head(bag(words[rows])), y[rows])
            for opt in opts:
                opt.zero_grad()
            loss.backward()
            for opt in opts:
                opt.step()
        with torch.no_grad():
            acc = (head(bag(words[270:])).argmax(1) == y[270:]).float().mean()
        yield hs.Report(epoch, val_acc=acc, train_loss=loss)


@maximise("val_acc", budget=14, space=hs.Space(lr=lr(1e-2), blend=hs.Float(0.0, 1.0, default=0.5)))
def student_of_a_large_network(config, trial):
    """Distillation: the teacher is trained first, in the same loop."""
    x, y, vx, vy = classes(trial.seed, spread=1.3)
    teacher = mlp(8, 4, width=128)
    t_opt = torch.optim.Adam(teacher.parameters(), 1e-2)
    for _ in range(60):
        t_opt.zero_grad()
        F.cross_entropy(teacher(x), y).backward()
        t_opt.step()
    teacher.eval().requires_grad_(False)
    student = mlp(8, 4, width=8)
    opt = torch.optim.Adam(student.parameters(), config.lr)
    trial.watch(student, opt)
    g = trial.torch_rng("order")
    for epoch in trial.steps():
        for rows in torch.randperm(len(y), generator=g).split(40):
            out = student(x[rows])
            soft = F.kl_div(
                F.log_softmax(out / 3, 1), F.softmax(teacher(x[rows]) / 3, 1), reduction="batchmean"
            )
            hard = F.cross_entropy(out, y[rows])
            loss = config.blend * 9 * soft + (1 - config.blend) * hard
            opt.zero_grad()
            loss.backward()
            opt.step()
        yield hs.Report(epoch, val_acc=right(student, vx, vy), train_loss=loss)


@maximise("val_acc", budget=12, space=hs.Space(lr=lr(5e-3), hidden=hs.Choice([16, 32], default=32)))
def bfloat_autocast_with_a_convolution(config, trial):
    g = torch.Generator().manual_seed(trial.seed)
    y = torch.randint(2, (240,), generator=g)
    pictures = 0.5 * torch.randn(240, 1, 8, 8, generator=g)
    pictures[y == 1, :, 2:5, 2:5] += 1.0
    pictures[y == 0, :, 4:6, 1:7] += 0.8
    net = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.GroupNorm(2, 8), nn.SiLU(), nn.AdaptiveAvgPool2d(2),
        nn.Flatten(), nn.Linear(32, config.hidden), nn.SiLU(), nn.Dropout(0.1),
        nn.Linear(config.hidden, 2),
    )  # fmt: skip
    opt = torch.optim.AdamW(net.parameters(), config.lr)
    plan = torch.optim.lr_scheduler.OneCycleLR(opt, config.lr, total_steps=12 * 6)
    trial.watch(net, opt)
    for epoch in trial.steps():
        net.train()
        for rows in torch.randperm(180, generator=g).split(30):
            flip = pictures[rows].flip(-1) if torch.rand((), generator=g) < 0.5 else pictures[rows]
            with torch.autocast("cpu", dtype=torch.bfloat16):
                loss = F.cross_entropy(net(flip), y[rows])
            opt.zero_grad(set_to_none=True)
            loss.backward()
            opt.step()
            plan.step()
        net.eval()
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            acc = (net(pictures[180:]).argmax(1) == y[180:]).float().mean()
        yield hs.Report(epoch, val_acc=acc, train_loss=loss.float())


@maximise("val_acc", budget=10, space=hs.Space(lr=lr(1e-2)))
def compiled_for_real(config, trial):
    x, y, vx, vy = classes(trial.seed)
    net = mlp(8, 4)
    fast = torch.compile(net, backend="aot_eager")
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in torch.arange(len(y)).split(90):
            loss = F.cross_entropy(fast(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
        yield hs.Report(epoch, val_acc=right(net, vx, vy), train_loss=loss)


@minimise("val_loss", budget=15, space=hs.Space(lr=hs.Float(0.05, 1.5, log=True, default=0.5)))
def whole_batches_by_lbfgs(config, trial):
    x, y, vx, vy = surface(trial.seed)
    net = mlp(6, 1, width=12, activation=nn.Tanh)
    opt = torch.optim.LBFGS(net.parameters(), config.lr, max_iter=5)
    trial.watch(net, opt)

    def closure():
        opt.zero_grad()
        loss = F.mse_loss(net(x).squeeze(1), y) + 1e-4 * sum(
            p.square().sum() for p in net.parameters()
        )
        loss.backward()
        return loss

    for step in trial.steps():
        loss = opt.step(closure)
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(net(vx).squeeze(1), vy), train_loss=loss)


@maximise("val_acc", budget=14, space=hs.Space(lr=lr(5e-2), pieces=hs.Int(1, 4, default=2)))
def pieces_of_a_batch_with_a_late_average(config, trial):
    """Gradient accumulation, and stochastic weight averaging over the last third."""
    x, y, vx, vy = classes(trial.seed)
    net = nn.Sequential(nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 4))
    mean = torch.optim.swa_utils.AveragedModel(net)
    opt = torch.optim.SGD(net.parameters(), config.lr, momentum=0.9)
    trial.watch(net, opt)
    g = trial.torch_rng("order")
    for epoch in trial.steps():
        net.train()
        for rows in torch.randperm(len(y), generator=g).split(90):
            opt.zero_grad()
            for part in rows.chunk(config.pieces):
                loss = F.cross_entropy(net(x[part]), y[part]) * len(part) / len(rows)
                loss.backward()
            opt.step()
        if epoch > 9:
            mean.update_parameters(net)
            torch.optim.swa_utils.update_bn([x], mean)
        scored = mean if epoch > 9 else net
        scored.eval()
        yield hs.Report(epoch, val_acc=right(scored, vx, vy))


@minimise("val_elbo", budget=15, space=hs.Space(lr=lr(5e-3), beta=hs.Float(0.05, 1.0, default=0.2)))
def variational_with_a_warmed_up_prior(config, trial):
    x, _, vx, _ = classes(trial.seed)
    coder, maker = mlp(8, 4), mlp(2, 8)
    opt = torch.optim.Adam([*coder.parameters(), *maker.parameters()], config.lr)
    trial.watch(coder, maker, opt)
    g = trial.torch_rng("order")

    def parts(rows):
        mean, logvar = coder(rows).chunk(2, 1)
        z = mean + (logvar / 2).exp() * torch.randn_like(mean)
        prior = -0.5 * (1 + logvar - mean**2 - logvar.exp()).sum(1).mean()
        return (maker(z) - rows).square().sum(1).mean(), prior

    for epoch in trial.steps():
        for rows in torch.randperm(len(x), generator=g).split(60):
            fit, prior = parts(x[rows])
            loss = fit + config.beta * min(1.0, (epoch + 1) / 6) * prior
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            fit, prior = parts(vx)
        yield hs.Report(epoch, val_elbo=fit + config.beta * prior, train_loss=loss, prior=prior)


@maximise("val_acc", budget=14, space=hs.Space(lr=lr(1e-2), layers=hs.Int(1, 3, default=2)))
def messages_over_many_small_graphs(config, trial):
    """Graph classification: dense adjacency, mean over nodes, nodes that are not there masked."""
    g = torch.Generator().manual_seed(trial.seed)
    y = torch.randint(2, (240,), generator=g)
    there = torch.arange(10) < torch.randint(6, 11, (240, 1), generator=g)
    joined = torch.rand(240, 10, 10, generator=g) < torch.where(y == 1, 0.55, 0.25)[:, None, None]
    joined = (joined | joined.mT) & there[:, :, None] & there[:, None, :]
    joined = joined.float()
    start = torch.cat([joined.sum(2, keepdim=True) / 5, there[:, :, None].float()], 2)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList(
                nn.Linear(2 if i == 0 else 16, 16) for i in range(config.layers)
            )
            self.head = nn.Linear(16, 2)

        def forward(self, h, joined, there):
            for layer in self.layers:
                h = F.relu(layer((joined @ h) / joined.sum(2, keepdim=True).clamp(min=1)))
            there = there[:, :, None].float()
            return self.head((h * there).sum(1) / there.sum(1))

    net = Net()
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in torch.randperm(180, generator=g).split(30):
            loss = F.cross_entropy(net(start[rows], joined[rows], there[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            acc = (net(start[180:], joined[180:], there[180:]).argmax(1) == y[180:]).float().mean()
        yield hs.Report(epoch, val_acc=acc, train_loss=loss)


@minimise("val_loss", budget=14, space=hs.Space(lr=lr(3e-3), heads=hs.Choice([1, 2, 4], default=2)))
def small_language_model_with_tied_ends(config, trial):
    """Pre-norm attention with rotary places, tied embeddings, warm-up and cosine."""
    train, held = walk(trial.seed)

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens = nn.Embedding(12, 32)
            self.norms = nn.ModuleList(nn.LayerNorm(32) for _ in range(3))
            self.qkv, self.out = nn.Linear(32, 96), nn.Linear(32, 32)
            self.up = nn.Sequential(nn.Linear(32, 64), nn.GELU(), nn.Linear(64, 32))
            nn.init.normal_(self.tokens.weight, std=0.1)

        def turned(self, x):
            half = x.shape[-1] // 2
            angle = torch.arange(x.shape[-2])[:, None] / 20 ** (torch.arange(half) / half)
            a, b = x[..., :half], x[..., half:]
            return torch.cat(
                [a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()], -1
            )

        def forward(self, ids):
            x = self.tokens(ids)
            n, t, _ = x.shape
            q, k, v = (
                p.view(n, t, config.heads, -1).transpose(1, 2)
                for p in self.qkv(self.norms[0](x)).chunk(3, -1)
            )
            y = F.scaled_dot_product_attention(self.turned(q), self.turned(k), v, is_causal=True)
            x = x + self.out(y.transpose(1, 2).reshape(n, t, 32))
            x = x + self.up(self.norms[1](x))
            return self.norms[2](x) @ self.tokens.weight.T

    net = Model()
    decayed = [p for p in net.parameters() if p.dim() > 1]
    plain = [p for p in net.parameters() if p.dim() <= 1]
    opt = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.1}, {"params": plain, "weight_decay": 0.0}],
        config.lr,
    )
    steps = 14 * 4
    plan = torch.optim.lr_scheduler.LambdaLR(
        opt, lambda i: min(1.0, (i + 1) / 6) * (0.55 + 0.45 * math.cos(math.pi * i / steps))
    )
    trial.watch(net, opt)
    g = trial.torch_rng("order")
    for epoch in trial.steps():
        for rows in torch.randperm(len(train), generator=g).split(30):
            logits = net(train[rows, :-1])
            loss = F.cross_entropy(logits.flatten(0, 1), train[rows, 1:].flatten())
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            opt.step()
            plan.step()
        with torch.no_grad():
            val = F.cross_entropy(net(held[:, :-1]).flatten(0, 1), held[:, 1:].flatten())
        yield hs.Report(epoch, val_loss=val, train_loss=loss)


@minimise(
    "val_loss", budget=30, space=hs.Space(lr=lr(1e-2), hidden=hs.Float(0.2, 0.8, default=0.4))
)
def patches_masked_and_restored(config, trial):
    """A masked autoencoder on tables: hidden columns are restored, and only these are scored."""
    x, _, vx, _ = classes(trial.seed)
    net = mlp(16, 8, width=48)
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    g = trial.torch_rng("masks")

    def loss_on(rows):
        hide = torch.rand(rows.shape, generator=g) < config.hidden
        said = net(torch.cat([rows * ~hide, hide.float()], 1))
        return ((said - rows).square() * hide).sum() / hide.sum().clamp(min=1)

    for epoch in trial.steps():
        for rows in torch.randperm(len(x), generator=g).split(45):
            loss = loss_on(x[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            yield hs.Report(epoch, val_loss=loss_on(vx), train_loss=loss)


@minimise("distance", budget=40, space=hs.Space(lr=LR, damping=hs.Float(0.0, 0.5, default=0.05)))
def inverse_problem_by_gradient(config, trial):
    """The 'weights' are the unknown picture itself; there is no network and no data set."""
    g = torch.Generator().manual_seed(trial.seed)
    truth = torch.rand(12, 12, generator=g)
    blur = torch.tensor([0.25, 0.5, 0.25])

    def smear(p):
        p = F.conv1d(p[:, None], blur[None, None], padding=1)[:, 0]
        return F.conv1d(p.T[:, None], blur[None, None], padding=1)[:, 0].T

    seen = smear(truth) + 0.01 * torch.randn(12, 12, generator=g)
    guess = torch.full((12, 12), 0.5, requires_grad=True)
    opt = torch.optim.Adam([guess], config.lr)
    trial.watch(opt)
    for step in trial.steps():
        loss = (
            F.mse_loss(smear(guess), seen) + config.damping * 1e-2 * (guess - 0.5).square().mean()
        )
        opt.zero_grad()
        loss.backward()
        opt.step()
        yield hs.Report(step, distance=(guess.detach() - truth).square().mean(), loss=loss)
