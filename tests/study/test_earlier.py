"""A study whose space has changed since is read as it was; what differs is said."""

from __future__ import annotations

import pytest
from tests.search.problems import drive, open_study

import homeostat as hs
from homeostat.pages.study.facts import gather
from homeostat.search.importance import importance
from homeostat.space.order import SearchSpace
from homeostat.study.definition import Definition
from homeostat.study.earlier import as_searched
from homeostat.study.store import Store
from homeostat.study.study import Study

PARAMETERS = {
    "size": hs.Int(2, 9, when={"method": "best"}),
    "method": hs.Choice(["any", "best"], default="best"),
    "lr": hs.Float(1e-4, 1e-1, log=True),
    "decay": hs.Float(0, 1, fixed="held"),
}


def workload(rules=(), **changes):
    parameters = {n: p for n, p in {**PARAMETERS, **changes}.items() if p is not None}

    @hs.workload(
        space=hs.Space(**parameters, rules=rules), metric="loss", goal="minimize", budget=2
    )
    def changing(config, trial):
        yield hs.Report(0, loss=0.0)

    return changing


CHANGES = {
    "nothing": ({}, ()),
    "a parameter added": ({"new": hs.Bool()}, ("new is new",)),
    "a searched one removed": (
        {"lr": None}, ("lr was searched, and is no longer a parameter",)),
    "a parent removed": (
        {"size": hs.Int(2, 9), "method": None},
        ("method was searched, and is no longer a parameter",
         "size was active when method is best, and is now always")),
    "a range narrowed": (
        {"lr": hs.Float(1e-4, 1e-3, log=True)},
        ("lr was 0.0001..0.1 on a log scale and is now 0.0001..0.001 on a log scale",)),
    "a range widened": (
        {"size": hs.Int(1, 99, when={"method": "best"})}, ("size was 2..9 and is now 1..99",)),
    "an option removed": (
        {"method": hs.Choice(["any", "new"]), "size": hs.Int(2, 9)},
        ("method was any or best and is now any or new",
         "size was active when method is best, and is now always")),
    "another type": (
        {"lr": hs.Choice(["slow", "fast"])},
        ("lr was 0.0001..0.1 on a log scale and is now slow or fast",)),
    "settled": (
        {"lr": hs.Fixed(0.1, why="known now")}, ("lr was searched, and cannot be set any more",)),
    "a held one removed": (
        {"decay": None}, ("decay was held at 0.5, and is no longer a parameter",)),
    "a held one narrowed": (
        {"decay": hs.Float(0, 0.1, fixed="held")},
        ("decay was held at 0.5, which is no longer possible",)),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_it_is_read_as_it_was_and_says_what_differs(change, tmp_path):
    made = open_study(tmp_path, workload(), method="random", start={"decay": 0.5})
    drive(made, 14, lambda config: config.lr + (config.method == "any"))
    before = [(t.number, dict(t.parameters), dict(t.values)) for t in made.trials]
    made.close()
    changes, differences = CHANGES[change]
    today = workload(**changes)
    store = Store(tmp_path / "studies.db")
    looked = Study.look(today, "s", store=store)
    assert looked.differences == differences
    assert [(t.number, dict(t.parameters), dict(t.values)) for t in looked.trials] == before
    assert all(looked.config(t)["lr"] == t.parameters["lr"] for t in looked.trials)
    facts = gather("s", store=store, results=tmp_path, workload=today)
    assert facts.differences == differences
    if change in ("another type", "an option removed"):
        assert importance(facts.trials, facts.workload.space, metric="loss").rows


def test_trials_of_an_older_version_are_read_without_what_had_no_effect(tmp_path):
    """Such a study drew what a rule overrode, and never drew what stood before its parent."""
    rules = [hs.Rule(when={"method": "any"}, set={"lr": 0.01}, why="it needs that")]
    today = workload(rules)
    definition = open_study(tmp_path, today, method="random").definition
    old = Definition.from_json({**definition.to_json(), "space": {}})
    store = Store(tmp_path / "old.db")
    row = store.create("old", "changing", old.to_json(), {})
    store.add_trial(row.key, 0, {"method": "any", "lr": 0.05}, 0.0)
    store.add_trial(row.key, 1, {"method": "best", "lr": 0.05}, 0.0)
    read = [t.parameters for t in Study.look(today, "old", store=store).trials]
    assert read == [{"method": "any"}, {"method": "best", "size": 6, "lr": 0.05}]


def test_a_space_that_no_longer_fits_at_all_still_shows_what_was_drawn(tmp_path):
    today = workload(
        method=hs.Choice(["new"]), size=hs.Int(2, 9),
        half=hs.Derived(lambda c: {"new": 1}[c["method"]], why="a table"),
    )  # fmt: skip
    made = open_study(tmp_path, workload(), method="random")
    drive(made, 4, lambda config: config.lr)
    read = as_searched(today, made.definition)
    assert [t.parameters for t in read.read(made.trials)] == [t.parameters for t in made.trials]
    assert isinstance(read.search_space, SearchSpace)
