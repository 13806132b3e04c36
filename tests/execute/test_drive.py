"""Driving a loop: what observers see, when, and that it is always closed."""

import math

import pytest

import homeostat as hs
from homeostat.execute import Watcher, drive
from homeostat.execute.loop.drive import pull
from homeostat.record import Outcome

SPACE = hs.Space(a=hs.Int(0, 3))


def workload(loop, **options):
    options = {"budget": 4} | options
    return hs.workload(space=SPACE, metric="loss", goal="minimize", **options)(loop)


def trial(budget=4, **options):
    return hs.Trial(SPACE.resolve(None), budget=budget, **options)


class Diary(Watcher):
    def __init__(self):
        self.entries = []

    def on_watch(self, trial):
        self.entries.append(f"watch {list(trial.watched)}")

    def before_step(self, step):
        self.entries.append(f"before {step}")

    def after_report(self, step, report):
        self.entries.append(f"after {step}")

    def on_end(self, outcome):
        self.entries.append(str(outcome))


def test_observers_see_everything_in_order():
    def loop(config, trial):
        trial.watch(object())
        for step in trial.steps():
            if step % 2:
                yield hs.Report(step, loss=1.0)

    diary = Diary()
    ending = drive(workload(loop), trial(), [diary])
    assert ending.outcome is Outcome.COMPLETED
    assert diary.entries == [
        "watch ['0_object']",
        "before 0",
        "before 1",
        "after 1",
        "before 2",
        "before 3",
        "after 3",
        "completed",
    ]


def test_the_report_that_breaks_a_bound_is_seen_and_the_last():
    def loop(config, trial):
        for step in trial.steps():
            yield hs.Report(step, loss=math.inf if step == 1 else 1.0)

    diary = Diary()
    ending = drive(workload(loop), trial(), [diary])
    assert ending.outcome is Outcome.DIVERGED
    assert diary.entries[-2:] == ["after 1", "diverged"]
    assert ending.last == {"loss": 1.0}


@pytest.mark.parametrize("how", ["pruned", "abandoned", "diverged", "completed"])
def test_a_loop_is_always_closed(how):
    closed = []

    def loop(config, trial):
        try:
            for step in trial.steps():
                yield hs.Report(step, loss=math.nan if how == "diverged" else 1.0)
        finally:
            closed.append(True)

    diary = Diary()
    steps = pull(workload(loop), trial(), observers=[diary])
    if how == "pruned":
        next(steps)
        with pytest.raises(StopIteration) as end:
            steps.send(False)
        assert end.value.value.outcome is Outcome.PRUNED
    elif how == "abandoned":
        next(steps)
        steps.close()
        how = "interrupted"
    else:
        list(steps)
    assert closed == [True]
    assert diary.entries[-1] == how


def test_what_a_loop_raises_when_it_is_closed_changes_nothing():
    def loop(config, trial):
        try:
            for step in trial.steps():
                yield hs.Report(step, loss=math.nan)
        finally:
            raise RuntimeError("in the way")

    ending = drive(workload(loop), trial())
    assert ending.outcome is Outcome.DIVERGED
    assert "in the way" in ending.traceback


def test_ctrl_c_inside_a_loop_is_not_the_loops_failure():
    def loop(config, trial):
        yield hs.Report(0, loss=1.0)
        raise KeyboardInterrupt

    diary = Diary()
    with pytest.raises(KeyboardInterrupt):
        drive(workload(loop), trial(), [diary])
    assert diary.entries[-1] == "interrupted"


def test_numbers_come_as_floats_whatever_they_were():
    np = pytest.importorskip("numpy")

    def loop(config, trial):
        yield hs.Report(0, loss=np.float32(0.5), count=3, flag=True, array=np.array(2))

    ending = drive(workload(loop), trial())
    assert ending.last == {"loss": 0.5, "count": 3.0, "flag": 1.0, "array": 2.0}
    assert all(type(value) is float for value in ending.last.values())
