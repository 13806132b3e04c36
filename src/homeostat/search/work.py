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
    """Runs what `source` gives, as many at a time as the engine takes, and hands it to `done`.

    Where later runs do not depend on earlier results, `ahead` times as many are asked for, so that
    the engine finds some to run side by side.

    After a Ctrl-C it asks for no more, and hands over what was interrupted as well.
    """
    makings: dict[Job, Making] = {}

    def submit(making: Making) -> None:
        for job in making.ready():
            makings[job] = making
            engine.submit(job)

    def begin(making: Making) -> None:
        """A seed that an earlier process had finished may settle what the others are worth."""
        if making.attempts and making.waits:
            skip(making)
        if making.waits:
            submit(making)
        else:  # all of it was there, only not told
            done(making, making.finish())

    def skip(making: Making) -> None:
        reason = judge.why_skip(making) if judge is not None else ""
        if reason:
            making.skip(reason)

    def fill() -> None:
        while len(makings) < engine.slots * ahead and not engine.stopping:
            making = source()
            if making is None:
                return
            begin(making)

    def take(making: Making, event: Finished) -> None:
        last = making.take(event.attempt)
        if making.waits and not engine.stopping:
            skip(making)
            last = not making.waits
            submit(making)
        if last or (making.waits and engine.stopping):
            done(making, making.finish())

    try:
        fill()
        while makings:
            for event in engine.events():
                on_event(event)
                if isinstance(event, Reported) and event.asks and judge is not None:
                    engine.answer(event.job, judge.goes_on(makings[event.job], event))
                elif isinstance(event, Finished):
                    take(makings.pop(event.job), event)
                    fill()
    except BaseException as error:
        for making in set(makings.values()):
            making.abandon(str(error) or type(error).__name__)
        raise
