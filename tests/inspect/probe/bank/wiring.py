"""Loops whose parts are not connected as they seem: knobs, parameters, gradients, order."""

import torch
from torch import nn
from torch.nn import functional as F

import homeostat as hs

from .parts import LR, blobs, curve, maximise, minimise


@minimise(space=hs.Space(lr=LR, dropout=hs.Float(0.0, 0.5, default=0.1)))
def unused_knob(config, trial):
    """`dropout` is read, and nothing is done with it."""
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    rate = config.dropout  # noqa: F841  # the fault
    model = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    for step in trial.steps():
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy), train_loss=loss)


@minimise(space=hs.Space(lr=hs.Float(1e-4, 1.0, log=True, default=1e-3)))
def clamped_knob(config, trial):
    """Rates above 0.01 are all the same."""
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = nn.Linear(5, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=min(config.lr, 1e-2))
    trial.watch(model, optimizer)
    for step in trial.steps():
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        optimizer.step()
        yield hs.Report(step, val_loss=(model(vx) - vy).square().mean())


class Scaled:
    """A core with a rate of its own, which is set too late."""

    def __init__(self, config):
        self.core = nn.Linear(5, 8)
        self.head = nn.Linear(8, 1)
        self.scale = 1.0
        groups = [
            {"params": self.core.parameters(), "lr": config.lr * self.scale},
            {"params": self.head.parameters()},
        ]
        self.optimizer = torch.optim.Adam(groups, lr=config.lr)
        self.scale = config.core_lr_scale


@minimise(space=hs.Space(lr=LR, core_lr_scale=hs.Float(0.1, 10.0, log=True, default=1.0)))
def rate_scale_read_too_early(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    parts = Scaled(config)
    trial.watch(parts.core, parts.head, parts.optimizer)
    for step in trial.steps():
        loss = F.mse_loss(parts.head(parts.core(x).relu()), y)
        parts.optimizer.zero_grad()
        loss.backward()
        parts.optimizer.step()
        yield hs.Report(step, val_loss=F.mse_loss(parts.head(parts.core(vx).relu()), vy).item())


@minimise()
def missing_from_the_optimiser(config, trial):
    """Only the head is trained."""
    (x, y), (vx, vy) = blobs(trial.torch_rng("data"))
    body, head = nn.Linear(6, 16), nn.Linear(16, 3)
    model = nn.Sequential(body, nn.ReLU(), head)
    optimizer = torch.optim.AdamW(head.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    for step in trial.steps():
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.cross_entropy(model(vx), vy))


class PlainList(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(6, 12)
        self.middle = [nn.Linear(12, 12) for _ in range(2)]
        self.last = nn.Linear(12, 3)

    def forward(self, x):
        x = self.first(x).relu()
        for layer in self.middle:
            x = layer(x).relu()
        return self.last(x)


@minimise()
def layers_in_a_plain_list(config, trial):
    """Neither the model nor the optimiser knows them."""
    (x, y), (vx, vy) = blobs(trial.torch_rng("data"))
    model = PlainList()
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    for step in trial.steps():
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.cross_entropy(model(vx), vy))


class Lazy(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(6, 12)
        self.last = None

    def forward(self, x):
        x = self.first(x).relu()
        if self.last is None:
            self.last = nn.Linear(x.shape[1], 3)
        return self.last(x)


@minimise()
def layer_made_after_the_optimiser(config, trial):
    (x, y), (vx, vy) = blobs(trial.torch_rng("data"))
    model = Lazy()
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    for step in trial.steps():
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.cross_entropy(model(vx), vy))


@minimise()
def moved_by_two_optimisers(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 1))
    one = torch.optim.Adam(model.parameters(), lr=config.lr)
    two = torch.optim.SGD(model[2].parameters(), lr=config.lr)
    trial.watch(model, one, two)
    for step in trial.steps():
        model.zero_grad()
        F.mse_loss(model(x), y).backward()
        one.step()
        two.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy))


class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Linear(5, 12)
        self.side = nn.Linear(5, 12)
        self.head = nn.Linear(12, 1)

    def forward(self, x):
        return self.head((self.main(x) + self.side(x).detach()).tanh())


@minimise()
def detached_branch(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = Branches()
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    for step in trial.steps():
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy))


@minimise()
def group_with_rate_zero(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    body, head = nn.Linear(5, 12), nn.Linear(12, 1)
    groups = [{"params": body.parameters(), "lr": 0.0}, {"params": head.parameters()}]
    optimizer = torch.optim.Adam(groups, lr=config.lr)
    trial.watch(optimizer, body=body, head=head)
    for step in trial.steps():
        optimizer.zero_grad()
        F.mse_loss(head(body(x).tanh()), y).backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(head(body(vx).tanh()), vy))


@minimise()
def gradients_never_cleared(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    for step in trial.steps():
        F.mse_loss(model(x), y).backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy))


