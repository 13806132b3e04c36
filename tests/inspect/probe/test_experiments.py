"""Experiments change one thing while a loop runs, leave nothing behind, and name what cures."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, TensorDataset

import homeostat as hs
from homeostat.inspect.probe import interventions
from homeostat.inspect.probe.audit import CHECKS
from homeostat.inspect.probe.experiments import CURES
from homeostat.inspect.probe.verdict import EXPLAINS

GIVEN = {
    "rate_times": (0.1,),
    "normalised_inputs": (torch.zeros(3), torch.ones(3)),
}
NAMES = (
    "rate_times", "clipped", "larger_epsilon", "cleared_after_each_step", "constant_rate",
    "fresh_weights", "modes_that_fit", "normalised_inputs", "shuffled",
)  # fmt: skip


def trained(steps=3, lr=0.1):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 1))
    opt = torch.optim.SGD(model.parameters(), lr)
    fall = lr_scheduler.StepLR(opt, 1, gamma=0.5)
    x = torch.randn(12, 3)
    loader = DataLoader(TensorDataset(x, x.sum(1, keepdim=True)), 4)
    for _ in range(steps):
        for a, b in loader:
            loss = F.mse_loss(model(a), b)
            opt.zero_grad()
            loss.backward()
            opt.step()
        fall.step()
    return torch.cat([p.detach().flatten() for p in model.parameters()]), opt


@pytest.mark.parametrize("name", NAMES)
def test_afterwards_everything_is_as_it_was(name):
    before, _ = trained()
    with getattr(interventions, name)(*GIVEN.get(name, ())):
        trained()
    after, _ = trained()
    assert torch.equal(before, after)


@pytest.mark.parametrize("name", ["rate_times", "constant_rate", "fresh_weights", "shuffled"])
def test_an_intervention_changes_the_run(name):
    before, _ = trained(lr=0.5)
    with getattr(interventions, name)(*GIVEN.get(name, ())):
        during, _ = trained(lr=0.5)
    assert not torch.equal(before, during)


def test_a_rate_is_given_back_after_each_step():
    _, plain = trained()
    with interventions.rate_times(0.1):
        _, changed = trained()
    assert changed.param_groups[0]["lr"] == plain.param_groups[0]["lr"]


@hs.workload(
    space=hs.Space(lr=hs.Float(1e-6, 1e-1, log=True, default=1e-5)),
    metric="val_acc", goal="maximize", budget=10,
)  # fmt: skip
def much_too_slow(config, trial):
    g = torch.Generator().manual_seed(0)
    y = torch.arange(240) % 4
    x = 3.0 * F.one_hot(y, 6).float() + 0.5 * torch.randn(240, 6, generator=g)
    net = nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 4))
    for p in net[2].parameters():
        nn.init.zeros_(p)
    opt = torch.optim.Adam(net.parameters(), lr=config.lr * 40)
    trial.watch(net, opt)
    for step in trial.steps():
        for rows in torch.randperm(180).split(30):
            loss = F.cross_entropy(net(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
        with torch.no_grad():
            acc = (net(x[180:]).argmax(1) == y[180:]).float().mean()
        yield hs.Report(step, val_acc=acc, train_loss=loss)


def test_every_name_that_a_cure_or_a_weight_speaks_of_is_that_of_a_finding():
    names = {*CHECKS, "seed", "gradient flow", "movement", "precision", "weight decay", "baselines"}
    names |= {"target leak", "time order"}
    assert set().union(*(cure.checks for cure in CURES)) <= names
    assert set(EXPLAINS) <= names


@pytest.mark.slow
def test_fix_names_what_cures_a_loop_that_does_not_learn():
    result = hs.probe(much_too_slow, fix=True, seconds=60)
    assert result.verdict.word == "does not learn", result.verdict
    tried = {experiment.name: experiment.outcome for experiment in result.experiments}
    assert tried["one batch alone"] == "helps"
    assert tried["a tenth of the learning rate"] == "no help"
    assert tried["ten times the learning rate"] in ("cures", "helps"), result.experiments


def test_in_float64_a_model_computes_and_its_optimiser_goes_on():
    net = torch.nn.Sequential(torch.nn.Linear(3, 2, bias=False), torch.nn.ReLU())
    opt = torch.optim.SGD(net.parameters(), lr=0.1)
    x = torch.full((4, 3), 1e-30)  # its square is 0 in float32
    with interventions.double_precision():
        out = net(x)
        (out.square().sum() + net[0].weight.sum()).backward()
        before = net[0].weight.detach().clone()
        opt.step()
    assert out.dtype == torch.float64
    assert torch.allclose(net[0].weight, before - 0.1)
    assert net(x.double()).dtype == torch.float64  # its hooks are gone, its weights stay
