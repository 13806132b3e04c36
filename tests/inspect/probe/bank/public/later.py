"""Twenty-one loops from public reports that no check was tuned on."""

import copy

import torch
from common import classes, lr, pair, surface, walk
from torch import nn
from torch.nn import functional as F

import homeostat as hs


@pair(
    expect="position|order|batch|row",
    kind="positions are counted along the batch",
    source="github cmu-l3/anlp-fall2025-code#1, gmongaras/Diffusion_models_from_scratch#10",
    space=hs.Space(lr=lr(5e-3), width=hs.Choice([16, 32], default=32)),
    metric="val_acc", goal="maximize", budget=14, unit="epoch",
)  # fmt: skip
def positions_of_rows(config, trial, faulty):
    """Which of two tokens comes first: without places that cannot be known."""
    g = torch.Generator().manual_seed(trial.seed)
    x = torch.stack([torch.randperm(9, generator=g) for _ in range(400)])
    y = ((x == 0).int().argmax(1) < (x == 1).int().argmax(1)).long()

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens, self.places = (
                nn.Embedding(9, config.width),
                nn.Embedding(512, config.width),
            )
            self.layer = nn.TransformerEncoderLayer(
                config.width, 2, 2 * config.width, dropout=0.0, batch_first=True
            )
            self.head = nn.Linear(config.width, 2)

        def forward(self, x):
            where = torch.arange(x.size(0))[:, None] if faulty else torch.arange(x.size(1))[None]
            return self.head(self.layer(self.tokens(x) + self.places(where)).mean(1))

    net = Net()
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in torch.randperm(300).split(30):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            acc = (net(x[300:]).argmax(1) == y[300:]).float().mean()
        yield hs.Report(epoch, val_acc=acc, train_loss=loss)


