"""Diagnose: when the default does not train, why not, and with `fix` go on with the cure."""

from __future__ import annotations

from importlib.util import find_spec

from homeostat.plan.context import Context
from homeostat.plan.phase import PhaseResult


def diagnose(context: Context, allowance_s: float) -> PhaseResult:
    """Find the first offender and the smallest cure; without `fix` the plan stops with both."""
    sound = not context.fact("probe", "examine", False) or bool(context.settled)
    if sound and context.fact("baseline", "trains", True):
        return PhaseResult("diagnose", "skipped", ("Not needed: the default trains.",))
    if find_spec("torch") is None:
        return PhaseResult(
            "diagnose", "stopped",
            ("Not possible without torch.  Add it:  pip install 'homeostat[models]'",),
        )  # fmt: skip
    from homeostat.inspect.diagnose import diagnose as examine

    found = examine(
        context.workload,
        config=context.config,
        budget=context.steps,
        device=context.device,
        seconds=max(10.0, allowance_s),
    )
    facts = found.to_json()
    sentences = [line for line in str(found).splitlines() if line.strip()]
    if not found.failed and found.next_cure is None:
        left = "It ends within its bounds all the same; fix what the probe found."
        return PhaseResult("diagnose", "stopped", tuple(sentences), (left,), facts)
    cure = found.next_cure
    if cure is None:
        return PhaseResult("diagnose", "stopped", tuple(sentences), (), facts)
    changes = " ".join(f"--set {name}={value}" for name, value in cure.changes.items())
    if not context.fix:
        advice = f"Stop here: a search cannot cure this. Apply {changes}, or let --fix do it."
        return PhaseResult("diagnose", "stopped", tuple(sentences), (advice,), facts)
    context.settled |= cure.changes
    decision = f"Go on with {changes}: {cure.label}."
    return PhaseResult("diagnose", "done", tuple(sentences), (decision,), facts, again="baseline")
