"""Work: keep an engine busy with runs until there are no more."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from homeostat.execute.job import Engine, Event, Finished, Job, Reported
from homeostat.record.runs import RunRecord
from homeostat.search.pending_run import PendingRun

Source = Callable[[], PendingRun | None]
"""Gives the next run; None if there is none, or none until another has ended."""


class Judge(Protocol):
    """Decides what is not worth finishing."""

    def goes_on(self, run: PendingRun, reported: Reported) -> bool:
        """Whether an attempt goes on from its rung."""
        ...

    def why_skip(self, run: PendingRun) -> str:
        """Why the seeds that wait for their turn need not run; "" if they should."""
        ...


def work(
    engine: Engine,
    source: Source,
    done: Callable[[PendingRun, RunRecord], None],
    on_event: Callable[[Event], None],
    judge: Judge | None = None,
    ahead: int = 1,
) -> None:
    """Run what `source` gives, as many at a time as the engine takes, and hand it to `done`.

    After a Ctrl-C it asks for no more, and hands over what was interrupted as well.

    Args:
        judge: Decides at rungs, and between seeds, what is not worth finishing.
        ahead: Ask for this many times as many runs as the engine takes, so that it finds some to
            run side by side; only where later runs do not depend on earlier results.
    """
    _Work(engine, source, done, judge, ahead).run(on_event)


def work_through(
    engine: Engine,
    runs: Iterable[tuple[int, PendingRun]],
    done: Callable[[int, RunRecord], None],
    on_event: Callable[[Event], None],
    ahead: int = 1,
) -> None:
    """Run what is known beforehand, each run with a number by which `done` gets its record.

    One is taken from `runs` when the engine has room for it. The rest is as for `work`.
    """
    waiting = iter(runs)
    numbers: dict[PendingRun, int] = {}

    def source() -> PendingRun | None:
        for number, run in waiting:
            numbers[run] = number
            return run
        return None

    def hand_over(run: PendingRun, record: RunRecord) -> None:
        done(numbers.pop(run), record)

    work(engine, source, hand_over, on_event, ahead=ahead)


class _Work:
    """The runs that are under way on an engine."""

    def __init__(
        self,
        engine: Engine,
        source: Source,
        done: Callable[[PendingRun, RunRecord], None],
        judge: Judge | None,
        ahead: int,
    ) -> None:
        self._engine, self._source, self._done, self._judge = engine, source, done, judge
        self._ahead = ahead
        self._pending: dict[Job, PendingRun] = {}

    def run(self, on_event: Callable[[Event], None]) -> None:
        try:
            self._fill()
            while self._pending:
                for event in self._engine.events():
                    on_event(event)
                    if isinstance(event, Reported) and event.asks and self._judge is not None:
                        run = self._pending[event.job]
                        self._engine.answer(event.job, self._judge.goes_on(run, event))
                    elif isinstance(event, Finished):
                        self._take(self._pending.pop(event.job), event)
                        self._fill()
        except BaseException as error:
            for run in set(self._pending.values()):
                run.abandon(str(error) or type(error).__name__)
            raise

    def _fill(self) -> None:
        """Begin runs until the engine has enough, or there are no more."""
        engine = self._engine
        while len(self._pending) < engine.slots * self._ahead and not engine.stopping:
            run = self._source()
            if run is None:
                return
            self._begin(run)

    def _begin(self, run: PendingRun) -> None:
        # A seed that an earlier process finished may settle what the others are worth.
        if run.attempts and run.waits:
            self._skip(run)
        if run.waits:
            self._submit(run)
        else:  # every seed was finished, but the run was not handed over
            self._done(run, run.finish())

    def _take(self, run: PendingRun, event: Finished) -> None:
        last = run.take(event.attempt)
        if run.waits and not self._engine.stopping:
            self._skip(run)
            last = not run.waits
            self._submit(run)
        if last or (run.waits and self._engine.stopping):
            self._done(run, run.finish())

    def _skip(self, run: PendingRun) -> None:
        """Leave out the seeds that wait, if the judge has a reason."""
        reason = self._judge.why_skip(run) if self._judge is not None else ""
        if reason:
            run.skip(reason)

    def _submit(self, run: PendingRun) -> None:
        for job in run.ready():
            self._pending[job] = run
            self._engine.submit(job)
