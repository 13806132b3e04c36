"""Essential variables: every report passes here, and a value out of bounds ends the attempt.

Ashby's homeostat kept a few *essential variables* within bounds. Ours are a report's metrics: each
has to be finite, and a workload may bound some otherwise:

    bounds={"grad_norm": (None, 1e3), "perplexity": (None, math.inf)}     the latter may be infinite
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from homeostat.record.attempt import Violation

if TYPE_CHECKING:
    from homeostat.workload.report import Report

Bound = tuple[float | None, float | None]
FINITE: Bound = (None, None)


def check(report: Report, bounds: Mapping[str, Bound]) -> Violation | None:
    """The first metric of a report that is not finite or not within its bound, if any."""
    for metric, value in report.metrics.items():
        low, high = bounds.get(metric, FINITE)
        if math.isnan(value):
            bound = "must be a number"
        elif math.isinf(value) and value not in (low, high):
            bound = "must be finite"
        elif low is not None and value < low:
            bound = f"must be at least {low:g}"
        elif high is not None and value > high:
            bound = f"must be at most {high:g}"
        else:
            continue
        return Violation(report.step, metric, value, bound)
    return None
