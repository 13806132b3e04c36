"""Diagnose: find the failure, the first offender, what it is not, and the smallest cure.

1. find the failing step, with the flight recorder running
2. replay it and look at everything: the first offender
3. the same steps at smaller rates, and at 0
4. the same steps in float64
5. one change at a time, then pairs
6. where nothing fails: symptoms, and mechanisms that also change how weights are updated
7. if asked: apply the smallest cure, run, and begin again until it is stable
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from homeostat.execute.loop.state_ring import FlightRecorder
from homeostat.execute.run import run
from homeostat.inspect.diagnose.audit import Auditor
from homeostat.inspect.diagnose.confound import find_confounds
from homeostat.inspect.diagnose.diagnosis import Diagnosis
from homeostat.inspect.diagnose.fix import Fix
from homeostat.inspect.diagnose.health import Health
from homeostat.inspect.diagnose.ladder import changed, climb, not_refuted
from homeostat.inspect.diagnose.precision import in_float64
from homeostat.inspect.diagnose.rate import vary_rate
from homeostat.inspect.diagnose.replay import Case, Replay, replay
from homeostat.inspect.diagnose.replayed_evidence import ReplayCurves, of_replay
from homeostat.inspect.diagnose.step_tracer import StepTracer
from homeostat.inspect.diagnose.target import (
    Subject,
    find_target,
    newest_finite,
    target_of_run,
    typed,
)
from homeostat.inspect.symptoms.examine import examine as examine_record
from homeostat.inspect.symptoms.examine import judge
from homeostat.notes import add_run
from homeostat.own_time import own_time
from homeostat.record import Outcome, RunRecord, read_run
from homeostat.space import Config
from homeostat.workload import load
from homeostat.workload.workload import Workload

Say = Callable[[str], None]

SECONDS = 120.0
MOST_FIXES = 4
# What the parts get at least, however long it took to find the failure.
LEAST_S, LEAST_CONFOUNDS_S = 10.0, 20.0
# How a failure's parts share the time that is left; none uses all of its share as a rule.
REPLAY_SHARE, RATES_SHARE, PRECISION_SHARE, LADDER_SHARE = 0.25, 0.2, 0.1, 0.5
# Replays begin at step 0 where that takes no longer than this; from a recorded state otherwise.
CHEAP_S = 10.0


def diagnose(
    target: Workload | RunRecord | str | Path,
    *,
    config: Config | Mapping[str, Any] | str | None = None,
    seed: int | None = None,
    budget: int | None = None,
    device: str = "cpu",
    fix: bool = False,
    seconds: float = SECONDS,
    results: str | Path = "results",
    notes: str | Path | None = None,
    workload: Workload | str | Path | None = None,
    on_event: Say | None = None,
) -> Diagnosis:
    """Say what failed first in a run, what it is not, and which change cures it.

    Args:
        target: A workload (or its name or file), or a recorded run (or its folder).
        config: Values to set, or the name of a configuration; a recorded run has its own.
        seed: Which seed; the first that failed of a recorded run, else the first usual one.
        budget: How many steps to look at; all unless given.
        fix: Whether to run the smallest cure afterwards, again and again until it is stable.
        seconds: About how long the examination may take; a fix takes its runs' own time.
        results: Where the runs of a fix are recorded.
        notes: The running log that gets an entry for the run and for that of the fix, if given.
        workload: Of a recorded run, unless it is an installed one: a file that a run names is not
            run unless it is named here too.
        on_event: Called with a sentence at the beginning of each part.

    Raises:
        RecordError: If the folder is no run, or its workload has to be named.

    Example:
        >>> import homeostat as hs
        >>> import torch
        >>> space = hs.Space(lr=hs.Float(0.01, 1.0))
        >>> @hs.workload(space=space, metric="loss", goal="minimize", budget=9)
        ... def at_zero(config, trial):
        ...     layer = torch.nn.Linear(3, 1, bias=False)
        ...     optimizer = torch.optim.SGD(layer.parameters(), lr=config.lr)
        ...     for step in trial.steps():
        ...         loss = layer(torch.zeros(4, 3)).pow(2).sum().sqrt()  # the slope of a root at 0
        ...         optimizer.zero_grad()
        ...         loss.backward()
        ...         optimizer.step()
        ...         yield hs.Report(step, loss=loss + layer.weight.sum())
        >>> offence = hs.diagnose(at_zero).offence
        >>> offence.step, offence.operation, offence.source.partition(": ")[2][:28]
        (0, 'SqrtBackward0', 'loss = layer(torch.zeros(4, ')
    """
    load.refuse_while_loading()
    say = on_event or (lambda sentence: None)
    found = find_target(target, config, seed, budget, device, workload)
    diagnosis = _examine(found, seconds, say)
    made = None
    if fix and (diagnosis.failed or diagnosis.confounds):
        made = _fix(found.case, diagnosis, seconds, results, say)
        diagnosis = replace(diagnosis, fix=made)
    if notes is not None:
        _note(notes, found, made)
    return diagnosis


def _note(notes: str | Path, target: Subject, made: Fix | None) -> None:
    """An entry for the run that was examined, and for that of the fix."""
    if target.record is not None:
        add_run(notes, target.record, remark="diagnosed")
    if made is not None and made.run is not None:
        add_run(
            notes, read_run(made.run), remark=f"after a diagnosis, with {', '.join(made.cures)}"
        )


def _examine(target: Subject, seconds: float, say: Say) -> Diagnosis:
    """Steps 1 to 6."""
    case = target.case
    facts: dict[str, Any] = {
        "workload": case.workload.name,
        "reference": load.reference_or_none(case.workload) or "",
        "config": dict(case.config.given),
        "settings": typed(case.workload, case.config),
        "seed": case.seed,
        "unit": case.workload.unit,
        "budget": case.budget,
    }
    began = own_time()
    failure = _recorded_failure(target)
    if failure is None:
        seen = None
        if not target.completed:
            say("Looking for the step that fails.")
            recorder, curves = FlightRecorder(), ReplayCurves()
            health = Health(case.workload.bounds)
            seen = replay(
                case, [recorder, health, curves], stop=lambda: health.failed, seconds=seconds
            )
            facts["findings"] = tuple(
                judge({case.seed: of_replay(case, seen, curves)}, case.workload)
            )
            target = replace(target, states=recorder.states())
            failure = _seen_failure(health, seen)
        left = max(LEAST_CONFOUNDS_S, seconds - (own_time() - began))
        if failure is None:
            return _healthy(target, seen, facts, left, say)
    if target.record is not None:
        facts["findings"] = tuple(examine_record(target.record, case.workload))
    left = max(LEAST_S, seconds - (own_time() - began))
    return _failing(target, failure, facts, left, say)


@dataclass(frozen=True)
class _Failure:
    step: int
    reason: str
    steps_seen: int
    step_s: float


def _recorded_failure(target: Subject) -> _Failure | None:
    known = target.attempt
    if known is None or known.violation is None:
        return None
    step = known.violation.step
    step_s = known.wall_s / max(1, known.num_reports)
    return _Failure(step, str(known.violation), step + 1, step_s)


def _seen_failure(health: Health, seen: Replay) -> _Failure | None:
    if health.failed_at is None:
        return None
    count = health.num_reports
    return _Failure(health.failed_at, health.reason, count, seen.wall_s / max(1, count))


def _failing(
    target: Subject, failure: _Failure, facts: Mapping[str, Any], left: float, say: Say
) -> Diagnosis:
    """An essential variable left its bounds: who began, what it is not, and what cures it."""
    case = start = target.case
    if failure.step_s * (failure.step + 1) > CHEAP_S:
        start = replace(case, state=newest_finite(target.states, failure.step))
    say("Replaying it with eyes on every operation.")
    eyes, auditor = StepTracer(case.workload.bounds, start.first_step), Auditor()
    eyes.open()
    # One step more: the damage a gradient does may not show before the next report.
    until = failure.step + 1
    replay(start, [auditor, eyes], until=until, stop=lambda: eyes.done, seconds=REPLAY_SHARE * left)
    say("The same steps at smaller rates.")
    rates = vary_rate(start, failure.step, seconds=RATES_SHARE * left)
    say("The same steps in float64.")
    precision = in_float64(start, failure.step, seconds=PRECISION_SHARE * left)
    say("One change at a time.")
    ladder = climb(case, failure.step, seconds=LADDER_SHARE * left)
    tried = {"findings": tuple(not_refuted(facts.get("findings", ()), ladder))}
    return Diagnosis(
        **{**facts, **tried},
        failed=True,
        outcome=Outcome.DIVERGED.value,
        reason=failure.reason,
        failed_at=failure.step,
        steps_seen=failure.steps_seen,
        offence=eyes.offence,
        rates=rates,
        precision=precision,
        ladder=ladder,
        gauges=tuple(eyes.gauges.all),
        audits=tuple(auditor.audits.values()),
    )


def _healthy(
    target: Subject, seen: Replay | None, facts: dict[str, Any], left: float, say: Say
) -> Diagnosis:
    """No essential variable left its bounds: it completed, raised something, or took too long."""
    if seen is None:
        assert target.attempt is not None and target.record is not None
        facts["findings"] = tuple(examine_record(target.record, target.case.workload))
        return Diagnosis(
            **facts,
            failed=False,
            outcome=target.attempt.outcome.value,
            reason=target.attempt.reason,
            steps_seen=target.attempt.num_reports,
            confounds=find_confounds(target.case, seconds=left, say=say),
        )
    ending = seen.ending
    raised = ending.outcome is Outcome.FAILED
    whole = not raised and not seen.timed_out
    return Diagnosis(
        **facts,
        failed=raised,
        outcome=Outcome.TIMEOUT.value if seen.timed_out else ending.outcome.value,
        reason="Time ran out before the end." if seen.timed_out else ending.reason,
        failed_at=ending.last_step if raised else None,
        steps_seen=ending.num_reports,
        confounds=find_confounds(target.case, seconds=left, say=say) if whole else (),
    )


def _fix(case: Case, diagnosis: Diagnosis, seconds: float, results: str | Path, say: Say) -> Fix:
    """Step 7: the smallest cure, a run, and again, until it is stable or nothing cures."""
    config, changes, cures = case.config, dict[str, Any](), list[str]()
    record: RunRecord | None = None
    for _ in range(MOST_FIXES):
        cure = diagnosis.next_cure
        if cure is None:
            break
        cures.append(cure.label)
        changes |= cure.changes
        config = changed(case.workload, config, cure.changes)
        say(f"Running with {cure.label}.")
        record = run(case.workload, config, seeds=[case.seed], budget=case.budget, results=results)
        if record.outcome is Outcome.COMPLETED:
            break
        case = replace(case, config=config, state=None)
        diagnosis = _examine(target_of_run(case, record), seconds, say)
    value = record.values().get(case.seed) if record is not None else None
    return Fix(
        changes=changes,
        cures=tuple(cures),
        run=record.folder if record is not None else None,
        outcome=record.outcome.value if record is not None else diagnosis.outcome,
        value=value,
        stable=record is not None and record.outcome is Outcome.COMPLETED,
    )
