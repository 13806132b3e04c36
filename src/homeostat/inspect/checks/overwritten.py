"""Overwritten: what a module changes in place is not used again as if it were still the same."""

from __future__ import annotations

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.record.check import Checks, Found


def check(bench: ShortRuns) -> Checks:
    found = Found("in place")
    seen = bench.anatomy.facts.overwritten
    for one in list(seen.values())[:2]:
        yield found.warning(
            f"{one.module} writes into its own input (an operation in place, such as "
            f"relu(inplace=True)), and {one.where} uses that input again ({one.function}): it "
            "adds or reads what was overwritten, not what came in, as a skip connection would.",
            "Take inplace=True out of the first operation of that module, or clone its input.",
        )
    if not seen and bench.anatomy.calls:
        yield found.ok("No module writes over an input that is used again.")
