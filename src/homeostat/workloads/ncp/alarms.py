"""From prediction errors to alarms: four ways of being odd, and which to raise an alarm by.

L rows, C channels. A wrong prediction is not all there is: the row after a spike is foreseen
wrongly too, a shifted level only at its two ends, and a change of rhythm by little at each row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from homeostat.workloads.ncp.scores import best_threshold, event_f1, vus_pr

Curve = npt.NDArray[np.float64]
Curves = dict[str, Curve]

LEAK = 0.9
"""What is left of a drift after a row."""
AROUND = 8
"""Rows on either side that restlessness is taken over."""

WORDS = {
    "level": "the distance from the mean",
    "error": "the squared error of the prediction",
    "drift": f"the sum of its errors so far, of which {LEAK:g} is left after each row",
    "restless": f"the mean squared error of {AROUND} rows before and after it",
}
TRIED = (
    ("level",), ("error",), ("drift",), ("restless",), ("level", "error"), ("level", "drift"),
    ("drift", "restless"), ("level", "drift", "restless"),
)  # fmt: skip


def curves(wrong_LC: Curve, level_LC: Curve) -> Curves:
    """Each way of being odd, for every row, in squared units of the series.

    A drift is a leaky sum of signed errors (Page 1954): what jumps off and back adds up to nothing,
    and what jumps off and stays is a drift for as long as it does.
    """
    error = np.asarray((wrong_LC**2).mean(1))
    drift, sums_C = np.empty(len(wrong_LC)), np.zeros(wrong_LC.shape[1])
    for row, wrong_C in enumerate(wrong_LC):
        sums_C = LEAK * sums_C + wrong_C
        drift[row] = (sums_C**2).max()
    sums = np.concatenate([[0.0], np.cumsum(error)])
    rows = np.arange(len(error))
    low, high = np.maximum(rows - AROUND, 0), np.minimum(rows + AROUND + 1, len(error))
    restless = (sums[high] - sums[low]) / (high - low)
    return {
        "level": np.asarray((level_LC**2).max(1)), "error": error, "drift": drift,
        "restless": restless,
    }  # fmt: skip


def calibrated(
    found: Curves, labels: npt.NDArray[np.int64] | None, tried: tuple[tuple[str, ...], ...] = TRIED
) -> dict[str, Any]:
    """By what to raise an alarm, and from where: by labels, or else the oddest hundredth by error.

    Each way is taken beside its 95 % quantile over normal rows; of several, the oddest counts. The
    one with the best event-wise F1 and VUS-PR together on these rows is taken.
    """
    normal = slice(None) if labels is None else labels == 0
    units = {name: float(np.quantile(c[normal], 0.95)) or 1.0 for name, c in found.items()}
    if labels is None or not labels.any():
        odd = combined(found, {"units": units, "by": ["error"]})
        return {"units": units, "by": ["error"], "threshold": float(np.quantile(odd, 0.99))}
    best: dict[str, Any] = {}
    for by in tried:
        odd = combined(found, {"units": units, "by": by})
        threshold = best_threshold(odd, labels)
        # By rank as well: the best threshold alone is met by luck, and ties often.
        score = event_f1(odd >= threshold, labels) + vus_pr(odd, labels, max_buffer=2 * AROUND)
        if not best or score > best["score"]:
            best = {"units": units, "by": list(by), "threshold": threshold, "score": score}
    return best


def combined(found: Curves, chosen: Mapping[str, Any]) -> Curve:
    """How odd each row is, as `calibrated` chose."""
    if "units" not in chosen:  # written by an earlier version
        by = ["level", "error"] if chosen["by"] == "both" else [chosen["by"]]
        units = {"error": chosen["unit_error"], "level": chosen["unit_level"]}
        chosen = {"units": units, "by": by}
    return np.asarray(
        np.max([found[name] / chosen["units"][name] for name in chosen["by"]], axis=0)
    )


def in_words(chosen: Mapping[str, Any]) -> str:
    """By what an alarm is raised, as a sentence."""
    told = [WORDS[name] for name in chosen["by"]]
    most = "" if len(told) == 1 else "the oddest of: "
    return f"A row is judged by {most}{'; '.join(told)}."
