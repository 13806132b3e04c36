"""Summands: each part of a loss teaches some weight that is stepped."""

from __future__ import annotations

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.record.check import Checks, Found
from homeostat.wording import some

LEAST_PASSES = 3
LEAST_CHANGE = 1e-6


def check(bench: ShortRuns) -> Checks:
    found = Found("loss terms")
    run = bench.anatomy
    facts = run.facts
    if not facts.passes:
        return
    fine = True
    if facts.leaf_passes == facts.passes:
        fine = False
        yield found.fault(
            f"The loss has no graph: all {facts.passes} backward passes start from a new tensor "
            "that no operation made, so no gradient reaches a weight.",
            "Keep the loss as it was computed: no torch.tensor(...), .item(), .numpy() or .data "
            "on the way, and no requires_grad=True to silence the error.",
            passes=facts.passes,
        )
    for term in facts.terms:
        if term.lost >= LEAST_PASSES and not term.used:
            fine = False
            where = f" It reaches weights of {some(list(term.models))} only." if term.models else ""
            yield found.fault(
                f"A summand of a loss ({term.operation}) teaches nothing: in all {term.lost} "
                "passes that were looked at, no weight that its gradient reaches is stepped with "
                f"it.{where} It is cut off from what it should teach, as by detach().",
                "Leave detach() and no_grad() out on the way from the weights that are stepped to "
                "this part of the loss.",
                lost=term.lost, models=list(term.models),
            )  # fmt: skip
    for constant in facts.constants.values():
        values = constant.values
        size = max(map(abs, values), default=0.0)
        if constant.function and len(values) >= LEAST_PASSES:
            fine = False
            yield found.warning(
                f"{constant.where}: {constant.function} is a summand of the loss and has no "
                f"gradient (its value is {values[-1]:.3g}): neither thing that it compares "
                "depends on a weight, so it teaches nothing.",
                "Give it what the trained network says, not detached and not taken twice from the "
                "same frozen network.",
                values=values[:5],
            )
            continue
        moving = len(values) >= LEAST_PASSES and max(values) - min(values) > LEAST_CHANGE * size
        if moving and _weighs(bench, values):
            fine = False
            yield found.warning(
                f"{constant.where}: a summand of the loss has no gradient: it changes from "
                f"{values[0]:.3g} to {values[-1]:.3g}, and no weight is taught by it.",
                "Compute it without detach(), .item(), .data or no_grad(), or leave it out of "
                "the loss.",
                values=values[:5],
            )
    if fine:
        yield found.ok("Each summand of the losses reaches weights that are stepped.")


def _weighs(bench: ShortRuns, values: list[float]) -> bool:
    """Whether it is a visible part of what is minimised."""
    losses = [abs(b.loss) for b in bench.anatomy.backwards if b.loss == b.loss]
    typical = sorted(losses)[len(losses) // 2] if losses else 0.0
    return max(map(abs, values)) > 1e-3 * typical
