"""Scored targets: what is trained against data is scored against data too."""

from __future__ import annotations

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.record.check import Checks, Found


def check(bench: ShortRuns) -> Checks:
    found = Found("scored targets")
    run = bench.anatomy
    learnt = {p.function for p in run.last_trained if not p.made}
    by_network = {p.function for p in run.last_trained if p.made}
    scored: dict[str, list[bool]] = {}
    for pair in run.last_scored:
        scored.setdefault(pair.function, []).append(pair.made)
    for function in sorted(learnt - by_network):
        made = scored.get(function, [])
        if made and all(made):
            yield found.warning(
                f"{function} is trained against data, and scored with both sides made by a "
                "network: the score says how far two of its own answers agree, not how right "
                "they are.",
                "Give the scoring call the same target as the training call has.",
            )
        elif made:
            yield found.ok(f"{function} is scored against data, as it is trained.")
