"""A run that already failed is diagnosed from its folder, from the states it left."""

from __future__ import annotations

import json

import pytest

from homeostat.errors import RecordError
from homeostat.execute.loop import state_ring
from homeostat.execute.loop.drive import drive
from homeostat.execute.loop.state_ring import FlightRecorder
from homeostat.execute.run import run
from homeostat.inspect.diagnose import diagnose, examine
from homeostat.inspect.diagnose.replay import Case
from homeostat.workload.trial import Trial

from . import conftest as loops

SCRIPT = '''
import homeostat as hs
import torch

SPACE = hs.Space(lr=hs.Float(1e-6, 1.0, log=True, default=0.01), eps=hs.Float(0, 1, default=0.0))
CURE = {"eps": {"eps": 1e-3}}


@hs.workload(space=SPACE, metric="loss", goal="minimize", budget=20, remedies=CURE)
def roots(config, trial):
    """The root of something that reaches 0 at step 9."""
    weight = torch.nn.Parameter(torch.ones(4, 2))
    optimizer = torch.optim.SGD([weight], lr=config.lr)
    holder = torch.nn.Module()
    holder.weight = weight
    trial.watch(holder, optimizer)
    for step in trial.steps():
        factor = 0.0 if step == 9 else 1.0
        optimizer.zero_grad()
        loss = ((factor * weight).pow(2).sum(1) + config.eps**2).sqrt().sum()
        loss.backward()
        optimizer.step()
        yield hs.Report(step, loss=loss)
'''


@pytest.fixture
def failed_run(tmp_path):
    script = tmp_path / "roots.py"
    script.write_text(SCRIPT)
    return run(script, seeds=[7], results=tmp_path / "results")


def script_of(record):
    """The file that made a run, which whoever examines the run has to name."""
    return record.folder.parents[1] / "roots.py"


def test_a_failed_run_is_diagnosed_from_its_folder(failed_run):
    found = diagnose(failed_run.folder, workload=script_of(failed_run), seconds=60)
    assert found.seed == 7
    assert found.failed_at == 10  # the loss shows it one step after the gradient
    assert found.offence.step == 9
    assert found.offence.operation == "SqrtBackward0"
    assert [rung.label for rung in found.cures] == ["eps"]


def test_a_seed_it_does_not_have_is_refused(failed_run):
    with pytest.raises(RecordError, match="no seed 8"):
        diagnose(failed_run.folder, workload=script_of(failed_run), seed=8)


def test_the_flight_recorder_keeps_states_from_before_the_failure(tmp_path):
    workload = loops.workload(loops.zero_norm)
    recorder = FlightRecorder(tmp_path, max_share=1e9, first_after_s=0.0)  # at every step
    trial = Trial(workload.space.resolve(), seed=42, budget=30)
    ending = drive(workload, trial, [recorder])
    assert ending.violation.step == 13
    assert [s["trial"]["step"] for s in state_ring.read_flight(tmp_path)] == [10, 11, 12, 13]
    assert recorder.before(12)["trial"]["step"] == 12


def test_the_flight_recorder_spends_no_more_than_its_share():
    now = [0.0]

    class Slow(Trial):
        def state(self, next_step):
            now[0] += 0.3  # a copy takes 0.3 s
            return super().state(next_step)

    workload = loops.workload(loops.zero_norm)
    trial = Slow(workload.space.resolve({"fault": False}), seed=1, budget=30)
    recorder = FlightRecorder(clock=lambda: now[0])

    class Clock:
        def on_watch(self, trial): ...
        def before_step(self, step): ...
        def after_report(self, step, report):
            now[0] += 1.0  # a step takes 1 s

        def on_end(self, outcome): ...

    drive(workload, trial, [recorder, Clock()])
    # One copy beyond the share: there has to be a first one.
    assert 0.3 < recorder.spent_s <= 0.05 * now[0] + 0.3


def test_what_is_younger_than_a_second_is_never_copied(tmp_path):
    recorder = FlightRecorder(tmp_path, clock=lambda: 0.5)
    workload = loops.workload(loops.zero_norm)
    drive(workload, Trial(workload.space.resolve(), seed=42, budget=30), [recorder])
    assert recorder.states() == []


def test_the_flight_recorder_can_be_turned_off(tmp_path):
    recorder = FlightRecorder(tmp_path, max_share=0.0)
    workload = loops.workload(loops.zero_norm)
    drive(workload, Trial(workload.space.resolve(), seed=42, budget=30), [recorder])
    assert recorder.states() == []
    assert recorder.spent_s == 0.0


SLOW = SCRIPT.replace("        factor =", "        time.sleep(0.12)\n        factor =").replace(
    "import torch", "import time\n\nimport torch", 1
)


@pytest.mark.parametrize("recorded", [True, False])
def test_a_run_that_diverges_leaves_its_last_states_unless_told_not_to(tmp_path, recorded):
    script = tmp_path / "roots.py"
    script.write_text(SLOW)
    record = run(script, seeds=[7], results=tmp_path / "results", flight=recorded)
    states = state_ring.read_flight(record.attempts[0].folder)
    assert bool(states) is recorded
    assert all(state["trial"]["step"] <= 10 for state in states)


@pytest.mark.slow
def test_a_long_run_is_replayed_from_its_last_finite_state(tmp_path, monkeypatch):
    monkeypatch.setattr(examine, "CHEAP_S", 0.0)
    script = tmp_path / "roots.py"
    script.write_text(SLOW)
    record = run(script, seeds=[7], results=tmp_path / "results")
    first_steps = []
    original = Case.first_step.fget
    monkeypatch.setattr(
        Case,
        "first_step",
        property(lambda self: first_steps.append(original(self)) or original(self)),
    )
    found = diagnose(record.folder, workload=script, seconds=60)
    assert max(first_steps) > 5
    assert found.offence.step == 9
    assert found.rates.insensitive
    assert [rung.label for rung in found.cures] == ["eps"]


def test_a_diagnosis_is_one_json_document(failed_run):
    found = diagnose(failed_run.folder, workload=script_of(failed_run), seconds=60)
    document = json.loads(json.dumps(found.to_json()))
    assert document["offence"]["operation"] == "SqrtBackward0"
    assert document["rates"]["insensitive"] is True
    assert document["ladder"]["rungs"][0]["cured"] is True
