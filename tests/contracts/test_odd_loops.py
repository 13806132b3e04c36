"""Whatever a loop reports, prints or raises, every engine keeps the same of it."""

import csv
import re
from pathlib import Path

import pytest
from tests.contracts import odd_loops
from tests.execute.cluster import needs_ray

from homeostat.execute import Finished, Job, Reported, make_engine
from homeostat.record import Outcome, read_attempt, read_curves
from homeostat.workload import load

LOOPS = Path(odd_loops.__file__)
REPORTS = [
    "comes_later", "goes_and_comes_back", "one_more_each_step", "never_twice_the_same", "far_apart",
    "long_lines", "every_alphabet", "very_many", "extreme_numbers", "prints",
    "leaves_anything_behind",
]  # fmt: skip
TROUBLES = [f"raises {trouble}" for trouble in odd_loops.TROUBLES]


def job(what, folder):
    name, _, trouble = what.partition(" ")
    workload = load.find(f"{LOOPS}:{name}")
    config = workload.space.resolve({"trouble": trouble} if trouble else None)
    return Job(workload=workload, config=config, seed=1, budget=workload.budget, folder=folder)


def _is_sampled(step):
    """Reading a whole file at each of very many reports would take the square of the time."""
    return step < 60 or step % 4000 == 0


def without_addresses(thing):
    return re.sub("0x[0-9a-f]+", "0x", repr(thing))


class Made:
    """All loops, made by one engine one after the other."""

    def __init__(self, engine_name, root):
        jobs = {what: job(what, root / what.replace(" ", "_")) for what in REPORTS + TROUBLES}
        what_of = {each: what for what, each in jobs.items()}
        self.reports = {what: [] for what in jobs}
        self.attempts = {}
        self.late = []
        with make_engine(engine_name) as engine:
            for each in jobs.values():
                engine.submit(each)
            for event in engine.events():
                what = what_of[event.job]
                if isinstance(event, Finished):
                    self.attempts[what] = event.attempt
                elif isinstance(event, Reported):
                    self.reports[what].append((event.report.step, event.report.metrics))
                    if _is_sampled(event.report.step) and not self._is_on_disk(event):
                        self.late.append((what, event.report.step))

    @staticmethod
    def _is_on_disk(event):
        rows = dict(read_curves(event.job.folder / "curves.csv").rows)
        return rows.get(event.report.step) == event.report.metrics

    def curves(self, what):
        return (self.attempts[what].folder / "curves.csv").read_bytes()


@pytest.fixture(scope="module")
def inline(tmp_path_factory):
    return Made("inline", tmp_path_factory.mktemp("inline"))


@pytest.fixture(scope="module", params=["inline", "local", pytest.param("ray", marks=needs_ray)])
def made(request, inline, tmp_path_factory):
    name = request.param
    return inline if name == "inline" else Made(name, tmp_path_factory.mktemp(name))


@pytest.mark.parametrize("what", REPORTS)
def test_every_report_is_heard_once_in_order_and_kept(made, what):
    assert made.attempts[what].outcome is Outcome.COMPLETED, made.attempts[what].reason
    heard = made.reports[what]
    assert [step for step, _ in heard] == sorted({step for step, _ in heard})
    assert read_curves(made.attempts[what].folder / "curves.csv").rows == heard
    # Somebody else's reader: every row has a cell for each column, and says what was reported.
    with (made.attempts[what].folder / "curves.csv").open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file, strict=True))
    assert len(table) == len(heard)
    for row, (step, metrics) in zip(table, heard, strict=True):
        assert int(row.pop("step")) == step
        assert {name: float(cell) for name, cell in row.items() if cell} == metrics


def test_reports_are_on_disk_when_they_are_heard_of(made):
    assert made.late == []


@pytest.mark.parametrize("what", REPORTS)
def test_every_engine_keeps_the_same_bytes(made, inline, what):
    assert made.curves(what) == inline.curves(what)


@pytest.mark.parametrize("what", REPORTS + TROUBLES)
def test_every_engine_says_the_same(made, inline, what):
    here, there = made.attempts[what], inline.attempts[what]
    assert (here.outcome, here.reason, here.values) == (there.outcome, there.reason, there.values)
    assert without_addresses(here.extra) == without_addresses(there.extra)
    assert (here.last_step, here.num_reports) == (there.last_step, there.num_reports)
    kept = read_attempt(here.folder)
    assert (kept.outcome, kept.reason, repr(kept.extra)) == (
        here.outcome, here.reason, repr(here.extra),
    )  # fmt: skip


@pytest.mark.parametrize("what", TROUBLES)
def test_what_is_raised_is_told_in_a_line_and_kept_in_full(made, what):
    attempt = made.attempts[what]
    assert attempt.outcome is Outcome.FAILED
    assert len(attempt.reason.splitlines()) == 1
    assert len(attempt.reason) < 700
    assert "odd_loops.py:" in attempt.reason
    assert attempt.num_reports == 1
    assert "raise" in attempt.log


def test_what_is_printed_is_in_the_log_of_its_attempt(made, inline):
    if made is inline:  # which leaves this process's output to whoever called
        return
    log = made.attempts["prints"].log
    assert log.count("an error of step") == 60
    assert "x" * 300_000 in log
    assert "🔥" in made.attempts["every_alphabet"].log
