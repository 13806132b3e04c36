"""A study is changed as it goes on: trials stay as they acted, forgotten ones count nowhere."""

from __future__ import annotations

import json

import pytest
from tests.search.problems import MIXED, drive, mixed, mixed_loss, open_study, sequence

import homeostat as hs
from homeostat.cli.main import main
from homeostat.errors import SpaceError, StudyError, StudyLockedError, UnknownNameError
from homeostat.record.outcome import Outcome
from homeostat.search.decide import verdict_of
from homeostat.search.importance import importance
from homeostat.study.store import Store
from homeostat.study.study import Study


def narrow(high=0.5, **more):
    space = hs.Space(x=hs.Float(0.1, high, default=0.2), z=hs.Float(0.0, 1.0, default=0.7), **more)

    @hs.workload(space=space, metric="loss", goal="minimize", budget=1)
    def line(config, trial):
        yield hs.Report(0, loss=(config.x - 0.9) ** 2 + (config.z - 0.3) ** 2)

    return line


def change(folder, **changes):
    return hs.change("s", results=folder, **changes)


@pytest.mark.parametrize("method", ["auto", "random", "sobol", "tpe", "nsga2", "cmaes"])
def test_what_is_fixed_is_held_in_further_trials_and_freed_again(method, tmp_path):
    with open_study(tmp_path, method=method) as study:
        drive(study, 14, mixed_loss)
        before = sequence(study)
    assert change(tmp_path, fix={"optimizer": "adam", "depth": 5}) == (
        "After 14 trials optimizer is held at adam in further trials.",
        "After 14 trials depth is held at 5 in further trials.",
    )
    with open_study(tmp_path) as study:
        drive(study, 20, mixed_loss)
        assert sequence(study)[:14] == before
        later = [t.parameters for t in study.trials[14:]]
        assert all(p["optimizer"] == "adam" and p["depth"] == 5 for p in later)
        assert "After 14 trials depth is held at 5 in further trials." in study.notes
    change(tmp_path, free=["depth", "optimizer"])
    with open_study(tmp_path) as study:
        drive(study, 30, mixed_loss)
        assert {t.parameters["depth"] for t in study.trials[20:]} != {5}


@pytest.mark.parametrize("method", ["auto", "tpe"])
def test_what_is_forgotten_is_as_if_it_had_never_been_told(method, tmp_path):
    """Two studies that differ in the forgotten trials' results alone go on alike."""
    found, verdicts = [], []
    for name, lie in (("a", -50.0), ("b", 70.0)):
        folder = tmp_path / name
        with open_study(folder, method=method, wave=30) as study:
            specs = [study.ask() for _ in range(16)]
            for spec in specs:
                value = lie if spec.number in (3, 5) else mixed_loss(spec.config)
                study.tell(spec.number, Outcome.COMPLETED, {"loss": [value]})
        change(folder, forget=[3, 5])
        with open_study(folder) as study:
            drive(study, 34, mixed_loss)
            found.append(sequence(study))
            sampler = study._proposals._sampler
            knows = sampler._known.numbers() if method == "auto" else sampler._values
            assert {3, 5}.isdisjoint(knows) and len(knows) > 10
            verdict = verdict_of(study.row, study.trials).to_json()
            verdicts.append({k: verdict[k] for k in ("best_in_search", "completed", "lines")})
            assert {t.number for t in study.ranked()} == {*range(34)} - {3, 5}
            ranking = importance(study.trials, MIXED, metric="loss")
            assert str(len(study.ranked())) in ranking.sentence
    assert found[0] == found[1]
    assert verdicts[0] == verdicts[1]


def test_what_was_forgotten_is_tried_again_where_nothing_else_is_left(tmp_path):
    space = hs.Space(a=hs.Choice(["x", "y", "z", "w"]))

    @hs.workload(space=space, metric="loss", goal="minimize", budget=1)
    def four(config, trial):
        yield hs.Report(0, loss=float("xyzw".index(config.a)))

    first = hs.search(four, 9, study="s", results=tmp_path, confirm=False)
    assert len(first.trials) == 4
    change(tmp_path, forget=[2])
    again = hs.search(four, 9, study="s", results=tmp_path, confirm=False)
    assert [t.parameters for t in again.trials[4:]] == [dict(first.trials[2].parameters)]


def test_what_is_restored_is_as_if_it_had_never_been_forgotten(tmp_path):
    hs.search(mixed, 8, study="s", results=tmp_path, method="random")
    store = Store(tmp_path / "studies.db")

    def told():
        row = store.study("s")
        return verdict_of(row, store.trials(row.key))

    before = told()
    assert before.winner is not None
    change(tmp_path, forget=[before.leader.number])
    without = told()
    assert without.leader.number != before.leader.number
    assert without.winner is None and "forgotten or restored" in without.why
    change(tmp_path, restore=[before.leader.number])
    assert told().to_json() == before.to_json()
    again = hs.search(mixed, 8, study="s", results=tmp_path)
    assert again.verdict.to_json() == before.to_json()


