"""Counts: a mean over what a mask selects is safe when it selects nothing."""

from __future__ import annotations

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.record.check import Checks, Found

FALLEN = 0.15
"""Below this share of the first counts, none is near."""
FEW = 3
LEAST = 6


def check(bench: ShortRuns) -> Checks:
    found = Found("empty means")
    counts = [
        c for c in bench.anatomy.facts.counts.values() if len(c.sizes) >= LEAST or 0 in c.sizes
    ]
    fine = True
    for count in counts:
        remedy = "Divide by count.clamp(min=1), or leave the step out when nothing is selected."
        if 0 in count.sizes:
            fine = False
            time = count.sizes.index(0) + 1
            yield found.fault(
                f"{count.where}: a mean over a selection that is empty at its {_nth(time)} use: "
                "it divides by a count of 0, and 0/0 is nan.",
                remedy, first=time,
            )  # fmt: skip
            continue
        start = sum(count.sizes[: LEAST // 2]) / (LEAST // 2)
        end = min(count.sizes[-len(count.sizes) // 3 :])
        if end <= FEW and end < FALLEN * start:
            fine = False
            yield found.warning(
                f"{count.where}: it divides by a count that fell from {start:.3g} to {end} with "
                "training, and nothing keeps it from 0, where 0/0 is nan.",
                remedy, start=start, end=end,
            )  # fmt: skip
    if counts and fine:
        yield found.ok("No mean over a selection comes near an empty one.")


def _nth(number: int) -> str:
    ends = {1: "st", 2: "nd", 3: "rd"}
    teen = 10 < number % 100 < 20
    return f"{number}{'th' if teen else ends.get(number % 10, 'th')}"
