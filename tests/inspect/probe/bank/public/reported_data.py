"""Reported faults in data, masks and their scale, each beside its corrected twin."""

import torch
from common import classes, lr, pair
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset

import homeostat as hs

PAD = 0


def mlp(inputs, outputs, width=48, activation=nn.ReLU):
    return nn.Sequential(nn.Linear(inputs, width), activation(), nn.Linear(width, outputs))


def sentences(seed, rows=420, length=14):
    """Sentences of 3 to 14 tokens; the label is whether the first token comes again."""
    g = torch.Generator().manual_seed(seed)
    lengths = torch.randint(3, length + 1, (rows,), generator=g)
    tokens = torch.randint(1, 9, (rows, length), generator=g)
    real = torch.arange(length) < lengths[:, None]
    again = ((tokens == tokens[:, :1]) & real).sum(1) > 1
    tokens = tokens.masked_fill(~real, PAD)
    return tokens[:300], again[:300].long(), tokens[300:], again[300:].long()


def trained(trial, net, lr, x, y, vx, vy, order=None, batch=40, **watched):
    """The plainest loop there is, for what is wrong with its data alone."""
    opt = torch.optim.SGD(net.parameters(), lr, momentum=0.9)
    trial.watch(net, opt, **watched)
    for epoch in trial.steps():
        net.train()
        for rows in (torch.randperm(len(x)) if order is None else order).split(batch):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
        net.eval()
        with torch.no_grad():
            said = net(vx)
        acc = (said.argmax(1) == vy).float().mean()
        yield hs.Report(epoch, val_acc=acc, val_loss=F.cross_entropy(said, vy), train_loss=loss)


