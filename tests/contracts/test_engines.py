"""What every engine promises, whichever makes the attempts."""

import time
from pathlib import Path

import psutil
import pytest
from tests.execute.cluster import needs_ray, needs_submitit

from homeostat.errors import RecordError
from homeostat.execute import ENGINES, Finished, Job, Reported, make_engine
from homeostat.record import Outcome, read_attempt, read_curves
from homeostat.workload import load

LOOPS = Path(__file__).parent.parent / "execute" / "loops.py"

engines = pytest.mark.parametrize(
    "engine_name",
    [
        "inline",
        "local",
        pytest.param("ray", marks=needs_ray),
        # Each test waits for a job to start; the fast ones are in tests/execute/test_slurm.py.
        pytest.param("slurm:cluster=local", marks=[needs_submitit, pytest.mark.slow], id="slurm"),
    ],
)


def test_every_engine_is_held_to_this():
    assert set(ENGINES) == {"inline", "local", "ray", "slurm"}


def loop(name):
    return load.find(f"{LOOPS}:{name}")


def job(name, folder, *, seed=42, config=None, **options):
    workload = loop(name)
    return Job(
        workload=workload,
        config=workload.space.resolve(config),
        seed=seed,
        folder=folder,
        **{"budget": workload.budget} | options,
    )


def make(engine_name, *jobs, slots=1, answers=lambda event: True):
    """Every event of some jobs, and the attempts in the order of the jobs."""
    events = []
    with make_engine(engine_name, slots) as engine:
        for each in jobs:
            engine.submit(each)
        for event in engine.events():
            events.append(event)
            if isinstance(event, Reported) and event.asks:
                engine.answer(event.job, answers(event))
    finished = {event.job: event.attempt for event in events if isinstance(event, Finished)}
    assert len([e for e in events if isinstance(e, Finished)]) == len(jobs)
    return events, [finished[each] for each in jobs]


@engines
def test_an_attempt_reports_in_order_and_then_finishes(engine_name, tmp_path):
    events, [attempt] = make(engine_name, job("noisy", tmp_path / "a"))
    assert [e.report.step for e in events[:-1]] == list(range(20))
    assert isinstance(events[-1], Finished)
    assert attempt.outcome is Outcome.COMPLETED
    assert (attempt.last_step, attempt.num_reports, attempt.reason) == (19, 20, "")
    assert attempt.values == {"loss": events[-2].report.metrics["loss"]}
    assert attempt.extra == {"parameters": 1}
    assert read_attempt(tmp_path / "a") == attempt


@engines
def test_every_report_is_on_disk_when_it_is_heard_of(engine_name, tmp_path):
    with make_engine(engine_name) as engine:
        engine.submit(job("noisy", tmp_path / "a"))
        for event in engine.events():
            if isinstance(event, Reported):
                rows = dict(read_curves(tmp_path / "a" / "curves.csv").rows)
                assert rows[event.report.step] == event.report.metrics


TROUBLE = {
    "raises": (Outcome.FAILED, "ValueError: the rate is too high (loops.py:"),
    "exits": (Outcome.FAILED, "it called sys.exit(3) (loops.py:"),
    "returns_nan": (Outcome.DIVERGED, "loss was nan at step 3; it must be a number"),
    "grows": (Outcome.DIVERGED, "grad_norm was 16 at step 4; it must be at most 10"),
    "silent": (Outcome.FAILED, "silent never yielded a Report"),
    "not_a_generator": (Outcome.FAILED, "not_a_generator never yields a report"),
    "yields_a_dict": (Outcome.FAILED, "The loop yielded {'loss': 1.0} (dict) instead of a Report"),
    "garbage": (Outcome.FAILED, "Metric 'loss' is a str, not a number"),
    "repeats_a_step": (Outcome.FAILED, "The loop reported step 0 twice"),
    "goes_backwards": (Outcome.FAILED, "The loop reported step 3 after step 5"),
    "misspelt": (Outcome.FAILED, "misspelt never reported 'loss'"),
    "steps_twice": (Outcome.FAILED, "trial.steps() was used twice"),
}


@engines
def test_trouble_is_named_and_the_next_attempt_goes_well(engine_name, tmp_path):
    jobs = [job(name, tmp_path / name) for name in TROUBLE]
    _, attempts = make(engine_name, *jobs, job("noisy", tmp_path / "noisy"))
    for attempt, (outcome, reason) in zip(attempts, TROUBLE.values(), strict=False):
        assert attempt.outcome is outcome, attempt
        assert reason in attempt.reason, attempt
        assert "\n" not in attempt.reason
        assert repr(read_attempt(attempt.folder)) == repr(attempt)
    assert attempts[-1].outcome is Outcome.COMPLETED


@engines
def test_a_traceback_is_kept(engine_name, tmp_path):
    _, [attempt] = make(engine_name, job("raises", tmp_path / "a"))
    assert "raise ValueError" in attempt.log
    assert "homeostat/execute" not in attempt.log
    assert attempt.num_reports == 2


@engines
def test_a_missing_metric_is_told_with_the_nearest_name(engine_name, tmp_path):
    _, [attempt] = make(engine_name, job("misspelt", tmp_path / "a"))
    assert "it reported accuracy, los." in attempt.reason
    assert "Did you mean 'los'?" in attempt.reason


