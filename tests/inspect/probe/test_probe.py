"""The audit as a whole: what it gives back, and that it leaves no trace."""

import json

import pytest
import torch
from torch import nn

import homeostat as hs
from homeostat.errors import UnknownNameError

SPACE = hs.Space(
    lr=hs.Float(1e-3, 1e-1, log=True, default=1e-2),
    unused=hs.Float(0.0, 1.0, default=0.5),
)


@hs.workload(space=SPACE, metric="val_loss", goal="minimize", budget=6)
def small(config, trial):
    model = nn.Linear(4, 1)
    optimizer = torch.optim.Adam(model.parameters(), config.lr)
    trial.watch(model, optimizer)
    x = torch.randn(32, 4, generator=trial.torch_rng("data"))
    y = x.sum(1, keepdim=True)
    for step in trial.steps():
        loss = (model(x) - y).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield hs.Report(step, val_loss=loss)


def test_it_names_the_knob_that_is_not_connected_and_what_to_do():
    result = hs.probe(small)
    assert not result.ok
    (fault,) = result.faults
    assert fault.name == "knobs" and fault.evidence["knob"] == "unused"
    assert "never reads it" in fault.saw and "config.unused" in fault.remedy


def test_its_result_is_plain_json():
    told = json.loads(json.dumps(hs.probe(small, only=["runs"]).to_json()))
    assert [check["check"] for check in told["checks"]] == ["runs"]


def test_findings_are_told_as_they_are_made():
    told = []
    result = hs.probe(small, only=["repeats"], on_check=told.append)
    assert tuple(told) == result.checks


def test_an_unknown_check_is_refused():
    with pytest.raises(UnknownNameError, match="coverage"):
        hs.probe(small, only=["coverge"])


def test_it_leaves_pytorch_as_it_was():
    before = (torch.autograd.backward, torch.optim.Optimizer.zero_grad, torch.manual_seed)
    state = torch.get_rng_state()
    hs.probe(small)
    assert before == (torch.autograd.backward, torch.optim.Optimizer.zero_grad, torch.manual_seed)
    assert torch.equal(state, torch.get_rng_state())
