"""Bench: makes the short runs that checks compare, each once, within the time there is."""

from __future__ import annotations

import contextlib
import io
import math
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from homeostat.execute.loop.drive import Watcher, pull
from homeostat.execute.loop.isolation import Isolation
from homeostat.execute.run import checked_budget
from homeostat.inspect.probe import learners
from homeostat.inspect.probe.compare import RunComparison, compare, noisy_metrics, same
from homeostat.inspect.probe.skill import Skill, measure
from homeostat.inspect.tracer.recording import Recording
from homeostat.inspect.tracer.traced_config import TracedConfig
from homeostat.own_time import Stopwatch, own_time
from homeostat.record.outcome import Outcome
from homeostat.space import Config
from homeostat.wording import format_duration, plural
from homeostat.workload.report import Report
from homeostat.workload.trial import Trial
from homeostat.workload.workload import Workload

CLOSE_LOOKS = 40
"""The first updates that are all looked at closely; later ones now and then,"""
LATE_LOOKS = 12
"""and the last ones all again."""
ANATOMY_SHARE = 0.3
"""What the run with every eye open may take of the time,"""
ATTEMPT_SHARE = 0.15
"""and one of the whole length, where the others are shorter."""
USUAL_S = 25.0
"""How long an audit may take where nothing else is said,"""
LONGEST_S = 600.0
"""and of a program that is slow to start, at most."""
RUNS = 14
"""Runs that an audit makes, and one more for each knob."""
KNOBS_SHARE = 0.4
"""Of the time of a program that is slow to start, what is kept for its knobs."""


class NoTimeLeft(Exception):
    """There is no time for another start of a program that is slow to start."""


