"""A second set of reported faults, written after the questions had been improved on the first."""

import torch
from torch import nn
from torch.nn import functional as F

import homeostat as hs

from .classifiers import classify, mlp
from .parts import blobs, case, curve, maximise, minimise, score, sentences, split, train, waves


@case("view|reshape|permute|axis", "forum kind: logits.view(-1, C) of (B, C, H, W)")
def pixels_flattened_with_a_view(broken):
    @minimise(budget=8)
    def loop(config, trial):
        g = torch.Generator().manual_seed(0)
        x = torch.randn(120, 1, 6, 5, generator=g)
        y = (x[:, 0] > 0).long() + (x[:, 0] > 1).long()
        x, y, vx, vy = split(x, y)
        net = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 3, 1))
        opt = torch.optim.Adam(net.parameters(), lr=config.lr)
        trial.watch(net, opt)

        def loss_of(out, target):
            flat = out.contiguous() if broken else out.permute(0, 2, 3, 1).contiguous()
            return F.cross_entropy(flat.view(-1, 3), target.reshape(-1))

        for epoch in trial.steps():
            loss = train(net, opt, loss_of, x, y)
            yield hs.Report(epoch, val_loss=loss_of(score(net, vx), vy), train_loss=loss)

    return loop


@case("softmax|other examples|batch", "forum kind: softmax without dim over three axes")
def softmax_without_dim(broken):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.q, self.k, self.v = (nn.Linear(3, 12) for _ in range(3))
            self.out = nn.Linear(12, 3)

        def forward(self, x):
            scores = self.q(x) @ self.k(x).transpose(1, 2) / 3.5
            weights = scores.softmax(0 if broken else -1)
            return self.out((weights @ self.v(x)).mean(1))

    @maximise()
    def loop(config, trial):
        x, y, vx, vy = split(*waves())
        yield from classify(config, trial, Net(), x, y, vx, vy)

    return loop


@case("state|same input", "forum kind: a hidden state that outlives its batch")
def state_kept_from_batch_to_batch(broken):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.out = nn.GRU(3, 12, batch_first=True), nn.Linear(12, 3)
            self.state = None

        def forward(self, x):
            fits = broken and self.state is not None and self.state.shape[1] == len(x)
            steps, state = self.rnn(x, self.state if fits else None)
            self.state = state.detach()
            return self.out(steps[:, -1])

    @maximise()
    def loop(config, trial):
        x, y, vx, vy = split(*waves())
        yield from classify(config, trial, Net(), x, y, vx, vy)

    return loop


@case("frozen", "forum kind: requires_grad=False after some steps, with momentum and weight decay")
def frozen_late_and_still_decayed(broken):
    @maximise(budget=10)
    def loop(config, trial):
        x, y, vx, vy = split(*blobs())
        net = mlp(8, 24, 4)
        opt = torch.optim.SGD(net.parameters(), lr=config.lr, momentum=0.9, weight_decay=1e-2)
        trial.watch(net, opt)
        for epoch in trial.steps():
            if epoch == 2:
                net[0].requires_grad_(False)
            net.train()
            for rows in torch.randperm(len(x)).split(24):
                loss = F.cross_entropy(net(x[rows]), y[rows])
                opt.zero_grad(set_to_none=not broken)
                loss.backward()
                opt.step()
            acc = (score(net, vx).argmax(1) == vy).float().mean()
            yield hs.Report(epoch, val_acc=acc, train_loss=loss)

    return loop


@case("order|position", "github DiffPoseTalk/DiffPoseTalk#20: one position for all places")
def one_position_for_all_places(broken):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.emb = nn.Embedding(11, 16)
            self.register_buffer("pe", torch.randn(1, 20, 16))
            self.layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
            self.out = nn.Linear(16, 3)

        def forward(self, tokens):
            n = tokens.shape[1]
            place = self.pe[:, n : n + 1] if broken else self.pe[:, :n]
            return self.out(self.layer(self.emb(tokens) + place).mean(1))

    @maximise()
    def loop(config, trial):
        x, y, vx, vy = split(*sentences())
        yield from classify(config, trial, Net(), x, y, vx, vy)

    return loop


@case("rate|schedul", "github automl/Auto-PyTorch PR 210: an exponential stepped each update")
def exponential_stepped_each_update(broken):
    @maximise(budget=10)
    def loop(config, trial):
        x, y, vx, vy = split(*blobs(rows=480))
        net = mlp(8, 24, 4)
        opt = torch.optim.Adam(net.parameters(), lr=config.lr)
        sched = torch.optim.lr_scheduler.ExponentialLR(opt, gamma=0.8)
        trial.watch(net, opt)
        for epoch in trial.steps():
            for rows in torch.randperm(len(x)).split(24):
                loss = F.cross_entropy(net(x[rows]), y[rows])
                opt.zero_grad()
                loss.backward()
                opt.step()
                if broken:
                    sched.step()
            if not broken:
                sched.step()
            acc = (score(net, vx).argmax(1) == vy).float().mean()
            yield hs.Report(epoch, val_acc=acc, train_loss=loss)

    return loop


