"""Resume: what was interrupted goes on, and ends with the curves of an uninterrupted run."""

import json
import math
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

import homeostat as hs
from homeostat.errors import RecordError
from homeostat.execute import Job, Reported, make_engine, resume, run
from homeostat.execute.loop import snapshots
from homeostat.record import Outcome, read_attempt, read_run
from homeostat.record.hold import Hold
from homeostat.record.snapshot import write_snapshot
from homeostat.workload import load

LOOPS = Path(__file__).parent / "loops.py"


def curves_of(record):
    return {a.seed: (a.folder / "curves.csv").read_bytes() for a in record.attempts}


class Enough(Exception):
    """The process is gone, as far as the run is concerned."""


def interrupted_run(name, step, results, *, seeds=1, snapshot_s=0.0, config=None):
    """A run left at a report, as by a crash of whoever drives it."""

    def leave(event):
        if isinstance(event, Reported) and event.report.step >= step:
            raise Enough

    with pytest.raises(Enough):
        run(
            f"{LOOPS}:{name}",
            {"pause_s": 0.06} | (config or {}),  # longer than reports are held back
            seeds=seeds,
            budget=8,
            results=results,
            snapshot_s=snapshot_s,
            on_event=leave,
        )
    [folder] = results.iterdir()
    return folder


@pytest.mark.parametrize("name", ["noisy", "lazy_torch", "plain"])
@pytest.mark.parametrize("step", [0, 3])
def test_a_resumed_run_ends_with_the_curves_of_an_uninterrupted_one(name, step, tmp_path):
    if name == "lazy_torch":
        pytest.importorskip("torch")
    whole = run(f"{LOOPS}:{name}", seeds=2, budget=8, results=tmp_path / "whole")
    folder = interrupted_run(name, step, tmp_path / "parts", seeds=2)
    left = read_run(folder)
    assert left.outcome is Outcome.INTERRUPTED
    assert len(left.attempts[0].curves) >= step + 1
    record = resume(folder)
    assert record.outcome is Outcome.COMPLETED
    assert curves_of(record) == curves_of(whole)
    assert record.values() == whole.values()
    resumed = any("Resumed from the snapshot" in note for note in record.attempts[0].notes)
    assert resumed == (name != "plain" and step > 0)
    assert read_run(folder).attempts == record.attempts


def test_the_time_of_all_parts_counts(tmp_path):
    workload = load.find(f"{LOOPS}:noisy")
    attempt_again(workload, tmp_path, keep_last=True)
    path = tmp_path / "attempt.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"crc32": None, "wall_s": 100.0}))
    _, second = attempt_again(workload, tmp_path)
    assert 100.0 < second.wall_s < 101.0


def test_finished_seeds_are_left_alone_and_a_finished_run_is_returned(tmp_path):
    done = run(f"{LOOPS}:noisy", seeds=2, results=tmp_path)
    before = {path: path.stat().st_mtime_ns for path in done.folder.rglob("*")}
    again = resume(done.folder)
    assert again.values() == done.values()
    assert {path: path.stat().st_mtime_ns for path in done.folder.rglob("*")} == before
    shutil.rmtree(done.folder / "seed_123")
    assert read_run(done.folder).outcome is Outcome.INTERRUPTED
    assert resume(done.folder).values() == done.values()
    assert (done.folder / "seed_42" / "curves.csv").stat().st_mtime_ns == before[
        done.folder / "seed_42" / "curves.csv"
    ]


def test_changed_code_is_refused_unless_forced(tmp_path):
    source = tmp_path / "mine.py"
    shutil.copy(LOOPS, source)
    record = run(f"{source}:noisy", results=tmp_path / "results")
    shutil.rmtree(record.folder / "seed_42")
    source.write_text(source.read_text() + "\n# changed\n")
    with pytest.raises(RecordError, match=r"mine\.py has changed since"):
        resume(record.folder)
    assert resume(record.folder, force=True).values() == record.values()


