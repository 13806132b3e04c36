"""The ladder finds the smallest cures, and calls nothing a cure that is none."""

from __future__ import annotations

import math

import homeostat as hs
from homeostat.inspect.diagnose import diagnose
from homeostat.inspect.diagnose.ladder import climb
from homeostat.inspect.diagnose.replay import Case

from . import conftest as loops


def ladder_of(workload, config=None, last_step=14):
    resolved = workload.space.resolve(config or {})
    return climb(Case(workload, resolved, seed=42, budget=30), last_step)


def test_the_remedies_that_cure_are_told_from_those_that_do_not():
    workload = loops.workload(
        loops.zero_norm,
        remedies={
            "lower rate": {"lr": 1e-6},
            "eps in the norm": {"eps": 1e-4},
            "the rate it has": {"lr": 0.01},
        },
    )
    rungs = {rung.label: rung for rung in ladder_of(workload).rungs}
    assert rungs["eps in the norm"].cured
    assert rungs["lower rate"].failed_at == 12
    assert not rungs["the rate it has"].cured
    assert rungs["the rate it has"].note == "is set already"


TWO = hs.Space(a=hs.Bool(False), b=hs.Bool(False), c=hs.Bool(False), skip=hs.Bool(False))


@hs.workload(
    space=TWO,
    metric="loss",
    goal="minimize",
    budget=10,
    remedies={name: {name: True} for name in ("a", "b", "c")},
)
def needs_two(config, trial):
    """Finite only when both a and b are set."""
    for step in trial.steps():
        yield hs.Report(step, loss=1.0 if config.a and config.b else math.nan)


def test_pairs_are_tried_when_nothing_cures_alone():
    found = ladder_of(needs_two, last_step=0)
    assert [rung.names for rung in found.cures] == [("a", "b")]
    assert len(found.rungs) == 6


def test_leaving_every_update_out_is_no_cure():
    import torch

    @hs.workload(
        space=TWO, metric="loss", goal="minimize", budget=10, remedies={"skip": {"skip": True}}
    )
    def skips(config, trial):
        """The gradient is never finite."""
        weight = torch.nn.Linear(1, 1)
        optimizer = torch.optim.SGD(weight.parameters(), lr=0.1)
        trial.watch(weight, optimizer)
        for step in trial.steps():
            optimizer.zero_grad()
            (weight(torch.zeros(1, 1)).sum() * 0).sqrt().backward()
            if not config.skip:
                optimizer.step()
            yield hs.Report(step, loss=1.0)

    found = ladder_of(skips, last_step=0)
    assert not found.cures
    assert found.rungs[0].note == "every update is left out"


def test_without_a_list_the_remedies_are_read_off_the_space():
    found = ladder_of(loops.workload(loops.zero_norm))
    assert found.from_space
    assert any("eps" in rung.label for rung in found.cures)
    assert not any("lr" in rung.label for rung in found.cures)


def test_a_fix_applies_the_smallest_cure_and_ends_in_a_run_that_trains(tmp_path):
    workload = loops.workload(
        loops.zero_norm, remedies={"lower rate": {"lr": 1e-6}, "eps": {"eps": 1e-4}}
    )
    journal = tmp_path / "NOTES.md"
    found = diagnose(workload, fix=True, results=tmp_path, notes=journal, seconds=60)
    assert found.fix.stable
    assert "with eps" in journal.read_text()
    assert found.fix.cures == ("eps",)
    assert found.fix.outcome == "completed"
    assert (found.fix.run / "run.json").exists()
    assert "--set eps=0.0001" in str(found)


def test_a_fix_without_a_cure_changes_nothing_and_says_so(tmp_path):
    workload = loops.workload(loops.zero_norm, remedies={"lower rate": {"lr": 1e-6}})
    found = diagnose(workload, fix=True, results=tmp_path, seconds=60)
    assert not found.fix.stable
    assert found.fix.run is None
    assert "nothing was changed" in str(found)
