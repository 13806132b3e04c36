"""Several drivers of one study: nothing is made twice, and all learn from all."""

from __future__ import annotations

import pytest
from tests.search.loops import valley
from tests.search.problems import drive, mixed, mixed_loss, open_study, sequence

import homeostat as hs
from homeostat.errors import StudyLockedError
from homeostat.record.liveness import owner
from homeostat.record.outcome import Outcome
from homeostat.sample.samplers import SAMPLERS
from homeostat.search.optimise import Told
from homeostat.study import store as store_module
from homeostat.study.database import ServerGone, patient


def finish(study, spec):
    return study.tell(spec.number, Outcome.COMPLETED, {"loss": [mixed_loss(spec.config)]})


@pytest.mark.parametrize("method", [m for m in SAMPLERS if m not in ("auto", "gp")])
def test_drivers_that_take_turns_draw_what_one_alone_would_have(method, tmp_path):
    alone = open_study(tmp_path, name="alone", method=method)
    drive(alone, 30, mixed_loss)
    drivers = [open_study(tmp_path, name="shared", method=method) for _ in range(3)]
    for number in range(30):
        study = drivers[number % 3]
        finish(study, study.ask())
    for study in drivers:
        study.refresh(at_once=True)
        assert sequence(study) == sequence(alone)


def test_what_others_have_told_is_heard_once(tmp_path):
    one, two = (open_study(tmp_path, method="random") for _ in range(2))
    told = finish(one, one.ask())
    running = one.ask()
    two.refresh()
    assert two.heard() == [told]
    assert two.heard() == []
    assert [t.outcome.final for t in two.trials] == [True, False]
    assert two.ask().number == 2  # what runs elsewhere is left alone
    finish(one, running)
    two.refresh()
    assert [t.number for t in two.heard()] == [1]
    assert not two.has_unfinished


def test_a_number_lost_to_another_is_drawn_anew_under_the_next(tmp_path, monkeypatch):
    one, two = (open_study(tmp_path, method="tpe") for _ in range(2))
    drive(one, 15, mixed_loss)
    two.refresh()
    first = one.ask()
    assert first.number == 15
    assert two.try_ask() is None  # it had not looked in between
    assert two.try_ask().number == 16
    finish(one, first)
    two.refresh()
    assert two.trials[15].outcome is Outcome.COMPLETED


def test_what_a_dead_driver_left_is_taken_over_by_one_of_the_others(tmp_path, monkeypatch):
    dying, one, two = (open_study(tmp_path, method="random") for _ in range(3))
    left = [dying.ask() for _ in range(2)]
    one.refresh(at_once=True)
    assert not one.has_unfinished
    dying.close()
    taken = [one.ask(), two.ask()]
    assert [spec.number for spec in taken] == [0, 1]
    assert [spec.drawn for spec in taken] == [spec.drawn for spec in left]
    assert all(spec.resumed for spec in taken)
    # It was not dead, only slow: its word does not count any more.
    assert dying.tell(0, Outcome.COMPLETED, {"loss": [9.0]}).outcome is Outcome.RUNNING
    told = finish(one, taken[0])
    assert dying.store.trials(one.row.key)[0].values == told.values


def test_a_trial_drawn_while_the_answer_was_lost_is_made_by_who_drew_it(tmp_path, monkeypatch):
    """The server took the trial and went away before it could say so."""
    study = open_study(tmp_path, method="random")
    add = study.store.add_trial
    lose = [True]

    def added(*args, **more):
        key = add(*args, **more)
        if lose and lose.pop():
            raise ServerGone("gone")
        return key

    method = patient(lambda store, *args, **more: added(*args, **more))
    monkeypatch.setattr(
        study.store, "add_trial", lambda *args, **more: method(study.store, *args, **more)
    )
    spec = study.ask()
    assert (spec.number, spec.resumed) == (0, True)
    assert study.ask().number == 1
    assert [t.number for t in study.store.trials(study.row.key)] == [0, 1]


def test_the_total_is_kept_however_many_draw(tmp_path):
    """A second search joins in the middle of the first, in the same process."""
    inner = []

    def join(event):
        if isinstance(event, Told) and event.trial.number == 3:
            found = hs.search(valley, 12, study="s", results=tmp_path, confirm=False)
            inner.extend(found.trials)

    outer = hs.search(
        valley, 12, method="tpe", study="s", results=tmp_path, confirm=2, on_event=join
    )
    assert [t.number for t in outer.trials] == list(range(12))
    assert [t.number for t in inner] == list(range(12))
    assert outer.best.confirmed is not None


def test_a_deterministic_study_has_one_driver(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "owner", lambda: owner() | {"pid": 1})
    _first = open_study(tmp_path, method="random")  # it drives for as long as somebody has it
    with pytest.raises(StudyLockedError, match="a deterministic study has one driver"):
        open_study(tmp_path, mixed, alone=True)
