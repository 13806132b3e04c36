"""Attempts side by side in one process: the work that they share is done once for all of them.

Each attempt runs until it asks for work that others ask for too, or ends. When all have, that work
is done in one call, and they go on with their results. An attempt keeps its own generators, folder,
clock and end; the others do not notice when it leaves.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator, Hashable, Iterable, Iterator, Sequence
from dataclasses import replace

from homeostat.execute.job import Event, Finished, Job, is_late
from homeostat.execute.loop.attempt import Reports, attempt
from homeostat.execute.loop.control import Control
from homeostat.execute.loop.isolation import Isolation
from homeostat.execute.loop.threads import one_thread
from homeostat.workload.neighbours import beside
from homeostat.workload.together import Function, Together

MOST = 8
"""Attempts in a group: the bookkeeping that is saved hardly grows with more, the memory does."""


def companions(first: Job, waiting: Iterable[Job], places: int) -> list[Job]:
    """The waiting jobs to make side by side with `first`, if `places` are free for all of them.

    They are those that the workload's `batch` calls alike, shared out over the places. A job with a
    memory limit is made alone: a process cannot tell which attempt its memory belongs to.
    """
    kind = _kind(first)
    if kind is None:
        return []
    alike = [job for job in waiting if _kind(job) == kind]
    size = min(-(-(1 + len(alike)) // max(places, 1)), MOST)
    return alike[: size - 1]


def _kind(job: Job) -> Hashable | None:
    """What agrees between jobs that may be made side by side; None if it is made alone."""
    batch = job.workload.batch
    alike = None if batch is None or job.memory_mb is not None else batch(job.config)
    return None if alike is None else (id(job.workload), job.budget, job.device, alike)


class SideBySide:
    """Makes some attempts, which may be one.

    Args:
        jobs: What to make.
        stop_asked: Whether somebody pressed Ctrl-C.
        on_turn: Called with the job whose own code runs from here on, or None.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        stop_asked: Callable[[], bool],
        on_turn: Callable[[Job | None], None] = lambda job: None,
    ) -> None:
        self._members = [_Member(job, stop_asked, several=len(jobs) > 1) for job in jobs]
        self._on_turn = on_turn
        self._neighbours = beside(jobs[0].workload.loop)
        self._turn: _Member | None = None

    @property
    def spent_s(self) -> float:
        """Seconds that the attempts have had, all together."""
        return sum(member.control.spent_s for member in self._members)

    def events(self) -> Generator[Event, bool | None, None]:
        """What happens; `False` sent back after a report that asks prunes its attempt."""
        going = list(self._members)
        # Each attempt limits the threads for itself, and gives back what it found: by then the
        # others still need the limit, and the caller wants back what was there before all of them.
        limits = contextlib.ExitStack()
        limits.callback(one_thread())
        self._neighbours.enter()
        limits.callback(self._neighbours.leave)
        try:
            while going:
                for member in list(going):
                    yield from self._run(member)
                    if member.ended:
                        going.remove(member)
                        limits.callback(one_thread())
                self._give_turn(None)
                try:
                    _unite(going)
                except Exception:
                    # Whose fault it is shows when each goes on by itself, from its snapshot: this
                    # work may be half done.
                    going = [member.anew() for member in going]
                    self._members += going
        finally:
            for member in self._members:
                member.reports.close()
            limits.close()

    def _run(self, member: _Member) -> Generator[Event, bool | None, None]:
        """One attempt's own code, until it wants something done together with others, or ends."""
        self._give_turn(member)
        go_on: bool | None = None
        while True:
            try:
                news = member.reports.send(go_on)
            except StopIteration as end:
                member.ended, self._turn = True, None
                member.control.pause()
                self._on_turn(None)
                yield Finished(member.job, end.value)
                return
            if isinstance(news, Together):
                member.wants = news
                return
            member.control.pause()
            go_on = yield replace(news, job=member.job)
            member.control.go_on()

    def _give_turn(self, member: _Member | None) -> None:
        if self._turn is not member:
            if self._turn is not None:
                self._turn.leave()
            if member is not None:
                member.enter()
            self._turn = member
            self._on_turn(member.job if member is not None else None)

    @contextlib.contextmanager
    def lent(self) -> Iterator[None]:
        """The process's generators as they were before, for whoever looks at the events.

        Whoever closes everything from there keeps them.
        """
        turn = self._turn
        if turn is not None:
            turn.isolation.suspend()
        self._neighbours.leave()
        try:
            yield
        finally:
            self._neighbours.enter()
        if turn is not None:
            turn.isolation.resume()


class _Member:
    """An attempt in a group."""

    def __init__(
        self, job: Job, stop_asked: Callable[[], bool], *, several: bool, again: bool = False
    ) -> None:
        self.job = job
        self._stop_asked = stop_asked
        self.control = Control(
            timeout_s=job.timeout_s,
            memory_mb=job.memory_mb,
            is_late=lambda: is_late(job),
            stop_asked=stop_asked,
        )
        self.control.pause()
        self.isolation = Isolation(job.seed, device=job.device)
        made = replace(job, resume=True) if again else job
        self.reports: Reports = attempt(made, self.control, self.isolation, side_by_side=several)
        self.wants: Together | None = None
        self.ended = False
        self._begun = False

    def anew(self) -> _Member:
        """The same attempt by itself from here on, from its last snapshot."""
        self.reports.close()
        return _Member(self.job, self._stop_asked, several=False, again=True)

    def enter(self) -> None:
        self.control.go_on()
        if self._begun:  # else the attempt enters itself
            self.isolation.resume()
        self._begun = True

    def leave(self) -> None:
        self.isolation.suspend()
        self.control.pause()


def _unite(members: Sequence[_Member]) -> None:
    """Do the work they wait for; each attempt is charged its share of the time."""
    by_function: dict[Function, list[_Member]] = {}
    for member in members:
        assert member.wants is not None
        by_function.setdefault(member.wants.function, []).append(member)
    for sharing in by_function.values():
        started = time.perf_counter()
        Together.do([member.wants for member in sharing if member.wants is not None])
        share_s = (time.perf_counter() - started) / len(sharing)
        for member in sharing:
            member.control.charge(share_s)