def test_a_run_that_lives_is_not_resumed(tmp_path):
    seen = []

    def try_to_resume(event):
        if isinstance(event, Reported) and not seen:
            [folder] = tmp_path.iterdir()
            with pytest.raises(RecordError, match=f"is running, in process {os.getpid()}"):
                resume(folder)
            seen.append(read_run(folder).outcome)

    run(f"{LOOPS}:noisy", {"pause_s": 0.01}, results=tmp_path, on_event=try_to_resume)
    assert seen == [Outcome.RUNNING]


def test_a_notebook_run_is_resumed_with_its_workload(tmp_path):
    @hs.workload(space=hs.Space(a=hs.Int(0, 3)), metric="loss", goal="minimize", budget=3)
    def local_one(config, trial):
        for step in trial.steps():
            yield hs.Report(step, loss=step)

    record = run(local_one, results=tmp_path)
    shutil.rmtree(record.folder / "seed_42")
    with pytest.raises(RecordError, match="notebook or a function"):
        resume(record.folder)
    assert resume(record.folder, workload=local_one).mean == 2.0


def attempt_again(workload, folder, **options):
    job = Job(
        workload=workload,
        config=workload.space.resolve(None),
        seed=42,
        budget=workload.budget,
        folder=folder,
        resume=True,
        **options,
    )
    with make_engine("inline") as engine:
        engine.submit(job)
        events = list(engine.events())
    return events, events[-1].attempt


def make_workload(loop, budget=8):
    space = hs.Space(a=hs.Int(0, 3))
    return hs.workload(space=space, metric="loss", goal="minimize", budget=budget)(loop)


def test_a_run_that_does_not_repeat_itself_is_told_and_keeps_its_first_rows(tmp_path):
    rng = np.random.default_rng()

    def unseeded(config, trial):
        for step in range(trial.budget):
            yield hs.Report(step, loss=rng.random())

    workload = make_workload(unseeded)
    _, first = attempt_again(workload, tmp_path)
    kept = first.curves.rows[:4]
    (tmp_path / "curves.csv").write_text(
        "".join((tmp_path / "curves.csv").read_text().splitlines(keepends=True)[:5])
    )
    events, second = attempt_again(workload, tmp_path)
    assert second.curves.rows[:4] == kept
    assert len(second.curves) == 8
    assert any("does not repeat itself: step 0" in note for note in second.notes)
    assert [event.repeated for event in events[:-1]] == [True] * 4 + [False] * 4


@pytest.mark.parametrize("change", ["wider", "renamed", "another object"])
def test_a_snapshot_of_another_model_is_told_and_started_over(change, tmp_path):
    torch = pytest.importorskip("torch")
    built = {"n": 0}

    def changing(config, trial):
        built["n"] += 1
        wide = 4 if change == "wider" and built["n"] > 1 else 3
        model = torch.nn.Linear(2, wide)
        if change == "renamed" and built["n"] > 1:
            trial.watch(net=model)
        else:
            trial.watch(model)
        if change == "another object" and built["n"] > 1:
            trial.keep("extra", [1])
        for step in trial.steps():
            yield hs.Report(step, loss=float(step))

    workload = make_workload(changing)
    attempt_again(workload, tmp_path, keep_last=True)
    _, second = attempt_again(workload, tmp_path)
    assert second.outcome is Outcome.COMPLETED
    assert second.notes[0].startswith("Started from the beginning: the snapshot does not fit:")
    assert built["n"] == 3


def test_damage_to_a_snapshot_is_told_and_started_over(tmp_path):
    workload = load.find(f"{LOOPS}:noisy")
    _, first = attempt_again(workload, tmp_path, keep_last=True)
    (tmp_path / "snapshot.npz").write_bytes(b"PK\x03\x04 no more")
    _, second = attempt_again(workload, tmp_path)
    assert second.values == first.values
    assert "the snapshot cannot be read" in second.notes[0]


def test_streams_first_used_inside_the_loop_are_restored_too(tmp_path):
    def late(config, trial):
        for step in trial.steps():
            value = trial.rng("early").random() if step < 4 else trial.rng("late").random()
            yield hs.Report(step, loss=value, more=trial.rng("both").random())

    workload = make_workload(late)
    whole, _ = attempt_again(workload, tmp_path / "whole")
    for stop in range(1, 8):
        folder = tmp_path / str(stop)
        part = make_workload(late, budget=stop)
        attempt_again(part, folder, keep_last=True)
        events, attempt = attempt_again(workload, folder)
        assert [e.report for e in events[:-1]] == [e.report for e in whole[stop:-1]]
        assert attempt.curves.rows == whole[-1].attempt.curves.rows


