"""Diagnose: find the failure, the first offender, what it is not, and the smallest cure.

1. find the failing step, with the flight recorder running
2. replay it with eyes on everything: the first offender
3. the same steps at smaller rates, and at 0
4. the same steps in float64
5. one change at a time, then pairs
6. if asked: apply the smallest cure, run, and begin again until it is stable
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from homeostat.diagnose.audit import Auditor
from homeostat.diagnose.diagnosis import Diagnosis, Fix
from homeostat.diagnose.eyes import Eyes
from homeostat.diagnose.health import Health
from homeostat.diagnose.ladder import changed, climb
from homeostat.diagnose.precision import in_float64
from homeostat.diagnose.rate import vary_rate
from homeostat.diagnose.replay import Case, Replay, replay
from homeostat.errors import RecordError
from homeostat.execute.flight import FlightRecorder, read_flight
from homeostat.execute.run import run
from homeostat.notes import add_run
from homeostat.record import Attempt, Outcome, RunRecord, read_run
from homeostat.record.attempt import SNAPSHOT
from homeostat.record.seeds import SEEDS
from homeostat.record.snapshot import read_snapshot
from homeostat.space import Config, configs
from homeostat.workload import load
from homeostat.workload.workload import Workload

State = dict[str, Any]
Say = Callable[[str], None]

SECONDS = 120.0
MOST_FIXES = 4
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
        notes: The running log that gets an entry for the last of them; none unless given.
        on_event: Called with a sentence at the beginning of each part.

    Raises:
        RecordError: If the folder is no run, or its workload cannot be found again.
    """
    load.refuse_while_loading()
    say = on_event or (lambda sentence: None)
    case, states, known = _case(target, config, seed, budget, device)
    diagnosis = _examine(case, states, known, seconds, say)
    if fix and diagnosis.failed:
        made = _fix(case, diagnosis, seconds, results, say)
        diagnosis = replace(diagnosis, fix=made)
        if notes is not None and made.run is not None:
            remark = f"after a diagnosis, with {', '.join(made.cures)}"
            add_run(notes, read_run(made.run), remark=remark)
    return diagnosis


def _examine(
    case: Case, states: list[State], known: Attempt | None, seconds: float, say: Say
) -> Diagnosis:
    """Steps 1 to 5."""
    facts: dict[str, Any] = {
        "workload": case.workload.name,
        "config": dict(case.config.given),
        "settings": _typed(case.workload, case.config),
        "seed": case.seed,
        "unit": case.workload.unit,
    }
    say("Looking for the step that fails.")
    began = time.perf_counter()
    violation = known.violation if known is not None else None
    if violation is not None:
        failed_at, reason, steps_seen = violation.step, str(violation), violation.step + 1
        step_s = known.wall_s / max(1, known.num_reports) if known is not None else 0.0
    else:
        recorder, health = FlightRecorder(), Health(case.workload.bounds)
        first = replay(case, [recorder, health], stop=lambda: health.failed, seconds=seconds)
        steps_seen, states = health.num_reports, recorder.states()
        if health.failed_at is None:
            return _healthy(first, steps_seen, facts)
        failed_at, reason = health.failed_at, health.reason
        step_s = first.wall_s / max(1, steps_seen)

    left = max(10.0, seconds - (time.perf_counter() - began))
    start = case
    if step_s * (failed_at + 1) > CHEAP_S:
        start = replace(case, state=_newest_finite(states, failed_at))
    say("Replaying it with eyes on every operation.")
    eyes, auditor = Eyes(case.workload.bounds, start.first_step), Auditor()
    eyes.open()
    # One step more: what a gradient spoils may show in the next report only.
    replay(start, [auditor, eyes], until=failed_at + 1, stop=lambda: eyes.done, seconds=left / 4)
    say("The same steps at smaller rates.")
    rates = vary_rate(start, failed_at, seconds=left / 5)
    say("The same steps in float64.")
    precision = in_float64(start, failed_at, seconds=left / 10)
    say("One change at a time.")
    ladder = climb(case, failed_at, seconds=left / 2)
    return Diagnosis(
        **facts,
        failed=True,
        outcome=Outcome.DIVERGED.value,
        reason=reason,
        failed_at=failed_at,
        steps_seen=steps_seen,
        offence=eyes.offence,
        rates=rates,
        precision=precision,
        ladder=ladder,
        gauges=tuple(eyes.gauges.all),
        audits=tuple(auditor.audits.values()),
    )


def _healthy(seen: Replay, steps_seen: int, facts: Mapping[str, Any]) -> Diagnosis:
    """No essential variable left its bounds: it completed, raised something, or took too long."""
    ending = seen.ending
    raised = ending.outcome is Outcome.FAILED
    reason = "The time was over before the end." if seen.timed_out else ending.reason
    return Diagnosis(
        **facts,
        failed=raised,
        outcome=Outcome.TIMEOUT.value if seen.timed_out else ending.outcome.value,
        reason=reason,
        failed_at=ending.last_step if raised else None,
        steps_seen=steps_seen,
    )


