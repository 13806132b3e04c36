"""The audit finds every knob of ours alive, and would have found one dead in PyPI ncps."""

from __future__ import annotations

import pytest
import torch

import homeostat as hs
from homeostat.workloads.ncp.model import CfC
from homeostat.workloads.ncp.workload import space


def wrapped(make):
    """A tiny workload around a CfC layer made by `make(backbone_dropout)`."""
    small = hs.Space(
        lr=hs.Float(1e-3, 1e-1, log=True, default=1e-2),
        backbone_dropout=hs.Float(0.0, 0.5, default=0.1),
    )

    @hs.workload(space=small, metric="train_loss", goal="minimize", budget=3)
    def around(config, trial):
        layer = make(config.backbone_dropout)
        optimizer = torch.optim.SGD(layer.parameters(), config.lr)
        trial.watch(layer, optimizer)
        x = torch.randn(8, 6, 2, generator=trial.torch_rng("data"))
        for step in trial.steps():
            optimizer.zero_grad()
            loss = (layer(x)[0][..., 0] - x[..., 0]).square().mean()
            loss.backward()
            optimizer.step()
            yield hs.Report(step, train_loss=loss.item())

    return around


def knob_findings(workload, **options):
    result = hs.probe(workload, only={"knobs"}, **options)
    return {check.saw: check.status for check in result.checks}


def test_backbone_dropout_with_one_layer_is_dead_in_the_reference_and_the_probe_says_so(need):
    reference = need("ncps.torch", "bench").CfC

    def theirs(dropout):
        return reference(2, 4, backbone_units=8, backbone_layers=1, backbone_dropout=dropout)

    found = knob_findings(wrapped(theirs), seconds=10)
    assert any(status == "fault" and "backbone_dropout" in saw for saw, status in found.items())
    assert not any(status == "fault" and "lr" in saw.split() for saw, status in found.items())


def test_backbone_dropout_with_one_layer_is_alive_here():
    def ours(dropout):
        return CfC(2, 4, backbone_units=8, backbone_layers=1, backbone_dropout=dropout)

    found = knob_findings(wrapped(ours), seconds=10)
    assert "fault" not in found.values()
    assert any("backbone_dropout" in saw for saw in found)


@pytest.mark.slow
def test_every_knob_of_the_workload_is_alive():
    result = hs.probe("ncp", seconds=60)
    assert not result.faults
    (told,) = [c.saw for c in result.checks if c.name == "knobs" and c.status == "ok"]
    assert all(name in told for name in space.searched()), told
