"""Probe: is every knob connected and every parameter trained, before any budget is spent?"""

from __future__ import annotations

from homeostat.inspect.probe.audit import probe as run_probe
from homeostat.plan.context import Context
from homeostat.plan.phase import PhaseResult, Status
from homeostat.record.check import Check
from homeostat.wording import plural

LONGEST_S = 60.0
EXAMINED = ("runs", "gradients")
"""Faults whose cause the diagnosis finds later in the plan."""
MOST_TOLD = 3
"""Warnings in the plan's own lines; all of them are in plan.json."""


def probe(context: Context, allowance_s: float) -> PhaseResult:
    """Audit the workload; a fault stops the plan with its remedy."""
    found = run_probe(
        context.workload, config=context.config, seconds=max(2.0, min(allowance_s, LONGEST_S))
    )
    faults, warnings = found.faults, found.warnings
    # A run that fails at once hides all other faults, so its failure is examined first.
    blows_up = any(check.name in EXAMINED for check in faults)
    status: Status = "stopped" if faults and not blows_up else "done"
    sentences = [_sentence("Fault", check) for check in faults]
    sentences += [_sentence("Warning", check) for check in warnings[:MOST_TOLD]]
    if len(warnings) > MOST_TOLD:
        sentences.append(f"And {len(warnings) - MOST_TOLD} more:  homeostat probe shows them all.")
    fine = sum(check.status == "ok" for check in found.checks)
    sentences.append(
        f"{fine} findings are in order, {plural(len(warnings), 'warning')}, "
        f"{plural(len(faults), 'fault')}."
    )
    decisions: tuple[str, ...] = ()
    if blows_up:
        decisions = ("Go on to what fails first, and what cures it.",)
    elif faults:
        decisions = ("Fix this first: anything tuned on top of it would have to be tuned again.",)
    return PhaseResult("probe", status, tuple(sentences), decisions, found.to_json())


def _sentence(word: str, check: Check) -> str:
    remedy = f" {check.remedy}" if check.remedy else ""
    return f"{word} ({check.name}): {check.saw}{remedy}"
