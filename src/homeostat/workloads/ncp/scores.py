"""Scores of anomaly detection that cannot be flattered: event-wise F1, and VUS-PR.

Point-adjusted scores are not offered: they credit a whole anomaly for one lucky point, so that
random guessing beats detectors (Kim et al. 2022, arXiv:2109.05257).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from homeostat.errors import DataError

Labels = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Curve = npt.NDArray[np.float64]


def runs(flags: npt.NDArray[np.generic]) -> list[tuple[int, int]]:
    """Start and stop of each unbroken run of truth."""
    edges = np.diff(np.concatenate([[0], np.asarray(flags, dtype=bool).astype(np.int8), [0]]))
    return list(zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True))


def event_f1(flagged: Flags, labels: Labels) -> float:
    """F1 of the share of anomalies found, as events, and the share of flagged points that are odd.

    An anomaly is found when any flagged point lies in it. Precision counts points, so that an
    alarm that never stops, which finds every event, scores no better than the share of odd points.

    Source: the composite F-score of Garg et al. 2021, arXiv:2109.11428.
    """
    _check(flagged, labels)
    found = [bool(flagged[start:stop].any()) for start, stop in runs(labels)]
    if not any(found):
        return 0.0
    recall, precision = float(np.mean(found)), float(labels[flagged].mean())
    return 2 * precision * recall / (precision + recall)


def best_threshold(scores: Curve, labels: Labels, *, candidates: int = 100) -> float:
    """The score from which to raise the alarm, for the best event-wise F1 on these data.

    Candidates are scores evenly spaced in rank; the highest of equally good ones wins.
    """
    _check(scores, labels)
    ranked = np.sort(scores)[::-1]
    tried = ranked[np.unique(np.linspace(0, len(ranked) - 1, candidates).astype(int))]
    return float(max(tried, key=lambda threshold: event_f1(scores >= threshold, labels)))


def vus_pr(
    scores: Curve, labels: Labels, *, max_buffer: int, num_buffers: int = 9, thresholds: int = 250
) -> float:
    """Volume under the precision-recall surface over thresholds and buffer widths, 0 to 1.

    For each buffer width, labels fade out beyond the ends of every anomaly, so that an alarm a
    little early or late counts in part. Recall is also scaled by the share of anomalies touched at
    all. No threshold and no tolerance has to be chosen.

    Args:
        scores: One per point; higher is odder. Only their order matters.
        labels: 0 or 1 per point.
        max_buffer: Widest buffer in points, shared by both sides of an anomaly.
        num_buffers: Widths tried, evenly from 0 to `max_buffer`.
        thresholds: Thresholds tried, evenly spaced in rank.

    A detector that flags exactly the labelled points has 1 at width 0, and less beyond, where the
    buffers count too.

    Source: Paparrizos et al. 2022, PVLDB 15(11):2774, section 4.
    """
    _check(scores, labels)
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    # Points with equal scores pass a threshold together.
    at = np.unique(np.linspace(0, len(scores) - 1, thresholds).astype(int))
    counts = np.unique(np.searchsorted(-ranked, -ranked[at], side="right"))
    widths = np.unique(np.linspace(0, max_buffer, num_buffers).astype(int))
    return float(np.mean([_average_precision(order, counts, labels, int(w)) for w in widths]))


def _average_precision(
    order: npt.NDArray[np.intp], counts: npt.NDArray[np.intp], labels: Labels, width: int
) -> float:
    soft = _faded(labels, width)
    # Each anomaly with its buffer is touched once its best-ranked point is flagged.
    rank = np.empty(len(order), dtype=int)
    rank[order] = np.arange(len(order))
    first = np.array([rank[start:stop].min() for start, stop in runs(soft > 0)])
    touched = (first[None, :] < counts[:, None]).mean(1)

    found = np.cumsum(soft[order])[counts - 1]
    # Half-way between the strict and the faded labels, as published.
    positives = (labels.sum() + soft.sum()) / 2
    recall = np.minimum(found / positives, 1.0) * touched
    precision = found / counts
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def _faded(labels: Labels, width: int) -> Curve:
    soft = labels.astype(float)
    half = width // 2
    for start, stop in runs(labels):
        for away in range(1, half + 1):
            weight = np.sqrt(1.0 - away / width)
            for place in (start - away, stop - 1 + away):
                if 0 <= place < len(soft):
                    soft[place] = max(soft[place], weight)
    return soft


def _check(values: npt.NDArray[np.generic], labels: Labels) -> None:
    if values.shape != labels.shape or values.ndim != 1:
        raise DataError(
            f"One score and one label per point, got {list(values.shape)} and {list(labels.shape)}."
        )
    if not labels.any():
        raise DataError("No point is labelled as an anomaly, so there is nothing to find.")
