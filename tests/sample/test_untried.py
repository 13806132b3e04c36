"""Nothing is tried twice, whatever the method, and a space that is exhausted says so."""

from __future__ import annotations

import pytest
from tests.search.problems import drive, open_study, sequence

import homeostat as hs
from homeostat.errors import SpaceExhaustedError
from homeostat.sample.samplers import SAMPLERS
from homeostat.search.search import search

SMALL = hs.Space(
    extra=hs.Int(0, 2, when={"kind": 1}),
    kind=hs.Choice([1, True]),
    width=hs.Int(8, 24, step=8),
    flag=hs.Bool(),
    rules=[hs.Rule(when={"kind": True}, set={"flag": False}, why="it needs that")],
)
COUNT = 3 * (3 * 2 + 1)


def make(space):
    @hs.workload(space=space, metric="loss", goal="minimize", budget=1)
    def small(config, trial):
        for step in trial.steps():
            yield hs.Report(step, loss=loss(config))

    return small


def loss(config):
    return float(config.get("width", 0) + 3 * config.get("flag", 0) + config.get("extra", 0))


METHODS = [pytest.param(m, marks=pytest.mark.slow) if m == "gp" else m for m in SAMPLERS]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_tries_each_configuration_of_a_small_space_once(method, tmp_path):
    study = open_study(tmp_path, make(SMALL), method=method)
    drive(study, COUNT, loss)
    assert len({study.config(trial).digest for trial in study.trials}) == COUNT
    with pytest.raises(SpaceExhaustedError, match=f"All {COUNT} configurations of the space"):
        study.ask()
    assert len(study.trials) == COUNT


@pytest.mark.parametrize("method", ["random", "tpe", "nsga2"])
def test_what_is_tried_in_place_of_a_repeat_does_not_depend_on_interruptions(method, tmp_path):
    whole = open_study(tmp_path, make(SMALL), "whole", method=method)
    drive(whole, COUNT, loss)
    for stop in (7, COUNT - 2, COUNT):
        parts = open_study(tmp_path, make(SMALL), "parts", method=method)
        drive(parts, stop, loss)
    assert sequence(parts) == sequence(whole)


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_search_of_an_exhausted_space_ends_and_says_so(jobs, tmp_path):
    workload = make(hs.Space(a=hs.Int(0, 5), b=hs.Int(0, 5)))
    found = search(workload, 50, study="s", results=tmp_path, method="random", confirm=False,
                   jobs=jobs)  # fmt: skip
    assert len(found.trials) == 36
    assert len({(t.parameters["a"], t.parameters["b"]) for t in found.trials}) == 36
    assert "All 36 configurations of the space have been tried. The search is complete." in (
        found.notes
    )
    again = search(workload, 60, study="s", results=tmp_path, confirm=False)
    assert len(again.trials) == 36


def test_a_switch_that_leaves_one_configuration_is_not_proposed_again(tmp_path):
    """Half of all proposals would be the same, in a space that has infinitely many others."""
    space = hs.Space(rate=hs.Float(0, 1, when={"tuned": True}), tuned=hs.Bool())
    study = open_study(tmp_path, make(space), method="random")
    drive(study, 40, lambda config: config.rate)
    assert [t.parameters["tuned"] for t in study.trials].count(False) == 1


def test_what_is_tried_in_place_of_a_repeat_is_close_to_it(tmp_path):
    space = hs.Space(a=hs.Int(0, 99), b=hs.Int(0, 99))
    study = open_study(tmp_path, make(space), method="random")
    drive(study, 30, lambda config: 0.0)
    proposals = study._proposals._untried
    repeat = dict(study.trials[17].parameters)
    other = proposals.closest(repeat, 99)
    assert other != repeat
    assert proposals._distance(other, repeat) < 0.05
