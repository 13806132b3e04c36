"""Work: keep an engine busy with runs until there are no more."""

from __future__ import annotations

from collections.abc import Callable

from homeostat.execute.job import Engine, Event, Finished, Job
from homeostat.record.runs import RunRecord
from homeostat.search.making import Making

Source = Callable[[], Making | None]
"""The next run to make; none if there is none, or none before another has ended."""


def work(
    engine: Engine,
    source: Source,
    done: Callable[[Making, RunRecord], None],
    on_event: Callable[[Event], None],
) -> None:
    """Makes what `source` gives, as many at a time as the engine takes, and hands it to `done`.

    After a Ctrl-C it asks for no more, and hands over what was interrupted as well.
    """
    makings: dict[Job, Making] = {}

    def fill() -> None:
        while len(makings) < engine.slots and not engine.stopping:
            making = source()
            if making is None:
                return
            if not making.jobs:  # all of it was there, only not told
                done(making, making.finish())
            for job in making.jobs:
                makings[job] = making
                engine.submit(job)

    try:
        fill()
        while makings:
            for event in engine.events():
                on_event(event)
                if isinstance(event, Finished):
                    making = makings.pop(event.job)
                    if making.take(event.attempt):
                        done(making, making.finish())
                    fill()
    except BaseException as error:
        for making in set(makings.values()):
            making.abandon(str(error) or type(error).__name__)
        raise