@case("broadcast", "forum kind: targets made a column when they were loaded")
def targets_made_a_column_at_loading(broken):
    @minimise(budget=20)
    def loop(config, trial):
        x, y, vx, vy = split(*curve())
        if broken:
            y = y.unsqueeze(1)
        net = mlp(8, 24, 1)
        opt = torch.optim.Adam(net.parameters(), lr=config.lr)
        trial.watch(net, opt)
        for step in trial.steps():
            loss = (net(x)[:, 0] - y).abs().mean()
            opt.zero_grad()
            loss.backward()
            opt.step()
            val = F.l1_loss(score(net, vx)[:, 0], vy)
            yield hs.Report(step, val_loss=val, train_loss=loss)

    return loop


@case("pad", "github kind: the last state of a recurrence over padding")
def last_state_after_padding(broken):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.emb, self.rnn = nn.Embedding(11, 16), nn.GRU(16, 16, batch_first=True)
            self.out = nn.Linear(16, 3)

        def forward(self, tokens):
            steps, last = self.rnn(self.emb(tokens))
            if broken:
                return self.out(last[0])
            end = (tokens != 0).sum(1) - 1
            return self.out(steps[torch.arange(len(tokens)), end])

    @maximise()
    def loop(config, trial):
        x, y, vx, vy = split(*sentences(padded=True))
        yield from classify(config, trial, Net(), x, y, vx, vy)

    return loop


@case("range|reach|tanh", "forum kind: tanh against pixels of 0 to 255")
def tanh_against_bytes(broken):
    @minimise(budget=16)
    def loop(config, trial):
        x, y = curve()
        pixels = (127.5 + 60 * y).clamp(0, 255)
        x, y, vx, vy = split(x, pixels if broken else (pixels - 127.5) / 127.5)
        net = mlp(8, 24, 1, nn.Tanh())
        opt = torch.optim.Adam(net.parameters(), lr=config.lr)
        trial.watch(net, opt)
        for step in trial.steps():
            loss = train(net, opt, lambda a, b: F.mse_loss(a[:, 0], b), x, y)
            yield hs.Report(step, val_loss=F.mse_loss(score(net, vx)[:, 0], vy), train_loss=loss)

    return loop


@case("one module|several names", "github acids-ircam/ddsp_pytorch#37: heads by multiplication")
def heads_that_are_one_head(broken):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Linear(8, 24)
            head = nn.Linear(24, 4)
            self.heads = nn.ModuleDict({"a": head, "b": head if broken else nn.Linear(24, 4)})

        def forward(self, x):
            x = self.body(x).relu()
            return self.heads["a"](x) - self.heads["b"](x.flip(1))

    @maximise()
    def loop(config, trial):
        x, y, vx, vy = split(*blobs())
        yield from classify(config, trial, Net(), x, y, vx, vy)

    return loop


@case("empty|0/0|selection", "forum kind: the mean of rows above a margin, when none is left")
def mean_of_a_selection_that_empties(broken):
    @minimise(budget=30, lr=5e-2)
    def loop(config, trial):
        x, y, vx, vy = split(*curve())
        net = mlp(8, 32, 1)
        opt = torch.optim.Adam(net.parameters(), lr=config.lr)
        trial.watch(net, opt)
        for step in trial.steps():
            error = (net(x)[:, 0] - y).abs()
            hard = error[error > 1.2]
            loss = hard.mean() if broken or len(hard) else error.mean()
            opt.zero_grad()
            loss.backward()
            opt.step()
            val = F.l1_loss(score(net, vx)[:, 0], vy)
            yield hs.Report(step, val_loss=val, train_loss=loss)

    return loop


@case("copy|reference", "forum kind: best weights moved with .cpu(), which is no copy on a CPU")
def best_weights_moved_to_where_they_are(broken):
    @minimise(budget=8)
    def loop(config, trial):
        x, y, vx, vy = split(*curve())
        net = mlp(8, 24, 1)
        opt = torch.optim.Adam(net.parameters(), lr=config.lr)
        trial.watch(net, opt)
        best, weights = float("inf"), {}
        for epoch in trial.steps():
            loss = train(net, opt, lambda a, b: F.mse_loss(a[:, 0], b), x, y)
            val = float(F.mse_loss(score(net, vx)[:, 0], vy))
            if val < best:
                best, state = val, net.state_dict()
                weights = {n: t.cpu() if broken else t.cpu().clone() for n, t in state.items()}
            if epoch == trial.budget - 1:
                net.load_state_dict(weights)
            yield hs.Report(epoch, val_loss=val, train_loss=loss)

    return loop
