"""Make one attempt in this process: a job in, its reports out, the record kept on the way."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import Any

from homeostat.errors import RecordError
from homeostat.execute.job import Job, Reported
from homeostat.execute.loop import isolation as process
from homeostat.execute.loop import snapshots
from homeostat.execute.loop.control import Control, Stop
from homeostat.execute.loop.drive import Ending, pull
from homeostat.execute.loop.isolation import Isolation
from homeostat.execute.loop.recorder import Recorder
from homeostat.execute.loop.snapshots import Snapshots
from homeostat.execute.loop.state_ring import FlightRecorder
from homeostat.record.attempt import FILE, Attempt, read_attempt, write_attempt
from homeostat.record.files import plain
from homeostat.record.hold import holds
from homeostat.record.liveness import stop_heartbeat
from homeostat.record.outcome import Outcome
from homeostat.wording import some
from homeostat.workload.report import Report
from homeostat.workload.together import Together
from homeostat.workload.trial import SnapshotDoesNotFit, Trial

NO_LOCKS = (
    "The file system of this folder has no locks (flock): only a heartbeat tells whether it is "
    "being written."
)

Reports = Generator[Reported | Together, bool | None, Attempt]


def attempt(
    job: Job, control: Control, isolation: Isolation, *, side_by_side: bool = False
) -> Reports:
    """Yield the job's reports; `False` sent back at a rung prunes it.

    Made side by side with others it also yields the work it wants done together with theirs.

    However it ends, attempt.json says so. What is not the workload's doing (a full disk, a second
    Ctrl-C, this generator being closed) is then raised.
    """
    return _InProgress(job, control, isolation, side_by_side).run()


class _InProgress:
    """An attempt while it is being made."""

    def __init__(
        self, job: Job, control: Control, isolation: Isolation, side_by_side: bool
    ) -> None:
        self._job = job
        self._control = control
        self._isolation = isolation
        self._side_by_side = side_by_side
        self._spent_before_s = _spent_before(job)
        self._recorder = Recorder(job.folder)
        self._trial = self._new_trial()
        self._ending = Ending()
        self._notes: list[str] = []
        self._first_s = 0.0

    def run(self) -> Reports:
        try:
            write_attempt(self._summary())
            self._note("" if holds(self._job.folder) else NO_LOCKS)
            state, note = snapshots.load(self._job, self._recorder.num_rows)
            self._note(note)
            try:
                yield from self._train(state)
            except SnapshotDoesNotFit as error:
                self._notes.clear()
                self._note(f"Started from the beginning: the snapshot does not fit: {error}.")
                yield from self._train(None)
            if self._ending.traceback:
                self._recorder.log(self._ending.traceback)
            finished = self._summary()
            write_attempt(finished)
            return finished
        except BaseException as error:
            self._ending.end(Outcome.INTERRUPTED, _why(error))
            try:
                write_attempt(self._summary())
            except RecordError:  # the disk may be why we are here
                stop_heartbeat(self._job.folder / FILE)
            raise
        finally:
            self._recorder.close()

    def _train(
        self, state: dict[str, Any] | None
    ) -> Generator[Reported | Together, bool | None, None]:
        """The loop, from a state or from the beginning, with the process set up for it."""
        job = self._job
        self._trial = trial = self._new_trial()
        self._ending = Ending(last=self._recorder.already())
        saver = Snapshots(job, trial, lambda: self._recorder.num_rows)
        trial.between_steps.append(lambda step: self._between_steps(step, saver))
        trial.on_check += [self._recorder.beat, self._control.check]
        if state is not None:
            trial.resume_from(state["trial"], lambda: process.install(state["process"]))
        rungs = sorted(job.rungs)
        self._isolation.enter()
        try:
            reports = pull(
                job.workload,
                trial,
                observers=[FlightRecorder(job.folder)] if job.flight else [],
                record=self._recorder.record,
                control=self._control,
                ending=self._ending,
            )
            go_on: bool | None = None
            with contextlib.suppress(StopIteration):
                while True:
                    report: Report | Together = reports.send(go_on)
                    go_on = None
                    if isinstance(report, Together):
                        yield report
                        continue
                    if self._recorder.num_rows == 1 and not self._first_s:
                        self._first_s = self._control.spent_s
                    asks = bool(rungs) and report.step >= rungs[0]
                    while rungs and report.step >= rungs[0]:
                        del rungs[0]
                    repeated = self._recorder.repeated(report.step)
                    answer = yield Reported(job, report, asks, repeated)
                    go_on = answer if asks else None
        finally:
            reports.close()
            self._isolation.leave()
            if trial.lost:
                self._note(
                    f"Not resumed bit for bit: {some(trial.lost)} could not be put back. Draw data "
                    "by trial.rng(...), or keep the position with trial.keep(...)."
                )
            self._note(self._recorder.differs)
            self._note(saver.trouble)

    def _between_steps(self, next_step: int, saver: Snapshots) -> None:
        self._recorder.beat()
        if next_step < self._trial.budget:
            try:
                self._control.check()
            except Stop as stop:
                if stop.outcome is Outcome.INTERRUPTED:
                    saver.take(next_step)
                raise
        saver.between(next_step)

    def _new_trial(self) -> Trial:
        job = self._job
        trial = Trial(
            job.config, seed=job.seed, budget=job.budget, folder=job.folder, device=job.device
        )
        trial.side_by_side = self._side_by_side
        return trial

    def _note(self, sentence: str) -> None:
        if sentence:
            self._notes.append(sentence)

    def _summary(self) -> Attempt:
        ending = self._ending
        return Attempt(
            folder=self._job.folder,
            seed=self._job.seed,
            budget=self._job.budget,
            outcome=ending.outcome,
            reason=ending.reason,
            values={
                metric: ending.last[metric]
                for metric in self._job.workload.objectives
                if metric in ending.last
            },
            last_step=self._recorder.last_step,
            num_reports=self._recorder.num_rows,
            wall_s=round(self._spent_before_s + self._control.spent_s, 6),
            first_s=round(self._first_s, 6),
            violation=ending.violation,
            last_reports=tuple(ending.healthy) if ending.violation else (),
            extra=plain(self._trial.extra),
            notes=tuple(self._notes),
        )


def _spent_before(job: Job) -> float:
    """Seconds that earlier parts of a resumed attempt took, as far as they could still say."""
    earlier = read_attempt(job.folder) if job.resume else None
    return earlier.wall_s if earlier is not None else 0.0


def _why(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "stopped by Ctrl-C"
    if isinstance(error, GeneratorExit):
        return "abandoned by whoever drove it"
    return str(error) or type(error).__name__