@engines
def test_a_divergence_keeps_where_and_the_last_healthy_reports(engine_name, tmp_path):
    _, [attempt] = make(engine_name, job("grows", tmp_path / "a"))
    violation = attempt.violation
    assert (violation.step, violation.metric, violation.value) == (4, "grad_norm", 16.0)
    assert [report["step"] for report in attempt.last_reports] == [0, 1, 2, 3]
    assert attempt.values == {"loss": 3.0}
    assert attempt.curves.rows[-1][1]["grad_norm"] == 16.0


@engines
def test_a_rung_prunes_when_told_so(engine_name, tmp_path):
    rungs = frozenset({4, 9, 14})
    each = job("noisy", tmp_path / "a", rungs=rungs)
    events, [attempt] = make(engine_name, each, answers=lambda event: event.report.step < 9)
    assert [e.report.step for e in events[:-1] if e.asks] == [4, 9]
    assert attempt.outcome is Outcome.PRUNED
    assert attempt.last_step == 9
    assert attempt.reason == "stopped early at step 9"


@engines
def test_a_rung_between_two_reports_asks_at_the_next_one(engine_name, tmp_path):
    each = job("sparse", tmp_path / "a", rungs=frozenset({1, 7, 8}))
    events, [attempt] = make(engine_name, each)
    assert [e.report.step for e in events[:-1] if e.asks] == [5, 10]
    assert attempt.outcome is Outcome.COMPLETED


@engines
def test_a_rung_without_an_answer_goes_on(engine_name, tmp_path):
    with make_engine(engine_name) as engine:
        engine.submit(job("noisy", tmp_path / "a", rungs=frozenset({4})))
        *_, last = engine.events()
    assert last.attempt.outcome is Outcome.COMPLETED


@engines
def test_an_answer_that_comes_too_late_is_not_taken_for_the_next(engine_name, tmp_path):
    each = job("noisy", tmp_path / "a", rungs=frozenset({4, 14}), config={"pause_s": 0.01})
    with make_engine(engine_name) as engine:
        engine.submit(each)
        for event in engine.events():
            if isinstance(event, Reported) and event.report.step == 8:
                engine.answer(each, False)
    assert event.attempt.outcome is Outcome.COMPLETED


@engines
def test_jobs_may_be_submitted_while_events_are_read(engine_name, tmp_path):
    done = []
    with make_engine(engine_name, 2) as engine:
        engine.submit(job("noisy", tmp_path / "0"))
        for event in engine.events():
            if isinstance(event, Finished):
                done.append(event.attempt)
                if len(done) < 4:
                    engine.submit(job("noisy", tmp_path / str(len(done)), seed=len(done)))
    assert [attempt.seed for attempt in done] == [42, 1, 2, 3]


@engines
def test_a_slow_loop_is_stopped_at_its_timeout(engine_name, tmp_path):
    _, [attempt] = make(engine_name, job("slow", tmp_path / "a", timeout_s=0.3))
    assert attempt.outcome is Outcome.TIMEOUT
    assert attempt.reason == "ran longer than its 0.3 s"
    assert attempt.num_reports >= 1


@engines
def test_when_the_time_of_its_caller_is_up_an_attempt_is_interrupted_and_can_go_on(
    engine_name, tmp_path
):
    until_s = time.time() + (1.0 if engine_name == "inline" else 8.0)
    jobs = [job("slow", tmp_path / n, until_s=until_s, budget=10**6) for n in ("a", "b")]
    _, [first, second] = make(engine_name, *jobs)
    assert time.time() < until_s + 60
    assert first.outcome is second.outcome is Outcome.INTERRUPTED
    assert first.reason in ("the time for it was up", "not started")
    if engine_name == "inline":
        assert first.num_reports >= 1
        assert (tmp_path / "a" / "snapshot.npz").exists()
    assert second.reason == "not started"


@engines
def test_memory_over_the_limit_ends_the_attempt(engine_name, tmp_path):
    limit = psutil.Process().memory_info().rss / 2**20 + 300
    _, [attempt] = make(engine_name, job("eats_memory", tmp_path / "a", memory_mb=limit))
    assert attempt.outcome is Outcome.FAILED
    assert attempt.reason.startswith("memory: used ")


@engines
def test_a_full_disk_is_raised_and_what_was_written_is_kept(engine_name, tmp_path):
    with pytest.raises(RecordError, match=r"Cannot write .*curves\.csv: no space left"):
        make(engine_name, job("fills_the_disk", tmp_path / "a"))
    assert read_attempt(tmp_path / "a").outcome is Outcome.INTERRUPTED
    assert len(read_curves(tmp_path / "a" / "curves.csv")) == 3


@engines
def test_the_same_seed_gives_the_same_curves_whatever_ran_before(engine_name, tmp_path):
    first = job("global_generators", tmp_path / "first")
    other = job("unsettles", tmp_path / "other", seed=7)
    again = job("global_generators", tmp_path / "again")
    seven = job("global_generators", tmp_path / "seven", seed=7)
    _, [a, _, b, c] = make(engine_name, first, other, again, seven)
    assert (a.folder / "curves.csv").read_bytes() == (b.folder / "curves.csv").read_bytes()
    assert (a.folder / "curves.csv").read_bytes() != (c.folder / "curves.csv").read_bytes()