def test_after_forgetting_the_search_makes_up_for_it_and_confirms_anew(tmp_path):
    first = hs.search(mixed, 6, study="s", results=tmp_path, method="random")
    change(tmp_path, forget=[first.verdict.leader.number])
    again = hs.search(mixed, 6, study="s", results=tmp_path)
    assert len(again.trials) == 7
    assert again.outcomes[Outcome.FORGOTTEN] == 1
    assert again.verdict.winner is not None
    assert again.verdict.winner.number != first.verdict.leader.number


def test_widened_ranges_carry_every_trial_and_are_searched(tmp_path):
    with open_study(tmp_path, narrow(), method="auto") as study:
        drive(study, 12, lambda c: (c["x"] - 0.9) ** 2)
        before = sequence(study)
    with pytest.raises(StudyError, match="homeostat change --study s"):
        open_study(tmp_path, narrow(1.0))
    told = change(tmp_path, workload=narrow(1.0), widen=True)
    assert told == ("After 12 trials x is searched in 0.1..1, not 0.1..0.5.",)
    with open_study(tmp_path, narrow(1.0)) as study:
        assert sequence(study) == before
        drive(study, 24, lambda c: (c["x"] - 0.9) ** 2)
        assert max(t.parameters["x"] for t in study.trials) > 0.8


def test_a_range_that_leaves_a_trial_out_is_refused_and_nothing_is_changed(tmp_path):
    with open_study(tmp_path, narrow(1.0), method="random") as study:
        drive(study, 12, lambda c: c["x"])
        kept = study.store.study("s").definition
    with pytest.raises(SpaceError, match=r"x was .* in trial \d+, which 0\.1\.\.0\.3 leaves out"):
        change(tmp_path, workload=narrow(0.3), widen=True, forget=[3])
    store = Store(tmp_path / "studies.db")
    assert store.study("s").definition == kept
    assert store.trials(store.study("s").key)[3].outcome is Outcome.COMPLETED


@pytest.mark.parametrize("how", ["left", "pinned", "new"])
def test_an_added_parameter_is_read_in_old_trials_as_it_acted(how, tmp_path):
    made = narrow()
    known = {"left": {"names": ["x"]}, "pinned": {"pins": {"z": 0.4}}, "new": {}}[how]
    acted = {"left": 0.7, "pinned": 0.4, "new": 0.25}[how]
    name = "w" if how == "new" else "z"
    with open_study(tmp_path, made, method="auto", **known) as study:
        drive(study, 12, lambda c: (c["x"] - 0.9) ** 2)
    now = narrow(w=hs.Float(0.0, 1.0, default=0.25)) if how == "new" else made
    [told] = change(tmp_path, workload=now, add=[name])
    assert told == (
        f"After 12 trials {name} is searched too, in 0..1; in earlier trials it was {acted}."
    )
    with open_study(tmp_path, now) as study:
        assert [t.parameters[name] for t in study.trials] == [acted] * 12
        assert all(study.config(t)[name] == acted for t in study.trials)
        drive(study, 26, lambda c: (c["x"] - 0.9) ** 2 + c[name])
        assert len({t.parameters[name] for t in study.trials[12:]}) > 2
        assert name in {r.name for r in importance(study.trials, now.space, metric="loss").rows}
    reread = Study.look(now, "s", store=Store(tmp_path / "studies.db"))
    assert reread.config(reread.trials[5])[name] == acted


@pytest.mark.parametrize(
    ("changes", "error", "sentence"),
    [
        ({"fix": {"widht": 3}}, UnknownNameError, "widht is not searched"),
        ({"fix": {"width": 999}}, SpaceError, "width: 999 is outside 1..64"),
        ({"free": ["width"]}, StudyError, "width is not held"),
        ({"forget": [9]}, UnknownNameError, "no trial 9"),
        ({"restore": [1]}, StudyError, "Trial 1 counts already"),
        ({}, StudyError, "Nothing of study 's' is to be changed"),
        ({"widen": True}, StudyError, "has the ranges that the study searches"),
        ({"add": ["lr"]}, StudyError, "lr is searched already"),
        ({"add": ["area"]}, UnknownNameError, "has no parameter 'area' to vary"),
    ],
)
def test_what_cannot_be_changed_is_refused_in_one_line(changes, error, sentence, tmp_path):
    with open_study(tmp_path, method="random") as study:
        drive(study, 3, mixed_loss)
    with pytest.raises(error, match=sentence):
        change(tmp_path, workload=mixed, **changes)


def test_a_study_that_is_driven_is_not_changed(tmp_path):
    with open_study(tmp_path, method="random") as study:
        drive(study, 2, mixed_loss)
        with pytest.raises(StudyLockedError, match="is being driven by process"):
            change(tmp_path, forget=[1])


def test_the_command_changes_it_and_status_and_pages_say_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    hs.search(mixed, 8, study="s", results="results", method="random", confirm=False)
    for command in ("change --study s --fix depth=3 --forget 2,4-5 --json", "status --study s",
                    "report --study s"):  # fmt: skip
        with pytest.raises(SystemExit) as ended:
            main(command.split())
        told = capsys.readouterr()
        assert ended.value.code == 0, told.err
        if "--json" in command:
            assert len(json.loads(told.out)["changes"]) == 2
        elif command.startswith("status"):
            assert "trials 2, 4, 5 count for nothing" in " ".join(told.out.split())
    page = (tmp_path / "results/studies/s/report.html").read_text()
    assert "3 forgotten" in page and "count for nothing" in page
