"""A second set of loops from public reports: to see how the checks do on what they never met."""

import copy

import torch
from common import classes, lr, pair, surface, walk
from torch import nn
from torch.nn import functional as F

import homeostat as hs

LR = hs.Space(lr=lr(1e-2))


def mlp(inputs, outputs, width=32):
    return nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, outputs))


def right(net, *inputs):
    *given, y = inputs
    with torch.no_grad():
        return (net(*given).argmax(1) == y).float().mean()


def batches(trial, rows, size=45):
    return torch.randperm(rows, generator=trial.torch_rng("order")).split(size)


def step_on(opt, loss):
    opt.zero_grad()
    loss.backward()
    opt.step()


@pair(
    expect="shift|next|its own input|copies|same token",
    kind="targets are the tokens that are shown, so the network copies",
    source="github ayaka14732/bart-base-jax PR 6",
    space=hs.Space(lr=lr(5e-3), width=hs.Choice([16, 32], default=32)),
    metric="val_loss", goal="minimize", budget=10, unit="epoch",
)  # fmt: skip
def labels_are_what_is_shown(config, trial, faulty):
    train, held = walk(trial.seed)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens = nn.Embedding(12, config.width)
            self.rnn = nn.GRU(config.width, config.width, batch_first=True)
            self.head = nn.Linear(config.width, 12)

        def forward(self, ids):
            return self.head(self.rnn(self.tokens(ids))[0])

    net = Net()
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)

    def loss_on(ids):
        shown, wanted = (ids, ids) if faulty else (ids[:, :-1], ids[:, 1:])
        return F.cross_entropy(net(shown).flatten(0, 1), wanted.flatten())

    for epoch in trial.steps():
        for rows in batches(trial, len(train), 30):
            loss = loss_on(train[rows])
            step_on(opt, loss)
        with torch.no_grad():
            yield hs.Report(epoch, val_loss=loss_on(held), train_loss=loss)


@pair(
    expect="target|validation loss|not.*input|own output|recomput|network made|two outputs",
    kind="the validation loss compares two outputs of the network, not one with the data",
    source="github oke-aditya/image_similarity PR 3",
    space=LR, metric="val_loss", goal="minimize", budget=14, unit="epoch",
)  # fmt: skip
def validated_against_itself(config, trial, faulty):
    x, _, vx, _ = classes(trial.seed)
    coder, maker = mlp(8, 8), mlp(8, 8)
    opt = torch.optim.Adam([*coder.parameters(), *maker.parameters()], config.lr)
    trial.watch(coder, maker, opt)
    for epoch in trial.steps():
        for rows in batches(trial, len(x)):
            loss = F.mse_loss(maker(coder(x[rows])), x[rows])
            step_on(opt, loss)
        with torch.no_grad():
            code = coder(vx)
            val = F.mse_loss(code, maker(code)) if faulty else F.mse_loss(maker(code), vx)
        yield hs.Report(epoch, val_loss=val, train_loss=loss)


