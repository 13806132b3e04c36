"""Loops from public reports, written before the checks that they are tried on were looked at."""

import copy

import torch
from common import classes, lr, pair, surface, walk
from torch import nn
from torch.nn import functional as F

import homeostat as hs

LR = hs.Space(lr=lr(1e-2))


def mlp(inputs, outputs, width=32, *middle):
    return nn.Sequential(nn.Linear(inputs, width), *middle, nn.ReLU(), nn.Linear(width, outputs))


def right(net, x, y):
    with torch.no_grad():
        return (net(x).argmax(1) == y).float().mean()


def batches(trial, rows, size=45):
    return torch.randperm(rows, generator=trial.torch_rng("order")).split(size)


def step_on(opt, loss):
    opt.zero_grad()
    loss.backward()
    opt.step()


@pair(
    expect="not.*backward|backward.*argument|gradient.*(scaled|times|weight)|grad_tensors",
    kind="the loss is given to its own backward pass as the gradient to start from",
    source="github sotte/pytorch_tutorial#5",
    space=LR, metric="val_loss", goal="minimize", budget=14, unit="epoch",
)  # fmt: skip
def loss_weighted_by_itself(config, trial, faulty):
    x, y, vx, vy = surface(trial.seed)
    net = mlp(6, 1)
    opt = torch.optim.SGD(net.parameters(), config.lr, momentum=0.9)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in batches(trial, len(y)):
            loss = F.mse_loss(net(x[rows]).squeeze(1), y[rows])
            opt.zero_grad()
            loss.backward(loss.detach() if faulty else None)
            opt.step()
        with torch.no_grad():
            yield hs.Report(epoch, val_loss=F.mse_loss(net(vx).squeeze(1), vy), train_loss=loss)


