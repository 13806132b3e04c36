"""Reported faults of classifiers and regressors."""

import torch
from torch import nn
from torch.nn import functional as F

import homeostat as hs

from .parts import blobs, case, curve, maximise, minimise, score, sentences, split, train, waves


def mlp(columns, width, outputs, *last):
    return nn.Sequential(nn.Linear(columns, width), nn.ReLU(), nn.Linear(width, outputs), *last)


def classify(config, trial, net, x, y, vx, vy, loss=F.cross_entropy, batch=24, **watch):
    opt = torch.optim.Adam(net.parameters(), lr=config.lr)
    trial.watch(net, opt, **watch)
    for epoch in trial.steps():
        train_loss = train(net, opt, loss, x, y, batch)
        out = score(net, vx)
        acc = (out.argmax(1) == vy).float().mean()
        yield hs.Report(epoch, val_acc=acc, train_loss=train_loss)


@case("batch_first|batch|other examples", "github AndersonJo/dqn-pytorch#1, pytorch/pytorch#1538")
def sequence_axis_taken_for_the_batch(broken):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(3, 16, batch_first=not broken)
            self.out = nn.Linear(16, 3)

        def forward(self, x):
            return self.out(self.lstm(x)[0][:, -1])

    @maximise()
    def loop(config, trial):
        x, y, vx, vy = split(*waves())
        yield from classify(config, trial, Net(), x, y, vx, vy)

    return loop


@case("mode=", "github md-mohaiminul/ViS4mer#4, FunctionLab/selene#115")
def plateau_of_an_accuracy_in_mode_min(broken):
    @maximise(budget=14)
    def loop(config, trial):
        x, y, vx, vy = split(*blobs())
        net = mlp(8, 24, 4)
        opt = torch.optim.Adam(net.parameters(), lr=config.lr)
        sched = torch.optim.lr_scheduler.ReduceLROnPlateau(
            opt, mode="min" if broken else "max", patience=1
        )
        trial.watch(net, opt)
        for epoch in trial.steps():
            loss = train(net, opt, F.cross_entropy, x, y)
            acc = (score(net, vx).argmax(1) == vy).float().mean()
            sched.step(acc)
            yield hs.Report(epoch, val_acc=acc, train_loss=loss)

    return loop


@case("load_state_dict|names", "github torchgeo/torchgeo#4036")
def pretrained_weights_whose_names_differ(broken):
    class Wrapped(nn.Module):
        def __init__(self, model):
            super().__init__()
            self.model = model

        def forward(self, x):
            return self.model(x)

    @maximise()
    def loop(config, trial):
        x, y, vx, vy = split(*blobs())
        weights = mlp(8, 24, 4).state_dict()
        net = Wrapped(mlp(8, 24, 4))
        (net if broken else net.model).load_state_dict(weights, strict=False)
        yield from classify(config, trial, net, x, y, vx, vy)

    return loop


@case("frozen|running stat", "github kdexd/virtex#16, open-mmlab/mmdetection PR 560")
def frozen_backbone_in_training_mode(broken):
    class Probe(nn.Module):
        def __init__(self):
            super().__init__()
            self.backbone = nn.Sequential(
                nn.Linear(8, 24), nn.BatchNorm1d(24), nn.ReLU(), nn.Linear(24, 24), nn.ReLU()
            )
            self.head = nn.Linear(24, 4)
            self.backbone.requires_grad_(False)

        def train(self, mode=True):
            super().train(mode)
            if not broken:
                self.backbone.eval()
            return self

        def forward(self, x):
            return self.head(self.backbone(x))

    @maximise()
    def loop(config, trial):
        x, y, vx, vy = split(*blobs())
        yield from classify(config, trial, Probe(), x, y, vx, vy)

    return loop


@case(
    "one module|several names|share",
    "github yaoppeng/U-Net_v2#10, zalandoresearch/pytorch-vq-vae#2",
)
def layers_by_list_multiplication(broken):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(8, 16), nn.Linear(16, 4)
            blocks = [nn.Linear(16, 16)] * 3 if broken else [nn.Linear(16, 16) for _ in range(3)]
            self.blocks = nn.ModuleList(blocks)

        def forward(self, x):
            x = self.first(x).relu()
            for block in self.blocks:
                x = x + block(x).relu()
            return self.last(x)

    @maximise()
    def loop(config, trial):
        x, y, vx, vy = split(*blobs())
        yield from classify(config, trial, Net(), x, y, vx, vy)

    return loop


