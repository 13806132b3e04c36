"""Workers that die, hang and swell cost one attempt each, and leave nothing behind."""

import dataclasses
import os
import signal
import time
from pathlib import Path

import psutil
import pytest

import homeostat as hs
from homeostat.errors import WorkloadError
from homeostat.execute import Finished, Job, Reported, make_engine, run
from homeostat.execute.engines.local import Local
from homeostat.record import Outcome
from homeostat.workload import load

LOOPS = Path(__file__).parent / "loops.py"


def job(name, folder, **options):
    workload = load.find(f"{LOOPS}:{name}")
    return Job(
        workload=workload,
        config=workload.space.resolve(options.pop("config", None)),
        seed=42,
        budget=workload.budget,
        folder=folder,
        **options,
    )


def make(*jobs, slots=1):
    with Local(slots) as engine:
        for each in jobs:
            engine.submit(each)
        finished = {e.job: e.attempt for e in engine.events() if isinstance(e, Finished)}
    return [finished[each] for each in jobs]


def is_running(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def gone(pid, within_s=5.0):
    deadline = time.monotonic() + within_s
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_running(pid)


def workers():
    """Our own children; a Ray that other tests of this process have started is none of them."""
    children = psutil.Process().children()
    return [
        p
        for p in children
        if is_running(p.pid) and "homeostat.execute.engines.worker" in p.cmdline()
    ]


TROUBLE = {
    "dies": (Outcome.FAILED, "the worker process ended with exit code 17"),
    "crashes": (Outcome.FAILED, "the worker process was killed by SIGSEGV"),
    "hangs": (Outcome.TIMEOUT, "ran longer than its 0.4 s"),
}


@pytest.mark.parametrize("name", TROUBLE)
def test_a_lost_worker_costs_one_attempt(name, tmp_path):
    bad = job(name, tmp_path / "bad", timeout_s=0.4)
    attempts = make(job("noisy", tmp_path / "1"), bad, job("noisy", tmp_path / "2"))
    assert (attempts[1].outcome, attempts[1].reason) == TROUBLE[name]
    assert (attempts[1].num_reports, attempts[1].values) == (1, {"loss": 1.0})
    assert attempts[1].wall_s > 0
    assert [attempts[i].outcome for i in (0, 2)] == [Outcome.COMPLETED] * 2
    assert attempts[0].curves.rows == attempts[2].curves.rows
    assert not workers()


def test_what_a_crash_printed_is_kept(tmp_path):
    dies, crashes = make(job("dies", tmp_path / "dies"), job("crashes", tmp_path / "crashes"))
    assert dies.log == "about to die\n"
    assert "Segmentation fault" in crashes.log
    assert "loops.py" in crashes.log


def test_everything_printed_goes_to_the_log(tmp_path):
    [attempt] = make(job("prints", tmp_path / "a"))
    assert attempt.log.splitlines() == ["from Python", "an error", "from C", "from a child"]


def test_a_quiet_attempt_has_no_log(tmp_path):
    [attempt] = make(job("noisy", tmp_path / "a"))
    assert sorted(path.name for path in attempt.folder.iterdir()) == ["attempt.json", "curves.csv"]


@pytest.mark.parametrize(
    ("name", "outcome"),
    [("hangs_with_children", Outcome.TIMEOUT), ("dies_with_children", Outcome.FAILED)],
)
def test_what_a_lost_worker_had_started_is_killed_with_it(name, outcome, tmp_path):
    [attempt] = make(job(name, tmp_path / "a", timeout_s=1.0))
    assert attempt.outcome is outcome
    assert gone(int((tmp_path / "a" / "artifacts" / "child").read_text()))


def kill_worker_of(event):
    os.kill(hs.record.files.read_json(event.job.folder / "attempt.json")["pid"], signal.SIGKILL)


def test_an_attempt_whose_worker_is_killed_goes_on_in_another(tmp_path):
    config = {"pause_s": 0.02}
    jobs = [job("noisy", tmp_path / str(n), config=config, snapshot_s=0.05) for n in range(4)]
    with Local(2) as engine:
        for each in jobs:
            engine.submit(each)
        killed = None
        attempts = {}
        for event in engine.events():
            if isinstance(event, Reported) and event.report.step == 8 and killed is None:
                killed = event.job
                kill_worker_of(event)
            if isinstance(event, Finished):
                attempts[event.job] = event.attempt
    assert [attempts[each].outcome for each in jobs] == [Outcome.COMPLETED] * 4
    assert attempts[killed].notes[0].startswith("Resumed from the snapshot before step")
    curves = {(each.folder / "curves.csv").read_bytes() for each in jobs}
    assert len(curves) == 1  # the same seed, killed or not


def test_an_attempt_whose_worker_is_killed_again_and_again_has_failed(tmp_path):
    each = job("slow", tmp_path / "a")
    with Local() as engine:
        engine.submit(each)
        dead = []
        for event in engine.events():
            if isinstance(event, Reported) and engine._busy[0] not in dead:
                dead.append(engine._busy[0])
                kill_worker_of(event)
    assert (event.attempt.outcome, len(dead)) == (Outcome.FAILED, 3)
    reason = "the worker process was killed by SIGKILL (out of memory, perhaps), 3 times"
    assert event.attempt.reason == reason
    assert event.attempt.num_reports >= 1


def test_an_attempt_in_progress_is_interrupted_when_the_engine_closes(tmp_path):
    with Local(1) as engine:
        engine.submit(job("slow", tmp_path / "a"))
        next(engine.events())
        [worker] = workers()
    assert gone(worker.pid)
    attempt = hs.record.read_attempt(tmp_path / "a")
    assert (attempt.outcome, attempt.reason) == (Outcome.INTERRUPTED, "its driver was closed")


def test_a_worker_is_kept_for_the_next_attempt(tmp_path):
    pids = set()
    with Local(1) as engine:
        for number in range(3):
            engine.submit(job("noisy", tmp_path / str(number)))
        for _ in engine.events():
            pids |= {worker.pid for worker in workers()}
    assert len(pids) == 1


def test_jobs_run_side_by_side(tmp_path):
    seen = []
    with Local(2) as engine:
        for number in range(2):
            engine.submit(job("noisy", tmp_path / str(number), config={"pause_s": 0.03}))
        for event in engine.events():
            seen.append(event.job.folder.name)
    last = {name: len(seen) - 1 - seen[::-1].index(name) for name in ("0", "1")}
    assert max(seen.index("0"), seen.index("1")) < min(last.values())


def test_a_workload_that_cannot_be_loaded_elsewhere_is_refused_at_once(tmp_path):
    @hs.workload(space=hs.Space(a=hs.Int(0, 3)), metric="loss", goal="minimize", budget=1)
    def here(config, trial):
        yield hs.Report(0, loss=0.0)

    with pytest.raises(WorkloadError, match=r"cannot be loaded by another process.*inline"):
        run(here, engine="local", results=tmp_path)


def test_a_file_that_changes_under_way_is_noticed(tmp_path):
    source = tmp_path / "mine.py"
    source.write_bytes(LOOPS.read_bytes())
    workload = load.find(f"{source}:noisy")
    each = Job(
        workload=workload,
        config=workload.space.resolve(None),
        seed=42,
        budget=3,
        folder=tmp_path / "a",
    )
    with make_engine("local") as engine:
        engine.submit(each)
        source.write_text(source.read_text() + "\n# another version\n")
        [event] = engine.events()
    assert event.attempt.outcome is Outcome.FAILED
    assert "was changed since this work started" in event.attempt.reason


SIDE_BY_SIDE = {
    "crashes": (Outcome.FAILED, "the worker process was killed by SIGSEGV"),
    "hangs": (Outcome.TIMEOUT, "ran longer than its 0.4 s"),
}


@pytest.mark.parametrize("trouble", SIDE_BY_SIDE)
def test_attempts_beside_one_that_takes_their_worker_down_go_on_elsewhere(trouble, tmp_path):
    bad = job("alike", tmp_path / "bad", config={"trouble": trouble}, timeout_s=0.4)
    kept = {"workload": bad.workload, "config": bad.workload.space.resolve(None)}
    same = kept | {"seed": 42, "budget": 20, "timeout_s": 0.4}
    good = [Job(folder=tmp_path / str(n), **same) for n in range(2)]
    attempts = make(good[0], bad, good[1])
    assert (attempts[1].outcome, attempts[1].reason) == SIDE_BY_SIDE[trouble]
    assert [attempts[i].outcome for i in (0, 2)] == [Outcome.COMPLETED] * 2
    assert attempts[0].curves.rows == attempts[2].curves.rows
    assert len(attempts[0].curves.rows) == 20
    assert not workers()


def test_attempts_side_by_side_go_on_when_their_worker_is_killed(tmp_path):
    first = job("alike", tmp_path / "0", config={"pause_s": 0.02}, snapshot_s=0.05)
    jobs = [first, *(dataclasses.replace(first, folder=tmp_path / str(n)) for n in (1, 2))]
    killed = False
    attempts = []
    with Local(1) as engine:
        for each in jobs:
            engine.submit(each)
        for event in engine.events():
            if isinstance(event, Reported) and event.report.step == 12 and not killed:
                killed = True
                kill_worker_of(event)
            if isinstance(event, Finished):
                attempts.append(event.attempt)
    assert [attempt.outcome for attempt in attempts] == [Outcome.COMPLETED] * 3
    assert all(attempt.notes[0].startswith("Resumed from the") for attempt in attempts)
    assert len({(each.folder / "curves.csv").read_bytes() for each in jobs}) == 1