@pair(
    expect="train.*mode|mode|dropout|batch ?norm",
    kind="train() is called a few lines after eval() in the validation function",
    source="github pliang279/MultiBench#26",
    space=LR, metric="val_acc", goal="maximize", budget=12, unit="epoch",
)  # fmt: skip
def training_mode_while_validating(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    net = mlp(8, 4, 32, nn.Dropout(0.4))
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        net.train()
        for rows in batches(trial, len(y)):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            step_on(opt, loss)
        net.eval()
        if faulty:
            net.train()
        yield hs.Report(epoch, val_acc=right(net, vx, vy), train_loss=loss)


@pair(
    expect="overlap|trained on|training rows|same rows|leak",
    kind="the validation metric is taken on the training set",
    source="github bkong999/COVNet#12",
    space=LR, metric="val_acc", goal="maximize", budget=12, unit="epoch",
)  # fmt: skip
def scored_on_rows_it_learns(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed, spread=1.6)
    net = mlp(8, 4, 64)
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in batches(trial, len(y)):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            step_on(opt, loss)
        hits = n = 0
        for a, b in zip(
            *((x.split(90), y.split(90)) if faulty else (vx.split(60), vy.split(60))), strict=True
        ):
            hits, n = hits + right(net, a, b) * len(b), n + len(b)
        yield hs.Report(epoch, val_acc=hits / n, train_loss=loss)


@pair(
    expect="accuracy|metric|reported|recomput|reset|running",
    kind="counts of right answers run on over all epochs",
    source="github MichiganCOG/ViP#34",
    space=LR, metric="val_acc", goal="maximize", budget=14, unit="epoch",
)  # fmt: skip
def counts_are_never_reset(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    net = mlp(8, 4)
    opt = torch.optim.SGD(net.parameters(), config.lr)
    trial.watch(net, opt)
    hits = n = 0
    for epoch in trial.steps():
        if not faulty:
            hits = n = 0
        for rows in batches(trial, len(y)):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            step_on(opt, loss)
        for a, b in zip(vx.split(30), vy.split(30), strict=True):
            hits, n = hits + right(net, a, b) * len(b), n + len(b)
        yield hs.Report(epoch, val_acc=hits / n, train_loss=loss)


@pair(
    expect="beta|knob|no effect|same",
    kind="the weight of the divergence is stored and never used",
    source="github Lightning-Universe/lightning-bolts#328",
    space=hs.Space(lr=lr(5e-3), beta=hs.Float(0.01, 2.0, log=True, default=0.2)),
    metric="val_fit", goal="minimize", budget=12, unit="epoch",
)  # fmt: skip
def divergence_keeps_its_weight(config, trial, faulty):
    x, _, vx, _ = classes(trial.seed)

    class Coder(nn.Module):
        def __init__(self, beta):
            super().__init__()
            self.beta = beta
            self.down, self.up = mlp(8, 4), mlp(2, 8)

        def forward(self, rows):
            mean, logvar = self.down(rows).chunk(2, 1)
            z = mean + (logvar / 2).exp() * torch.randn_like(mean)
            prior = -0.5 * (1 + logvar - mean**2 - logvar.exp()).sum(1).mean()
            fit = (self.up(z) - rows).square().sum(1).mean()
            return fit, fit + (prior if faulty else self.beta * prior)

    net = Coder(config.beta)
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in batches(trial, len(x)):
            step_on(opt, net(x[rows])[1])
        with torch.no_grad():
            yield hs.Report(epoch, val_fit=net(vx)[0])


@pair(
    expect="batch|rows",
    kind="a recurrent layer reads (batch, time) as (time, batch)",
    source="discuss.pytorch.org/t/62364",
    space=LR, metric="val_acc", goal="maximize", budget=12, unit="epoch",
)  # fmt: skip
def time_and_batch_changed_places(config, trial, faulty):
    g = torch.Generator().manual_seed(trial.seed)
    x = torch.randn(400, 8, 1, generator=g)
    y = (x[:, :, 0].cumsum(1).max(1).values > 1.5).long()

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(1, 24, batch_first=not faulty)
            self.head = nn.Linear(24, 2)

        def forward(self, x):
            return self.head(self.lstm(x)[0][:, -1])

    net = Net()
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in batches(trial, 300, 50):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            step_on(opt, loss)
        yield hs.Report(epoch, val_acc=right(net, x[300:], y[300:]), train_loss=loss)


@pair(
    expect="mode|eval|dropout|train",
    kind="after the first validation the network stays in evaluation mode",
    source="github ermongroup/ncsn#2, fartashf/vsepp#4",
    space=LR, metric="val_acc", goal="maximize", budget=12, unit="epoch",
)  # fmt: skip
def evaluation_mode_for_ever(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    net = mlp(8, 4, 32, nn.BatchNorm1d(32), nn.Dropout(0.2))
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    net.train()
    for epoch in trial.steps():
        if not faulty:
            net.train()
        for rows in batches(trial, len(y)):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            step_on(opt, loss)
        net.eval()
        yield hs.Report(epoch, val_acc=right(net, vx, vy), train_loss=loss)


@pair(
    expect="loss term|summand|reach|no (weight|gradient)|constant",
    kind="the teacher's answers are compared with themselves",
    source="github labmlai/annotated_deep_learning_paper_implementations#66",
    space=hs.Space(lr=lr(1e-2), blend=hs.Float(0.1, 0.95, default=0.8)),
    metric="val_acc", goal="maximize", budget=12, unit="epoch",
)  # fmt: skip
def teacher_taught_by_itself(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed, spread=1.2)
    teacher, student = mlp(8, 4, 96), mlp(8, 4, 12)
    first = torch.optim.Adam(teacher.parameters(), 1e-2)
    for _ in range(50):
        step_on(first, F.cross_entropy(teacher(x), y))
    teacher.eval()
    opt = torch.optim.Adam(student.parameters(), config.lr)
    trial.watch(student, opt)
    for epoch in trial.steps():
        for rows in batches(trial, len(y)):
            with torch.no_grad():
                large = teacher(x[rows])
            small = student(x[rows])
            soft = F.kl_div(
                F.log_softmax((large if faulty else small) / 2, 1), F.softmax(large / 2, 1),
                reduction="batchmean",
            )  # fmt: skip
            loss = config.blend * soft + (1 - config.blend) * F.cross_entropy(small, y[rows])
            step_on(opt, loss)
        yield hs.Report(epoch, val_acc=right(student, vx, vy), train_loss=loss)


@pair(
    expect="log|probabilit",
    kind="kl_div is given probabilities instead of their logarithms",
    source="github microsoft/ProDA#20, microsoft/ProDA#43",
    space=LR, metric="val_acc", goal="maximize", budget=12, unit="epoch",
)  # fmt: skip
def divergence_of_probabilities(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    soft = 0.9 * F.one_hot(y, 4) + 0.025
    net = mlp(8, 4)
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in batches(trial, len(y)):
            said = F.softmax(net(x[rows]), 1)
            loss = F.kl_div(said if faulty else said.log(), soft[rows], reduction="batchmean")
            step_on(opt, loss)
        yield hs.Report(epoch, val_acc=right(net, vx, vy), train_loss=loss)


@pair(
    expect="log|probabilit|weight|does not learn|rises|uphill",
    kind="the focal weight is made of the logarithm of the probability",
    source="github HeyLynne/FocalLoss_for_multiclass#3",
    space=hs.Space(lr=lr(1e-2), gamma=hs.Float(0.5, 4.0, default=2.0)),
    metric="val_loss", goal="minimize", budget=14, unit="epoch",
)  # fmt: skip
def focal_weight_of_a_logarithm(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    net = mlp(8, 4)
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in batches(trial, len(y)):
            logp = F.log_softmax(net(x[rows]), 1).gather(1, y[rows, None]).squeeze(1)
            pt = logp if faulty else logp.exp()
            loss = -((1 - pt) ** config.gamma * logp).mean()
            step_on(opt, loss)
        with torch.no_grad():
            yield hs.Report(epoch, val_loss=F.cross_entropy(net(vx), vy), train_loss=loss)


@pair(
    expect="logit|sigmoid|probabilit|range|negative",
    kind="the overlap of masks is computed on raw outputs",
    source="github jakeret/tf_unet#15, ScrollPrize/villa#1488",
    space=LR, metric="val_dice", goal="maximize", budget=14, unit="epoch",
)  # fmt: skip
def overlap_of_raw_outputs(config, trial, faulty):
    g = torch.Generator().manual_seed(trial.seed)
    masks = (torch.rand(160, 1, 1, 1, generator=g) * 6).floor()
    place = torch.arange(10.0)
    masks = ((place - masks - 2).abs() < 2).float().expand(160, 1, 10, 10).clone()
    pictures = masks + 0.7 * torch.randn(160, 1, 10, 10, generator=g)
    net = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 1, 3, padding=1))
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)

    def dice(p, m):
        return (2 * (p * m).sum((1, 2, 3)) + 1) / ((p + m).sum((1, 2, 3)) + 1)

    for epoch in trial.steps():
        for rows in batches(trial, 120, 20):
            out = net(pictures[rows])
            loss = 1 - dice(out if faulty else out.sigmoid(), masks[rows]).mean()
            step_on(opt, loss)
        with torch.no_grad():
            said = (net(pictures[120:]) > 0).float()
        yield hs.Report(epoch, val_dice=dice(said, masks[120:]).mean(), train_loss=loss)


@pair(
    expect="sign|rises|wrong way|uphill|maximi|worse|opposite",
    kind="the overlap itself is made small, not one minus it",
    source="github sraashis/easytorch#38, akirasosa/mobile-semantic-segmentation#24",
    space=LR, metric="val_dice", goal="maximize", budget=14, unit="epoch",
)  # fmt: skip
def overlap_is_made_small(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed, groups=2, spread=3.0)
    net = mlp(8, 1)
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)

    def dice(p, m):
        return (2 * (p * m).sum() + 1) / (p.sum() + m.sum() + 1)

    for epoch in trial.steps():
        for rows in batches(trial, len(y)):
            good = dice(net(x[rows]).squeeze(1).sigmoid(), y[rows].float())
            loss = good if faulty else 1 - good
            step_on(opt, loss)
        with torch.no_grad():
            said = (net(vx).squeeze(1) > 0).float()
        yield hs.Report(epoch, val_dice=dice(said, vy.float()), train_loss=loss)


@pair(
    expect="inplace|in place|skip|residual|overwrit",
    kind="a relu in place changes what the skip connection adds",
    source="github rosinality/vq-vae-2-pytorch#60",
    space=LR, metric="val_loss", goal="minimize", budget=12, unit="epoch",
)  # fmt: skip
def skip_of_what_was_changed_in_place(config, trial, faulty):
    x, y, vx, vy = surface(trial.seed)

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Sequential(
                nn.ReLU(inplace=faulty), nn.Linear(24, 24), nn.ReLU(), nn.Linear(24, 24)
            )

        def forward(self, h):
            return self.inner(h) + h

    net = nn.Sequential(nn.Linear(6, 24), Block(), Block(), nn.Linear(24, 1))
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in batches(trial, len(y)):
            loss = F.mse_loss(net(x[rows]).squeeze(1), y[rows])
            step_on(opt, loss)
        with torch.no_grad():
            yield hs.Report(epoch, val_loss=F.mse_loss(net(vx).squeeze(1), vy), train_loss=loss)


@pair(
    expect="later|future|causal",
    kind="the triangular mask hides the past and shows what comes",
    source="github pytorch/examples#649",
    space=hs.Space(lr=lr(5e-3), width=hs.Choice([16, 32], default=32)),
    metric="val_loss", goal="minimize", budget=10, unit="epoch",
)  # fmt: skip
def mask_turned_over(config, trial, faulty):
    train, held = walk(trial.seed)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens = nn.Embedding(12, config.width)
            self.places = nn.Parameter(0.1 * torch.randn(15, config.width))
            self.layer = nn.TransformerEncoderLayer(config.width, 2, 64, 0.0, batch_first=True)
            self.head = nn.Linear(config.width, 12)

        def forward(self, ids):
            n = ids.shape[1]
            mask = torch.triu(torch.ones(n, n), 1).bool()
            h = self.tokens(ids) + self.places[:n]
            return self.head(self.layer(h, src_mask=mask.T if faulty else mask))

    net = Net()
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in batches(trial, len(train), 30):
            loss = F.cross_entropy(net(train[rows, :-1]).flatten(0, 1), train[rows, 1:].flatten())
            step_on(opt, loss)
        with torch.no_grad():
            val = F.cross_entropy(net(held[:, :-1]).flatten(0, 1), held[:, 1:].flatten())
        yield hs.Report(epoch, val_loss=val, train_loss=loss)


@pair(
    expect="decay",
    kind="weight decay falls on biases and norms and on nothing else",
    source="github facebookresearch/BalancingGroups#6",
    space=hs.Space(lr=lr(1e-2), decay=hs.Float(1e-3, 1.0, log=True, default=0.1)),
    metric="val_acc", goal="maximize", budget=12, unit="epoch",
)  # fmt: skip
def decay_of_the_wrong_group(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    net = mlp(8, 4, 32, nn.LayerNorm(32))
    small = [p for p in net.parameters() if p.dim() < 2]
    large = [p for p in net.parameters() if p.dim() > 1]
    opt = torch.optim.AdamW(
        [
            {"params": small if faulty else large, "weight_decay": config.decay},
            {"params": large if faulty else small, "weight_decay": 0.0},
        ],
        config.lr,
    )
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in batches(trial, len(y)):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            step_on(opt, loss)
        yield hs.Report(epoch, val_acc=right(net, vx, vy), train_loss=loss)


@pair(
    expect="optimi[sz]er|never (moves|stepped)|not in",
    kind="layers are replaced by smaller ones after the optimiser was made",
    source="github microsoft/nni#4521",
    space=LR, metric="val_acc", goal="maximize", budget=12, unit="epoch",
)  # fmt: skip
def pruned_layers_have_no_optimiser(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    net = mlp(8, 4, 48)
    opt = torch.optim.Adam(net.parameters(), config.lr)
    for _ in range(3):
        step_on(opt, F.cross_entropy(net(x), y))
    kept = net[0].weight.detach().abs().sum(1).topk(24).indices
    one, two = nn.Linear(8, 24), nn.Linear(24, 4)
    with torch.no_grad():
        one.weight.copy_(net[0].weight[kept])
        one.bias.copy_(net[0].bias[kept])
        two.weight.copy_(net[2].weight[:, kept])
    net[0], net[2] = one, two
    if not faulty:
        opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in batches(trial, len(y)):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            step_on(opt, loss)
        yield hs.Report(epoch, val_acc=right(net, vx, vy), train_loss=loss)


@pair(
    expect="average|ema|outside|overwrit|not by (an|its|the) optimi|changed between|restor",
    kind="averaged weights are put in for validation and the trained ones never put back",
    source="github PKU-YuanGroup/Open-Sora-Plan#186",
    space=hs.Space(lr=lr(1e-2), keep=hs.Float(0.9, 0.999, default=0.99)),
    metric="val_loss", goal="minimize", budget=14, unit="epoch",
)  # fmt: skip
def trained_weights_are_not_put_back(config, trial, faulty):
    x, y, vx, vy = surface(trial.seed)
    net = mlp(6, 1)
    slow = copy.deepcopy(net).requires_grad_(False)
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in batches(trial, len(y)):
            loss = F.mse_loss(net(x[rows]).squeeze(1), y[rows])
            step_on(opt, loss)
            with torch.no_grad():
                for p, q in zip(slow.parameters(), net.parameters(), strict=True):
                    p.lerp_(q, 1 - config.keep)
        before = copy.deepcopy(net.state_dict())
        net.load_state_dict(slow.state_dict())
        with torch.no_grad():
            val = F.mse_loss(net(vx).squeeze(1), vy)
        if not faulty:
            net.load_state_dict(before)
        yield hs.Report(epoch, val_loss=val, train_loss=loss)


@pair(
    expect="overlap|shared|same rows|both",
    kind="the rare class is copied before the rows are split",
    source="github vc1492a/henosis#12",
    space=LR, metric="val_acc", goal="maximize", budget=12, unit="epoch",
)  # fmt: skip
def copied_before_the_split(config, trial, faulty):
    g = torch.Generator().manual_seed(trial.seed)
    y = (torch.rand(320, generator=g) < 0.15).long()
    x = torch.randn(320, 6, generator=g) + 0.8 * y[:, None]

    def copied(x, y):
        rare = (y == 1).nonzero().flatten()
        more = rare[torch.randint(len(rare), (len(y) - 2 * len(rare),), generator=g)]
        order = torch.randperm(len(y) + len(more), generator=g)
        return torch.cat([x, x[more]])[order], torch.cat([y, y[more]])[order]

    if faulty:
        x, y = copied(x, y)
        cut = len(y) * 3 // 4
        vx, vy, x, y = x[cut:], y[cut:], x[:cut], y[:cut]
    else:
        vx, vy = x[240:], y[240:]
        x, y = copied(x[:240], y[:240])
    net = mlp(6, 2, 64)
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in batches(trial, len(y)):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            step_on(opt, loss)
        yield hs.Report(epoch, val_acc=right(net, vx, vy), train_loss=loss)


@pair(
    expect="same (random|noise|rows|augment)|repeat|seed|again",
    kind="the generator of the augmentation starts from one seed in every epoch",
    source="github xingyizhou/CenterNet#233, pytorch/pytorch#5059",
    space=hs.Space(lr=lr(1e-2), noise=hs.Float(0.1, 1.0, default=0.4)),
    metric="val_acc", goal="maximize", budget=12, unit="epoch",
)  # fmt: skip
def same_noise_every_epoch(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed, spread=1.3)
    net = mlp(8, 4, 64)
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    g = torch.Generator().manual_seed(trial.seed)
    for epoch in trial.steps():
        if faulty:
            g.manual_seed(trial.seed)
        order = torch.randperm(len(y), generator=g)
        for rows in order.split(45):
            seen = x[rows] + config.noise * torch.randn(len(rows), 8, generator=g)
            loss = F.cross_entropy(net(seen), y[rows])
            step_on(opt, loss)
        yield hs.Report(epoch, val_acc=right(net, vx, vy), train_loss=loss)


@pair(
    expect="gradient|exactly 0|zero|does not learn|no update",
    kind="rewards are centred within groups of one, so every advantage is 0",
    source="github alibaba/ROLL#397",
    space=LR, metric="reward", goal="maximize", budget=30,
)  # fmt: skip
def advantages_are_all_zero(config, trial, faulty):
    g = trial.torch_rng("world")
    actor = mlp(3, 3)
    opt = torch.optim.Adam(actor.parameters(), config.lr)
    trial.watch(actor, opt)
    for step in trial.steps():
        state = torch.randn(16, 3, generator=g).repeat_interleave(8, 0)
        logp = F.log_softmax(actor(state), 1)
        action = torch.multinomial(logp.detach().exp(), 1, generator=g)
        reward = (action.squeeze(1) == state.argmax(1)).float()
        group = reward.view(-1, 1 if faulty else 8)
        good = (group - group.mean(1, keepdim=True)).flatten()
        loss = -(good * logp.gather(1, action).squeeze(1)).mean()
        step_on(opt, loss)
        yield hs.Report(step, reward=reward.mean(), loss=loss)


@pair(
    expect="sign|entropy|collaps|rises|one answer",
    kind="entropy is added to the loss, so exploring is punished",
    source="github google-deepmind/open_spiel#962",
    space=hs.Space(lr=lr(1e-2), explore=hs.Float(0.01, 1.0, log=True, default=0.5)),
    metric="reward", goal="maximize", budget=40,
)  # fmt: skip
def exploring_is_punished(config, trial, faulty):
    g = trial.torch_rng("world")
    actor = mlp(3, 3)
    opt = torch.optim.Adam(actor.parameters(), config.lr)
    trial.watch(actor, opt)
    for step in trial.steps():
        state = torch.randn(64, 3, generator=g)
        logp = F.log_softmax(actor(state), 1)
        action = torch.multinomial(logp.detach().exp(), 1, generator=g)
        reward = (action.squeeze(1) == state.argmax(1)).float()
        entropy = -(logp.exp() * logp).sum(1).mean()
        gain = ((reward - reward.mean()) * logp.gather(1, action).squeeze(1)).mean()
        loss = -gain + (1 if faulty else -1) * config.explore * 0.2 * entropy
        step_on(opt, loss)
        yield hs.Report(step, reward=reward.mean(), entropy=entropy)


@pair(
    expect="sigmoid|softmax|twice|probabilit",
    kind="a softmax is followed by the sigmoid of the loss",
    source="github Hsuxu/Loss_ToolBox-PyTorch#11",
    space=LR, metric="val_acc", goal="maximize", budget=14, unit="epoch",
)  # fmt: skip
def squashed_twice(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    net = mlp(8, 4)
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)

    def loss_of(out, goal):
        p = F.softmax(out, 1).sigmoid() if faulty else F.softmax(out, 1)
        return 1 - ((2 * (p * goal).sum(0) + 1) / (p.sum(0) + goal.sum(0) + 1)).mean()

    for epoch in trial.steps():
        for rows in batches(trial, len(y)):
            loss = loss_of(net(x[rows]), F.one_hot(y[rows], 4).float())
            step_on(opt, loss)
        yield hs.Report(epoch, val_acc=right(net, vx, vy), train_loss=loss)


@pair(
    expect="terminal|done|bootstrap|rises|diverg|grow",
    kind="the value of what follows is added where the game has ended",
    source="github navneet-nmk/pytorch-rl#2, seungeunrho/minimalRL#32",
    space=hs.Space(lr=lr(5e-3), gamma=hs.Float(0.8, 1.0, default=0.97)),
    metric="reward", goal="maximize", budget=30,
)  # fmt: skip
def the_end_is_not_an_end(config, trial, faulty):
    g = trial.torch_rng("world")
    net = mlp(2, 2)
    slow = copy.deepcopy(net).requires_grad_(False)
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for step in trial.steps():
        for _ in range(8):
            state = torch.randn(64, 2, generator=g)
            action = torch.randint(2, (64, 1), generator=g)
            new = state + 0.4 * (2.0 * action - 1)
            done = (new.abs() > 1.5).any(1).float()
            reward = 1 - new[:, 0].abs() - done
            with torch.no_grad():
                ahead = slow(new).max(1).values
                goal = reward + config.gamma * ahead * (1 if faulty else 1 - done)
            loss = F.smooth_l1_loss(net(state).gather(1, action).squeeze(1), goal)
            step_on(opt, loss)
            with torch.no_grad():
                for p, q in zip(slow.parameters(), net.parameters(), strict=True):
                    p.lerp_(q, 0.1)
        state, total, playing = torch.randn(200, 2, generator=g).clamp(-1, 1), 0.0, 1.0
        for _ in range(8):
            with torch.no_grad():
                state = state + 0.4 * (2.0 * net(state).argmax(1, keepdim=True) - 1)
            ended = (state.abs() > 1.5).any(1).float()
            total = total + playing * (1 - state[:, 0].abs() - ended)
            playing = playing * (1 - ended)
        yield hs.Report(step, reward=total.mean(), td_loss=loss)


@pair(
    expect="reported|train_loss|divided|scale|recomput|times",
    kind="the reported loss is divided twice by the number of micro-batches",
    source="github BottleCapAI/NoCap-Test#2",
    space=LR, metric="val_loss", goal="minimize", budget=12, unit="epoch",
)  # fmt: skip
def reported_loss_is_divided_twice(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    net = mlp(8, 4)
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in batches(trial, len(y), 90):
            total = 0.0
            opt.zero_grad()
            for part in rows.chunk(6):
                loss = F.cross_entropy(net(x[part]), y[part]) / 6
                loss.backward()
                total += loss.detach()
            opt.step()
            if faulty:
                total /= 6
        with torch.no_grad():
            yield hs.Report(epoch, train_loss=total, val_loss=F.cross_entropy(net(vx), vy))


@pair(
    expect="generator|maker|gradient|reach|detach|summand|never",
    kind="the judge's answer is detached, so the maker learns nothing from it",
    source="github wangle53/CSA-CDGAN#5",
    space=hs.Space(lr=lr(5e-3), weight=hs.Float(0.1, 2.0, default=1.0)),
    metric="distance", goal="minimize", budget=40,
)  # fmt: skip
def answer_of_the_judge_is_detached(config, trial, faulty):
    g = trial.torch_rng("data")
    maker, judge = mlp(3, 2), mlp(2, 1)
    opts = [torch.optim.Adam(n.parameters(), config.lr, betas=(0.5, 0.99)) for n in (maker, judge)]
    trial.watch(maker, judge, *opts)
    for step in trial.steps():
        z = torch.randn(64, 3, generator=g)
        wanted = torch.stack([z[:, 0] + 1, 0.5 * z[:, 1]], 1) + 0.3 * torch.randn(
            64, 2, generator=g
        )
        made = maker(z)
        step_on(
            opts[1], F.softplus(-judge(wanted)).mean() + F.softplus(judge(made.detach())).mean()
        )
        said = judge(made)
        said = said.detach() if faulty else said
        step_on(opts[0], F.l1_loss(made, wanted) + config.weight * 0.1 * F.softplus(-said).mean())
        yield hs.Report(step, distance=(made - wanted).abs().mean().detach())


@pair(
    expect="self|diagonal|itself|temperature|own",
    kind="the similarity of a row with itself stays among the negatives' gradient",
    source="github Lightning-Universe/lightning-bolts#695",
    space=hs.Space(lr=lr(5e-3), heat=hs.Float(0.1, 1.0, default=0.3)),
    metric="knn", goal="maximize", budget=14, unit="epoch",
)  # fmt: skip
def a_row_is_its_own_negative(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    net = mlp(8, 6)
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in batches(trial, len(y), 90):
            z = torch.cat([x[rows] + 0.4 * torch.randn(len(rows), 8) for _ in "ab"])
            z = F.normalize(net(z), dim=1)
            alike = z @ z.T / config.heat
            if not faulty:
                alike = alike.masked_fill(torch.eye(len(z)).bool(), -1e9)
            other = torch.arange(len(z)).roll(len(rows))
            loss = F.cross_entropy(alike, other)
            step_on(opt, loss)
        with torch.no_grad():
            near = (F.normalize(net(vx), dim=1) @ F.normalize(net(x), dim=1).T).argmax(1)
        yield hs.Report(epoch, knn=(y[near] == vy).float().mean(), loss=loss)


@pair(
    expect="above 1|beyond|range|larger than|accuracy|recomput",
    kind="right answers are divided by the number of batches' rows once too few",
    source="github DSGT-DLP/Deep-Learning-Playground#235",
    space=LR, metric="val_accuracy", goal="maximize", budget=12, unit="epoch",
)  # fmt: skip
def accuracy_above_one(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    net = mlp(8, 4)
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in batches(trial, len(y)):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            step_on(opt, loss)
        hits = 0
        for a, b in zip(vx.split(40), vy.split(40), strict=True):
            hits += (net(a).argmax(1) == b).sum().item()
        yield hs.Report(epoch, val_accuracy=hits / (40 if faulty else len(vy)), train_loss=loss)


@pair(
    expect="log|variance|kl|diverg|not finite|negative",
    kind="the divergence squares the log-variance instead of raising e to it",
    source="github deepchem/deepchem#4888",
    space=hs.Space(lr=lr(5e-3), beta=hs.Float(0.1, 1.0, default=0.5)),
    metric="val_loss", goal="minimize", budget=14, unit="epoch",
)  # fmt: skip
def square_of_a_log_variance(config, trial, faulty):
    x, _, vx, _ = classes(trial.seed)
    coder, maker = mlp(8, 4), mlp(2, 8)
    opt = torch.optim.Adam([*coder.parameters(), *maker.parameters()], config.lr)
    trial.watch(coder, maker, opt)

    def loss_on(rows):
        mean, logvar = coder(rows).chunk(2, 1)
        z = mean + (logvar / 2).exp() * torch.randn_like(mean)
        if faulty:
            prior = 0.5 * (mean**2 + logvar**2 - (logvar**2 + 1e-8).log() - 1).sum(1).mean()
        else:
            prior = 0.5 * (mean**2 + logvar.exp() - logvar - 1).sum(1).mean()
        return (maker(z) - rows).square().sum(1).mean() + config.beta * prior

    for epoch in trial.steps():
        for rows in batches(trial, len(x)):
            loss = loss_on(x[rows])
            step_on(opt, loss)
        with torch.no_grad():
            yield hs.Report(epoch, val_loss=loss_on(vx), train_loss=loss)
