"""Training rows: a batch holds different examples, and training sees all of them."""

from __future__ import annotations

from collections import Counter

import numpy as np

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.tracer.data import declared
from homeostat.inspect.tracer.recording import Recording
from homeostat.record.check import Checks, Found

LEAST_ROWS, LEAST_BATCHES = 6, 4
LEAST_REPORTS = 3
REPEATED = 0.5
FEW, OFTEN = 0.2, 6
"""Less than this share of the rows came so often each: the others do not come at all."""


def check(bench: ShortRuns) -> Checks:
    found = Found("training rows")
    run = bench.anatomy
    groups: dict[int, list[tuple[int, ...]]] = {}
    names: dict[int, str] = {}
    for call in run.calls:
        if call.learnt_from and len(call.rows) >= LEAST_ROWS:
            groups.setdefault(id(call.module), []).append(call.rows)
            names[id(call.module)] = call.model
    for key, batches in groups.items():
        if len(batches) < LEAST_BATCHES:
            continue
        within = float(np.mean([1 - len(set(b)) / len(b) for b in batches]))
        distinct = len({row for batch in batches for row in batch})
        most = max(Counter(row for b in batches for row in b).values())
        if within > REPEATED and distinct > 4 * np.mean([len(set(b)) for b in batches]):
            yield found.warning(
                f"Examples are repeated within batches of {names[key]}: "
                f"{100 * within:.0f} % of the rows of a batch on average are copies of another in "
                f"it, though {distinct} different rows were seen in all.",
                "See how rows are drawn: each worker or rank needs its own seed, and an index is "
                "to be drawn for each row. Several answers to one example may be meant.",
                repeated=within, most=most,
            )  # fmt: skip
            continue
        table = declared(run.train_data)
        if table is not None:
            known = len(set(table.hashes()))
            times = sum(map(len, batches)) / distinct
            if distinct < FEW * known and times >= OFTEN:
                yield found.warning(
                    f"{names[key]} is trained on {distinct} of the {known} rows of the training "
                    f"data, {times:.3g} times each: {len(batches)} batches hold no others.",
                    "Make the iterator once and take its next batch each time, or shuffle.",
                    seen=distinct, known=known,
                )  # fmt: skip
                continue
        again = _again(run, key)
        if again:
            yield found.warning(
                f"{names[key]} gets the same batches in every report, row by row with the same "
                f"noise: {again} sets a generator back each time, so that what is meant to be "
                "random (order, augmentation, dropout) repeats.",
                "Seed once, before the loop; give workers seeds of their own in each epoch.",
                seeding=again,
            )
            continue
        yield found.ok(f"{names[key]} learns from {distinct} different rows.")


def _again(run: Recording, module: int) -> str:
    """How a generator is seeded anew for each report, if that repeats the batches; else empty."""
    batches: dict[int, list[tuple[int, ...]]] = {}
    for call in run.calls:
        if call.learnt_from and call.rows and id(call.module) == module:
            batches.setdefault(call.report, []).append(call.rows)
    first = batches.get(0, [])
    # Late updates are looked at now and then only: their reports have fewer batches.
    whole = [b for b in batches.values() if len(b) == len(first)]
    if len(whole) < LEAST_REPORTS or len(first) < 2 or any(b != first for b in whole):
        return ""
    for how, reports in run.facts.seedings.items():
        if len(reports & set(batches)) >= LEAST_REPORTS:
            return how
    return ""