@case("view|reshape|transpose|other examples", "github Jingkang50/OpenPSG#56, zamanzadeh/CARLA#16")
def channels_moved_with_a_view(broken):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.out = nn.GRU(3, 16), nn.Linear(16, 3)

        def forward(self, x):
            rows, times, columns = x.shape
            x = x.reshape(times, rows, columns) if broken else x.transpose(0, 1)
            return self.out(self.rnn(x)[0][-1])

    @maximise()
    def loop(config, trial):
        x, y, vx, vy = split(*waves())
        yield from classify(config, trial, Net(), x, y, vx, vy)

    return loop


@case("repeated|copies|same row", "github NVIDIA-Genomics-Research/AtacWorks#207")
def every_row_of_a_batch_is_one_row(broken):
    @maximise()
    def loop(config, trial):
        x, y, vx, vy = split(*blobs())
        net = mlp(8, 24, 4)
        opt = torch.optim.Adam(net.parameters(), lr=config.lr)
        trial.watch(net, opt)
        for step in trial.steps():
            for _ in range(6):
                rows = torch.randint(len(x), (16,))
                rows = rows[:1].expand(16) if broken else rows
                loss = F.cross_entropy(net(x[rows]), y[rows])
                opt.zero_grad()
                loss.backward()
                opt.step()
            acc = (score(net, vx).argmax(1) == vy).float().mean()
            yield hs.Report(step, val_acc=acc, train_loss=loss)

    return loop


@case("broadcast", "github thu-ml/tianshou PR 159")
def weights_of_a_replay_in_a_column(broken):
    @minimise()
    def loop(config, trial):
        x, y, vx, vy = split(*curve())
        net = mlp(8, 24, 1)
        opt = torch.optim.Adam(net.parameters(), lr=config.lr)
        trial.watch(net, opt)
        weight = 0.5 + torch.rand(len(x), 1)
        for step in trial.steps():
            for rows in torch.randperm(len(x)).split(30):
                error = net(x[rows])[:, 0] - y[rows]
                w = weight[rows] if broken else weight[rows][:, 0]
                loss = (error.pow(2) * w).mean()
                opt.zero_grad()
                loss.backward()
                opt.step()
            val = F.mse_loss(score(net, vx)[:, 0], vy)
            yield hs.Report(step, val_loss=val, train_loss=loss)

    return loop


@case("order|position", "github Lightning-AI/pytorch-lightning PR 20099")
def positions_that_are_never_added(broken):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.emb, self.place = nn.Embedding(11, 16), nn.Embedding(14, 16)
            self.layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
            self.out = nn.Linear(16, 3)

        def forward(self, tokens):
            x = self.emb(tokens)
            if not broken:
                x = x + self.place(torch.arange(tokens.shape[1]))
            return self.out(self.layer(x).mean(1))

    @maximise()
    def loop(config, trial):
        x, y, vx, vy = split(*sentences())
        yield from classify(config, trial, Net(), x, y, vx, vy)

    return loop


@case("schedul|T_max", "github sthalles/SimCLR#8")
def cosine_in_updates_stepped_each_epoch(broken):
    @maximise(budget=8)
    def loop(config, trial):
        x, y, vx, vy = split(*blobs(rows=400))
        net = mlp(8, 24, 4)
        opt = torch.optim.Adam(net.parameters(), lr=config.lr)
        epochs = trial.budget
        length = epochs * 25 if broken else epochs
        sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=length)
        trial.watch(net, opt)
        for epoch in trial.steps():
            loss = train(net, opt, F.cross_entropy, x, y, batch=12)
            sched.step()
            acc = (score(net, vx).argmax(1) == vy).float().mean()
            yield hs.Report(epoch, val_acc=acc, train_loss=loss)

    return loop


@case("schedul|rate", "github ScrollPrize/villa PR 1495")
def cosine_in_epochs_stepped_each_update(broken):
    @maximise(budget=10)
    def loop(config, trial):
        x, y, vx, vy = split(*blobs())
        net = mlp(8, 24, 4)
        opt = torch.optim.Adam(net.parameters(), lr=config.lr)
        sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, trial.budget)
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


@case("relu", "github pytorch/tutorials PR 1644, pytorch/examples PR 117")
def relu_before_cross_entropy(broken):
    @maximise()
    def loop(config, trial):
        x, y, vx, vy = split(*blobs())
        net = mlp(8, 24, 4, *([nn.ReLU()] if broken else []))
        yield from classify(config, trial, net, x, y, vx, vy)

    return loop


