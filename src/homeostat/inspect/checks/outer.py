"""Broadcasts: (N, 1) against (N,) makes N x N pairs where N sums were meant."""

from __future__ import annotations

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.record.check import Checks, Found

LEAST = 2


def check(bench: ShortRuns) -> Checks:
    found = Found("broadcast")
    outers = [o for o in bench.anatomy.facts.outers.values() if o.times >= LEAST]
    for outer in outers:
        one, two = outer.shapes
        what = (
            f"{outer.where}: {outer.function} of shapes {one} and {two} broadcasts to "
            f"({max(one[0], two[0])}, {max(one[0], two[0])}), every pair of the two"
        )
        remedy = "Squeeze one of them, or unsqueeze the other, so that both have one shape."
        if outer.grad:
            yield found.fault(f"{what}.", remedy, times=outer.times)
        else:
            yield found.warning(f"{what}, in what is scored.", remedy, times=outer.times)
    if not outers and bench.anatomy.calls:
        yield found.ok("No (N, 1) meets an (N,): nothing is broadcast to every pair by accident.")
