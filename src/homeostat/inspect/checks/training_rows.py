"""Training rows: a batch holds different examples, and training sees all of them."""

from __future__ import annotations

from collections import Counter

import numpy as np

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.tracer.data import declared
from homeostat.record.check import Checks, Found

LEAST_ROWS, LEAST_BATCHES = 6, 4
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
                "to be drawn for each row.",
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
        yield found.ok(f"{names[key]} learns from {distinct} different rows.")
