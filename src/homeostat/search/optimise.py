"""Ask, run and tell until the budget is spent, then confirm what was found."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from homeostat.errors import RecordError, SpaceExhaustedError
from homeostat.execute.engines.table import make_engine
from homeostat.execute.job import Engine, Event, Finished, Reported
from homeostat.execute.measure import Limits, PendingRun, work
from homeostat.prune.rules import make_rule
from homeostat.record.outcome import Outcome
from homeostat.record.runs import RunRecord
from homeostat.search.confirm import Effort, confirm, effort, leave_unconfirmed, measured_s
from homeostat.search.decide import verdict_of
from homeostat.search.pruner import TrialPruner
from homeostat.search.review.roles import best_of_each
from homeostat.search.settings import SearchSettings
from homeostat.search.verdict import StudyVerdict
from homeostat.study.constraint import parsed
from homeostat.study.ranking import forgotten
from homeostat.study.records import ReportPoint, TrialRow
from homeostat.study.study import Study, TrialSpec
from homeostat.wording import plural

MAX_POINTS = 1_000
"""Of each curve in the store; the run's own folder has all of them."""
GIVE_UP = 10
"""If the first so many trials all raise, the fault is not in the parameters."""
TIMES_DEFAULT, LEAST_TIMEOUT_S = 5.0, 10.0
"""Within a time budget an attempt may take this many times as long as the default did."""
FIRST_LOOK, LOOK_EVERY, CHANCE = 20, 5, 0.05
"""After how many trials it is first asked whether further ones would gain enough, how often, and
what chance is too small. `benchmarks/enough.py` measures how often that is wrong."""
CONFIRM_SHARE = 0.3
"""The largest part of a time budget that is kept back for confirming."""


@dataclass(frozen=True)
class Told:
    """A trial has ended and is recorded."""

    trial: TrialRow
    best: TrialRow | None
    """The best so far."""


@dataclass(frozen=True)
class Confirming:
    """The search is over; the best and the default run on fresh seeds."""

    attempts: int


SearchEvent = Event | Told | Confirming
OnEvent = Callable[[SearchEvent], None]


