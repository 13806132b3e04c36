"""A search finds, confirms, survives what trials do, and goes on where it stopped."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest
from tests.search.loops import broken, minefield, slow, three, two_aims, valley

import homeostat as hs
from homeostat.cli.main import main
from homeostat.errors import RecordError, StudyError, WorkloadError
from homeostat.record import seeds
from homeostat.record.outcome import Outcome
from homeostat.record.runs import read_run
from homeostat.search.optimise import Confirming, Told
from homeostat.search.search import read, resume
from homeostat.study.store import Store


def test_it_finds_the_valley_and_says_what_to_expect(tmp_path):
    found = hs.search(valley, 40, method="tpe", results=tmp_path, study="v", confirm=6)
    best = found.best
    assert (best.config.x - 0.7) ** 2 + (best.config.y - 0.2) ** 2 < 0.02
    assert best.confirmed.n == best.default.n == 6
    assert set(best.confirmed.values) == set(seeds.fresh(6))
    assert best.overrides == {"x": best.config.x, "y": best.config.y}
    # The default is 0.13 worse; the noise that both share would hide it, pairing does not.
    assert best.gain.mean == pytest.approx(0.13, abs=0.08)
    assert best.gain.low > 0
    again = hs.run(valley, best.config, seeds=seeds.fresh(6), results=tmp_path)
    assert again.values() == best.confirmed.values


def test_the_best_of_noisy_trials_is_lucky_and_its_confirmation_is_not(tmp_path):
    """Configurations differ by noise alone: the winner looks good and is not."""

    @hs.workload(space=hs.Space(x=hs.Float(0, 1)), metric="m", goal="maximize", budget=1)
    def noise(config, trial):
        yield hs.Report(0, m=trial.rng(f"{config.x}").normal())

    found = hs.search(noise, 60, method="random", results=tmp_path, confirm=10)
    assert max(t.values["m"] for t in found.trials) > 1.3
    assert found.best.confirmed.n == 10
    assert abs(found.best.confirmed.mean) < 3 / math.sqrt(10)


def test_the_printed_command_reruns_the_best(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    best = hs.search(three, 12, method="random", study="t").best
    assert best.config.kind == "b"
    assert best.command.startswith("homeostat run ")
    words = [*best.command.split()[1:], "--json"]
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code in (0, None)
    assert json.loads(capsys.readouterr().out)["value"] == best.value


def test_each_way_to_fail_is_named_and_the_search_goes_on(tmp_path):
    found = hs.search(
        minefield,
        24,
        method="sobol",
        seed=1,
        results=tmp_path,
        study="mines",
        engine="local",
        jobs=2,
        timeout_s=1.5,
        confirm=False,
    )
    outcomes = {Outcome.COMPLETED, Outcome.DIVERGED, Outcome.FAILED, Outcome.TIMEOUT}
    assert set(found.outcomes) == outcomes
    assert sum(found.outcomes.values()) == 24
    reasons = " ".join(t.reason for t in found.trials)
    for words in ("too far right", "loss", "not a number", "1.5 s"):
        assert words in reasons
    failed = next(t for t in found.trials if "too far right" in t.reason)
    run = read_run(tmp_path / "studies" / "mines" / f"trial_{failed.number:04d}")
    assert "RuntimeError: too far right" in run.attempts[0].log
    assert found.best.value == min(
        t.values["loss"] for t in found.trials if t.outcome is Outcome.COMPLETED
    )


def test_parallel_searches_that_wait_are_repeatable(tmp_path):
    found = [
        hs.search(
            valley, 14, method="tpe", results=tmp_path, study=name, confirm=False,
            engine="local", jobs=2, deterministic=True,
        )
        for name in ("a", "b")
    ]  # fmt: skip
    rows = [[(t.number, t.parameters, t.values) for t in f.trials] for f in found]
    assert rows[0] == rows[1]


def test_an_engine_makes_no_difference_to_the_values(tmp_path):
    inline, local = (
        hs.search(valley, 4, method="random", results=tmp_path, study=e, engine=e, confirm=False)
        for e in ("inline", "local")
    )
    assert [t.values for t in inline.trials] == [t.values for t in local.trials]


def test_several_seeds_are_averaged_and_shared_by_all_trials(tmp_path):
    found = hs.search(valley, 5, method="random", results=tmp_path, seeds=3, confirm=False)
    for trial in found.trials:
        assert len(trial.per_seed["loss"]) == 3
        assert trial.values["loss"] == pytest.approx(sum(trial.per_seed["loss"]) / 3)
    first, second = (t.per_seed["loss"] for t in found.trials[:2])
    gaps = [a - b for a, b in zip(first, second, strict=True)]
    assert max(gaps) - min(gaps) < 0.15  # the seeds' own 0.1 has cancelled


def test_a_search_goes_on_to_more_trials_and_repeats_none(tmp_path):
    made = []

    def note(event):
        if isinstance(event, Told):
            made.append(event.trial.number)

    hs.search(valley, 5, method="tpe", results=tmp_path, study="v", on_event=note)
    longer = hs.search(valley, 12, results=tmp_path, study="v", on_event=note)
    assert made == list(range(12))
    whole = hs.search(valley, 12, method="tpe", results=tmp_path, study="whole")
    assert [t.parameters for t in longer.trials] == [t.parameters for t in whole.trials]
    assert longer.best.config == whole.best.config
    done = resume("v", results=tmp_path, on_event=note)  # as last driven: nothing left
    assert len(made) == 12
    assert done.best.confirmed == longer.best.confirmed
    assert read("v", results=tmp_path).to_json()["best"] == done.to_json()["best"]


def test_a_loop_that_always_raises_ends_the_search_early(tmp_path):
    found = hs.search(broken, 50, method="random", results=tmp_path)
    assert len(found.trials) == 10
    assert found.best is None
    assert "no data" in found.notes[0]
    assert found.verdict.lines == ("No winner: none of 10 trials completed (10 failed).",)


def test_a_budget_of_seconds_is_kept_confirmation_included(tmp_path):
    events = []
    found = hs.search(
        slow, 1000, method="random", results=tmp_path, budget_s=4.0, on_event=events.append
    )
    assert 3 <= len(found.trials) < 20
    assert found.best.confirmed is not None or "No time" in " ".join(found.notes)
    assert any(isinstance(event, Confirming) for event in events)


def test_several_objectives_are_searched(tmp_path):
    found = hs.search(two_aims, 15, method="tpe", results=tmp_path, confirm=False)
    assert found.best.value == max(t.values["up"] for t in found.trials)
    assert all(t.values.keys() == {"up", "down"} for t in found.trials)


def test_a_trial_s_run_can_be_read_compared_and_resumed_like_any_other(tmp_path):
    found = hs.search(valley, 3, method="random", results=tmp_path, study="v", confirm=False)
    run = hs.resume(tmp_path / "studies" / "v" / "trial_0002")
    assert (run.facts["study"], run.facts["trial"]) == ("v", 2)
    assert run.mean == found.trials[2].values["loss"]
    assert run.given == found.trials[2].parameters


def test_a_named_configuration_is_a_start(tmp_path):
    (tmp_path / "left.yaml").write_text("parameters: {x: 0.1}\nbudget: 2\n")
    found = hs.search(
        valley,
        2,
        results=tmp_path,
        start=tmp_path / "left.yaml",
        confirm=False,
        method="random",
        study="s",
    )
    assert found.trials[0].parameters == {"x": 0.1, "y": 0.5}
    assert read_run(tmp_path / "studies" / "s" / "trial_0001").budget == 2


def test_curves_are_kept_in_the_store(tmp_path):
    hs.search(valley, 2, method="random", results=tmp_path, study="v", seeds=2, confirm=False)
    store = Store(tmp_path / "studies.db")
    points = store.points(store.study("v").key)
    assert {p.seed for p in points[1]} == {42, 123}
    assert [p.step for p in points[1] if p.seed == 42] == [0, 1, 2, 3]


CTRL_C = """
import os, signal, sys
import homeostat as hs
from homeostat.search.optimise import Told
from tests.search.loops import slow

