"""Equalities: settings that are declared to mean the same give the same first update.

Micro-batches, accumulation, checkpoints, devices and compiled code are to change the cost of a step
and not the step. `equivalent=[{"batch": 32}, {"batch": 8, "accumulate": 4}]` on a workload says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from homeostat.errors import HomeostatError
from homeostat.inspect.probe.bench import ShortRuns
from homeostat.record.check import Check, Checks, Found
from homeostat.space.values import show

TOLERANCE = 1e-3
"""Of the size of the update: sums in another order differ by less."""


def check(bench: ShortRuns) -> Checks:
    found = Found("equalities")
    for one, two in bench.workload.equivalent:
        yield _compared(found, bench, one, two)


def _compared(
    found: Found, bench: ShortRuns, one: Mapping[str, Any], two: Mapping[str, Any]
) -> Check:
    what = f"{_settings(one)} and {_settings(two)}"
    try:
        runs = [bench.first_update(bench.vary(changes)) for changes in (one, two)]
    except HomeostatError as error:
        return found.skipped(f"{what} cannot be set here: {error.message}")
    moves = [run.first_move for run in runs]
    if not all(moves):
        return found.skipped(f"{what}: no first update was seen of both.")
    different = [n for n in moves[0] if n not in moves[1] or moves[0][n].shape != moves[1][n].shape]
    if different or len(moves[0]) != len(moves[1]):
        return found.fault(
            f"{what} are declared equal, and update other weights.",
            "Give both the same network.",
        )
    apart = sum(float((moves[0][n] - moves[1][n]).double().square().sum()) for n in moves[0])
    sizes = [sum(float(m[n].double().square().sum()) for n in m) for m in moves]
    gap = float((apart / max(*sizes, 1e-300)) ** 0.5)
    if gap <= TOLERANCE:
        return found.ok(f"{what} give the same first update (to {gap:.1g} of its size).")
    ratio = float((sizes[1] / max(sizes[0], 1e-300)) ** 0.5)
    return found.fault(
        f"{what} are declared equal, and their first updates differ by {gap:.2g} of their size: "
        f"the second is {ratio:.3g} times as large.",
        "Divide accumulated losses by their number (or by all rows or tokens together), and let "
        "both take the same rows.",
        gap=gap, ratio=ratio,
    )  # fmt: skip


def _settings(changes: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={show(value)}" for name, value in changes.items()) or "the defaults"