def _fix(case: Case, diagnosis: Diagnosis, seconds: float, results: str | Path, say: Say) -> Fix:
    """Step 6: the smallest cure, a run, and again, until it is stable or nothing cures."""
    config, changes, cures = case.config, dict[str, Any](), list[str]()
    record: RunRecord | None = None
    for _ in range(MOST_FIXES):
        if not diagnosis.cures:
            break
        cure = diagnosis.cures[0]
        cures.append(cure.label)
        changes |= cure.changes
        config = changed(case.workload, config, cure.changes)
        say(f"Running with {cure.label}.")
        record = run(case.workload, config, seeds=[case.seed], budget=case.budget, results=results)
        if record.outcome is Outcome.COMPLETED:
            break
        attempt = record.attempts[0]
        case = replace(case, config=config, state=None)
        diagnosis = _examine(case, _states(attempt), attempt, seconds, say)
    value = record.values().get(case.seed) if record is not None else None
    return Fix(
        changes=changes,
        cures=tuple(cures),
        run=record.folder if record is not None else None,
        outcome=record.outcome.value if record is not None else diagnosis.outcome,
        value=value,
        stable=record is not None and record.outcome is Outcome.COMPLETED,
    )


def _case(
    target: Workload | RunRecord | str | Path,
    config: Config | Mapping[str, Any] | str | None,
    seed: int | None,
    budget: int | None,
    device: str,
) -> tuple[Case, list[State], Attempt | None]:
    """What to examine; of a recorded run also its states and the attempt that failed."""
    record = _record(target)
    if record is None:
        assert not isinstance(target, RunRecord)
        workload = load.find(target)
        resolved, steps = _config(workload, config)
        chosen = SEEDS[0] if seed is None else seed
        return Case(workload, resolved, chosen, budget or steps, device), [], None
    reference = record.facts.get("reference")
    if reference is None:
        raise RecordError(
            f"{record.name}: {record.workload} was defined in a notebook or a function, and cannot "
            "be found again.",
            hint=f"In Python:  hs.diagnose({record.workload}, config={record.given!r})",
        )
    workload = load.find(reference)
    attempt = _failed_attempt(record, seed)
    case = Case(
        workload,
        workload.space.resolve(record.given, source=str(record.facts.get("source", ""))),
        attempt.seed,
        budget or record.budget,
        device,
    )
    return case, _states(attempt), attempt


def _record(target: Workload | RunRecord | str | Path) -> RunRecord | None:
    if isinstance(target, RunRecord):
        return target
    if isinstance(target, Workload):
        return None
    path = Path(target)
    return read_run(path) if path.is_dir() or path.name == "run.json" else None


def _failed_attempt(record: RunRecord, seed: int | None) -> Attempt:
    attempts = [a for a in record.attempts if seed is None or a.seed == seed]
    if not attempts:
        known = ", ".join(str(a.seed) for a in record.attempts) or "none"
        raise RecordError(f"{record.name} has no seed {seed}; it has {known}.")
    return next((a for a in attempts if a.violation is not None), attempts[0])


def _states(attempt: Attempt) -> list[State]:
    """States that an attempt left on disk, oldest first."""
    states = read_flight(attempt.folder)
    try:
        states.append(read_snapshot(attempt.folder / SNAPSHOT))
    except RecordError:
        return states
    return sorted(states, key=lambda state: int(state["trial"]["step"]))


def _config(
    workload: Workload, config: Config | Mapping[str, Any] | str | None
) -> tuple[Config, int]:
    if isinstance(config, Config):
        return config, workload.budget
    if isinstance(config, str):
        named = configs.load(config, workload)
        return named.resolve(workload.space), named.budget or workload.budget
    return workload.space.resolve(config), workload.budget


def _typed(workload: Workload, config: Config) -> str:
    """A configuration as it is typed: the named one it came from, and what was set on top."""
    given, words = dict(config.given), list[str]()
    if config.source in configs.names(workload):
        words.append(f"--config {config.source}")
        named = configs.load(config.source, workload).parameters
        given = {k: v for k, v in given.items() if k not in named or named[k] != v}
    return " ".join([*words, *(f"--set {name}={value}" for name, value in given.items())])


def _newest_finite(states: list[State], step: int) -> State | None:
    """The newest state before a step in which everything is still finite."""
    for state in reversed(states):
        if int(state["trial"]["step"]) <= step and _all_finite(state["trial"]["watched"]):
            return state
    return None


def _all_finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_all_finite(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return all(_all_finite(item) for item in value)
    if hasattr(value, "detach"):
        value = value.detach().cpu().double().numpy() if value.is_floating_point() else 0.0
    if isinstance(value, (float, np.ndarray)):
        return bool(np.isfinite(np.asarray(value, dtype=np.float64)).all())
    return True
