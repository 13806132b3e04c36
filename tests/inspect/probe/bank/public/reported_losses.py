"""Reported faults in losses, outputs and scores, each beside its corrected twin."""

import torch
from common import classes, lr, pair, surface, walk
from torch import nn
from torch.nn import functional as F

import homeostat as hs


def mlp(inputs, outputs, width=32, activation=nn.ReLU):
    return nn.Sequential(nn.Linear(inputs, width), activation(), nn.Linear(width, outputs))


@pair(
    expect="accumul|divid",
    kind="gradients of micro-batches are summed, not averaged over what counts",
    source="github huggingface/transformers#37766, OpenNMT/OpenNMT-py#2209",
    space=hs.Space(lr=lr(0.3, 1e-3, 1.0), accumulate=hs.Int(1, 16, log=True, default=8)),
    metric="val_loss", goal="minimize", budget=40,
)  # fmt: skip
def sum_of_micro_batches(config, trial, faulty):
    train, valid = walk(trial.seed)
    lengths = torch.randint(2, 16, (len(train),), generator=torch.Generator().manual_seed(0))
    net = nn.Sequential(nn.Embedding(12, 24), nn.Linear(24, 64), nn.Tanh(), nn.Linear(64, 12))
    opt = torch.optim.SGD(net.parameters(), lr=config.lr, momentum=0.9)
    trial.watch(net, opt)

    def wanted(rows):
        hidden = torch.arange(1, 16) >= lengths[rows][:, None]
        return train[rows][:, 1:].masked_fill(hidden, -100).flatten()

    for step in trial.steps():
        opt.zero_grad()
        parts = [torch.randint(len(train), (4,)) for _ in range(config.accumulate)]
        count = sum(int((wanted(rows) >= 0).sum()) for rows in parts)
        for rows in parts:
            said = net(train[rows][:, :-1]).flatten(0, 1)
            if faulty:
                loss = F.cross_entropy(said, wanted(rows))
            else:
                loss = F.cross_entropy(said, wanted(rows), reduction="sum") / count
            loss.backward()
        opt.step()
        with torch.no_grad():
            val = F.cross_entropy(net(valid[:, :-1]).flatten(0, 1), valid[:, 1:].flatten())
        yield hs.Report(step, val_loss=val, train_loss=loss)


