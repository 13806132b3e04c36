"""Run: what is kept of it, how it is named, found again, and what is refused."""

import json
import math
import time
from pathlib import Path

import pytest

import homeostat as hs
from homeostat.errors import HomeostatError, RecordError, SpaceError, UnknownNameError
from homeostat.execute import Finished, run
from homeostat.record import Outcome, find_run, list_runs, read_run

LOOPS = Path(__file__).parent / "loops.py"


def test_a_run_reads_back_as_it_was_returned(tmp_path):
    record = run(f"{LOOPS}:noisy", {"lr": 0.2}, seeds=3, results=tmp_path)
    again = read_run(record.folder)
    assert again.attempts == record.attempts
    assert again.facts == json.loads((record.folder / "run.json").read_text())
    assert again.outcome is record.outcome is Outcome.COMPLETED
    assert again.values() == record.values()
    assert again.config == {"lr": 0.2, "pause_s": 0.0}
    assert again.given == {"lr": 0.2}
    assert (again.workload, again.metric, again.goal) == ("noisy", "loss", "minimize")
    assert again.seeds == (42, 123, 456)
    assert list(again.values()) == [42, 123, 456]
    assert again.mean == pytest.approx(sum(again.values().values()) / 3)
    assert again.sd > 0
    assert repr(again).endswith("over 3 of 3 seeds>")


def test_the_summary_says_what_a_person_wants_to_know(tmp_path):
    record = run(f"{LOOPS}:noisy", seeds=[5], budget=7, results=tmp_path)
    facts = json.loads((record.folder / "run.json").read_text())
    assert facts["outcome"] == "completed"
    assert facts["value"] == record.mean == record.values()[5]
    assert facts["budget"] == 7
    assert facts["seeds"] == [5]
    assert facts["reference"] == f"{LOOPS}:noisy"
    fingerprint = facts["fingerprint"]
    assert fingerprint["homeostat"] == hs.__version__
    assert fingerprint["code"].startswith("own-")  # of the workload's own modules
    assert len(fingerprint["code"].removeprefix("own-")) == len(fingerprint["config"]) == 16
    assert {"python", "numpy", "torch", "machine", "commit"} <= fingerprint.keys()


def test_a_diverged_seed_has_no_value_and_names_the_run(tmp_path):
    record = run(f"{LOOPS}:returns_nan", seeds=2, results=tmp_path)
    assert record.outcome is Outcome.DIVERGED
    assert record.reason == "loss was nan at step 3; it must be a number"
    assert record.values() == {}
    assert math.isnan(record.mean)
    assert record.attempts[0].values == {"loss": 1.0}
    assert math.isnan(record.curves()[42]["loss"][-1])


def test_any_metric_has_its_last_values(tmp_path):
    record = run(f"{LOOPS}:grows", seeds=2, budget=3, results=tmp_path)
    assert record.values("grad_norm") == {42: 4.0, 123: 4.0}
    with pytest.raises(RecordError, match=r"has no metric 'grad_nrom'\.  Did you mean 'grad_norm'"):
        record.values("grad_nrom")


def test_folders_never_collide_and_name_the_moment(tmp_path):
    records = [run(f"{LOOPS}:silent", name="a/b c", results=tmp_path) for _ in range(12)]
    names = {record.folder.name for record in records}
    assert len(names) == 12
    now = time.strftime("a_b_c_%Y%m%d_")
    assert all(name.startswith(now) for name in names)
    # A process that has not made the others sees them too.
    from homeostat.record import run_writer

    run_writer._suffixes.clear()
    assert run(f"{LOOPS}:silent", name="a/b c", results=tmp_path).folder.name not in names


def test_runs_are_listed_and_found(tmp_path):
    first = run(f"{LOOPS}:noisy", results=tmp_path, name="one")
    second = run(f"{LOOPS}:noisy", results=tmp_path, name="two")
    (tmp_path / "studies").mkdir()
    assert [r.name for r in list_runs(tmp_path)] == [first.name, second.name]
    for text in (first.folder, first.name, "one", first.folder / "run.json"):
        assert find_run(text, tmp_path).folder == first.folder
    with pytest.raises(RecordError, match=r"No run 'onne'"):
        find_run("onne", tmp_path)
    with pytest.raises(RecordError, match="there are no runs in"):
        find_run("x", tmp_path / "nowhere")


def test_events_arrive_in_order(tmp_path):
    events = []
    run(f"{LOOPS}:noisy", seeds=2, results=tmp_path, on_event=events.append)
    assert [(e.job.seed, isinstance(e, Finished)) for e in events] == (
        [(42, False)] * 20 + [(42, True)] + [(123, False)] * 20 + [(123, True)]
    )


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        ({"seeds": 0}, SpaceError, "seeds must be at least 1"),
        ({"seeds": []}, SpaceError, "seeds must be how many or a list"),
        ({"seeds": [1, 1]}, SpaceError, "must differ"),
        ({"seeds": [-1]}, SpaceError, "whole number from 0"),
        ({"budget": 0}, SpaceError, "budget must be a whole number of steps from 1"),
        ({"engine": "lokal"}, UnknownNameError, "No engine 'lokal'.  Did you mean 'local'?"),
        ({"config": {"lrr": 1}}, HomeostatError, "Did you mean 'lr'?"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_written(
    arguments, error, told, tmp_path
):
    with pytest.raises(error) as refused:
        run(f"{LOOPS}:noisy", results=tmp_path, **arguments)
    assert told in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_a_folder_without_a_run_is_told(tmp_path):
    with pytest.raises(RecordError, match="No run in"):
        read_run(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(RecordError, match="Cannot read"):
        read_run(tmp_path)
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(RecordError, match="it is damaged"):
        read_run(tmp_path)


def test_artifacts_go_to_the_attempts_folder(tmp_path):
    @hs.workload(space=hs.Space(a=hs.Int(0, 3)), metric="loss", goal="minimize", budget=1)
    def leaves(config, trial):
        (trial.artifacts / "note.txt").write_text("hello")
        yield hs.Report(0, loss=0.0)

    record = run(leaves, results=tmp_path)
    assert (record.folder / "seed_42" / "artifacts" / "note.txt").read_text() == "hello"


def test_a_named_configuration_brings_its_budget_and_its_name(tmp_path):
    path = tmp_path / "quick.yaml"
    path.write_text("budget: 3\nparameters: {lr: 0.5}\n")
    record = run(f"{LOOPS}:noisy", path, results=tmp_path / "results")
    assert record.name.startswith("quick_")
    assert (record.budget, record.config["lr"]) == (3, 0.5)
    assert run(f"{LOOPS}:noisy", path, budget=2, results=tmp_path / "results").budget == 2
