"""Own time: what other programs have the cores for is not counted."""

import time

import pytest

from homeostat import own_time
from homeostat.own_time import MOST_TIMES, Stopwatch


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine of which a test says how long passes, and how much of that is spent in a queue."""

    class Machine:
        wall_s = 0.0
        queued_s = 0.0

        def passes(self, seconds, *, queued):
            self.wall_s += seconds
            self.queued_s += queued
            file.write_text(f"0 {int(self.queued_s * 1e9)} 1\n")

    machine, file = Machine(), tmp_path / "schedstat"
    monkeypatch.setattr(time, "perf_counter", lambda: machine.wall_s)
    monkeypatch.setattr(own_time, "_SCHEDULE", file)
    return machine


def test_the_clock_stands_in_the_queue_and_goes_on_asleep(machine):
    machine.passes(1.0, queued=0.0)
    began = own_time.own_time()
    machine.passes(10.0, queued=7.0)
    assert own_time.own_time() - began == pytest.approx(3.0)


def test_a_limit_is_over_at_the_latest_when_it_has_passed_some_times_on_the_wall(machine):
    watch = Stopwatch()
    machine.passes(100.0, queued=100.0)
    assert watch.spent_s == pytest.approx(100.0 / MOST_TIMES)


def test_where_the_system_does_not_tell_it_is_the_usual_clock(machine):
    machine.passes(5.0, queued=0.0)
    own_time._SCHEDULE.unlink()
    assert own_time.own_time() == 5.0