def test_snapshots_take_no_more_than_three_hundredths_of_the_time(tmp_path, monkeypatch):
    costs = []

    def timed(path, state):
        started = time.perf_counter()
        write_snapshot(path, state)
        costs.append(time.perf_counter() - started)

    monkeypatch.setattr(snapshots, "write_snapshot", timed)
    big = np.zeros(100_000)

    def heavy(config, trial):
        trial.keep("big", big)
        for step in trial.steps():
            time.sleep(0.005)
            yield hs.Report(step, loss=1.0)

    _, attempt = attempt_again(make_workload(heavy, budget=300), tmp_path, snapshot_s=0.0)
    assert len(costs) >= 2
    # The last one has its time still to come.
    assert sum(costs[:-1]) <= 0.03 * attempt.wall_s


def test_state_that_cannot_be_saved_is_told_and_training_goes_on(tmp_path):
    class Strange:
        def state_dict(self):
            return {"f": print}

        def load_state_dict(self, state):
            raise AssertionError("never saved")

    def strange(config, trial):
        trial.keep("strange", Strange())
        for step in trial.steps():
            yield hs.Report(step, loss=1.0)

    _, attempt = attempt_again(make_workload(strange), tmp_path, snapshot_s=0.0)
    assert attempt.outcome is Outcome.COMPLETED
    assert "No snapshot: A snapshot cannot hold state" in attempt.notes[0]
    assert "strange" in attempt.notes[0]


def test_a_run_whose_process_died_reads_as_interrupted(tmp_path):
    record = run(f"{LOOPS}:noisy", results=tmp_path)
    for path in (record.folder / "run.json", record.folder / "seed_42" / "attempt.json"):
        facts = json.loads(path.read_text()) | {"outcome": "running"}
        path.write_text(json.dumps(facts | {"crc32": None}))
    with Hold(record.folder), Hold(record.folder / "seed_42"):
        assert read_run(record.folder).outcome is Outcome.RUNNING
    assert read_run(record.folder).outcome is Outcome.INTERRUPTED
    assert read_attempt(record.folder / "seed_42").num_reports == 20


def test_snapshots_can_be_left_out(tmp_path):
    record = run(f"{LOOPS}:noisy", results=tmp_path, snapshot_s=math.inf)
    assert not list(record.folder.rglob("snapshot.npz"))


MIXED = """
import time
import homeostat as hs
from model import VALUE
@hs.workload(space=hs.Space(lr=hs.Float(0.1, 1.0)), metric="loss", goal="minimize", budget=6)
def mixed(config, trial):
    for step in trial.steps():
        time.sleep(0.06)
        yield hs.Report(step, loss=VALUE)
"""


@pytest.mark.parametrize("file", ["train.py", "model.py"])
def test_a_run_whose_own_code_changed_is_not_resumed_unless_somebody_insists(file, tmp_path):
    folder = tmp_path / "code"
    folder.mkdir()
    texts = {"train.py": MIXED, "model.py": "VALUE = 1\n"}
    for name, text in texts.items():
        (folder / name).write_text(text)

    def leave(event):
        if isinstance(event, Reported) and event.report.step >= 2:
            raise Enough

    with pytest.raises(Enough):
        run(folder / "train.py", results=tmp_path / "results", on_event=leave)
    [left] = (tmp_path / "results").iterdir()
    # A comment is enough: nobody can tell what a change does.
    (folder / file).write_text(texts[file] + "# changed\n")
    with pytest.raises(RecordError, match=f"{file} has changed since it began: the run would mix"):
        resume(left)
    record = resume(left, force=True)
    assert record.outcome is Outcome.COMPLETED
    assert record.facts["mixed"] == [f"Resumed although {file} has changed since."]
    assert read_run(left).facts["mixed"] == record.facts["mixed"]
