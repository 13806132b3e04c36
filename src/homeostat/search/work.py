"""Work: keep an engine busy with runs until there are no more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from homeostat.execute.job import Engine, Event, Finished, Job, Reported
from homeostat.record.runs import RunRecord
from homeostat.search.making import Making

Source = Callable[[], Making | None]
"""Gives the next run; None if there is none, or none until another has ended."""


class Judge(Protocol):
    """Decides what is not worth finishing."""

    def goes_on(self, making: Making, reported: Reported) -> bool:
        """Whether an attempt goes on from its rung."""
        ...

    def why_skip(self, making: Making) -> str:
        """Why the seeds that wait for their turn need not run; "" if they should."""
        ...


def work(
    engine: Engine,
    source: Source,
    done: Callable[[Making, RunRecord], None],
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


class _Work:
    """The runs that are under way on an engine."""

    def __init__(
        self,
        engine: Engine,
        source: Source,
        done: Callable[[Making, RunRecord], None],
        judge: Judge | None,
        ahead: int,
    ) -> None:
        self._engine, self._source, self._done, self._judge = engine, source, done, judge
        self._ahead = ahead
        self._makings: dict[Job, Making] = {}

    def run(self, on_event: Callable[[Event], None]) -> None:
        try:
            self._fill()
            while self._makings:
                for event in self._engine.events():
                    on_event(event)
                    if isinstance(event, Reported) and event.asks and self._judge is not None:
                        making = self._makings[event.job]
                        self._engine.answer(event.job, self._judge.goes_on(making, event))
                    elif isinstance(event, Finished):
                        self._take(self._makings.pop(event.job), event)
                        self._fill()
        except BaseException as error:
            for making in set(self._makings.values()):
                making.abandon(str(error) or type(error).__name__)
            raise

    def _fill(self) -> None:
        """Begin runs until the engine has enough, or there are no more."""
        engine = self._engine
        while len(self._makings) < engine.slots * self._ahead and not engine.stopping:
            making = self._source()
            if making is None:
                return
            self._begin(making)

    def _begin(self, making: Making) -> None:
        # A seed that an earlier process finished may settle what the others are worth.
        if making.attempts and making.waits:
            self._skip(making)
        if making.waits:
            self._submit(making)
        else:  # every seed was finished, but the run was not handed over
            self._done(making, making.finish())

    def _take(self, making: Making, event: Finished) -> None:
        last = making.take(event.attempt)
        if making.waits and not self._engine.stopping:
            self._skip(making)
            last = not making.waits
            self._submit(making)
        if last or (making.waits and self._engine.stopping):
            self._done(making, making.finish())

    def _skip(self, making: Making) -> None:
        """Leave out the seeds that wait, if the judge has a reason."""
        reason = self._judge.why_skip(making) if self._judge is not None else ""
        if reason:
            making.skip(reason)

    def _submit(self, making: Making) -> None:
        for job in making.ready():
            self._makings[job] = making
            self._engine.submit(job)
