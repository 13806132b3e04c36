"""What every engine promises of attempts that it may make side by side in one process.

Whether it does is its own matter: inline and local do, Ray gives each attempt a worker of its own.
"""

from pathlib import Path

import psutil
import pytest
from tests.contracts.test_engines import engines, make

from homeostat.execute import Finished, Job, Reported, make_engine
from homeostat.execute.loop.side_by_side import MOST
from homeostat.record import Outcome
from homeostat.record.attempt import SNAPSHOT
from homeostat.workload import load

LOOPS = Path(__file__).parent.parent / "execute" / "loops.py"
ALIKE = load.find(f"{LOOPS}:alike")


def job(folder, *, seed=1, budget=20, config=None, **options):
    config = ALIKE.space.resolve(config)
    return Job(workload=ALIKE, config=config, seed=seed, budget=budget, folder=folder, **options)


def curve(attempt):
    return (attempt.folder / "curves.csv").read_bytes()


def alone(tmp_path, **options):
    """What such an attempt comes to without any other beside it."""
    _, [attempt] = make("inline", job(tmp_path / "alone", **options))
    assert attempt.extra["most"] == 1
    return curve(attempt)


@engines
def test_an_attempt_gives_the_same_curve_side_by_side_as_alone(engine_name, tmp_path):
    jobs = [job(tmp_path / str(n), seed=n, config={"lr": 0.1 / (n + 1)}) for n in range(4)]
    events, attempts = make(engine_name, *jobs)
    assert {attempt.outcome for attempt in attempts} == {Outcome.COMPLETED}
    for n, attempt in enumerate(attempts):
        assert curve(attempt) == alone(tmp_path, seed=n, config={"lr": 0.1 / (n + 1)})
        own = [e.report.step for e in events if isinstance(e, Reported) and e.job is jobs[n]]
        assert own == list(range(20))
        if engine_name != "inline":
            assert attempt.log.splitlines() == [f"step {s} of seed {n}" for s in range(20)]
    assert {attempt.extra["most"] for attempt in attempts} == {1 if engine_name == "ray" else 4}


TROUBLE = {
    "nan": (Outcome.DIVERGED, "loss was nan at step 5"),
    "raises": (Outcome.FAILED, "ValueError: on its own (loops.py:"),
    "raises together": (Outcome.FAILED, "ValueError: this one cannot walk (loops.py:"),
    "slow": (Outcome.TIMEOUT, "ran longer than its 0.5 s"),
}


@engines
def test_trouble_of_one_does_not_disturb_the_others(engine_name, tmp_path):
    limits = {"slow": 0.5}  # the others' own is far off, however busy the machine is
    bad = [
        job(tmp_path / name, config={"trouble": name}, timeout_s=limits.get(name, 60.0))
        for name in TROUBLE
    ]
    good = [job(tmp_path / str(n), seed=n, timeout_s=60.0) for n in range(3)]
    _, attempts = make(engine_name, good[0], *bad, *good[1:])
    for attempt, (outcome, reason) in zip(attempts[1:5], TROUBLE.values(), strict=True):
        assert attempt.outcome is outcome, attempt
        assert reason in attempt.reason, attempt
    for n, attempt in enumerate([attempts[0], *attempts[5:]]):
        assert attempt.outcome is Outcome.COMPLETED, attempt
        assert curve(attempt) == alone(tmp_path, seed=n)


@engines
def test_each_is_pruned_by_its_own_answer(engine_name, tmp_path):
    rungs = frozenset({4, 9})
    jobs = [job(tmp_path / str(n), seed=n, rungs=rungs) for n in range(3)]
    pruned_at = {jobs[0]: 9, jobs[2]: 4}
    _, attempts = make(engine_name, *jobs, answers=lambda e: pruned_at.get(e.job) != e.report.step)
    assert [a.outcome for a in attempts] == [Outcome.PRUNED, Outcome.COMPLETED, Outcome.PRUNED]
    assert [a.last_step for a in attempts] == [9, 19, 4]
    assert curve(attempts[1]) == alone(tmp_path, seed=1)


@engines
@pytest.mark.parametrize("again", ["alone", "together"])
def test_what_was_stopped_side_by_side_is_resumed_alone_or_together(engine_name, again, tmp_path):
    config = {"pause_s": 0.01}
    jobs = [job(tmp_path / str(n), seed=n, budget=60, config=config) for n in range(3)]
    with make_engine(engine_name) as engine:
        for each in jobs:
            engine.submit(each)
        for event in engine.events():
            if isinstance(event, Reported) and event.report.step == 8:
                engine._interrupt.request()
            if isinstance(event, Finished):
                assert event.attempt.outcome is Outcome.INTERRUPTED
    stopped = [each for each in jobs if (each.folder / SNAPSHOT).exists()]
    assert len(stopped) >= 1
    rest = [job(tmp_path / str(n), seed=n, budget=60, config=config, resume=True) for n in range(3)]
    if again == "together":
        _, attempts = make(engine_name, *rest)
    else:
        attempts = [make(engine_name, each)[1][0] for each in rest]
    for n, attempt in enumerate(attempts):
        assert attempt.outcome is Outcome.COMPLETED
        assert not any("does not repeat" in note for note in attempt.notes)
        assert curve(attempt) == alone(tmp_path, seed=n, budget=60, config=config)
    assert attempts[0].notes[0].startswith("Resumed from the snapshot before step")


@engines
def test_time_others_took_is_not_the_attempts_own(engine_name, tmp_path):
    jobs = [job(tmp_path / str(n), seed=n, config={"pause_s": 0.03}) for n in range(4)]
    _, attempts = make(engine_name, *jobs)
    expected = 0.6 if engine_name == "ray" else 0.15  # each step's pause is shared by four
    for attempt in attempts:
        assert expected <= attempt.wall_s < expected + 0.3


@pytest.mark.parametrize("engine_name", ["inline", "local"])
def test_only_what_is_alike_is_made_side_by_side(engine_name, tmp_path):
    limit = psutil.Process().memory_info().rss / 2**20 + 2000
    jobs = [
        *(job(tmp_path / f"a{n}", config={"kind": "a"}) for n in range(2)),
        *(job(tmp_path / f"b{n}", config={"kind": "b"}) for n in range(3)),
        *(job(tmp_path / f"s{n}", config={"kind": "single"}) for n in range(2)),
        *(job(tmp_path / f"m{n}", memory_mb=limit) for n in range(2)),
        *(job(tmp_path / f"l{n}", budget=19) for n in range(2)),
    ]
    _, attempts = make(engine_name, *jobs)
    assert [a.extra["most"] for a in attempts] == [2, 2, 3, 3, 3, 1, 1, 1, 1, 2, 2]


@pytest.mark.parametrize(("jobs", "most"), [(1, [MOST] * 8 + [3] * 3), (2, [6] * 6 + [5] * 5)])
def test_a_group_leaves_work_for_the_other_workers(jobs, most, tmp_path):
    eleven = [job(tmp_path / str(n), seed=n) for n in range(11)]
    _, attempts = make("local", *eleven, slots=jobs)
    assert [attempt.extra["most"] for attempt in attempts] == most