@pair(
    expect="dim|axis|batch|metric|accuracy",
    kind="the score takes its softmax over rows",
    source="github falloutdurham/beginners-pytorch-deep-learning#7",
    space=hs.Space(lr=lr(3e-3), width=hs.Int(16, 96, default=48)),
    metric="val_acc", goal="maximize", budget=12, unit="epoch",
)  # fmt: skip
def score_over_the_wrong_axis(config, trial, faulty):
    x, y, vx, vy = classes(trial.seed)
    net = mlp(8, 4, config.width)
    opt = torch.optim.Adam(net.parameters(), lr=config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in torch.randperm(len(x)).split(40):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            shares = F.softmax(net(vx), dim=0 if faulty else 1)
            acc = (shares.max(dim=1).indices == vy).float().mean()
        yield hs.Report(epoch, val_acc=acc, train_loss=loss)


@pair(
    expect="broadcast|shape",
    kind="an advantage of shape (B, 1) against log-probabilities of shape (B,)",
    source="github PacktPublishing/Deep-Reinforcement-Learning-Hands-On#74",
    space=hs.Space(lr=lr(5e-3), entropy=hs.Float(1e-3, 0.1, log=True, default=0.01)),
    metric="reward", goal="maximize", budget=120,
)  # fmt: skip
def advantage_of_every_pair(config, trial, faulty):
    body, policy, value = (
        nn.Sequential(nn.Linear(6, 32), nn.Tanh()),
        nn.Linear(32, 4),
        nn.Linear(32, 1),
    )
    net = nn.ModuleList([body, policy, value])
    opt = torch.optim.Adam(net.parameters(), lr=config.lr)
    trial.watch(net, opt)
    test = torch.randn(300, 6, generator=torch.Generator().manual_seed(9))

    def pays(state, action):
        return (action == state[:, :4].argmax(1)).float() + 3 * state[:, 4]

    for step in trial.steps():
        state = torch.randn(64, 6)
        h = body(state)
        chosen = torch.distributions.Categorical(logits=policy(h))
        action = chosen.sample()
        returns, worth = pays(state, action), value(h)
        gain = returns - (worth if faulty else worth[:, 0]).detach()
        loss = 0.5 * F.mse_loss(worth[:, 0], returns) - config.entropy * chosen.entropy().mean()
        loss = loss - (gain * chosen.log_prob(action)).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            score = pays(test, policy(body(test)).argmax(1)).mean()
        yield hs.Report(step, reward=score, loss=loss)


@pair(
    expect="cut off|graph|no gradient|never (has|learn|change)|new tensor|no operation",
    kind="the loss is wrapped in a new tensor, without a graph",
    source="github bermanmaxim/LovaszSoftmax#28",
    space=hs.Space(lr=lr(1e-2), width=hs.Int(8, 64, default=32)),
    metric="val_dice", goal="minimize", budget=30,
)  # fmt: skip
def loss_is_a_new_tensor(config, trial, faulty):
    x, y, vx, vy = surface(trial.seed)
    y, vy = (y > 0).float(), (vy > 0).float()
    net = nn.Sequential(mlp(6, 1, config.width), nn.Sigmoid())
    opt = torch.optim.Adam(net.parameters(), lr=config.lr)
    trial.watch(net, opt)

    def dice(said, target):
        both, either = 2 * (said * target).sum() + 1, said.sum() + target.sum() + 1
        if faulty:
            return torch.tensor(1 - both.item() / either.item(), requires_grad=True)
        return 1 - both / either

    for step in trial.steps():
        loss = dice(net(x)[:, 0], y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            val = dice(net(vx)[:, 0], vy)
        yield hs.Report(step, val_dice=val, train_loss=loss)


@pair(
    expect="div|0/0|triplet|empty|count",
    kind="a mean over no triplets at all, once they are learnt",
    source="github KevinMusgrave/pytorch-metric-learning#107",
    space=hs.Space(lr=lr(1e-2), margin=hs.Float(0.05, 1.0, log=True, default=0.2)),
    metric="violations", goal="minimize", budget=120,
)  # fmt: skip
def mean_of_nothing(config, trial, faulty):
    centres = 2 * torch.randn(5, 10, generator=torch.Generator().manual_seed(trial.seed))
    net = mlp(10, 4)
    opt = torch.optim.Adam(net.parameters(), lr=config.lr)
    trial.watch(net, opt)

    def people(rows):
        who = torch.randint(5, (rows,))
        other = (who + torch.randint(1, 5, (rows,))) % 5
        return [centres[i] + 0.3 * torch.randn(rows, 10) for i in (who, who, other)]

    def over(anchor, near, far):
        return F.relu(
            (anchor - near).square().sum(1) - (anchor - far).square().sum(1) + config.margin
        )

    test = people(200)
    for step in trial.steps():
        hard = over(*(net(t) for t in people(24)))
        count = (hard > 0).sum()
        loss = hard.sum() / (count if faulty else count.clamp(min=1))
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            wrong = (over(*(net(t) for t in test)) > 0).float().mean()
        yield hs.Report(step, violations=wrong, train_loss=loss)


@pair(
    expect="relu|range|reach|negative",
    kind="a last ReLU, and targets below 0",
    source="stackoverflow 48251943 (DeepFD benchmark 5)",
    space=hs.Space(lr=lr(5e-3), width=hs.Int(8, 64, default=32)),
    metric="val_mse", goal="minimize", budget=80,
)  # fmt: skip
def never_below_zero(config, trial, faulty):
    x, y, vx, vy = surface(trial.seed)
    net = mlp(6, 1, config.width)
    if faulty:
        net.append(nn.ReLU())
    opt = torch.optim.Adam(net.parameters(), lr=config.lr)
    trial.watch(net, opt)
    for step in trial.steps():
        loss = F.mse_loss(net(x)[:, 0], y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            val = F.mse_loss(net(vx)[:, 0], vy)
        yield hs.Report(step, val_mse=val, train_mse=loss)


@pair(
    expect="sigmoid|range|reach|saturat",
    kind="a last sigmoid, and targets around 20",
    source="stackoverflow 48221692 (DeepFD benchmark 20)",
    space=hs.Space(lr=lr(1e-2), width=hs.Int(8, 64, default=32)),
    metric="val_mse", goal="minimize", budget=150,
)  # fmt: skip
def prices_by_a_sigmoid(config, trial, faulty):
    x, y, vx, vy = surface(trial.seed)
    y, vy = 20 + 4 * y, 20 + 4 * vy
    net = mlp(6, 1, config.width)
    if faulty:
        net.append(nn.Sigmoid())
    else:
        with torch.no_grad():
            net[2].bias.fill_(float(y.mean()))
    opt = torch.optim.Adam(net.parameters(), lr=config.lr)
    trial.watch(net, opt)
    for step in trial.steps():
        loss = F.mse_loss(net(x).squeeze(1), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        with torch.no_grad():
            val = F.mse_loss(net(vx).squeeze(1), vy)
        yield hs.Report(step, val_mse=val, train_mse=loss)


@pair(
    expect="dim|batch|softmax|logarithm",
    kind="a log-softmax over rows",
    source="github ctallec/world-models#10, hfslyc/AdvSemiSeg#73",
    space=hs.Space(lr=lr(3e-3), width=hs.Int(16, 128, default=48)),
    metric="val_acc", goal="maximize", budget=12, unit="epoch",
)  # fmt: skip
def logarithms_over_rows(config, trial, faulty):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = mlp(8, 4, config.width)

        def forward(self, x):
            return F.log_softmax(self.body(x), dim=0 if faulty else 1)

    x, y, vx, vy = classes(trial.seed)
    net = Net()
    opt = torch.optim.Adam(net.parameters(), lr=config.lr)
    trial.watch(net, opt)
    for epoch in trial.steps():
        for rows in torch.randperm(len(x)).split(40):
            loss = F.nll_loss(net(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            acc = (net(vx).argmax(1) == vy).float().mean()
        yield hs.Report(epoch, val_acc=acc, train_loss=loss)