@pair(
    expect="augment|valid.*(random|differ|noise)|random",
    kind="validation rows are augmented like training rows",
    source="github gpleiss/efficient_densenet_pytorch#51, zoogzog/chexnet#27",
    space=hs.Space(lr=lr(3e-3), strength=hs.Float(0.05, 1.0, log=True, default=0.3)),
    metric="val_loss", goal="minimize", budget=8, unit="epoch",
)  # fmt: skip
def validation_is_augmented(config, trial, faulty):
    class Rows(Dataset):
        def __init__(self, x, y, strength):
            self.x, self.y, self.strength = x, y, strength

        def __len__(self):
            return len(self.x)

        def __getitem__(self, i):
            return self.x[i] + self.strength * torch.randn(8), self.y[i]

    x, y, vx, vy = classes(trial.seed)
    whole = Rows(torch.cat([x, vx]), torch.cat([y, vy]), config.strength)
    plain = Rows(torch.cat([x, vx]), torch.cat([y, vy]), 0.0)
    train = DataLoader(Subset(whole, range(len(x))), 40, shuffle=True)
    valid = DataLoader(Subset(whole if faulty else plain, range(len(x), len(x) + len(vx))), 60)
    net = mlp(8, 4)
    opt = torch.optim.Adam(net.parameters(), lr=config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for a, b in train:
            loss = F.cross_entropy(net(a), b)
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            total = sum(float(F.cross_entropy(net(a), b, reduction="sum")) for a, b in valid)
        yield hs.Report(epoch, val_loss=total / len(vx), train_loss=loss)


@pair(
    expect="normali|scale|satur",
    kind="raw pixel values before sigmoids",
    source="stackoverflow 55328966 (DeepFD benchmark 8)",
    space=hs.Space(lr=lr(0.1, 1e-3, 1.0), width=hs.Int(16, 128, default=64)),
    metric="val_acc", goal="maximize", budget=15, unit="epoch",
)  # fmt: skip
def pixels_as_they_are(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    scale = 120.0 if faulty else 0.5
    net = mlp(8, 4, config.width, nn.Sigmoid)
    yield from trained(trial, net, config.lr, scale * x, y, scale * vx, vy)


@pair(
    expect="shuffl|order|sorted|same class|one class",
    kind="one class after the other, and no shuffling",
    source="github Deci-AI/super-gradients#416, ultralytics/yolov5#2582",
    space=hs.Space(lr=lr(0.05, 1e-3, 1.0), batch=hs.Int(16, 128, log=True, default=40)),
    metric="val_acc", goal="maximize", budget=12, unit="epoch",
)  # fmt: skip
def one_class_after_the_other(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed, groups=8)
    order = torch.argsort(y, stable=True)
    loader = DataLoader(TensorDataset(x[order], y[order]), config.batch, shuffle=not faulty)
    net = mlp(8, 8)
    opt = torch.optim.SGD(net.parameters(), lr=config.lr, momentum=0.9)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for a, b in loader:
            loss = F.cross_entropy(net(a), b)
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            acc = (net(vx).argmax(1) == vy).float().mean()
        yield hs.Report(epoch, val_acc=acc, train_loss=loss)


@pair(
    expect="scale|scaling|normali|distribution|range",
    kind="training rows are standardised, validation rows are not",
    source="stackoverflow 59325381 (DeepFD benchmark 15)",
    space=hs.Space(lr=lr(3e-2), width=hs.Int(16, 96, default=48)),
    metric="val_loss", goal="minimize", budget=12, unit="epoch",
)  # fmt: skip
def only_training_rows_are_scaled(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    x, vx = 8 + 5 * x, 8 + 5 * vx
    mean, sd = x.mean(), x.std()
    x = (x - mean) / sd
    vx = vx if faulty else (vx - mean) / sd
    net = mlp(8, 4, config.width)
    yield from trained(trial, net, config.lr, x, y, vx, vy, train=(x, y), validation=(vx, vy))


@pair(
    expect="pad",
    kind="padding is trained on like tokens",
    source="github DaoyuanLi2816/Molecule-Generator PR 20, lukas-blecher/LaTeX-OCR#305",
    space=hs.Space(lr=lr(1e-2), width=hs.Int(8, 64, default=32)),
    metric="val_loss", goal="minimize", budget=30,
)  # fmt: skip
def padding_is_learnt(config, trial, faulty):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            w = config.width
            self.embed = nn.Embedding(9, w, padding_idx=PAD)
            self.encode, self.decode = (
                nn.GRU(w, w, batch_first=True),
                nn.GRU(w, w, batch_first=True),
            )
            self.head = nn.Linear(w, 9)

        def forward(self, x):
            _, code = self.encode(self.embed(x))
            return self.head(self.decode(self.embed(F.pad(x[:, :-1], (1, 0))), code)[0])

    x, _, vx, _ = sentences(trial.seed)
    net = Net()
    opt = torch.optim.Adam(net.parameters(), lr=config.lr)
    trial.watch(net, opt)
    for step in trial.steps():
        rows = x[torch.randint(len(x), (48,))]
        ignored = -100 if faulty else PAD
        loss = F.cross_entropy(net(rows).transpose(1, 2), rows, ignore_index=ignored)
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            said, keep = net(vx), vx != PAD
            val = F.cross_entropy(said[keep], vx[keep])
        yield hs.Report(step, val_loss=val, train_loss=loss)


class Reader(nn.Module):
    """A transformer whose mask is made by `hide(tokens)`: true where a token is to be ignored."""

    def __init__(self, width, hide):
        super().__init__()
        self.embed, self.places = nn.Embedding(9, width, padding_idx=PAD), nn.Embedding(16, width)
        self.layer = nn.TransformerEncoderLayer(width, 4, 2 * width, dropout=0.0, batch_first=True)
        self.head, self.hide = nn.Linear(width, 2), hide

    def forward(self, x):
        h = self.embed(x) + self.places(torch.arange(x.size(1)))
        return self.head(self.layer(h, src_key_padding_mask=self.hide(x))[:, 0])


@pair(
    expect="mask|pad|ignored|no effect",
    kind="a mask that hides the tokens and shows the padding",
    source="github facebookresearch/detr#96, mlwithme/TransformerTranslation#2",
    space=hs.Space(lr=lr(3e-2), width=hs.Choice([16, 32, 64], default=32)),
    metric="val_acc", goal="maximize", budget=12, unit="epoch",
)  # fmt: skip
def mask_the_wrong_way_round(config, trial, faulty):
    net = Reader(config.width, (lambda x: x != PAD) if faulty else (lambda x: x == PAD))
    yield from trained(trial, net, config.lr, *sentences(trial.seed))


@pair(
    expect="mask|pad",
    kind="a mask that hides nothing",
    source="github yg211/bert_nli PR 3, jingyaogong/minimind-v#76",
    space=hs.Space(lr=lr(3e-2), width=hs.Choice([16, 32, 64], default=32)),
    metric="val_acc", goal="maximize", budget=12, unit="epoch",
)  # fmt: skip
def mask_that_hides_nothing(config, trial, faulty):
    nothing = lambda x: torch.zeros_like(x, dtype=torch.bool)  # noqa: E731
    net = Reader(config.width, nothing if faulty else (lambda x: x == PAD))
    yield from trained(trial, net, config.lr, *sentences(trial.seed))
