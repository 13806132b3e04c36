"""Links: the last operation is one that its loss was made for."""

from __future__ import annotations

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.record.check import Checks, Found

LOGITS = ("cross_entropy", "binary_cross_entropy_with_logits")
BOUNDED = {"Sigmoid": "between 0 and 1", "Tanh": "between -1 and 1"}


def check(bench: ShortRuns) -> Checks:
    found = Found("last operation")
    meetings = bench.anatomy.facts.meetings
    squashed = bench.anatomy.facts.squashed
    if not meetings and not squashed:
        return
    said: set[tuple[str, str]] = set()
    for twice in list(squashed.values())[:2]:
        said.add(("squashed", twice.where))
        yield found.warning(
            f"{twice.where} takes a {twice.outer} of what a {twice.inner} gave: probabilities are "
            "squashed a second time, so that none is near 0 or 1 and gradients are small.",
            f"Take one of the two: the {twice.outer} is for raw outputs.",
        )
    for m in meetings:
        if m.scrambled and ("scrambled", m.model) not in said:
            said.add(("scrambled", m.model))
            yield found.fault(
                f"What {m.function} is given of {m.model} is its output of shape {m.scrambled} "
                f"as a view of shape {m.shape}: the classes lie along axis 1, and the view makes "
                "a row of what lies side by side along the last axis.",
                "Move the axis first: logits.permute(0, 2, 3, 1).reshape(-1, classes), or give "
                "cross_entropy the output as it is, with targets of shape (rows, ...).",
            )
        elif m.single and ("single", m.model) not in said:
            said.add(("single", m.model))
            what = (
                "cross_entropy is given one class" if m.function == "cross_entropy"
                else f"{m.model} ends in a softmax over one unit"
            )  # fmt: skip
            yield found.fault(
                f"{what} (shape {m.shape}): its answer is the same, with probability 1, whatever "
                "the weights are, and nothing is learnt.",
                "Use a sigmoid with binary_cross_entropy_with_logits for one unit, or as many "
                "units as there are classes.",
            )
        elif m.function in LOGITS and m.origin == "Relu" and ("relu", m.model) not in said:
            said.add(("relu", m.model))
            yield found.warning(
                f"{m.model} ends in a relu and {m.function} takes what it gives as logits: no "
                "logit can be below 0, and units at 0 learn nothing.",
                "Leave the relu after the last layer out.",
            )
        elif m.function == "cross_entropy" and m.origin in BOUNDED:
            if (m.origin, m.model) in said:
                continue
            said.add((m.origin, m.model))
            say = found.fault if m.origin == "Sigmoid" else found.warning
            yield say(
                f"{m.model} ends in a {m.origin.lower()} and cross_entropy takes what it gives as "
                f"logits: they stay {BOUNDED[m.origin]}, so no class can become probable.",
                f"Leave the last {m.origin.lower()} out: cross_entropy takes the softmax itself.",
            )
    if not said:
        yield found.ok("No loss is given the result of an operation that it makes itself.")