class Optimisation:
    """One call of `search`, on a study that is open."""

    def __init__(
        self, study: Study, settings: SearchSettings, folder: Path, on_event: OnEvent
    ) -> None:
        self.notes = list(study.notes)
        """Sentences worth reading."""
        self.interrupted = False
        """Whether a Ctrl-C ended it."""
        self._study = study
        self._settings = settings
        self._folder = folder
        self._on_event = on_event
        budget_s = settings.budget_s
        self._end_s = time.time() + budget_s if budget_s is not None else math.inf
        """When the time for this call is up, in seconds since 1970."""
        self._cut: set[int] = set()
        """Trials of ours that the end of the time interrupted; the next call goes on with them."""
        self._next_look, self._little = FIRST_LOOK, 0
        self._slots = 1
        self._attempts, self._attempts_s = 0, 0.0
        self._specs: dict[PendingRun, TrialSpec] = {}
        self._best: TrialRow | None = None
        self._pruner = _pruner(study)
        self._take_in(study.trials)

    def run(self) -> None:
        """Work until everything is done, time is up, or somebody pressed Ctrl-C."""
        with make_engine(self._settings.engine, self._settings.jobs) as engine:
            self._slots = engine.slots
            judge = self if self._pruner is not None else None
            work(engine, self._next, self._done, self._seen, judge)
            if self._cut and not engine.stopping:
                self._note(
                    f"The time was up while {plural(len(self._cut), 'trial')} ran; the next call "
                    "goes on there."
                )
            if self._settings.confirm and not engine.stopping:
                self._confirm(engine)
            self.interrupted = engine.stopping

    def _next(self) -> PendingRun | None:
        """The next trial to run."""
        spec = self._ask()
        if spec is None:
            return None
        run = self._make(spec)
        self._specs[run] = spec
        return run

    def _ask(self) -> TrialSpec | None:
        """The next trial, unless it is time to stop; another driver may be quicker to take it."""
        spec = None
        while spec is None:
            self._study.refresh()
            self._take_in(self._study.heard())
            if self._left_s() <= 0 or (not self._study.has_unfinished and self._is_over()):
                return None
            try:
                spec = self._study.try_ask()
            except SpaceExhaustedError as error:
                self._note(f"{error.message} The search is complete.")
                return None
        return spec

    def _note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)

    def _is_over(self) -> bool:
        """Whether there is nothing more to draw, at least until another trial has ended."""
        study, settings = self._study, self._settings
        if self._time_is_up():
            return True
        if (
            len(study.trials) - len(forgotten(study.trials)) >= settings.trials
            or self._hopeless()
            or self._is_enough()
        ):
            study.refresh(at_once=True)  # a driver that died may have left work
            return not study.has_unfinished
        return settings.deterministic and study.must_wait

    def _is_enough(self) -> bool:
        """Whether the value that was asked for is reached, or nothing has improved for long."""
        settings, best = self._settings, self._best
        if best is None:
            return False
        metric, goal = next(iter(self._study.definition.objectives.items()))
        value = best.values[metric]
        if settings.stop_at is not None and not goal.better(settings.stop_at, value):
            self._note(f"Trial {best.number} has reached {metric} {value:.6g}: the search is over.")
            return True
        later = [t for t in self._study.trials[best.number + 1 :] if t.outcome.final]
        after = len(later) - len(forgotten(later))
        if settings.enough and self._gains_little():
            self._note(
                "Further trials would, with 95 %, gain less than seeds differ: the search is over."
            )
            return True
        if settings.patience is not None and after >= settings.patience:
            self._note(
                f"{plural(after, 'trial')} after trial {best.number} were no better: the search is "
                "over."
            )
            return True
        return False

    def _gains_little(self) -> bool:
        """Whether two looks in a row gave a chance of 5 % at most to gain more than the noise.

        Of several objectives nobody can say so: what is traded has no one gain.
        """
        trials = self._study.trials
        ended = sum(trial.outcome.final for trial in trials) - len(forgotten(trials))
        if ended >= self._next_look and len(self._study.definition.objectives) == 1:
            self._next_look = max(ended + LOOK_EVERY, math.ceil(1.1 * ended))
            little = self._study.chance_of_gain() <= CHANCE
            self._little = self._little + 1 if little else 0
        return self._little >= 2

    def _make(self, spec: TrialSpec) -> PendingRun:
        return PendingRun.begin(
            self._study.workload,
            spec.config,
            seeds=spec.seeds,
            budget=spec.budget,
            folder=self._folder / f"trial_{spec.number:04d}",
            limits=self._limits(),
            resumed=spec.resumed,
            rungs=self._pruner.rungs(spec.number) if self._pruner else frozenset(),
            in_turn=self._pruner is not None,
            more={
                "study": self._study.name,
                "trial": spec.number,
                "reference": self._settings.reference,
            },
        )

    def _done(self, run: PendingRun, record: RunRecord) -> None:
        spec = self._specs.pop(run)
        if not record.outcome.final:
            # Stopped by Ctrl-C or the end of the time; the study knows it as running and will ask
            # for it again.
            self._cut.add(spec.number)
            return
        study = self._study
        ended = replace(
            study.trials[spec.number],
            outcome=record.outcome,
            reason=self._why(spec.number, record),
            per_seed=_per_seed(record, [c.metric for c in parsed(study.definition.constraints)]),
            wall_s=record.wall_s,
        )
        self._tell(ended, spec, points(record))

    def _tell(self, ended: TrialRow, spec: TrialSpec, curves: tuple[ReportPoint, ...] = ()) -> None:
        told = self._study.tell(
            spec.number,
            ended.outcome,
            ended.per_seed,
            reason=ended.reason,
            wall_s=ended.wall_s,
            curves=curves,
            expected=self._pruner.expected.pop(spec.number, None) if self._pruner else None,
        )
        if told.outcome.final:
            self._remember(told)
            if self._pruner is not None:
                self._pruner.learn(told, curves)
            self._on_event(Told(told, self._best))

    def goes_on(self, run: PendingRun, reported: Reported) -> bool:
        """Whether an attempt goes on from its rung."""
        assert self._pruner is not None
        return self._pruner.judge(self._specs[run].number, reported)

    def why_skip(self, run: PendingRun) -> str:
        """Why a trial does not need its other seeds; "" if it does."""
        assert self._pruner is not None
        number = self._specs[run].number
        if self._pruner.judge_seeds(number, run.attempts):
            return ""
        return self._pruner.reasons[number]

    def _why(self, number: int, record: RunRecord) -> str:
        """Why a trial ended as it did."""
        if record.outcome is Outcome.PRUNED and self._pruner is not None:
            return self._pruner.reasons.pop(number, record.reason)
        return record.reason

    def _take_in(self, trials: Sequence[TrialRow]) -> None:
        """Take in trials that other processes have told, before this one or beside it."""
        for trial in trials:
            self._remember(trial)
        if self._pruner is not None and trials:
            since = min(trial.number for trial in trials)
            curves = self._study.store.points(self._study.row.key, since=since)
            for trial in trials:
                self._pruner.learn(trial, curves.get(trial.number, ()))

    def _remember(self, trial: TrialRow) -> None:
        if self._study.is_better(trial, self._best):
            self._best = trial

    def _seen(self, event: Event) -> None:
        if isinstance(event, Finished):
            self._attempts += 1
            self._attempts_s += event.attempt.wall_s
        self._study.beat()
        self._on_event(event)

    def _hopeless(self) -> bool:
        first = [t for t in self._study.trials if t.outcome is not Outcome.FORGOTTEN][:GIVE_UP]
        if len(first) < GIVE_UP or any(t.outcome is not Outcome.FAILED for t in first):
            return False
        sentence = f"Stopped: the first {GIVE_UP} trials all failed, the last with: "
        if not any(note.startswith(sentence) for note in self.notes):
            self.notes.append(sentence + first[-1].reason)
        return True

    # Time

    def _time_is_up(self) -> bool:
        """Whether one more round of trials would leave too little for confirming."""
        if self._settings.budget_s is None or not self._study.trials:
            return False
        seeds = len(self._study.definition.seeds)
        return self._left_s() < self._reserve_s() + self._cost_s(seeds)

    def _reserve_s(self) -> float:
        """What is kept back of the time for confirming."""
        if self._settings.budget_s is None or not self._settings.confirm:
            return 0.0
        wanted_s = self._confirm_s(self._effort().attempts)
        return min(wanted_s, CONFIRM_SHARE * self._settings.budget_s)

    def _left_s(self) -> float:
        return self._end_s - time.time()

    def _limits(self) -> Limits:
        """Of an attempt: within the time for all of them, less what is kept back.

        Where that is limited, one that takes much longer than the default did is stopped too, so
        that a setting that hangs does not take what is left.
        """
        limits = self._settings.limits
        if self._settings.budget_s is None:
            return limits
        default = self._study.default
        if limits.timeout_s is None and default is not None:
            of_one_s = measured_s([default])
            if of_one_s:
                limits = replace(limits, timeout_s=max(LEAST_TIMEOUT_S, TIMES_DEFAULT * of_one_s))
        return replace(limits, until_s=self._end_s - self._reserve_s())

    def _cost_s(self, attempts: int) -> float:
        """Seconds that so many attempts will take, judged by those so far."""
        mean_s = self._attempts_s / max(1, self._attempts)
        return -(-attempts // self._slots) * mean_s

    def _confirm_s(self, attempts: int) -> float:
        """Seconds that so many whole attempts will take, by what trials took that completed."""
        return -(-attempts // self._slots) * measured_s(self._study.trials)

    def _effort(self) -> Effort:
        attempts = len(self._study.trials) * len(self._study.definition.seeds)
        size = effort(attempts, self._settings.confirm)
        return replace(size, others=len(self._compared()))

    def _compared(self) -> list[TrialRow]:
        """The best trial with each value of the scientific parameters."""
        names = self._settings.scientific
        study = self._study
        return best_of_each(study.ranked(), study.definition, names) if names else []

    def _confirm(self, engine: Engine) -> None:
        if not self._is_for_us_to_confirm():
            return
        study, wanted, others = self._study, self._effort(), self._compared()
        before = verdict_of(study.row, study.trials)
        if before.leader is None or self._is_confirmed(before, wanted, others):
            return
        size: Effort | None = wanted
        left_s = None
        if self._settings.budget_s is not None:
            left_s = max(0.0, self._left_s())
            size = wanted.within(lambda n: self._confirm_s(n) <= self._left_s())
        if size is not None:
            self._on_event(Confirming(size.attempts))
            limits = self._settings.limits
            confirm(study, engine, size, self._folder, limits, self._seen, others, left_s)
        elif before.winner is None:
            leave_unconfirmed(
                study,
                f"too little time was left to run the best on fresh seeds ({left_s:.3g} s, and one "
                f"attempt takes {measured_s(study.trials):.3g} s)",
            )

    def _is_confirmed(
        self, verdict: StudyVerdict, wanted: Effort, others: Sequence[TrialRow]
    ) -> bool:
        """Whether as many seeds as are wanted have been run, also of what is compared."""
        known = self._study.row.confirmation
        if known is None or verdict.winner is None:
            return False
        ran = known["values"]
        return len(known["seeds"]) >= wanted.seeds and all(str(t.number) in ran for t in others)

    def _is_for_us_to_confirm(self) -> bool:
        """The last of a study's drivers does; the others leave it to that one."""
        # As it is now: with an older look at each other's last trial two would leave it alone.
        self._study.refresh(at_once=True)
        running = [
            t.number for t in self._study.trials
            if not t.outcome.final and t.number not in self._cut
        ]  # fmt: skip
        if running:
            what = "a trial" if len(running) == 1 else f"{len(running)} trials"
            self.notes.append(f"Another driver is still making {what}, and confirms the best then.")
            return False
        other = self._study.who_confirms()
        if other is not None:
            self.notes.append(f"The best is being confirmed by {other.place}.")
        return other is None


def _pruner(study: Study) -> TrialPruner | None:
    """The pruner that prunes a study's trials, if it is to be pruned."""
    definition = study.definition
    rule = make_rule(definition.prune, definition.prune_at, definition.budget)
    if rule is None:
        return None
    return TrialPruner(
        rule,
        objectives=definition.objectives,
        seeds=definition.seeds,
        wave=definition.wave,
        budget=definition.budget,
    )


def _per_seed(record: RunRecord, bounded: Sequence[str] = ()) -> dict[str, tuple[float, ...]]:
    """Objective -> its value for each seed; of a pruned run, what the seeds had reached.

    So with the bounded metrics, of which the last report counts.
    """
    counted = [Outcome.COMPLETED]
    if record.outcome is Outcome.PRUNED:
        counted.append(Outcome.PRUNED)
    attempts = [attempt for attempt in record.attempts if attempt.outcome in counted]
    found = {
        name: tuple(a.values[name] for a in attempts if name in a.values)
        for name in record.objectives
    }
    for name in bounded:
        if name not in found and record.outcome is Outcome.COMPLETED:
            with suppress(RecordError):  # a metric that nobody reported
                found[name] = tuple(record.values(name).values())
    return {name: values for name, values in found.items() if values}


def points(record: RunRecord) -> tuple[ReportPoint, ...]:
    """The curve of each objective and seed, thinned where it is long."""
    found = []
    for seed, curves in record.curves().items():
        for name in record.objectives:
            steps, values = curves.of(name)
            kept = np.isfinite(values)
            steps, values = steps[kept], values[kept]
            if len(steps) > MAX_POINTS:
                chosen = np.linspace(0, len(steps) - 1, MAX_POINTS).round().astype(int)
                steps, values = steps[chosen], values[chosen]
            pairs = zip(steps.tolist(), values.tolist(), strict=True)
            found += [ReportPoint(seed, name, step, value) for step, value in pairs]
    return tuple(found)
