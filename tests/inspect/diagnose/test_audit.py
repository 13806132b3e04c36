"""The optimiser audit: dead overrides, steps, points that left their manifold."""

from __future__ import annotations

import geoopt
import torch

import homeostat as hs
from homeostat.inspect.diagnose.audit import Auditor
from homeostat.inspect.diagnose.replay import Case, replay

from .conftest import SPACE, Net, squared, train


class Overridden(torch.optim.SGD):
    """Has a hook that an older library called, and one that it calls itself."""

    def _apply_dense(self, grad):
        return 2 * grad

    def scaled(self):
        return 1.0

    def load_state_dict(self, state_dict):
        super().load_state_dict(state_dict)

    def step(self, closure=None):
        self.scaled()
        return super().step(closure)


def audit_of(loop):
    workload = hs.workload(space=SPACE, metric="loss", goal="minimize", budget=4)(loop)
    auditor = Auditor()
    replay(Case(workload, workload.space.resolve(), seed=42, budget=4), [auditor])
    return next(iter(auditor.audits.values()))


def overridden(config, trial):
    """Ordinary training with the class above."""
    model = Net(trial.torch_rng("init"))
    yield from train(trial, model, squared, Overridden(model.parameters(), lr=config.lr))


def test_an_override_that_nothing_calls_is_named_and_one_that_is_called_is_counted():
    audit = audit_of(overridden)
    assert audit.num_steps == 4
    assert audit.calls == {"_apply_dense": 0, "scaled": 4}
    assert audit.dead == ("_apply_dense",)
    assert "never called" in audit.sentence


def test_a_step_that_calls_its_parents_step_is_one_step_whoever_stepped_before():
    torch.optim.SGD([torch.nn.Parameter(torch.ones(1))])  # PyTorch now hooks SGD.step itself
    assert audit_of(overridden).num_steps == 4


def points(config, trial):
    """Plain SGD walks points of a ball out of it."""
    ball = geoopt.PoincareBall()
    holder = torch.nn.Module()
    holder.points = geoopt.ManifoldParameter(torch.full((3, 2), 0.5), manifold=ball)
    optimizer = torch.optim.SGD(holder.parameters(), lr=1.0)
    trial.watch(holder, optimizer)
    for step in trial.steps():
        optimizer.zero_grad()
        (-holder.points.sum()).backward()
        optimizer.step()
        yield hs.Report(step, loss=0.0)


def test_points_that_left_their_manifold_are_named():
    audit = audit_of(points)
    assert audit.on_manifold == 1
    assert audit.off_manifold == ("points",)