def press(event):
    if isinstance(event, Told) and event.trial.number == 2:
        os.kill(os.getpid(), signal.SIGINT)

found = hs.search(slow, 6, method="tpe", results=sys.argv[1], study="s", confirm=False,
                  engine=sys.argv[2], on_event=press)
print(found.interrupted, len(found.outcomes), found.outcomes)
"""


@pytest.mark.parametrize("engine", ["inline", "local"])
def test_ctrl_c_keeps_everything_and_the_study_goes_on(tmp_path, engine):
    command = [sys.executable, "-c", CTRL_C, str(tmp_path), engine]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("True")
    found = resume("s", results=tmp_path)
    assert [t.outcome for t in found.trials] == [Outcome.COMPLETED] * 6
    whole = hs.search(slow, 6, method="tpe", results=tmp_path, study="w", confirm=False)
    assert [(t.parameters, t.values) for t in found.trials] == [
        (t.parameters, t.values) for t in whole.trials
    ]


def test_changed_code_is_told(tmp_path):
    file = tmp_path / "mine.py"
    source = (
        "import homeostat as hs\n"
        + """
@hs.workload(space=hs.Space(x=hs.Float(0, 1)), metric="m", goal="minimize", budget=1)
def mine(config, trial):
    yield hs.Report(0, m=config.x)
"""
    )
    file.write_text(source)
    first = hs.search(str(file), 2, results=tmp_path, study="s", confirm=False, method="random")
    assert first.notes == ()
    file.write_text(source + "# changed\n")
    assert "has changed since" in resume("s", results=tmp_path).notes[0]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"trials": 0}, "trials must be a whole number from 1"),
        ({"jobs": 0}, "jobs must be a whole number from 1"),
        ({"budget_s": -1}, "budget_s must be above 0"),
        ({"engine": "locl"}, "Did you mean 'local'?"),
        ({"study": "../up"}, "cannot be a study's name"),
        ({"seeds": 0}, "seeds must be at least 1"),
        ({"budget": 0}, "budget must be a whole number of steps from 1"),
    ],
)
def test_mistakes_are_one_line(tmp_path, settings, sentence):
    with pytest.raises(hs.errors.HomeostatError) as error:
        hs.search(valley, results=tmp_path, **settings)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "studies.db").exists() or Store(tmp_path / "studies.db").names() == []


def test_a_study_made_in_a_notebook_needs_its_workload(tmp_path):
    @hs.workload(space=hs.Space(x=hs.Float(0, 1)), metric="m", goal="minimize", budget=1)
    def local(config, trial):
        yield hs.Report(0, m=config.x)

    hs.search(local, 2, results=tmp_path, study="n", confirm=False, method="random")
    with pytest.raises(WorkloadError, match="made inside a function"):
        hs.search(local, 2, results=tmp_path, study="other", engine="local")
    with pytest.raises(StudyError, match=r"hs\.search\(workload, study='n'\)"):
        resume("n", results=tmp_path)
    assert len(resume("n", workload=local, results=tmp_path).trials) == 2


def test_a_results_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match="there is a file of that name"):
        hs.search(valley, 2, results=tmp_path / "file")
