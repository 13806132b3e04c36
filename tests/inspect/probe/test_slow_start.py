"""A program that is slow to start: what its audit takes is said first, and a limit is kept."""

import re
import time

import numpy as np
import pytest

import homeostat as hs
from homeostat.inspect.probe.audit import probe
from homeostat.inspect.probe.bench import ShortRuns

START_S = 6.0
SPACE = hs.Space(
    lr=hs.Float(1e-3, 0.5, log=True, default=0.1), dead=hs.Float(0.0, 1.0, default=0.3)
)


@pytest.fixture
def clock(monkeypatch):
    """The clock, which a loop can put forward."""
    real = time.perf_counter

    class Clock:
        ahead_s = 0.0

        def __call__(self):
            return real() + self.ahead_s

    made = Clock()
    monkeypatch.setattr(time, "perf_counter", made)
    return made


def starting_in(seconds, clock):
    @hs.workload(space=SPACE, metric="loss", goal="minimize", budget=20)
    def slow(config, trial):
        clock.ahead_s += seconds
        x, w = np.linspace(-1, 1, 16), 0.0
        for step in trial.steps():
            w -= config.lr * float(np.mean((w - 2.0) * x**2))
            yield hs.Report(step, loss=(w - 2.0) ** 2)

    return slow


def probed(clock, **options):
    said, before = [], clock()
    found = probe(starting_in(START_S, clock), say=said.append, **options)
    return found, said, clock() - before


def knobs_of(found):
    return [check for check in found.checks if check.name == "knobs"]


def test_what_it_takes_is_said_first_and_is_what_it_takes(clock):
    found, [told], took_s = probed(clock)
    assert "One start takes 6." in told and "--seconds" not in told
    starts = int(re.search(r"needs (\d+)", told)[1])
    assert took_s <= 1.25 * starts * START_S
    assert any(check.evidence.get("dead") for check in knobs_of(found))


def test_a_limit_is_kept_and_what_did_not_fit_is_named(clock):
    found, [told], took_s = probed(clock, seconds=25.0)
    assert took_s <= 25.0 + 1.0
    assert "has 25 s" in told and "--seconds" in told
    late = [check for check in found.checks if check.saw.startswith("No time was left")]
    assert late and all(check.status == "skipped" for check in late)


def test_a_limit_below_one_start_makes_one(clock):
    found, _, took_s = probed(clock, seconds=2.0)
    assert took_s < 2 * START_S and not found.faults


def test_a_quick_start_is_not_spoken_of(clock):
    said = []
    probe(starting_in(0.0, clock), seconds=3.0, say=said.append)
    assert said == []


def test_pytorch_that_comes_in_between_makes_no_knob_alive(clock, monkeypatch):
    """A loop without it is compared with itself, whether a check has imported it or not."""
    import sys

    workload = starting_in(0.0, clock)
    config = workload.space.resolve({})
    torch = pytest.importorskip("torch")
    with monkeypatch.context() as without:
        without.delitem(sys.modules, "torch")
        bench = ShortRuns(workload, config, seed=1, steps=5, seconds=10.0)
        before = bench.plain()
    assert sys.modules["torch"] is torch
    assert bench.changes(bench.vary({"dead": 0.9}), before).same
    assert bench.changes(bench.vary({"lr": 0.3}), before).differs
