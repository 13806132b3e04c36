"""The audit: every check in order, over short runs of one configuration."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from homeostat.errors import UnknownNameError, did_you_mean
from homeostat.inspect.probe.bench import NoTimeLeft, ShortRuns
from homeostat.inspect.probe.check_module import CheckModule
from homeostat.inspect.probe.experiments import Experiment, settle
from homeostat.inspect.probe.questions import QUESTIONS
from homeostat.inspect.probe.result import ProbeResult
from homeostat.inspect.probe.verdict import candidates, verdict_of
from homeostat.record.check import Check, Checks
from homeostat.space import Config
from homeostat.workload import load
from homeostat.workload.installed import installed_checks
from homeostat.workload.workload import Workload

# In the order in which one would ask: does it run, does it learn, can its scores be believed; then
# the knobs, which take the time that is left.
CHECKS: dict[str, Callable[[ShortRuns], Checks]] = {
    "runs": CheckModule("runs"),
    "learning": CheckModule("learning"),
    "repeats": CheckModule("repeats"),
    "resume": CheckModule("resume"),
    "coverage": CheckModule("coverage"),
    "order": CheckModule("order"),
    "gradients": CheckModule("gradients"),
    "activations": CheckModule("activations"),
    "losses": CheckModule("losses"),
    "descent": CheckModule("descent"),
    "modes": CheckModule("modes"),
    "clipping": CheckModule("clipping"),
    "schedule": CheckModule("schedule"),
    "overlap": CheckModule("overlap"),
    "labels": CheckModule("labels"),
    "causality": CheckModule("causality"),
    "reach": CheckModule("reach"),
    **QUESTIONS,
    "update rule": CheckModule("update_rule"),
    "knobs": CheckModule("knobs"),
    "noise": CheckModule("noise"),
}

LAST = ("update rule", "knobs", "noise")
"""Checks that take the time that is left."""
EXPERIMENTS_SHARE = 0.25
"""What experiments may take of the time; with `fix` as much as all the checks."""


def probe(
    workload: Workload | str | Path,
    *,
    config: Config | Mapping[str, Any] | None = None,
    seed: int = 42,
    steps: int | None = None,
    seconds: float | None = None,
    only: Collection[str] | None = None,
    fix: bool = False,
    on_check: Callable[[Check], None] | None = None,
    say: Callable[[str], None] = lambda sentence: None,
) -> ProbeResult:
    """Audit a workload before tuning: are its knobs connected, does it learn, is it sound?

    Args:
        workload: A workload, or what `load.find` takes: a name, a file, "file.py:name".
        config: Values to set; the rest is at its default.
        steps: Length of the short runs; by default as many as the time allows.
        seconds: Roughly how long it may take; 25 where nothing is said, and as long as a program
            that is slow to start needs.
        only: Names of the checks to run: those of CHECKS, and those that installed packages
            announce (see `homeostat.workload.installed`).
        fix: Try every cure that needs no edit where it does not learn, and say which cures.
        on_check: Called with each finding as it is made.
        say: Called with what the audit of a program that is slow to start will take.

    Raises:
        UnknownNameError: If `only` names a check that there is not.

    Example:
        >>> import homeostat as hs
        >>> space = hs.Space(lr=hs.Float(0.01, 1.0, log=True), unused=hs.Float(0.0, 1.0))
        >>> @hs.workload(space=space, metric="loss", goal="minimize", budget=5)
        ... def valley(config, trial):
        ...     x = 1.0
        ...     for step in trial.steps():
        ...         x -= config.lr * x
        ...         yield hs.Report(step, loss=x * x)
        >>> audit = hs.probe(valley, only=["knobs"])
        >>> [check.status for check in audit.faults]
        ['fault']
        >>> audit.faults[0].saw.partition(":")[0]
        'unused is not connected to anything'
    """
    load.refuse_while_loading()
    workload = load.find(workload)
    checks = {**CHECKS, **{n: c for n, c in installed_checks().items() if n not in CHECKS}}
    for name in only or ():
        if name not in checks:
            raise UnknownNameError(f"No check {name!r}.", hint=did_you_mean(name, checks))
    resolved = config if isinstance(config, Config) else workload.space.resolve(config)
    started = time.perf_counter()
    bench = ShortRuns(workload, resolved, seed=seed, steps=steps, seconds=seconds, say=say)
    found: list[Check] = []
    experiments: tuple[Experiment, ...] = ()
    for name, check in checks.items():
        if only is not None and name not in only:
            continue
        if name in LAST or only is not None:
            bench.for_later_s = 0.0
        if name in LAST and only is None and not experiments:
            experiments = _settled(bench, found, fix=fix)
        for finding in _told(name, check, bench):
            found.append(finding)
            if on_check is not None:
                on_check(finding)
        base = bench.plain()
        if not base.reports and not base.num_updates:
            break  # it does not run: there is nothing to look at
    return ProbeResult(
        workload=workload.name,
        checks=tuple(found),
        seconds=time.perf_counter() - started,
        steps=bench.budget,
        experiments=experiments,
    )


def _settled(bench: ShortRuns, found: list[Check], *, fix: bool) -> tuple[Experiment, ...]:
    """What would settle why it does not learn, tried while there is time for it.

    It comes before the knobs, which take what time is left.
    """
    if verdict_of(found).word not in ("does not learn", "does not run"):
        return ()
    suspects = [candidate.check for candidate in candidates(found, ())]
    share = bench.seconds if fix else min(EXPERIMENTS_SHARE * bench.seconds, bench.left_s)
    return tuple(settle(bench, suspects, seconds=share, everything=fix))


def _told(name: str, check: Callable[[ShortRuns], Checks], bench: ShortRuns) -> Checks:
    """A check's findings. It calls the user's code in ways that the code may not expect."""
    try:
        yield from check(bench)
    except NoTimeLeft as late:
        yield Check(name, "skipped", f"{str(late).capitalize()}.")
    except Exception as error:  # whatever that code raises; the other checks go on
        text = " ".join(str(error).split())[:200]
        yield Check(name, "skipped", f"This check failed: {type(error).__name__}: {text}")
