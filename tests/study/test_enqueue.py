"""A configuration that somebody wants tried is the next trial, and learned from like the others."""

from __future__ import annotations

import pytest
from tests.search.problems import MIXED, drive, mixed, mixed_loss, open_study, sequence

import homeostat as hs
from homeostat.errors import SpaceError, UnknownNameError


def test_it_is_the_next_trial_after_the_default(tmp_path):
    study = open_study(tmp_path, method="tpe")
    told = study.enqueue({"optimizer": "sgd", "momentum": 0.5})
    assert told == "Trial 1 is what was to be tried."
    assert study.enqueue({"width": 3}) == "Trial 2 is what was to be tried."
    specs = [study.ask() for _ in range(3)]
    assert specs[0].config == MIXED.resolve()
    assert specs[1].config == MIXED.resolve({"optimizer": "sgd", "momentum": 0.5})
    assert specs[2].config == MIXED.resolve({"width": 3})
    assert study.ask().number == 3


def test_what_was_tried_is_not_tried_again(tmp_path):
    study = open_study(tmp_path, method="random")
    drive(study, 3, mixed_loss)
    known = dict(study.trials[2].parameters)
    assert study.enqueue(known) == "What was to be tried is trial 2 already."
    assert study.enqueue({}) == "What was to be tried is trial 0 already."
    assert len(study.trials) == 3


def test_the_sequence_after_it_does_not_depend_on_interruptions(tmp_path):
    found = []
    for name, stops in (("whole", (40,)), ("parts", (3, 12, 40))):
        for part, stop in enumerate(stops):
            study = open_study(tmp_path, name=name, method="tpe")
            if part == 0:
                study.enqueue({"depth": 3, "width": 2})
            drive(study, stop, mixed_loss)
        found.append(sequence(study))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"widht": 3}, "No parameter 'widht'"),
        ({"width": 999}, "width: 999 is outside 1..64"),
        ({"width": 3}, "width is not searched in study 's'"),
        ({"momentum": 0.5}, "momentum has no effect there. momentum: 0.5 is not used, because"),
    ],
)
def test_what_cannot_be_tried_is_refused(values, sentence, tmp_path):
    study = open_study(tmp_path, mixed, method="random", names=["optimizer", "momentum", "lr"],
                       start={"optimizer": "adam"})  # fmt: skip
    with pytest.raises((SpaceError, UnknownNameError), match=sentence):
        study.enqueue(values)
    assert not study.trials


def test_a_search_tries_it_and_says_which_trial_it_is(tmp_path):
    found = hs.search(mixed, 4, method="random", results=tmp_path, confirm=False,
                      enqueue=[{"depth": 1, "width": 1}])  # fmt: skip
    assert found.trials[1].parameters["depth"] == found.trials[1].parameters["width"] == 1
    assert "Trial 1 is what was to be tried." in found.notes
