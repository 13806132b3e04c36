"""Shuffling: the classes in a batch are a mixture of all classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.tracer.facts import Meeting
from homeostat.inspect.tracer.recording import Recording
from homeostat.record.check import Checks, Found

CLASSES = ("cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits")
LEAST_BATCHES, LEAST_ROWS = 6, 6
SORTED = 0.5
"""Share of the classes' variance that lies between batches; random batches have 1 / rows."""
MOST_CLASSES = 200


def check(bench: ShortRuns) -> Checks:
    found = Found("shuffling")
    batches = _labels(bench.anatomy.facts.meetings)
    if len(batches) < LEAST_BATCHES:
        return
    whole = np.concatenate(batches)
    classes = np.unique(whole)
    if not 2 <= len(classes) <= MOST_CLASSES:
        return
    between = _between(batches, classes)
    expected = len(batches) / len(whole)
    own = float(np.mean([len(np.unique(b)) for b in batches]))
    if between < max(SORTED, 4 * expected):
        yield found.ok(
            f"Batches mix the classes: {own:.3g} of {len(classes)} in each of {len(batches)}."
        )
        return
    if _copies(bench):
        return  # one row many times: another matter
    rows = np.mean([len(b) for b in batches])
    saw = (
        f"Training data is sorted by class and not shuffled: a batch of {rows:.3g} rows holds "
        f"{own:.2g} of {len(classes)} classes on average, and batches differ in which"
    )
    remedy = "Shuffle: DataLoader(..., shuffle=True), or draw rows with torch.randperm."
    if rows_in_order(bench.anatomy):
        yield found.fault(
            f"{saw}; each epoch brings the same order.", remedy, between=between,
        )  # fmt: skip
    else:
        yield found.warning(
            f"{saw}.", f"{remedy} In order only if classes are meant to come one after another.",
            between=between,
        )  # fmt: skip


def _labels(meetings: list[Meeting]) -> list[Any]:
    """The classes of each training batch, of the loss that most were given to."""
    groups: dict[tuple[str, str, tuple[int, ...]], list[tuple[int, Any]]] = {}
    for m in meetings:
        if m.function not in CLASSES or m.target is None or m.target.numel() < LEAST_ROWS:
            continue
        values = m.target.detach().cpu().double().numpy()
        if values.ndim == 2 and values.shape[1] == 1:
            values = values[:, 0]
        if values.ndim != 1 or not np.array_equal(values, np.round(values)):
            continue
        groups.setdefault((m.model, m.function, m.shape[1:]), []).append((m.update, values))
    largest = max(groups.values(), key=len, default=[])
    updates = [update for update, _ in largest]
    if len(set(updates)) < len(updates):
        return []  # several losses a step: such as one for what is real and one for what is not
    return [values for _, values in largest]


def _between(batches: list[Any], classes: Any) -> float:
    """Share of the variance of one-hot classes that lies between batches."""
    shares = np.array([[np.mean(b == c) for c in classes] for b in batches])
    sizes = np.array([len(b) for b in batches], dtype=float)
    weights = sizes / sizes.sum()
    mean = weights @ shares
    total = float((mean * (1 - mean)).sum())
    return float((weights @ (shares - mean) ** 2).sum()) / total if total > 0 else 0.0


def _copies(bench: ShortRuns) -> bool:
    """Whether most rows of a batch are copies of another in it."""
    batches = [c.rows for c in bench.anatomy.calls if c.learnt_from and c.rows]
    return bool(batches) and float(np.mean([len(set(b)) / len(b) for b in batches])) < 0.5


def rows_in_order(run: Recording) -> bool:
    """Whether rows come again in the order in which they came before."""
    follow: dict[int, int] = {}
    again = same = 0
    last = None
    for call in run.calls:
        if not call.learnt_from:
            continue
        for row in call.rows:
            if last is not None and row != last:
                if last in follow:
                    again += 1
                    same += follow[last] == row
                follow[last] = row
            last = row
    return again >= LEAST_ROWS and same > 0.8 * again
