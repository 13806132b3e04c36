"""Probe: is every knob connected and every parameter trained, before any budget is spent?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from homeostat.inspect.probe.audit import probe as run_probe
from homeostat.inspect.probe.result import ProbeResult
from homeostat.plan.context import Context
from homeostat.plan.phase import PhaseResult, Status
from homeostat.record.check import Check
from homeostat.wording import plural, some

LONGEST_S = 60.0
SPOILING = frozenset(
    {
        "runs", "learning", "descent", "labels", "target leak", "overlap", "causality", "coverage",
        "gradient flow", "movement", "order", "losses", "loss terms", "target shift",
        "output range", "last operation", "broadcast", "accuracy", "empty means", "half precision",
    }
)  # fmt: skip
"""Faults after which a score means something else, or nothing is trained: what a search found on
top of them would have to be found again. Any other fault leaves scores that can be compared."""
MOST_TOLD = 3
"""Warnings in the plan's own lines; all of them are in plan.json."""


def probe(context: Context, allowance_s: float) -> PhaseResult:
    """Audit the workload; a fault that spoils the search stops the plan with its remedy.

    A knob without effect is left at its value and not searched.
    """
    found = run_probe(
        context.workload,
        config=context.config,
        seconds=max(2.0, min(allowance_s, LONGEST_S)),
        say=lambda sentence: context.say(f"   {sentence}"),
    )
    # A run that fails at once hides all other faults, so its failure is examined first.
    blows_up = any(map(_fails, found.faults))
    spoiled = [check for check in found.faults if check.name in SPOILING]
    stops = bool(spoiled) and not blows_up and not context.anyway
    status: Status = "stopped" if stops else "done"
    decisions = _decisions(context, found, spoiled, blows_up=blows_up)
    context.left_alone |= _dead(context, found.checks)
    facts = found.to_json() | {"examine": blows_up, "left_alone": dict(context.left_alone)}
    return PhaseResult("probe", status, tuple(_sentences(found)), tuple(decisions), facts)


def _fails(check: Check) -> bool:
    """Whether the run itself fails, so that the diagnosis finds the cause later in the plan."""
    return check.name == "gradients" or (check.name == "runs" and "value" not in check.evidence)


def _dead(context: Context, checks: Sequence[Check]) -> dict[str, Any]:
    """Knobs that were shown to act on nothing, with the value that they have."""
    names = [c.evidence["knob"] for c in checks if c.evidence.get("dead")]
    return {name: context.config[name] for name in names if name not in context.held}


def _sentences(found: ProbeResult) -> list[str]:
    faults, warnings = found.faults, found.warnings
    sentences = [_sentence("Fault", check) for check in faults]
    sentences += [_sentence("Warning", check) for check in warnings[:MOST_TOLD]]
    if len(warnings) > MOST_TOLD:
        sentences.append(f"And {len(warnings) - MOST_TOLD} more:  homeostat probe shows them all.")
    fine = sum(check.status == "ok" for check in found.checks)
    sentences.append(
        f"{fine} findings are in order, {plural(len(warnings), 'warning')}, "
        f"{plural(len(faults), 'fault')}."
    )
    untried = [name for check in found.checks for name in check.evidence.get("no_time", ())]
    if untried:
        sentences.append(
            f"Whether {some(untried)} act on anything was not tried for want of time: searched all "
            "the same. `homeostat probe` takes its own time."
        )
    return sentences


def _decisions(
    context: Context, found: ProbeResult, spoiled: Sequence[Check], *, blows_up: bool
) -> list[str]:
    decisions = []
    dead = _dead(context, found.checks)
    if dead:
        told = some([f"{name} = {value}" for name, value in dead.items()])
        verb = "is" if len(dead) == 1 else "are"
        decisions.append(f"{told} {verb} left as it is and not searched: nothing comes of it.")
    if blows_up:
        decisions.append("Go on to what fails first, and what cures it.")
    elif spoiled and context.anyway:
        decisions.append(
            "Go on anyway, as asked; what the search finds will have to be found again once "
            f"{spoiled[0].name} is put right."
        )
    elif spoiled:
        decisions.append(
            "Fix this first: anything tuned on top of it would have to be tuned again. To search "
            "all the same, add --anyway."
        )
    elif [check for check in found.faults if not check.evidence.get("dead")]:
        decisions.append("Go on: the scores can be compared all the same.")
    return decisions


def _sentence(word: str, check: Check) -> str:
    remedy = f" {check.remedy}" if check.remedy else ""
    return f"{word} ({check.name}): {check.saw}{remedy}"
