"""Absence of evidence is not evidence: same, differs, or unseen."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import homeostat as hs
from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.probe.compare import compare
from homeostat.inspect.tracer.recording import Optimizer, Recording
from homeostat.record.outcome import Outcome
from homeostat.workload.report import Report

VALUES = st.lists(st.floats(allow_nan=True, width=32), min_size=0, max_size=6)
CUTS = st.sampled_from(["", "time", "updates"])


def recording(values, cut="", rates=(), digest="d", settings=()):
    made = Recording(config=None, seed=0, budget=6, cut=cut, digest=digest, settings=settings)
    made.reports = [Report(step, loss=value) for step, value in enumerate(values)]
    made.optimizers = [Optimizer(None, "SGD", "SGD", steps=len(rates), rates=list(rates))]
    return made


@given(VALUES, VALUES, CUTS, CUTS)
@settings(deadline=None)
def test_a_run_that_the_clock_cut_is_never_the_same_as_another(one, two, cut, other):
    verdict = compare(recording(one, cut), recording(two, other)).verdict
    if "time" in (cut, other):
        assert verdict != "same"
    shared = list(zip(map(repr, one), map(repr, two), strict=False))
    if any(a != b for a, b in shared):
        assert verdict == "differs"


@given(VALUES)
@settings(deadline=None)
def test_a_run_is_the_same_as_itself(values):
    assert compare(recording(values), recording(values)).same


def test_what_is_merely_stored_is_no_difference():
    one = recording([1.0], rates=[(0.1,)], settings=("gamma=0.1",))
    two = recording([1.0], rates=[(0.1,)], settings=("gamma=0.9",))
    told = compare(one, two)
    assert told.same and told.stored


@pytest.mark.parametrize("change", [{"rates": [(0.2,)]}, {"digest": "e"}])
def test_another_rate_or_weight_is_a_difference(change):
    plain = {"rates": [(0.1,)], "digest": "d"}
    told = compare(recording([1.0], **plain), recording([1.0], **{**plain, **change}))
    assert told.differs


@hs.workload(
    space=hs.Space(lr=hs.Float(1e-3, 1e-1, log=True), gamma=hs.Float(0.1, 0.9)),
    metric="loss", goal="minimize", budget=6,
)  # fmt: skip
def schedule_that_never_acts(config, trial):
    """A schedule is made, and its milestone lies beyond the end: `gamma` is stored and dead."""
    import torch

    model = torch.nn.Linear(3, 1)
    optimizer = torch.optim.SGD(model.parameters(), config.lr)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1000, gamma=config.gamma)
    trial.watch(model, optimizer)
    x = torch.ones(8, 3)
    for step in trial.steps():
        loss = (model(x) - 1).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        yield hs.Report(step, loss=loss)


def test_a_run_that_is_cut_in_the_middle_of_a_step_has_not_failed():
    config = schedule_that_never_acts.space.resolve({})
    bench = ShortRuns(schedule_that_never_acts, config, seed=1, steps=None, seconds=20)
    run = bench.run(config, 1, most_updates=2)
    assert run.cut == "updates" and run.num_updates == 2
    assert run.ending.outcome is not Outcome.FAILED, run.ending.reason


def test_a_knob_that_only_a_schedule_stores_does_not_change_the_run():
    result = hs.probe(schedule_that_never_acts, only=["knobs"], seconds=20)
    told = {check.status: check for check in result.checks}
    assert told["warning"].evidence["knob"] == "gamma" and told["warning"].evidence["dead"]
    assert "gamma" not in told["ok"].saw