@minimise()
def cleared_before_the_step(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    for step in trial.steps():
        loss = F.mse_loss(model(x), y)
        loss.backward()
        optimizer.zero_grad()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy), train_loss=loss)


@minimise()
def step_before_backward(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = nn.Sequential(nn.Linear(5, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    for step in trial.steps():
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        optimizer.step()
        loss.backward()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy))


@minimise()
def wrong_sign(config, trial):
    (x, y), (vx, vy) = blobs(trial.torch_rng("data"))
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    for step in trial.steps():
        optimizer.zero_grad()
        loss = F.log_softmax(model(x), 1)[torch.arange(len(y)), y].mean()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.cross_entropy(model(vx), vy))


@maximise()
def steps_uphill(config, trial):
    """The weights are updated by hand, with a plus."""
    (x, y), (vx, vy) = blobs(trial.torch_rng("data"))
    model = nn.Linear(6, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=config.lr, maximize=True)
    trial.watch(model, optimizer)
    for step in trial.steps():
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_accuracy=(model(vx).argmax(1) == vy).float().mean())


@minimise(space=hs.Space(lr=LR, attention=hs.Bool(False)))
def feature_swaps_the_optimiser(config, trial):
    """The feature comes with plain gradient descent in place of AdamW."""
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 1))
    gate = nn.Linear(5, 1)
    parameters = [*model.parameters(), *gate.parameters()]
    kind = torch.optim.SGD if config.attention else torch.optim.AdamW
    if not config.attention:
        parameters = parameters[:4]
    optimizer = kind(parameters, lr=config.lr)
    trial.watch(model, optimizer)

    def predict(inputs):
        return model(inputs) * gate(inputs).sigmoid() if config.attention else model(inputs)

    for step in trial.steps():
        optimizer.zero_grad()
        F.mse_loss(predict(x), y).backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(predict(vx), vy))


@minimise()
def score_that_never_changes(config, trial):
    """It is taken from predictions made before training."""
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    with torch.no_grad():
        predicted = model(vx)
    for step in trial.steps():
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        optimizer.step()
        yield hs.Report(step, val_loss=F.mse_loss(predicted, vy))


def reachable(config, metric, budget):
    return (0, budget // 40) if metric == "deaths" else None


@minimise(
    space=hs.Space(lr=LR, target_deaths=hs.Int(0, 20, default=6)), reachable=reachable, budget=12
)
def unreachable_target(config, trial):
    (x, y), _ = curve(trial.torch_rng("data"))
    model = nn.Linear(5, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    deaths = 0
    for step in trial.steps():
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        (loss + 1e-3 * (deaths - config.target_deaths) ** 2 * model.bias.sum()).backward()
        optimizer.step()
        deaths += (step + 1) % 40 == 0
        yield hs.Report(step, val_loss=loss, deaths=deaths)


class Weighed(nn.Module):
    """A scale that was meant to be learned, and is no parameter."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 1))
        self.scale = torch.full((1,), 0.5, requires_grad=True)

    def forward(self, x):
        return self.scale * self.body(x)


@minimise()
def tensor_that_is_no_parameter(config, trial):
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = Weighed()
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    for step in trial.steps():
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        optimizer.step()
        yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy))


@minimise()
def encoder_without_gradients(config, trial):
    """The encoder is in the optimiser; no_grad from an earlier experiment is still around it."""
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    encoder, head = nn.Sequential(nn.Linear(5, 16), nn.Tanh()), nn.Linear(16, 1)
    optimizer = torch.optim.Adam([*encoder.parameters(), *head.parameters()], lr=config.lr)
    trial.watch(encoder, head, optimizer)
    for step in trial.steps():
        with torch.no_grad():
            code = encoder(x)
        optimizer.zero_grad()
        F.mse_loss(head(code), y).backward()
        optimizer.step()
        with torch.no_grad():
            yield hs.Report(step, val_loss=F.mse_loss(head(encoder(vx)), vy))


@minimise(space=hs.Space(lr=LR, weight_decay=hs.Float(1e-6, 0.1, log=True, default=1e-3)))
def decay_under_another_name(config, trial):
    """The group's own key is `weight_decay`; nobody reads `decay`."""
    (x, y), (vx, vy) = curve(trial.torch_rng("data"))
    model = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    for group in optimizer.param_groups:
        group["decay"] = config.weight_decay
    trial.watch(model, optimizer)
    for step in trial.steps():
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        optimizer.step()
        yield hs.Report(step, val_loss=F.mse_loss(model(vx), vy))


@minimise(metric="val_accuracy", budget=20)
def accuracy_to_be_minimised(config, trial):
    (x, y), (vx, vy) = blobs(trial.torch_rng("data"), spread=2.0)
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    trial.watch(model, optimizer)
    for step in trial.steps():
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
        yield hs.Report(step, val_accuracy=(model(vx).argmax(1) == vy).float().mean())