@case("anew|momentum|optimiser life", "github alan-turing-institute/deepsensor#47")
def optimiser_made_anew_each_epoch(broken):
    @maximise()
    def loop(config, trial):
        x, y, vx, vy = split(*blobs())
        net = mlp(8, 24, 4)
        opt = torch.optim.Adam(net.parameters(), lr=config.lr)
        trial.watch(net)
        for epoch in trial.steps():
            if broken:
                opt = torch.optim.Adam(net.parameters(), lr=config.lr)
            loss = train(net, opt, F.cross_entropy, x, y)
            acc = (score(net, vx).argmax(1) == vy).float().mean()
            yield hs.Report(epoch, val_acc=acc, train_loss=loss)

    return loop


@case("scale|normali", "github PolymathicAI/the_well#68, nttcslab/byol-a#5")
def validation_images_in_bytes(broken):
    @maximise()
    def loop(config, trial):
        g = torch.Generator().manual_seed(0)
        y = torch.randint(3, (200,), generator=g)
        x = 60 * torch.rand(200, 1, 6, 6, generator=g)
        x[torch.arange(200), 0, y * 2] += 150
        x, y, vx, vy = split(x, y)
        x, vx = x / 255, vx if broken else vx / 255
        net = nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(96, 3))
        yield from classify(config, trial, net, x, y, vx, vy)

    return loop


@case(
    "rows|batches hold no others|again and again",
    "github leohsuofnthu/Pytorch-IterativeFCN#7, ZhaoJ9014/face.evoLVe PR 39",
)
def the_first_batch_each_time(broken):
    @maximise(budget=40)
    def loop(config, trial):
        x, y, vx, vy = split(*blobs(rows=400))
        data = torch.utils.data.TensorDataset(x, y)
        loader = torch.utils.data.DataLoader(data, batch_size=20)
        net = mlp(8, 24, 4)
        opt = torch.optim.Adam(net.parameters(), lr=config.lr)
        trial.watch(net, opt, train=(x, y), validation=(vx, vy))
        batches = iter(loader)
        for step in trial.steps():
            if broken:
                a, b = next(iter(loader))
            else:
                a, b = next(batches, (None, None))
                if a is None:
                    batches = iter(loader)
                    a, b = next(batches)
            loss = F.cross_entropy(net(a), b)
            opt.zero_grad()
            loss.backward()
            opt.step()
            acc = (score(net, vx).argmax(1) == vy).float().mean()
            yield hs.Report(step, val_acc=acc, train_loss=loss)

    return loop


@case("sigmoid", "page runebook.dev: sigmoid before CrossEntropyLoss")
def sigmoid_before_cross_entropy(broken):
    @maximise()
    def loop(config, trial):
        x, y, vx, vy = split(*blobs())
        net = mlp(8, 24, 4, *([nn.Sigmoid()] if broken else []))
        yield from classify(config, trial, net, x, y, vx, vy)

    return loop


@case(
    "one unit|softmax",
    "github marian-nmt/marian-dev#21, vllm-project/vllm PR 18313: softmax over a single unit",
)
def softmax_of_one_unit(broken):
    @minimise()
    def loop(config, trial):
        x, y = blobs(classes=2)
        x, y, vx, vy = split(x, y.float())
        net = mlp(8, 24, 1, nn.Softmax(dim=1) if broken else nn.Sigmoid())
        opt = torch.optim.Adam(net.parameters(), lr=config.lr)
        trial.watch(net, opt)
        for epoch in trial.steps():
            loss = train(net, opt, lambda a, b: F.binary_cross_entropy(a[:, 0], b), x, y)
            val = F.binary_cross_entropy(score(net, vx)[:, 0], vy)
            yield hs.Report(epoch, val_loss=val, train_loss=loss)

    return loop


@case(
    "init|alike|same|gradient", "github pytorch/examples, d2l-ai/d2l-vi PR 1030: constant weights"
)
def all_weights_start_at_one_value(broken):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.out = nn.Conv1d(3, 8, 3), nn.Linear(8 * 7, 3)
            if broken:
                for p in self.parameters():
                    nn.init.constant_(p, 0.02)

        def forward(self, x):
            return self.out(self.conv(x.transpose(1, 2)).tanh().flatten(1))

    @maximise()
    def loop(config, trial):
        x, y, vx, vy = split(*waves())
        yield from classify(config, trial, Net(), x, y, vx, vy)

    return loop