class ShortRuns:
    """A workload, a configuration, and what its short runs did.

    bench.plain()               reports and weights of the configuration as it is
    bench.plain(lr=0.1)         with another value
    bench.anatomy               every operation, call and update of the configuration
    """

    def __init__(
        self,
        workload: Workload,
        config: Config,
        *,
        seed: int,
        steps: int | None,
        seconds: float | None,
        say: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        """Make the first run, which shows the pace.

        Args:
            seconds: How long all may take; None for as long as is usual, and what a program that
                is slow to start needs.
            say: Called with what such a program will take.
        """
        self.workload = workload
        self.config = config
        self.seed = seed
        self.budget = min(checked_budget(workload, steps), workload.budget)
        self.seconds = USUAL_S if seconds is None else seconds
        self.start_s = 0.0
        """What one start takes, where that is most of a run."""
        self.for_later_s = 0.0
        """Kept for the checks that come last."""
        self.most_updates: int | None = None
        self._watch = Stopwatch()
        self._runs: dict[Any, Recording] = {}
        self._anatomy: Recording | None = None
        self._noisy: frozenset[str] | None = None
        self._attempt: Recording | None = None
        self._skill: tuple[Skill | None] | None = None
        self._choose_length(steps)
        if self.start_s:
            self._plan(asked=seconds is not None, say=say)

    @property
    def left_s(self) -> float:
        """For another run, once it has started."""
        return self.seconds - self._watch.spent_s - self.start_s - self.for_later_s

    @property
    def whole(self) -> bool:
        """Whether the short runs are whole attempts."""
        return self.budget == self.workload.budget and self.most_updates is None

    @property
    def length(self) -> str:
        """How long the short runs are, in words."""
        unit = self.workload.unit
        if self.most_updates is not None:
            return f"{self.most_updates} updates"
        return plural(self.budget, unit)

    def _choose_length(self, steps: int | None) -> None:
        """Time one run, and choose a length at which every knob can have its runs.

        One run of the whole length also gives the baseline; where that is too long, it shows the
        pace, and the runs get as many steps as fit.
        """
        learners.load()
        if self.workload.prepare is not None:
            self.workload.prepare()
        called = self._watch = Stopwatch()
        share = self.seconds / (self.num_knobs + RUNS)
        limit_s = max(2 * share, 1.5)
        had_torch = "torch" in sys.modules
        first = self.run(self.config, self.seed, limit_s=limit_s, from_start=True)
        if first.cut or (not had_torch and "torch" in sys.modules):
            # The first run also imports, compiles and reads files: that is no part of the probe's
            # time, or nothing would be left of it. And without PyTorch it is not watched.
            self._watch = Stopwatch()
            first = self.run(self.config, self.seed, limit_s=limit_s, from_start=True)
        if first.start_s > limit_s / 2:
            # It starts as slowly again: then that is no matter of the first time.
            self.start_s, self._watch = first.start_s, called
            share = max(share, 1.25 * self.start_s)
        if not first.cut:
            self._runs[self._key(self.config, self.seed)] = first
        elif steps is None:
            reports, trained_s = len(first.reports), first.seconds - self.start_s
            share -= self.start_s
            if reports >= 2:
                pace = trained_s / reports
                self.budget = max(2, min(self.budget, int(share / pace)))
            else:
                self.most_updates = max(2, int(first.num_updates * share / trained_s))
                self.budget = min(self.budget, 2)

    def _plan(self, *, asked: bool, say: Callable[[str], None]) -> None:
        """Say what an audit of a program that is slow to start takes, and take it if one may."""
        # The second time it is imported and compiled: an audit makes that run anyway.
        run_s = self.plain().seconds
        if self.left_s > 0:
            run_s = min(run_s, self.again().seconds)
        needed = self.num_knobs + RUNS
        whole_s = needed * run_s
        told = (
            f"One start takes {format_duration(self.start_s)}; this audit needs {needed}: about "
            f"{format_duration(whole_s)}"
        )
        if not asked:
            self.seconds = max(self.seconds, min(whole_s, LONGEST_S))
        if whole_s > self.seconds:
            told += (
                f", and has {format_duration(self.seconds)}. What does not fit is left out; to "
                f"have all of it:  --seconds {math.ceil(whole_s)}"
            )
        self.for_later_s = KNOBS_SHARE * self.seconds
        say(f"{told}.")

    @property
    def num_knobs(self) -> int:
        """How many parameters have a range."""
        return sum(1 for p in self.workload.space.values() if getattr(p, "tier", None) is not None)

    def plain(self, config: Config | None = None, seed: int | None = None) -> Recording:
        """A run that is compared with others: its reports and the weights it ends with."""
        config = config or self.config
        seed = self.seed if seed is None else seed
        key = self._key(config, seed)
        if key not in self._runs:
            own = config is self.config and seed == self.seed
            self._runs[key] = self.run(config, seed, needed=own)
        return self._runs[key]

    def changes(self, config: Config, reference: Recording) -> RunComparison:
        """Where the run of a configuration departs from another; it is followed no further."""
        key = self._key(config, reference.seed)
        if key in self._runs:
            return compare(reference, self._runs[key], ignore=self.noisy)
        expected = iter(reference.reports)

        def differs(report: Report) -> bool:
            other = next(expected, None)
            return other is None or not same(report, other, self.noisy)

        limit_s = max(3 * reference.seconds, 1.0)
        run = self.run(config, reference.seed, until=differs, limit_s=limit_s)
        if not run.cut:
            self._runs[key] = run
        return compare(reference, run, ignore=self.noisy)

    @property
    def noisy(self) -> frozenset[str]:
        """Metrics that differ between equal runs, and are named like a measure of the machine."""
        if self._noisy is None:
            self._noisy = noisy_metrics(self.plain(), self.again())
        return self._noisy

    def again(self) -> Recording:
        """The same run once more, for whether it repeats itself."""
        key = ("again", self.budget, self.most_updates)
        if key not in self._runs:
            self._runs[key] = self.run(self.config, self.seed)
        return self._runs[key]

    @property
    def anatomy(self) -> Recording:
        """Everything the configuration's run did. Empty for a loop without PyTorch."""
        if self._anatomy is None:
            limit = max(ANATOMY_SHARE * self.seconds, 2.0)
            self._anatomy = self.run(self.config, self.seed, anatomy=True, limit_s=limit)
            plain = self.plain()
            # A run that we cut ends as a failure too, from inside the loop; it minds nothing.
            failed = self._anatomy.ending.outcome is Outcome.FAILED and not self._anatomy.cut
            if failed and plain.ending.outcome is not Outcome.FAILED:  # it minds being watched
                self._anatomy = self.run(
                    self.config, self.seed, anatomy=True, limit_s=limit, operations=False
                )
        return self._anatomy

    @property
    def attempt(self) -> Recording:
        """The longest run that was looked into: a whole attempt, where one fits into the time."""
        if self._attempt is None:
            self._attempt = anatomy = self.anatomy
            if (anatomy.cut or not self.whole) and "torch" in sys.modules:
                longer = self.run(
                    self.config, self.seed, anatomy=True, operations=False, targets=True,
                    budget=self.workload.budget, most_updates=sys.maxsize,
                    limit_s=max(ATTEMPT_SHARE * self.seconds, 2.0),
                )  # fmt: skip
                if len(longer.backwards) >= len(anatomy.backwards):
                    self._attempt = longer
        return self._attempt

    @property
    def attempted_whole(self) -> bool:
        """Whether that run is a whole attempt."""
        whole = self.attempt.budget == self.workload.budget
        return whole and not self.attempt.cut and (self.attempt is not self.anatomy or self.whole)

    @property
    def skill(self) -> Skill | None:
        """How good the network is beside simple models; None where that cannot be said."""
        if self._skill is None:
            self._skill = (measure(self.attempt, self.workload.metric),)
        return self._skill[0]

    @property
    def objective(self) -> list[float]:
        """The main metric over the longest run, turned so that lower is better."""
        plain = self.plain()
        longest = max(self.attempt, plain, key=lambda run: len(run.reports))
        return self.turned(longest)

    def turned(self, run: Recording) -> list[float]:
        """The main metric of a run, turned so that lower is better."""
        sign = self.workload.goal.sign
        return [sign * v for v in run.curve(self.workload.metric) if math.isfinite(v)]

    @property
    def losses(self) -> list[float]:
        """What each backward pass started from, in order."""
        return [b.loss for b in self.attempt.backwards if math.isfinite(b.loss)]

    @property
    def adversarial(self) -> bool:
        """Several optimisers step: what one gains another may lose."""
        return sum(o.steps > 0 for o in self.attempt.optimizers) > 1

    @property
    def moving_targets(self) -> bool:
        """What is learnt from was itself made by a network: a reward, a value, a pseudo label."""
        return any(pair.made for pair in self.attempt.last_trained)

    def start(self, config: Config) -> Recording:
        """A run that ends after its first update: which optimisers there are, and how set."""
        key = ("start", config.digest)
        if key not in self._runs:
            self._runs[key] = self.run(config, self.seed, most_updates=1, limit_s=self.left_s)
        return self._runs[key]

    def first_update(self, config: Config) -> Recording:
        """A run that ends after its first update, with how that moved each weight."""
        return self.run(config, self.seed, anatomy=True, operations=False, most_updates=1)

    def vary(self, changes: Mapping[str, Any]) -> Config:
        """The configuration with some values changed."""
        given = {**self.config.given, **changes}
        return self.workload.space.resolve(
            given, inherited=[name for name in given if name not in changes]
        )

    def _key(self, config: Config, seed: int) -> Any:
        return (config.digest, seed, self.budget, self.most_updates)

    def run(
        self,
        config: Config,
        seed: int,
        *,
        anatomy: bool = False,
        operations: bool = True,
        targets: bool = False,
        within: contextlib.AbstractContextManager[Any] | None = None,
        limit_s: float | None = None,
        budget: int | None = None,
        until: Callable[[Report], bool] = lambda report: False,
        most_updates: int | None = None,
        followed: str = "",
        from_start: bool = False,
        needed: bool = False,
    ) -> Recording:
        """Drive the loop here once, and note what it does.

        Args:
            anatomy: Note every call and weight, and every operation unless `operations` is false.
            targets: Note which targets predictions meet, also where operations are not noted.
            within: What is changed about PyTorch during the run, for an experiment.
            limit_s: The run is cut when it takes longer.
            budget: Steps, in place of the bench's.
            until: The run is cut after the first report for which this holds.
            most_updates: The run is cut after so many, in place of the bench's limit.
            followed: A parameter whose comparisons with anything are noted.
            from_start: `limit_s` counts from the first update or report.
            needed: It is made also where no time is left.

        Raises:
            NoTimeLeft: If a program that is slow to start cannot be started once more.
        """
        if self.start_s and not needed and self.left_s < 0:
            raise NoTimeLeft(f"no time was left: one start takes {format_duration(self.start_s)}")
        budget = self.budget if budget is None else budget
        spy = TracedConfig(config, followed)
        recording = Recording(config, seed, budget, anatomy=anatomy)
        trial = Trial(spy, seed=seed, budget=budget)
        trial.close = True
        started = own_time()

        def keep_going() -> bool:
            now = own_time()
            if math.isinf(recording.start_s):
                recording.start_s = now - started
            since = started + (recording.start_s if from_start else 0.0)
            return limit_s is None or now - since < limit_s

        eyes = _Looks(operations=operations, targets=targets or operations)
        isolation = Isolation(seed, loop=self.workload.loop)
        isolation.enter()
        try:
            with _quiet(recording), within or contextlib.nullcontext():
                self._drive(trial, recording, keep_going, eyes, until, most_updates)
        finally:
            isolation.leave()
        recording.seconds = own_time() - started
        recording.start_s = min(recording.start_s, recording.seconds)
        self.start_s = min(self.start_s, recording.start_s)
        recording.read = frozenset(spy.__dict__["read"])
        recording.compared = bool(spy.__dict__["compared"])
        return recording

    def _drive(
        self,
        trial: Trial,
        recording: Recording,
        keep_going: Callable[[], bool],
        eyes: _Looks,
        until: Callable[[Report], bool],
        most_updates: int | None,
    ) -> None:
        if "torch" not in sys.modules:
            self._drive_without_torch(trial, recording, keep_going, until)
            return
        from homeostat.inspect.tracer.hooks import attached
        from homeostat.inspect.tracer.operations import Operations
        from homeostat.inspect.tracer.pairs import TargetPairs
        from homeostat.inspect.tracer.recorder import Tracer
        from homeostat.inspect.tracer.shared import Halt

        recorder = Tracer(
            recording,
            self._looked_at,
            most_updates=most_updates or self.most_updates,
            keep_going=keep_going,
        )
        with contextlib.ExitStack() as stack:
            stack.enter_context(attached(recorder))
            if recording.anatomy and eyes.targets:
                stack.enter_context(TargetPairs(recorder))
            if recording.anatomy and eyes.operations:
                stack.enter_context(Operations(recorder))
            loop = pull(self.workload, trial, observers=[recorder], ending=recording.ending)
            try:
                for report in loop:
                    if until(report):
                        recording.cut = "differs"
                        break
            except Halt:
                pass
            recorder.shared.busy = True
            loop.close()
        recorder.finish()

    def _looked_at(self, update: int) -> bool:
        """Which updates are looked at closely: the first, the last, and now and then."""
        # The plain run, which comes first, has shown how many there are.
        first = self._runs.get(self._key(self.config, self.seed))
        late = first is not None and first.num_updates - LATE_LOOKS <= update < first.num_updates
        early = update < CLOSE_LOOKS
        return early or late or update & (update - 1) == 0 or update % 100 == 0

    def _drive_without_torch(
        self,
        trial: Trial,
        recording: Recording,
        keep_going: Callable[[], bool],
        until: Callable[[Report], bool],
    ) -> None:
        noted = _Noted(recording)
        loop = pull(self.workload, trial, observers=[noted], ending=recording.ending)
        for report in loop:
            goes_on = keep_going()
            if until(report) or not goes_on:
                recording.cut = "differs" if goes_on else "time"
                break
        loop.close()


@dataclass(frozen=True)
class _Looks:
    """What is looked at in a run beside calls, weights and updates."""

    operations: bool
    targets: bool


class _Noted(Watcher):
    """Keeps the reports of a loop without PyTorch."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def after_report(self, step: int, report: Report) -> None:
        self._recording.reports.append(report)


@contextlib.contextmanager
def _quiet(recording: Recording) -> Iterator[None]:
    """Hide what the loop prints, and keep its warnings as evidence."""
    with (
        warnings.catch_warnings(record=True) as told,
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("always")
        yield
    recording.warnings = [str(w.message) for w in told]