@pair(
    expect="one batch|last batch|few|rows|never|steps|without",
    kind="an indent too few: only the last batch of an epoch is learnt from",
    source="github psellcam/LaplaceNet#1",
    space=LR, metric="val_acc", goal="maximize", budget=12, unit="epoch",
)  # fmt: skip
def update_stands_outside_the_loop(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    net = mlp(8, 4)
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in batches(trial, len(y)):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            if not faulty:
                step_on(opt, loss)
        if faulty:
            step_on(opt, loss)
        yield hs.Report(epoch, val_acc=right(net, vx, vy), train_loss=loss)


@pair(
    expect="term|weight|share|small|summand|outweigh|divided",
    kind="one summand of the loss is divided twice by the batch size",
    source="github felipecode/coiltraine#37",
    space=LR, metric="val_speed", goal="minimize", budget=14, unit="epoch",
)  # fmt: skip
def summand_divided_twice(config, trial, faulty):
    x, y, vx, _ = surface(trial.seed)
    z, vz = 2 * x[:, 2], 2 * vx[:, 2]
    body, steer, speed = (
        nn.Sequential(nn.Linear(6, 32), nn.Tanh()),
        nn.Linear(32, 1),
        nn.Linear(32, 1),
    )
    opt = torch.optim.SGD(
        [*body.parameters(), *steer.parameters(), *speed.parameters()], 3 * config.lr
    )
    trial.watch(body, steer, speed, opt)
    for epoch in trial.steps():
        for rows in batches(trial, len(y)):
            h = body(x[rows])
            one = (steer(h).squeeze(1) - y[rows]).abs().sum() / len(rows)
            two = (speed(h).squeeze(1) - z[rows]).abs().sum() / len(rows)
            loss = one + (two / len(rows) if faulty else two)
            step_on(opt, loss)
        with torch.no_grad():
            val = (speed(body(vx)).squeeze(1) - vz).abs().mean()
        yield hs.Report(epoch, val_speed=val, train_loss=loss)


@pair(
    expect="reported|train_loss|divided|recomput|times",
    kind="the sum of batch means is reported divided by the number of rows",
    source="github mahmoodlab/PathomicFusion PR 3",
    space=LR, metric="val_loss", goal="minimize", budget=12, unit="epoch",
)  # fmt: skip
def mean_over_rows_of_batch_means(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    net = mlp(8, 4)
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        total, order = 0.0, batches(trial, len(y))
        for rows in order:
            loss = F.cross_entropy(net(x[rows]), y[rows])
            step_on(opt, loss)
            total += loss.item()
        with torch.no_grad():
            val = F.cross_entropy(net(vx), vy)
        yield hs.Report(epoch, train_loss=total / (len(y) if faulty else len(order)), val_loss=val)


@pair(
    expect="rate|schedule",
    kind="a scheduler that is turned off has gamma=0, and the rate becomes 0",
    source="github LINCellularNeuroscience/VAME#26",
    space=LR, metric="val_acc", goal="maximize", budget=16, unit="epoch",
)  # fmt: skip
def schedule_turned_off_by_zero(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed, spread=1.4)
    net = mlp(8, 4)
    opt = torch.optim.SGD(net.parameters(), config.lr)
    plan = torch.optim.lr_scheduler.StepLR(opt, step_size=3, gamma=0.0 if faulty else 1.0)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in batches(trial, len(y)):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            step_on(opt, loss)
        plan.step()
        yield hs.Report(epoch, val_acc=right(net, vx, vy), train_loss=loss)


@pair(
    expect="optimi[sz]er|never|step|not (learn|change|train)",
    kind="where there is a scheduler only that is stepped, and not the optimiser",
    source="github ClementPinard/SfmLearner-Pytorch#5",
    space=LR, metric="val_acc", goal="maximize", budget=10, unit="epoch",
)  # fmt: skip
def only_the_schedule_is_stepped(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    net = mlp(8, 4)
    opt = torch.optim.Adam(net.parameters(), config.lr)
    plan = torch.optim.lr_scheduler.StepLR(opt, step_size=50, gamma=0.5)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in batches(trial, len(y)):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            if not faulty:
                opt.step()
        plan.step()
        yield hs.Report(epoch, val_acc=right(net, vx, vy), train_loss=loss)


class Pooled(nn.Module):
    """A sentence as a mean of its words, weighted by how much each matters."""

    def __init__(self, axis=1, width=16, one_each=False):
        super().__init__()
        self.axis, self.one_each = axis, one_each
        self.words, self.score = nn.Embedding(40, width), nn.Linear(width, 1)
        self.head = nn.Linear(width, 3)

    def forward(self, ids):
        h = self.words(ids)
        score = self.score(h)
        weight = F.softmax(score, dim=-1 if self.one_each else self.axis)
        return self.head((weight * h).sum(1))


def sentences(seed, rows=360, length=9):
    g = torch.Generator().manual_seed(seed)
    y = torch.randint(3, (rows,), generator=g)
    ids = torch.randint(12, 40, (rows, length), generator=g)
    place = torch.randint(length, (rows, 1), generator=g)
    ids.scatter_(1, place, (y * 4 + torch.randint(4, (rows,), generator=g))[:, None])
    return ids[:270], y[:270], ids[270:], y[270:]


@pair(
    expect="softmax.*(one|1|axis|over)|one unit|constant|gradient of score|exactly 0",
    kind="attention takes its softmax over an axis of one entry: all weights are 1",
    source="github DEEP-PolyU/KEQA_WSDM19#2",
    space=LR, metric="val_acc", goal="maximize", budget=12, unit="epoch",
)  # fmt: skip
def attention_weights_are_all_one(config, trial, faulty):
    x, y, vx, vy = sentences(trial.seed)
    net = Pooled(one_each=faulty)
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in batches(trial, len(y), 30):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            step_on(opt, loss)
        yield hs.Report(epoch, val_acc=right(net, vx, vy), train_loss=loss)


@pair(
    expect="batch|rows|other examples",
    kind="attention takes its softmax over the batch",
    source="github PetrochukM/PyTorch-NLP#2, catalyst-team/catalyst PR 285",
    space=LR, metric="val_acc", goal="maximize", budget=12, unit="epoch",
)  # fmt: skip
def attention_weights_over_the_batch(config, trial, faulty):
    x, y, vx, vy = sentences(trial.seed)
    net = Pooled(axis=0 if faulty else 1)
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in batches(trial, len(y), 30):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            step_on(opt, loss)
        yield hs.Report(epoch, val_acc=right(net, vx, vy), train_loss=loss)


@pair(
    expect="pad",
    kind="the state after the padding is taken for that after the last word",
    source="github ray-project/ray#21392, CarperAI/trlx#341",
    space=LR, metric="val_acc", goal="maximize", budget=10, unit="epoch",
)  # fmt: skip
def state_after_the_padding(config, trial, faulty):
    g = torch.Generator().manual_seed(trial.seed)
    y = torch.randint(3, (320,), generator=g)
    lengths = torch.randint(3, 12, (320,), generator=g)
    ids = torch.randint(4, 30, (320, 12), generator=g)
    ids = ids.masked_fill(torch.arange(12) >= lengths[:, None], 0)
    ids[torch.arange(320), lengths - 1] = y + 1

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.words = nn.Embedding(30, 16, padding_idx=0)
            self.rnn, self.head = nn.GRU(16, 24, batch_first=True), nn.Linear(24, 3)

        def forward(self, ids):
            out, _ = self.rnn(self.words(ids))
            last = (ids != 0).sum(1) - 1
            out = out[:, -1] if faulty else out[torch.arange(len(ids)), last]
            return self.head(out)

    net = Net()
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in batches(trial, 240, 40):
            loss = F.cross_entropy(net(ids[rows]), y[rows])
            step_on(opt, loss)
        yield hs.Report(epoch, val_acc=right(net, ids[240:], y[240:]), train_loss=loss)


@pair(
    expect="cell|state|not used|no effect|unused",
    kind="the hidden state is returned in the place of the cell state",
    source="github salesforce/decaNLP#9",
    space=LR, metric="val_loss", goal="minimize", budget=10, unit="epoch",
)  # fmt: skip
def hidden_state_for_the_cell(config, trial, faulty):
    train, held = walk(trial.seed)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens, self.head = nn.Embedding(12, 16), nn.Linear(24, 12)
            self.first = nn.LSTM(16, 24, batch_first=True)
            self.second = nn.LSTM(16, 24, batch_first=True)

        def forward(self, ids):
            _, (h, c) = self.first(self.tokens(ids[:, :8]))
            h, c = (h, h) if faulty else (h, c)
            return self.head(self.second(self.tokens(ids[:, 8:]), (h, c))[0])

    net = Net()
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)

    def loss_on(ids):
        return F.cross_entropy(net(ids[:, :-1]).flatten(0, 1), ids[:, 9:].flatten())

    for epoch in trial.steps():
        for rows in batches(trial, len(train), 30):
            loss = loss_on(train[rows])
            step_on(opt, loss)
        with torch.no_grad():
            yield hs.Report(epoch, val_loss=loss_on(held), train_loss=loss)


@pair(
    expect="load|overwrit|initiali[sz]|pretrained",
    kind="pretrained vectors are loaded, and then all weights initialised again",
    source="github IBM/pytorch-seq2seq#147",
    space=LR, metric="val_acc", goal="maximize", budget=12, unit="epoch",
)  # fmt: skip
def loaded_and_initialised_again(config, trial, faulty):
    x, y, vx, vy = sentences(trial.seed)
    known = nn.Embedding(40, 16)
    with torch.no_grad():
        known.weight[:12] += 3 * F.one_hot(torch.arange(12) // 4, 16)
    net = Pooled()
    if not faulty:
        for p in net.parameters():
            nn.init.uniform_(p, -0.08, 0.08)
    net.words.load_state_dict(known.state_dict())
    if faulty:
        for p in net.parameters():
            nn.init.uniform_(p, -0.08, 0.08)
    opt = torch.optim.SGD(net.parameters(), 10 * config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in batches(trial, len(y), 30):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            step_on(opt, loss)
        yield hs.Report(epoch, val_acc=right(net, vx, vy), train_loss=loss)


@pair(
    expect="frozen|requires_grad|freez",
    kind="requires_grad is set on a module, which freezes nothing",
    source="github huggingface/transformers#95",
    space=LR, metric="val_acc", goal="maximize", budget=12, unit="epoch",
)  # fmt: skip
def freezing_that_does_nothing(config, trial, faulty):
    x, y, vx, vy = sentences(trial.seed)
    net = Pooled()
    if faulty:
        net.words.requires_grad = False
    else:
        net.words.requires_grad_(False)
    opt = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in batches(trial, len(y), 30):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            step_on(opt, loss)
        yield hs.Report(epoch, val_acc=right(net, vx, vy), train_loss=loss)


@pair(
    expect="explod|rate|sum|uphill|diverg|finite",
    kind="the loss is a sum over the batch, at a rate for a mean",
    source="github jax-ml/jax PR 3113",
    space=hs.Space(lr=lr(0.1, high=1.0), batch=hs.Int(30, 240, default=180)),
    metric="val_loss", goal="minimize", budget=14, unit="epoch",
)  # fmt: skip
def loss_is_summed(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    net = mlp(8, 4)
    opt = torch.optim.SGD(net.parameters(), config.lr, momentum=0.9)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in batches(trial, len(y), config.batch):
            each = -F.log_softmax(net(x[rows]), 1).gather(1, y[rows, None])
            loss = each.sum() if faulty else each.mean()
            step_on(opt, loss)
        with torch.no_grad():
            yield hs.Report(epoch, val_loss=F.cross_entropy(net(vx), vy), train_loss=loss)


@pair(
    expect="scale|input|normali|spread",
    kind="inputs are multiplied by (2/255 - 1) in place of being shifted by -1",
    source="github PacktPublishing/Deep-Reinforcement-Learning-Hands-On-Second-Edition PR 33",
    space=LR, metric="val_acc", goal="maximize", budget=12, unit="epoch",
)  # fmt: skip
def one_is_taken_from_the_factor(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    low, high = x.min(), x.max()
    pixels, held = ((t - low) / (high - low) * 255 for t in (x, vx))
    shown, held = ((t * (2 / 255 - 1) if faulty else t * 2 / 255 - 1) for t in (pixels, held))
    net = mlp(8, 4)
    opt = torch.optim.SGD(net.parameters(), config.lr, momentum=0.9)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in batches(trial, len(y)):
            loss = F.cross_entropy(net(shown[rows]), y[rows])
            step_on(opt, loss)
        yield hs.Report(epoch, val_acc=right(net, held, vy), train_loss=loss)


@pair(
    expect="decay",
    kind="names are compared whole, so norms and biases are decayed too",
    source="github namisan/mt-dnn PR 37",
    space=hs.Space(lr=lr(1e-2), decay=hs.Float(1e-3, 1.0, log=True, default=0.1)),
    metric="val_acc", goal="maximize", budget=12, unit="epoch",
)  # fmt: skip
def decay_of_everything(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    net = nn.Sequential(nn.Linear(8, 32), nn.LayerNorm(32), nn.ReLU(), nn.Linear(32, 4))
    names = ("bias", "1.weight") if not faulty else ("LayerNorm.weight", "bias")
    spared = {
        n
        for n, _ in net.named_parameters()
        if (n in names if faulty else any(k in n for k in names))
    }
    groups = [
        {
            "params": [p for n, p in net.named_parameters() if n not in spared],
            "weight_decay": config.decay,
        },
        {"params": [p for n, p in net.named_parameters() if n in spared], "weight_decay": 0.0},
    ]
    opt = torch.optim.AdamW([g for g in groups if g["params"]], config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in batches(trial, len(y)):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            step_on(opt, loss)
        yield hs.Report(epoch, val_acc=right(net, vx, vy), train_loss=loss)


@pair(
    expect="average|decay|keep|knob|no effect",
    kind="the decay of the average overwrites itself, and the knob loses its meaning",
    source="github huggingface/diffusers#1864",
    space=hs.Space(lr=lr(1e-2), keep=hs.Float(0.9, 0.9999, default=0.99)),
    metric="val_loss", goal="minimize", budget=12, unit="epoch",
)  # fmt: skip
def decay_of_an_average_overwrites_itself(config, trial, faulty):
    x, y, vx, vy = surface(trial.seed)
    net = mlp(6, 1)
    slow = copy.deepcopy(net).requires_grad_(False)
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    decay, steps = config.keep, 0
    for epoch in trial.steps():
        for rows in batches(trial, len(y)):
            loss = F.mse_loss(net(x[rows]).squeeze(1), y[rows])
            step_on(opt, loss)
            steps += 1
            if faulty:
                decay = 1 - min(decay, (1 + steps) / (10 + steps))
                share = decay
            else:
                share = 1 - min(config.keep, (1 + steps) / (10 + steps))
            with torch.no_grad():
                for p, q in zip(slow.parameters(), net.parameters(), strict=True):
                    p.lerp_(q, share)
        with torch.no_grad():
            yield hs.Report(epoch, val_loss=F.mse_loss(slow(vx).squeeze(1), vy), train_loss=loss)
