"""A dead knob is left at its value; only what spoils the search stops a plan."""

import pytest
import torch

import homeostat as hs
from homeostat.inspect.probe.result import ProbeResult
from homeostat.plan.context import Context
from homeostat.plan.phases.probe import _sentences, probe
from homeostat.plan.tune import tune
from homeostat.record.check import Check


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


def looked_at(workload, folder, **more):
    context = Context(
        workload=workload, pins={}, steps=20, budget_s=600.0, study="s", results=folder, **more
    )
    return context, probe(context, 60.0)


def test_a_dead_knob_is_left_at_its_value_and_not_searched(tmp_path):
    context, result = looked_at(one_dead_knob, tmp_path)
    assert result.status == "done", result.sentences
    assert result.facts["left_alone"] == {"unused": 0.25} == context.held
    assert any("unused = 0.25" in line and "not searched" in line for line in result.decisions)


def test_knobs_for_which_there_was_no_time_are_named():
    unseen = Check("knobs", "skipped", "No time left.", "", {"no_time": ["lr", "unused"]})
    lines = _sentences(ProbeResult("w", (unseen,), 1.0, 20))
    assert "lr, unused" in lines[-1] and "searched all the same" in lines[-1]


def test_a_plan_stops_where_nothing_is_trained_and_says_how_to_go_on(tmp_path):
    _, result = looked_at(nothing_is_trained, tmp_path)
    assert result.status == "stopped"
    assert "--anyway" in result.decisions[-1]


def test_anyway_it_goes_on(tmp_path):
    _, result = looked_at(nothing_is_trained, tmp_path, anyway=True)
    assert result.status == "done"
    assert "anyway" in result.decisions[-1]


@pytest.mark.slow
def test_a_whole_plan_searches_the_other_knobs(tmp_path):
    result = tune(one_dead_knob, budget="60s", results=tmp_path)
    assert result.status == "done"
    assert "unused" not in result.phase("search").facts["overrides"]