@case("range|reach|sigmoid", "github issue kind: sigmoid decoder of images in -1 to 1")
def images_from_minus_one_behind_a_sigmoid(broken):
    @minimise(budget=20)
    def loop(config, trial):
        g = torch.Generator().manual_seed(0)
        x = torch.tanh(torch.randn(160, 3, generator=g) @ torch.randn(3, 12, generator=g))
        x, vx = split(x)
        last = nn.Sigmoid() if broken else nn.Tanh()
        net = nn.Sequential(nn.Linear(12, 3), nn.Linear(3, 24), nn.ReLU(), nn.Linear(24, 12), last)
        opt = torch.optim.Adam(net.parameters(), lr=config.lr)
        trial.watch(net, opt)
        for epoch in trial.steps():
            loss = train(net, opt, F.mse_loss, x, x)
            yield hs.Report(epoch, val_loss=F.mse_loss(score(net, vx), vx), train_loss=loss)

    return loop


@case(
    "0 to 1|range", "github MontaEllis/Pytorch-Medical-Segmentation#8: labels that are not 0 and 1"
)
def labels_of_minus_one_in_binary_cross_entropy(broken):
    @minimise()
    def loop(config, trial):
        x, y = blobs(classes=2)
        y = 2.0 * y - 1 if broken else y.float()
        x, y, vx, vy = split(x, y)
        net = mlp(8, 24, 1)
        opt = torch.optim.Adam(net.parameters(), lr=config.lr)
        trial.watch(net, opt)
        loss_of = F.binary_cross_entropy_with_logits
        for epoch in trial.steps():
            loss = train(net, opt, lambda a, b: loss_of(a[:, 0], b), x, y)
            val = loss_of(score(net, vx)[:, 0], vy)
            yield hs.Report(epoch, val_loss=val, train_loss=loss)

    return loop


@case("other examples|batch", "forum kind: features normalised over dim 0 inside forward")
def features_normalised_over_the_batch(broken):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.out = nn.Linear(8, 24), nn.Linear(24, 4)

        def forward(self, x):
            x = F.normalize(self.body(x), dim=0 if broken else 1)
            return self.out(4 * x)

    @maximise()
    def loop(config, trial):
        x, y, vx, vy = split(*blobs())
        yield from classify(config, trial, Net(), x, y, vx, vy)

    return loop


@case("broadcast", "forum kind: accuracy of (N, 1) against (N,)")
def accuracy_of_a_column(broken):
    @maximise()
    def loop(config, trial):
        x, y = blobs(classes=2)
        x, y, vx, vy = split(x, y.float())
        net = mlp(8, 24, 1)
        opt = torch.optim.Adam(net.parameters(), lr=config.lr)
        trial.watch(net, opt)
        loss_of = F.binary_cross_entropy_with_logits
        for epoch in trial.steps():
            loss = train(net, opt, lambda a, b: loss_of(a[:, 0], b), x, y)
            said = (score(net, vx) > 0).float()
            acc = ((said if broken else said[:, 0]) == vy).float().mean()
            yield hs.Report(epoch, val_acc=acc, train_loss=loss)

    return loop


@case("scale|normali", "forum kind: one column in millions among others near 1")
def a_column_in_millions(broken):
    @minimise(lr=1e-3)
    def loop(config, trial):
        x, y = curve()
        if broken:
            x[:, 3] = 2e6 + 1e6 * x[:, 3]
        x, y, vx, vy = split(x, y)
        net = mlp(8, 24, 1)
        opt = torch.optim.Adam(net.parameters(), lr=config.lr)
        trial.watch(net, opt)
        for epoch in trial.steps():
            loss = train(net, opt, lambda a, b: F.mse_loss(a[:, 0], b), x, y)
            val = F.mse_loss(score(net, vx)[:, 0], vy)
            yield hs.Report(epoch, val_loss=val, train_loss=loss)

    return loop


@case("copy|reference", "github pytorch/tutorials PR 188: a shallow copy of the best weights")
def best_weights_in_a_shallow_copy(broken):
    @minimise(budget=10)
    def loop(config, trial):
        x, y, vx, vy = split(*curve())
        net = mlp(8, 24, 1)
        opt = torch.optim.Adam(net.parameters(), lr=config.lr)
        trial.watch(net, opt)
        best, kept = float("inf"), None
        for epoch in trial.steps():
            loss = train(net, opt, lambda a, b: F.mse_loss(a[:, 0], b), x, y)
            val = float(F.mse_loss(score(net, vx)[:, 0], vy))
            if val < best:
                state = net.state_dict()
                kept = {n: t if broken else t.clone() for n, t in state.items()}
                best = val
            if epoch == trial.budget - 1:
                net.load_state_dict(kept)
                val = float(F.mse_loss(score(net, vx)[:, 0], vy))
            yield hs.Report(epoch, val_loss=val, train_loss=loss)

    return loop