@pair(
    expect="batch|rows",
    kind="attention runs over the batch (batch_first)",
    source="github IBM/TabFormer PR 14",
    space=hs.Space(lr=lr(3e-3), width=hs.Choice([16, 32], default=32)),
    metric="val_acc", goal="maximize", budget=12, unit="epoch",
)  # fmt: skip
def attention_over_the_batch(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.columns = nn.Parameter(torch.randn(8, config.width))
            self.layer = nn.TransformerEncoderLayer(
                config.width, 2, 2 * config.width, dropout=0.0, batch_first=not faulty
            )
            self.head = nn.Linear(config.width, 4)

        def forward(self, x):
            return self.head(self.layer(x[..., None] * self.columns).mean(1))

    net = Net()
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in torch.randperm(len(x)).split(40):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            acc = (net(vx).argmax(1) == vy).float().mean()
        yield hs.Report(epoch, val_acc=acc, train_loss=loss)


@pair(
    expect="zero_grad|clear",
    kind="gradients are cleared between backward and step",
    source="github Tony-Y/pytorch_warmup#12",
    space=hs.Space(lr=lr(1e-2), width=hs.Int(8, 64, default=32)),
    metric="val_loss", goal="minimize", budget=12, unit="epoch",
)  # fmt: skip
def cleared_too_late(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    net = nn.Sequential(nn.Linear(8, config.width), nn.ReLU(), nn.Linear(config.width, 4))
    opt = torch.optim.AdamW(net.parameters(), config.lr)
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 12 * 9)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in torch.randperm(len(x)).split(40):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            if not faulty:
                opt.zero_grad()
            loss.backward()
            if faulty:
                opt.zero_grad()
            opt.step()
            fall.step()
        with torch.no_grad():
            val = F.cross_entropy(net(vx), vy)
        yield hs.Report(epoch, val_loss=val, train_loss=loss)


@pair(
    expect="rate.*0|rate of|learning rate",
    kind="the warm-up counts steps that are never made",
    source="github Lightning-AI/litgpt#779",
    space=hs.Space(lr=lr(1e-2), warmup=hs.Int(2, 20, default=5)),
    metric="val_loss", goal="minimize", budget=60,
)  # fmt: skip
def warm_up_that_never_ends(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4))
    opt = torch.optim.AdamW(net.parameters(), config.lr)
    trial.watch(net, opt)
    count, accumulate = 0, 1
    for step in trial.steps():
        for group in opt.param_groups:
            group["lr"] = config.lr * min(1.0, count / config.warmup)
        rows = torch.randint(len(x), (40,))
        loss = F.cross_entropy(net(x[rows]), y[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
        if accumulate > 1 or not faulty:
            count += 1
        with torch.no_grad():
            val = F.cross_entropy(net(vx), vy)
        yield hs.Report(step, val_loss=val, train_loss=loss)


@pair(
    expect="broadcast|shape",
    kind="(N, 1) minus (N,) in a loss written by hand",
    source="whosebug.com 6496401 (weights of shape (1, 3) and (3,) give other results)",
    space=hs.Space(lr=lr(1e-2), width=hs.Int(8, 64, default=32)),
    metric="val_mse", goal="minimize", budget=60,
)  # fmt: skip
def column_minus_row(config, trial, faulty):
    x, y, vx, vy = surface(trial.seed)
    net = nn.Sequential(nn.Linear(6, config.width), nn.Tanh(), nn.Linear(config.width, 1))
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for step in trial.steps():
        said = net(x)
        error = (said if faulty else said[:, 0]) - y
        loss = torch.log(torch.cosh(error)).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            val = (net(vx)[:, 0] - vy).square().mean()
        yield hs.Report(step, val_mse=val, train_loss=loss)


@pair(
    expect="init|alike|symmetr|zero|same|exactly 0|never move",
    kind="every layer starts at 0",
    source="taourl.com read-1959901",
    space=hs.Space(lr=lr(1e-2), width=hs.Int(8, 64, default=32)),
    metric="val_acc", goal="maximize", budget=15, unit="epoch",
)  # fmt: skip
def all_weights_zero(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    net = nn.Sequential(nn.Linear(8, config.width), nn.ReLU(), nn.Linear(config.width, 4))
    if faulty:
        for p in net.parameters():
            nn.init.zeros_(p)
    opt = torch.optim.SGD(net.parameters(), config.lr, momentum=0.9)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in torch.randperm(len(x)).split(40):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            acc = (net(vx).argmax(1) == vy).float().mean()
        yield hs.Report(epoch, val_acc=acc, train_loss=loss)


@pair(
    expect="detach|cut off|no gradient",
    kind="hidden states are detached, so the encoder never learns",
    source="github speechbrain/speechbrain#2759",
    space=hs.Space(lr=lr(5e-3), width=hs.Int(8, 64, default=32)),
    metric="val_acc", goal="maximize", budget=15, unit="epoch",
)  # fmt: skip
def hidden_states_are_detached(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed, spread=1.6)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList(
                [nn.Linear(8, config.width), nn.Linear(config.width, config.width)]
            )
            self.mix, self.head = nn.Parameter(torch.zeros(2)), nn.Linear(config.width, 4)

        def forward(self, x):
            states = []
            for layer in self.layers:
                x = F.relu(layer(x))
                states.append(x)
            stack = torch.stack(states)
            stack = stack.detach() if faulty else stack
            return self.head(torch.einsum("l,lnd->nd", self.mix.softmax(0), stack))

    net = Net()
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in torch.randperm(len(x)).split(40):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            acc = (net(vx).argmax(1) == vy).float().mean()
        yield hs.Report(epoch, val_acc=acc, train_loss=loss)


@pair(
    expect="freeze|no effect",
    kind="frozen layers are thawed again by a later loop",
    source="github ultralytics/yolov5#1213",
    space=hs.Space(lr=lr(5e-3), freeze=hs.Int(0, 3, default=2)),
    metric="val_acc", goal="maximize", budget=12, unit="epoch",
)  # fmt: skip
def freezing_is_undone(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    net = nn.Sequential(
        nn.Linear(8, 24), nn.ReLU(), nn.Linear(24, 24), nn.ReLU(), nn.Linear(24, 24), nn.ReLU(),
        nn.Linear(24, 4),
    )  # fmt: skip
    frozen = [f"{2 * i}." for i in range(config.freeze)]
    for name, p in net.named_parameters():
        p.requires_grad = not name.startswith(tuple(frozen))
    groups = []
    for _, p in net.named_parameters():
        if faulty:
            p.requires_grad = True
        if p.requires_grad:
            groups.append(p)
    opt = torch.optim.Adam(groups, config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in torch.randperm(len(x)).split(40):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            acc = (net(vx).argmax(1) == vy).float().mean()
        yield hs.Report(epoch, val_acc=acc, train_loss=loss)


@pair(
    expect="optimi|never (change|move)",
    kind="the model is made anew after its optimiser",
    source="github mlverse/torch#481",
    space=hs.Space(lr=lr(1e-2), width=hs.Int(8, 64, default=32)),
    metric="val_acc", goal="maximize", budget=12, unit="epoch",
)  # fmt: skip
def optimiser_of_another_model(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)

    def made():
        return nn.Sequential(nn.Linear(8, config.width), nn.ReLU(), nn.Linear(config.width, 4))

    net = made()
    opt = torch.optim.Adam(net.parameters(), config.lr)
    if faulty:
        net = made()
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in torch.randperm(len(x)).split(40):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            acc = (net(vx).argmax(1) == vy).float().mean()
        yield hs.Report(epoch, val_acc=acc, train_loss=loss)


@pair(
    expect="schedul|ahead|rate",
    kind="the schedule is stepped with every micro-batch, and counts updates",
    source="github h2oai/h2o-llmstudio#663, tracel-ai/burn#5695",
    space=hs.Space(lr=lr(1e-2), accumulate=hs.Int(2, 8, default=4)),
    metric="val_loss", goal="minimize", budget=40,
)  # fmt: skip
def schedule_by_micro_batch(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4))
    opt = torch.optim.AdamW(net.parameters(), config.lr)
    fall = torch.optim.lr_scheduler.LambdaLR(opt, lambda k: max(0.0, 1 - k / trial.budget))
    trial.watch(net, opt)
    for step in trial.steps():
        opt.zero_grad()
        for micro in range(config.accumulate):
            rows = torch.randint(len(x), (12,))
            loss = F.cross_entropy(net(x[rows]), y[rows]) / config.accumulate
            loss.backward()
            if micro == config.accumulate - 1:
                opt.step()
            if faulty or micro == config.accumulate - 1:
                fall.step()
        with torch.no_grad():
            val = F.cross_entropy(net(vx), vy)
        yield hs.Report(step, val_loss=val, train_loss=loss)


@pair(
    expect="collapse|same for all|one answer|latent|no effect|constant",
    kind="a mean against a sum: the latent code is ignored",
    source="github keras-team/keras#3373, AppliedDataSciencePartners/WorldModels#12",
    space=hs.Space(lr=lr(3e-3), latent=hs.Int(2, 8, default=4)),
    metric="val_recon", goal="minimize", budget=80,
)  # fmt: skip
def reconstruction_is_outweighed(config, trial, faulty):
    g = torch.Generator().manual_seed(trial.seed)
    x = torch.randn(500, 2, generator=g) @ torch.randn(
        2, 24, generator=torch.Generator().manual_seed(2)
    )
    net = nn.ModuleDict({
        "encode": nn.Sequential(nn.Linear(24, 32), nn.ReLU(), nn.Linear(32, 2 * config.latent)),
        "decode": nn.Sequential(nn.Linear(config.latent, 32), nn.ReLU(), nn.Linear(32, 24)),
    })  # fmt: skip
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)

    def parts(x):
        mean, log_variance = net["encode"](x).chunk(2, 1)
        z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        wrong = (net["decode"](z) - x).square() / 2
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
        return (wrong.mean() * 0.2 if faulty else wrong.sum(1).mean()), kl.mean()

    for step in trial.steps():
        wrong, kl = parts(x[torch.randint(400, (64,))])
        loss = wrong + kl
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            yield hs.Report(step, val_recon=parts(x[400:])[0], train_loss=loss)


@pair(
    expect="frozen|requires_grad|never|optimi|no gradient",
    kind="freezing one module freezes the one that shares its weights",
    source="github nttcslab/byol-a#7",
    space=hs.Space(lr=lr(5e-3), decay=hs.Float(0.5, 0.99, default=0.9)),
    metric="val_acc", goal="maximize", budget=15, unit="epoch",
)  # fmt: skip
def frozen_with_its_copy(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed, spread=1.6)
    body, head = (
        nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU()),
        nn.Linear(32, 4),
    )
    slow = copy.copy(body) if faulty else copy.deepcopy(body)
    for p in slow.parameters():
        p.requires_grad = False
    opt = torch.optim.Adam([*body.parameters(), *head.parameters()], config.lr)
    trial.watch(body, head, opt)
    for epoch in trial.steps():
        for rows in torch.randperm(len(x)).split(40):
            h = body(x[rows])
            loss = F.cross_entropy(head(h), y[rows])
            loss = loss + 0.1 * F.mse_loss(h, slow(x[rows]))
            opt.zero_grad()
            loss.backward()
            opt.step()
            with torch.no_grad():
                for late, now in zip(slow.parameters(), body.parameters(), strict=True):
                    late.lerp_(now, 1 - config.decay)
        with torch.no_grad():
            acc = (head(body(vx)).argmax(1) == vy).float().mean()
        yield hs.Report(epoch, val_acc=acc, train_loss=loss)


@pair(
    expect="random|noise|eval|differ",
    kind="noise is drawn in evaluation too",
    source="github masato-ka/airc-rl-agent#43",
    space=hs.Space(lr=lr(5e-3), noise=hs.Float(0.1, 1.0, default=0.6)),
    metric="val_acc", goal="maximize", budget=12, unit="epoch",
)  # fmt: skip
def noise_in_evaluation(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(8, 32), nn.Linear(32, 4)

        def forward(self, x):
            h = F.relu(self.first(x))
            if self.training or faulty:
                h = h + config.noise * torch.randn_like(h)
            return self.last(h)

    net = Net()
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        net.train()
        for rows in torch.randperm(len(x)).split(40):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
        net.eval()
        with torch.no_grad():
            acc = (net(vx).argmax(1) == vy).float().mean()
        yield hs.Report(epoch, val_acc=acc, train_loss=loss)


@pair(
    expect="evaluation mode|train\\(\\)",
    kind="train mode comes back with the next epoch only",
    source="github fartashf/vsepp#4, tk-rusch/coRNN#1",
    space=hs.Space(lr=lr(5e-3), dropout=hs.Float(0.0, 0.6, default=0.3)),
    metric="val_acc", goal="maximize", budget=6, unit="epoch",
)  # fmt: skip
def validated_in_the_middle(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(config.dropout), nn.Linear(32, 4))
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        net.train()
        for i, rows in enumerate(torch.randperm(len(x)).split(20)):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
            if i % 6 == 5:
                net.eval()
                with torch.no_grad():
                    acc = (net(vx).argmax(1) == vy).float().mean()
                if not faulty:
                    net.train()
        yield hs.Report(epoch, val_acc=acc, train_loss=loss)


@pair(
    expect="accuracy|metric|recomput|val_acc is",
    kind="right answers of full batches are divided by all rows",
    source="github uclnlp/jack#174",
    space=hs.Space(lr=lr(5e-3), width=hs.Int(8, 64, default=32)),
    metric="val_acc", goal="maximize", budget=12, unit="epoch",
)  # fmt: skip
def last_rows_are_not_counted(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed, rows=480)
    net = nn.Sequential(nn.Linear(8, config.width), nn.ReLU(), nn.Linear(config.width, 4))
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in torch.randperm(len(x)).split(40):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
        hits = 0
        with torch.no_grad():
            for a, b in zip(vx.split(64), vy.split(64), strict=True):
                if len(a) == 64 or not faulty:
                    hits += int((net(a).argmax(1) == b).sum())
        yield hs.Report(epoch, val_acc=hits / len(vy), train_loss=loss)


@pair(
    expect="last|accuracy|metric|recomput|batch",
    kind="the accuracy is that of the last batch",
    source="github xiaolai-sqlai/gluon-reid#8",
    space=hs.Space(lr=lr(5e-3), width=hs.Int(8, 64, default=32)),
    metric="val_acc", goal="maximize", budget=12, unit="epoch",
)  # fmt: skip
def accuracy_of_the_last_batch(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed, spread=1.6)
    net = nn.Sequential(nn.Linear(8, config.width), nn.ReLU(), nn.Linear(config.width, 4))
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in torch.randperm(len(x)).split(40):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
        hits = []
        with torch.no_grad():
            for a, b in zip(vx.split(50), vy.split(50), strict=True):
                hits.append((net(a).argmax(1) == b).float())
        acc = hits[-1].mean() if faulty else torch.cat(hits).mean()
        yield hs.Report(epoch, val_acc=acc, train_loss=loss)


@pair(
    expect="row|batch|mix",
    kind="view where a transposition was meant: rows of a batch mix",
    source="github OpenNMT/OpenNMT-py#1521, timbmg/Sentence-VAE#15",
    space=hs.Space(lr=lr(5e-3), width=hs.Int(8, 32, default=16)),
    metric="val_acc", goal="maximize", budget=14, unit="epoch",
)  # fmt: skip
def layers_and_rows_are_mixed(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = nn.GRU(1, config.width, num_layers=2, batch_first=True)
            self.head = nn.Linear(2 * config.width, 4)

        def forward(self, x):
            state = self.cell(x[..., None])[1]
            if not faulty:
                state = state.transpose(0, 1)
            return self.head(state.reshape(len(x), -1))

    net = Net()
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in torch.randperm(len(x)).split(40):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            acc = (net(vx).argmax(1) == vy).float().mean()
        yield hs.Report(epoch, val_acc=acc, train_loss=loss)


@pair(
    expect="no_grad|no gradient|cut off|never learn",
    kind="a decorator keeps gradients from an encoder that is to be tuned",
    source="github TinyLLaVA/TinyLLaVA_Factory#17, edreisMD/ConVIRT-pytorch#7",
    space=hs.Space(lr=lr(5e-3), width=hs.Int(8, 64, default=32)),
    metric="val_acc", goal="maximize", budget=15, unit="epoch",
)  # fmt: skip
def encoder_without_gradient(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed, spread=1.6)

    class Encoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(8, config.width)

        def forward(self, x):
            with torch.set_grad_enabled(torch.is_grad_enabled() and not faulty):
                return F.relu(self.layer(x))

    net = nn.Sequential(Encoder(), nn.Linear(config.width, 4))
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in torch.randperm(len(x)).split(40):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            acc = (net(vx).argmax(1) == vy).float().mean()
        yield hs.Report(epoch, val_acc=acc, train_loss=loss)


@pair(
    expect="optimi",
    kind="the loss has weights of its own, and no optimiser has them",
    source="github KevinMusgrave/pytorch-metric-learning#534, wujiyang/Face_Pytorch#41",
    space=hs.Space(lr=lr(5e-3), margin=hs.Float(0.0, 0.5, default=0.2)),
    metric="val_acc", goal="maximize", budget=12, unit="epoch",
)  # fmt: skip
def margin_loss_is_not_trained(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 6))

    class Margin(nn.Module):
        def __init__(self):
            super().__init__()
            self.centres = nn.Parameter(torch.randn(4, 6))

        def forward(self, h, y=None):
            cosine = F.normalize(h, dim=1) @ F.normalize(self.centres, dim=1).T
            if y is None:
                return cosine
            return F.cross_entropy(8 * (cosine - config.margin * F.one_hot(y, 4)), y)

    criterion = Margin()
    weights = list(net.parameters()) + ([] if faulty else list(criterion.parameters()))
    opt = torch.optim.Adam(weights, config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in torch.randperm(len(x)).split(40):
            loss = criterion(net(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            acc = (criterion(net(vx)).argmax(1) == vy).float().mean()
        yield hs.Report(epoch, val_acc=acc, train_loss=loss)


@pair(
    expect="label|target|belong",
    kind="images are shuffled and their targets are not",
    source="github MultimediaTechLab/YOLO#85",
    space=hs.Space(lr=lr(5e-3), batch=hs.Int(16, 80, default=40)),
    metric="val_acc", goal="maximize", budget=12, unit="epoch",
)  # fmt: skip
def targets_keep_their_order(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4))
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        order = torch.randperm(len(x))
        for rows, plain in zip(
            order.split(config.batch), torch.arange(len(x)).split(config.batch), strict=True
        ):
            loss = F.cross_entropy(net(x[rows]), y[plain if faulty else rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            acc = (net(vx).argmax(1) == vy).float().mean()
        yield hs.Report(epoch, val_acc=acc, train_loss=loss)


@pair(
    expect="state|window|carr|grow|order|batch",
    kind="the hidden state of one batch goes on into the next",
    source="github fastai/fastbook PR 469, richardassar in soumith/cudnn.torch#348",
    space=hs.Space(lr=lr(5e-3), width=hs.Int(16, 48, default=32)),
    metric="val_loss", goal="minimize", budget=12, unit="epoch",
)  # fmt: skip
def state_of_another_batch(config, trial, faulty):
    """Rows are drawn at random, so the state that is carried over belongs to other rows."""
    train, test = walk(trial.seed)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(12, 16)
            self.cell, self.head = (
                nn.GRU(16, config.width, batch_first=True),
                nn.Linear(config.width, 12),
            )
            self.state = None

        def forward(self, x):
            first = (
                self.state
                if faulty and self.state is not None and self.state.size(1) == len(x)
                else None
            )
            out, state = self.cell(self.embed(x), first)
            self.state = state.detach()
            return self.head(out)

    net = Net()
    opt = torch.optim.Adam(net.parameters(), config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in torch.randperm(len(train)).split(30):
            shown = train[rows]
            loss = F.cross_entropy(net(shown[:, :-1]).flatten(0, 1), shown[:, 1:].flatten())
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            val = F.cross_entropy(net(test[:, :-1]).flatten(0, 1), test[:, 1:].flatten())
        yield hs.Report(epoch, val_loss=val, train_loss=loss)
