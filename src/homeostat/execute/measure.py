"""The one way to run configurations over seeds: jobs go to an engine, runs come back recorded.

A single run, the trials of a search, their confirmation, the points of a design and the arms of a
verification are all made here. A run's folder is its memory: seeds that have ended there stay as
they are, and others resume from their snapshots.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from homeostat.errors import RecordError
from homeostat.execute.job import SNAPSHOT_S, Engine, Event, Finished, Job, Reported
from homeostat.execute.loop.side_by_side import MOST
from homeostat.record.attempt import Attempt, read_attempt, write_attempt
from homeostat.record.files import make_folder
from homeostat.record.outcome import Outcome
from homeostat.record.run_writer import RunWriter, start_run
from homeostat.record.runs import RunRecord
from homeostat.space import Config
from homeostat.workload.workload import Workload

PATIENCE_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What each attempt may use."""

    timeout_s: float | None = None
    memory_mb: float | None = None
    until_s: float | None = None
    """When the time for all of them is up, in seconds since 1970."""
    device: str = "cpu"
    snapshot_s: float = SNAPSHOT_S
    """Seconds between snapshots; infinity for none but at Ctrl-C."""
    flight: bool = True
    """Whether states are kept for a diagnosis."""

    @property
    def recorded(self) -> dict[str, Any]:
        """Those that a run writes down, to be resumed with."""
        return {n: getattr(self, n) for n in ("device", "timeout_s", "memory_mb")}


class PendingRun:
    """A run that is being made.

    run.jobs            what is left to do
    run.ready()         which of that may be done now
    run.take(attempt)   True when that was the last
    run.skip("why")     the rest need not be done
    run.finish()        the run
    """

    def __init__(
        self,
        writer: RunWriter,
        workload: Workload,
        config: Config,
        *,
        limits: Limits,
        resumed: bool = False,
        force: bool = False,
        rungs: frozenset[int] = frozenset(),
        in_turn: bool = False,
        again: Collection[Outcome] = (),
    ) -> None:
        """
        Args:
            writer: Of the run, begun.
            resumed: Whether its folder may hold a part of the run already.
            force: Whether attempts that only seem to run, on another machine, are taken over.
            rungs: At which steps an attempt asks whether to go on.
            in_turn: Whether a seed waits for the one before it.
            again: Attempts that ended so are gone on with; the others stay as they ended.
        """
        self._writer = writer
        seeds, budget = writer.facts["seeds"], writer.facts["budget"]
        folders = {seed: writer.seed_folder(seed) for seed in seeds}
        read = read_attempt if force else _at_rest
        found = [read(folder) for folder in folders.values()] if resumed else []
        self._attempts = [
            a for a in found if a is not None and a.outcome.final and a.outcome not in again
        ]
        ended = {attempt.seed for attempt in self._attempts}
        self.jobs = [
            Job(
                workload=workload,
                config=config,
                seed=seed,
                budget=budget,
                folder=folders[seed],
                rungs=rungs,
                timeout_s=limits.timeout_s,
                until_s=limits.until_s,
                memory_mb=limits.memory_mb,
                device=limits.device,
                snapshot_s=limits.snapshot_s,
                flight=limits.flight,
                resume=resumed,
            )
            for seed in seeds
            if seed not in ended
        ]
        self._left = len(self.jobs)
        self._waiting = list(self.jobs)
        self._in_turn = in_turn

    @classmethod
    def begin(
        cls,
        workload: Workload,
        config: Config,
        *,
        seeds: Sequence[int],
        budget: int,
        limits: Limits,
        folder: Path | None = None,
        results: str | Path = "results",
        name: str | None = None,
        more: Mapping[str, Any],
        **how: Any,
    ) -> PendingRun:
        """A run in a folder of its own (a trial of a study), or in a new one in `results`.

        Args:
            more: Facts for the run's record.
            how: The rest of what `PendingRun` takes.
        """
        writer = start_run(
            workload, config, seeds=seeds, budget=budget, folder=folder, results=results, name=name,
            more={"limits": limits.recorded, **more},
        )  # fmt: skip
        return cls(writer, workload, config, limits=limits, **how)

    @property
    def attempts(self) -> Sequence[Attempt]:
        """Those that have ended."""
        return self._attempts

    @property
    def waits(self) -> bool:
        """Whether there are jobs that `ready` has not given yet."""
        return bool(self._waiting)

    def ready(self) -> list[Job]:
        """The jobs to do next; each is given once."""
        count = 1 if self._in_turn else len(self._waiting)
        ready, self._waiting = self._waiting[:count], self._waiting[count:]
        return ready

    def take(self, attempt: Attempt) -> bool:
        """Add an attempt that has ended; True if it was the last."""
        self._attempts.append(attempt)
        self._left -= 1
        return self._left == 0

    def skip(self, reason: str) -> None:
        """Record that the jobs still waiting are left out: stopped before they began."""
        for job in self._waiting:
            make_folder(job.folder)
            skipped = Attempt(
                folder=job.folder,
                seed=job.seed,
                budget=job.budget,
                outcome=Outcome.PRUNED,
                reason=reason,
            )
            write_attempt(skipped)
            self._attempts.append(skipped)
        self._waiting = []

    def finish(self) -> RunRecord:
        """Write how the run ended."""
        return self._writer.finish(self._attempts)

    def abandon(self, reason: str) -> None:
        """Write that it was interrupted."""
        self._writer.abandon(reason)


def _at_rest(folder: Path) -> Attempt | None:
    """What is known of an attempt, once no process writes to it any more.

    A worker whose driver was killed lives until it notices, for a moment.

    Raises:
        RecordError: If somebody still does.
    """
    given_up = time.monotonic() + PATIENCE_S
    while True:
        attempt = read_attempt(folder)
        if attempt is None or attempt.outcome is not Outcome.RUNNING:
            return attempt
        if time.monotonic() > given_up:
            raise RecordError(f"Another process is writing {folder}.", hint="Stop it first.")
        time.sleep(0.02)


def ahead_of(workload: Workload) -> int:
    """How many times as many runs to give an engine as it takes, so that it finds some to stack."""
    return MOST if workload.batch is not None else 1


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
    _RunQueue(engine, source, done, judge, ahead).run(on_event)


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


class _RunQueue:
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
