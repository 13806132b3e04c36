"""Range: what the last operation can give holds the targets."""

from __future__ import annotations

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.tracer.facts import Meeting
from homeostat.record.check import Checks, Found

REACH = {
    "Relu": "0 or more", "Softplus": "more than 0", "Exp": "more than 0", "Abs": "0 or more",
    "Sigmoid": "between 0 and 1", "Softmax": "between 0 and 1", "Tanh": "between -1 and 1",
    "LogSigmoid": "less than 0", "LogSoftmax": "less than 0", "Elu": "more than -1",
}  # fmt: skip
LEAST_SHARE, LEAST_GAP = 0.02, 0.05
PROBABILITIES = ("binary_cross_entropy", "binary_cross_entropy_with_logits")


def check(bench: ShortRuns) -> Checks:
    found = Found("output range")
    meetings = bench.anatomy.facts.meetings
    groups: dict[tuple[str, str, str], list[Meeting]] = {}
    for meeting in meetings:
        groups.setdefault((meeting.model, meeting.function, meeting.origin), []).append(meeting)
    fine = bool(meetings)
    for (model, function, origin), group in groups.items():
        outside = sum(m.outside for m in group) / len(group)
        gap = sum(m.gap for m in group) / len(group)
        if outside < LEAST_SHARE or gap < LEAST_GAP:
            continue
        fine = False
        low, high = min(m.low for m in group), max(m.high for m in group)
        if function in PROBABILITIES:
            yield found.fault(
                f"{function} is given targets from {low:.3g} to {high:.3g}: it expects 0 to 1, "
                f"and {100 * outside:.0f} % lie outside that range.",
                "Give it probabilities or 0 and 1 as targets.", outside=outside,
            )  # fmt: skip
            continue
        yield found.fault(
            f"{model} ends in {origin.lower()}, which gives numbers {REACH[origin]}, and its "
            f"targets go from {low:.3g} to {high:.3g}: {100 * outside:.0f} % of them are out of "
            "its reach.",
            f"Leave the last {origin.lower()} out, or scale the targets into its range.",
            outside=outside, origin=origin,
        )  # fmt: skip
    if fine:
        yield found.ok("The last operation can give every target.")
