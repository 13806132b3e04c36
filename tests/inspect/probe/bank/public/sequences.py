"""Healthy loops over sequences, sets and graphs: padding, carried states, masks, alignments."""

import torch
from common import maximise, minimise
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence

import homeostat as hs

RATE = hs.Space(lr=hs.Float(1e-4, 3e-2, log=True, default=5e-3))
PAD = 0


def tokens(generator, rows, length=13, alphabet=11):
    """Sequences in which each token mostly follows from the one before it: training, test."""
    follow = torch.randperm(alphabet, generator=generator)
    made = torch.randint(alphabet, (rows, length), generator=generator)
    for t in range(1, length):
        keep = torch.rand(rows, generator=generator) < 0.85
        made[:, t] = torch.where(keep, follow[made[:, t - 1]], made[:, t])
    return made[: rows * 2 // 3], made[rows * 2 // 3 :]


def sentences(generator, rows=240, length=10):
    """Rows of 3 to 10 tokens; the label is whether the token 1 stands in them."""
    lengths = torch.randint(3, length + 1, (rows,), generator=generator)
    made = torch.randint(1, 9, (rows, length), generator=generator)
    real = torch.arange(length) < lengths[:, None]
    label = ((made == 1) & real).any(1).long()
    return made.masked_fill(~real, PAD), lengths, label


@maximise("val_acc", budget=12, space=RATE)
def packed_recurrence(config, trial):
    x, lengths, y = sentences(trial.torch_rng("data"))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(9, 16, padding_idx=PAD)
            self.cell, self.head = nn.GRU(16, 24, batch_first=True), nn.Linear(24, 2)

        def forward(self, x, lengths):
            packed = pack_padded_sequence(
                self.embed(x), lengths, batch_first=True, enforce_sorted=False
            )
            return self.head(self.cell(packed)[1][-1])

    model = Net()
    opt = torch.optim.Adam(model.parameters(), config.lr)
    trial.watch(model, opt)
    for step in trial.steps():
        for rows in torch.randperm(180).split(30):
            loss = F.cross_entropy(model(x[rows], lengths[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            acc = (model(x[180:], lengths[180:]).argmax(1) == y[180:]).float().mean()
        yield hs.Report(step, val_acc=acc, train_loss=loss)


@maximise("val_acc", budget=12, space=RATE)
def attention_that_ignores_padding(config, trial):
    x, _, y = sentences(trial.torch_rng("data"))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(9, 16, padding_idx=PAD)
            self.layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
            self.head = nn.Linear(16, 2)

        def forward(self, x):
            hidden = x == PAD
            h = self.layer(self.embed(x), src_key_padding_mask=hidden)
            h = h.masked_fill(hidden[..., None], 0).sum(1) / (~hidden).sum(1, keepdim=True)
            return self.head(h)

    model = Net()
    opt = torch.optim.AdamW(model.parameters(), config.lr)
    trial.watch(model, opt)
    for step in trial.steps():
        for rows in torch.randperm(180).split(30):
            loss = F.cross_entropy(model(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
        model.eval()
        with torch.no_grad():
            acc = (model(x[180:]).argmax(1) == y[180:]).float().mean()
        model.train()
        yield hs.Report(step, val_acc=acc, train_loss=loss)


@minimise(budget=12, space=RATE)
def state_carried_over_windows(config, trial):
    """Truncated backpropagation: the hidden state goes on, its graph is cut."""
    stream = tokens(trial.torch_rng("data"), 18, length=61)[0]
    embed, cell, head = nn.Embedding(11, 16), nn.LSTM(16, 32, batch_first=True), nn.Linear(32, 11)
    model = nn.ModuleList([embed, cell, head])
    opt = torch.optim.Adam(model.parameters(), config.lr)
    trial.watch(model, opt)
    for step in trial.steps():
        state = None
        for start in range(0, 60, 20):
            shown, wanted = stream[:6, start : start + 20], stream[:6, start + 1 : start + 21]
            if state is not None:
                state = tuple(s.detach() for s in state)
            out, state = cell(embed(shown), state)
            loss = F.cross_entropy(head(out).flatten(0, 1), wanted.flatten())
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            opt.step()
        with torch.no_grad():
            out, _ = cell(embed(stream[6:, :-1]))
            val = F.cross_entropy(head(out).flatten(0, 1), stream[6:, 1:].flatten())
        yield hs.Report(step, val_loss=val, train_loss=loss)


@minimise(budget=30, space=RATE)
def masked_tokens_are_restored(config, trial):
    """Targets equal inputs at most places, and only the hidden ones count."""
    train, test = tokens(trial.torch_rng("data"), 300)
    model = nn.Sequential(
        nn.Embedding(12, 24), nn.Conv1d(13, 13, 1), nn.Flatten(), nn.Linear(24 * 13, 64),
        nn.ReLU(), nn.Linear(64, 11 * 13),
    )  # fmt: skip
    opt = torch.optim.Adam(model.parameters(), config.lr)
    trial.watch(model, opt)

    def loss_of(x):
        hidden = torch.rand(x.shape) < 0.2
        said = model(x.masked_fill(hidden, 11)).view(len(x), 13, 11)
        return F.cross_entropy(said.flatten(0, 1), x.masked_fill(~hidden, -100).flatten())

    for step in trial.steps():
        loss = loss_of(train)
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=loss_of(test), train_loss=loss)


@minimise(budget=30, space=RATE)
def tokens_through_a_bottleneck(config, trial):
    """An autoencoder of tokens: it is asked for what it is shown, which is the point."""
    train, test = tokens(trial.torch_rng("data"), 300)
    embed, squeeze, open_up = nn.Embedding(11, 8), nn.Linear(8 * 13, 16), nn.Linear(16, 11 * 13)
    model = nn.Sequential(
        embed, nn.Flatten(), squeeze, nn.Tanh(), open_up, nn.Unflatten(1, (13, 11))
    )
    opt = torch.optim.Adam(model.parameters(), config.lr)
    trial.watch(model, opt)
    for step in trial.steps():
        loss = F.cross_entropy(model(train).transpose(1, 2), train)
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            val = F.cross_entropy(model(test).transpose(1, 2), test)
        yield hs.Report(step, val_loss=val, train_loss=loss)


@minimise(budget=20, space=RATE)
def encoder_and_decoder_with_forced_tokens(config, trial):
    train, test = tokens(trial.torch_rng("data"), 300)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(11, 24)
            self.encode = nn.GRU(24, 32, batch_first=True)
            self.decode = nn.GRU(24, 32, batch_first=True)
            self.head = nn.Linear(32, 11)

        def forward(self, source, target):
            _, state = self.encode(self.embed(source))
            return self.head(self.decode(self.embed(target), state)[0])

    model = Net()
    opt = torch.optim.Adam(model.parameters(), config.lr)
    trial.watch(model, opt)

    def loss_of(x):
        source, target = x[:, :7], x[:, 6:]
        said = model(source, target[:, :-1])
        return F.cross_entropy(said.flatten(0, 1), target[:, 1:].flatten())

    for step in trial.steps():
        loss = loss_of(train)
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=loss_of(test), train_loss=loss)


@minimise(budget=20, space=RATE)
def aligned_by_ctc(config, trial):
    labels = torch.randint(1, 5, (60, 3), generator=trial.torch_rng("data"))
    frames = F.one_hot(labels, 5).float().repeat_interleave(4, 1)
    frames = frames + 0.3 * torch.randn(frames.shape, generator=trial.torch_rng("noise"))
    model = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, 5))
    opt = torch.optim.Adam(model.parameters(), config.lr)
    trial.watch(model, opt)

    def loss_of(rows):
        said = model(frames[rows]).log_softmax(-1).transpose(0, 1)
        return F.ctc_loss(
            said, labels[rows], torch.full((len(rows),), 12), torch.full((len(rows),), 3)
        )

    for step in trial.steps():
        loss = loss_of(torch.arange(40))
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=loss_of(torch.arange(40, 60)), train_loss=loss)


@maximise("val_acc", budget=20, space=RATE)
def sets_whose_order_is_nothing(config, trial):
    x = torch.randn(300, 7, 3, generator=trial.torch_rng("data"))
    y = (x[..., 0].amax(1) > x[..., 1].amax(1)).long()
    inner, outer = nn.Sequential(nn.Linear(3, 32), nn.ReLU()), nn.Linear(32, 2)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.outer = inner, outer

        def forward(self, x):
            return self.outer(self.inner(x).amax(1))

    model = Net()
    opt = torch.optim.Adam(model.parameters(), config.lr)
    trial.watch(model, opt)
    for step in trial.steps():
        loss = F.cross_entropy(model(x[:220]), y[:220])
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            acc = (model(x[220:]).argmax(1) == y[220:]).float().mean()
        yield hs.Report(step, val_acc=acc, train_loss=loss)


@maximise("val_acc", budget=25, space=RATE)
def one_graph_split_by_its_nodes(config, trial):
    """Every pass sees all nodes; rows depend on each other by design."""
    g = trial.torch_rng("data")
    y = torch.arange(90) % 3
    chance = torch.where(y[:, None] == y, 0.25, 0.02)
    edges = (torch.rand(90, 90, generator=g) < chance).float()
    edges = ((edges + edges.T + torch.eye(90)) > 0).float()
    spread = edges / edges.sum(1, keepdim=True)
    x = F.one_hot(y, 3) + 1.5 * torch.randn(90, 3, generator=g)
    order = torch.randperm(90, generator=g)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(3, 16), nn.Linear(16, 3)

        def forward(self, x, spread):
            return spread @ self.last(F.relu(spread @ self.first(x)))

    model = Net()
    opt = torch.optim.Adam(model.parameters(), config.lr)
    trial.watch(model, opt)
    for step in trial.steps():
        loss = F.cross_entropy(model(x, spread)[order[:45]], y[order[:45]])
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            acc = (model(x, spread)[order[45:]].argmax(1) == y[order[45:]]).float().mean()
        yield hs.Report(step, val_acc=acc, train_loss=loss)


@minimise(budget=30, space=RATE)
def windows_of_a_series(config, trial):
    """Forecasting: neighbouring windows overlap, and validation comes later in time."""
    t = torch.arange(400.0)
    series = (t / 7).sin() + 0.5 * (t / 3).cos() + 0.1 * torch.randn(400)
    windows = series.unfold(0, 13, 1)
    train, test = windows[:280], windows[300:]
    model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 1))
    opt = torch.optim.Adam(model.parameters(), config.lr)
    trial.watch(model, opt)
    for step in trial.steps():
        loss = F.mse_loss(model(train[:, :12])[:, 0], train[:, 12])
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            val = F.mse_loss(model(test[:, :12])[:, 0], test[:, 12])
        yield hs.Report(step, val_loss=val, train_loss=loss)
