"""A dead knob is left at its value; only what spoils the search stops a plan."""

import pytest
import torch

import homeostat as hs
from homeostat.plan.tune import tune


def loop(config, trial, *, trained=True):
    model = torch.nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=config.lr if trained else 0.0)
    trial.watch(model, optimizer)
    x = torch.randn(64, 3, generator=trial.torch_rng("data"))
    y = x.sum(1, keepdim=True)
    for step in trial.steps():
        loss = (model(x) - y).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield hs.Report(step, val_loss=loss)


SPACE = hs.Space(
    lr=hs.Float(1e-3, 1e-1, log=True, default=1e-2), unused=hs.Float(0.0, 1.0, default=0.25)
)


@hs.workload(space=SPACE, metric="val_loss", goal="minimize", budget=20)
def one_dead_knob(config, trial):
    yield from loop(config, trial)


@hs.workload(space=SPACE, metric="val_loss", goal="minimize", budget=20)
def nothing_is_trained(config, trial):
    yield from loop(config, trial, trained=False)


def test_a_plan_goes_on_with_a_dead_knob_left_at_its_value(tmp_path):
    result = tune(one_dead_knob, budget="25s", results=tmp_path)
    probe = result.phase("probe")
    assert probe.status == "done"
    assert probe.facts["left_alone"] == {"unused": 0.25}
    assert any("unused = 0.25" in line and "not searched" in line for line in probe.decisions)
    assert result.status == "done"
    assert "unused" not in result.phase("search").facts["overrides"]


def test_a_plan_stops_where_nothing_is_trained_and_says_how_to_go_on(tmp_path):
    result = tune(nothing_is_trained, budget="15s", results=tmp_path)
    assert result.status == "stopped"
    assert "--anyway" in result.phase("probe").decisions[-1]


@pytest.mark.slow
def test_anyway_it_goes_on(tmp_path):
    result = tune(nothing_is_trained, budget="25s", anyway=True, results=tmp_path)
    assert result.phase("probe").status == "done"
    assert "search" in [phase.name for phase in result.phases]
