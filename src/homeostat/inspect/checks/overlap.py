"""Overlap: no row that the network is scored on is one that it learns from."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np

from homeostat.inspect.checks.modes import evaluations
from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.tracer import data
from homeostat.inspect.tracer.data import Array
from homeostat.inspect.tracer.recording import Call, Recording
from homeostat.record.check import Check, Checks, Found

_HELD_OUT = re.compile(r"(^|_)(val|valid|validation|test|dev|held|heldout|eval|holdout)(_|$)")
FEW = 0.02
COPIED = 0.2
ONCE, MANY = 0.5, 0.1
MOST_ALIKE = 1e-5
MOST_COLUMNS = 256
LEAST = 8


def check(bench: ShortRuns) -> Checks:
    found = Found("overlap")
    run = bench.anatomy
    train, held_out = data.declared(run.train_data), data.declared(run.validation_data)
    if train is not None and held_out is not None:
        if train.inputs.shape[1:] == held_out.inputs.shape[1:]:
            alike = train.hashes(), held_out.hashes()
            yield _judge(found, *alike, "as declared to watch", rich=_rich(train.inputs))
        else:
            yield found.skipped("Training and validation data are of different shapes.")
        return
    if not any(_HELD_OUT.search(name.lower()) for r in run.reports[:50] for name in r.metrics):
        yield found.skipped("No metric is named as one of held-out data, and none was declared.")
        return
    yield _passed_by(found, run)


def _judge(
    found: Found, train: Sequence[Hashable], held_out: Sequence[Hashable], how: str, *,
    rich: bool = False,
) -> Check:  # fmt: skip
    """Rows with few distinct values are alike by chance: how often is read from repeats among the
    training rows themselves. Rich rows are alike only if one is a copy of the other.
    """
    counts = Counter(train)
    shared = sum(row in counts for row in held_out)
    share = shared / len(held_out)
    repeated = sum(n for n in counts.values() if n > 1) / len(train)
    luck = 3 * math.sqrt(repeated * (1 - repeated) / len(held_out))
    copied = sum(n > 1 for n in counts.values()) / len(counts)
    # Rich rows of which most are met once: those met again are copies, and not alike by chance.
    copies = rich and len(counts) > ONCE * len(train) and share > MANY
    if share > repeated + luck + FEW or copies or (rich and min(copied, share) > COPIED):
        return found.fault(
            f"{shared} of {len(held_out)} validation rows ({100 * share:.0f} %) are also trained "
            f"on ({how}).",
            "Split first, and only then shuffle, augment or repeat; keep what belongs together "
            "(one subject, one recording) on one side.",
            shared=shared, rows=len(held_out),
        )  # fmt: skip
    if shared:
        return found.ok(
            f"{shared} of {len(held_out)} validation rows are also trained on, no more than rows "
            f"are alike by chance ({how})."
        )
    return found.ok(f"{len(held_out)} validation rows: none is trained on ({how}).")


def _rich(rows: Array) -> bool:
    """Whether independent rows would practically never be alike, by the values in each column."""
    distinct = np.unique(rows, axis=0)
    if len(distinct) < LEAST or not np.issubdtype(rows.dtype, np.floating):
        return False
    chances = [
        float(np.square(np.unique(column, return_counts=True)[1] / len(column)).sum())
        for column in distinct.T[:MOST_COLUMNS]
    ]
    return len(rows) * math.prod(chances) < MOST_ALIKE


def _passed_by(found: Found, run: Recording) -> Check:
    learnt = [c for c in run.calls if c.learnt_from and c.rows]
    scored = [c for c in evaluations(run) if c.rows]
    if not learnt or not scored:
        return found.skipped("No rows were seen both in training and in evaluation.")
    if _transductive(learnt, scored):
        return found.ok("Training and scoring see one and the same graph, split by its targets.")
    if any(c.coordinates for c in learnt):
        return found.ok("The inputs are places at which an equation is solved, not data.")
    known = {row for call in learnt for row in call.rows}
    groups = _by_sight(scored)
    clean = [g for g in groups if not any(row in known for row in g)]
    if clean:
        count = sum(len(g) for g in clean)
        mixed = [g for g in groups if g not in clean and _partly(g, known, learnt)]
        mixed = mixed or _batches_of_training_rows(groups, clean, known)
        if not mixed:
            return found.ok(f"{count} scored rows: none is trained on (as they pass the model).")
        groups = mixed
    rows = [row for group in groups for row in group]
    if len(rows) < LEAST:
        return found.skipped(f"Only {len(rows)} scored rows were seen.")
    if not clean and not all(row in known for row in rows) and not _settled(learnt):
        # Not every training row has been seen yet, so these may be scores on training data.
        shared = sum(row in known for row in rows)
        return found.warning(
            f"{shared} of {len(rows)} scored rows are also trained on, as they pass the model.",
            "If these are held-out rows, split before anything else; give more time (--seconds), "
            "or show them with trial.watch(train=..., validation=...), to be sure.",
        )
    train = [row for call in _one_epoch(learnt) for row in call.rows]
    table = data.training(run)
    rich = table is not None and _rich(table.inputs.reshape(len(table.inputs), -1))
    return _judge(found, train, list(dict.fromkeys(rows)), "as they pass the model", rich=rich)


def _by_sight(scored: list[Call]) -> list[frozenset[int]]:
    """Distinct batches that were scored."""
    return list(dict.fromkeys(frozenset(call.rows) for call in scored))


def _partly(group: frozenset[int], known: set[int], learnt: list[Call]) -> bool:
    share = sum(row in known for row in group) / len(group)
    return FEW < share < 1 - FEW and _settled(learnt)


def _batches_of_training_rows(
    groups: list[frozenset[int]], clean: list[frozenset[int]], known: set[int]
) -> list[frozenset[int]]:
    """Whole batches of training rows among clean ones of their size, too few for all of them:
    one loader gave both, for a score on the training data would take it whole.
    """
    sizes = {len(group) for group in clean}
    stray = [g for g in groups if g <= known and len(g) in sizes]
    return stray if 0 < sum(map(len, stray)) < 0.5 * len(known) else []


def _settled(learnt: list[Call]) -> bool:
    """The second half of training shows no rows that the first had not."""
    half = len(learnt) // 2
    early = {row for call in learnt[:half] for row in call.rows}
    return bool(early) and all(row in early for call in learnt[half:] for row in call.rows)


def _one_epoch(learnt: list[Call]) -> list[Call]:
    """The calls up to the first that shows a known batch again."""
    seen: set[int] = set()
    epoch = []
    for call in learnt:
        if call.rows[0] in seen:
            break
        seen.update(call.rows)
        epoch.append(call)
    return epoch or learnt[:1]


def _transductive(learnt: list[Call], scored: list[Call]) -> bool:
    """One whole graph passes each time, with its edges beside it or inside the model."""
    whole = {call.rows for call in learnt} | {call.rows for call in scored}
    if len(whole) != 1:
        return False
    call = learnt[0]
    nodes = len(call.rows)
    tensors = [*call.inputs[1:], *call.module.buffers()]
    square = any(t.ndim == 2 and t.shape[0] == t.shape[1] == nodes for t in tensors)
    edges = any(t.ndim == 2 and 2 in t.shape and not t.is_floating_point() for t in tensors)
    masked = any(len(p.target) < nodes for c in learnt for p in c.pairs if p.target.ndim)
    return square or edges or masked
