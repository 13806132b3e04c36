"""How long each of a number of attempts may be, so that all fit in the time there is."""

from __future__ import annotations

import math

from homeostat.plan.context import Context

SHORTEST = 8
"""An attempt is cut to no less than one part in this many: less says little about the whole."""
MARGIN = 1.5
"""What a phase sets aside for settings that are slower than the default."""


def affordable_steps(context: Context, allowance_s: float, runs: int) -> int:
    """Steps for each of `runs` attempts, from the pace that the baseline was measured at.

    Args:
        context: The plan's context; its baseline gives the seconds per step.
        allowance_s: The time for all of them together.
        runs: How many attempts.

    Returns:
        At most the whole budget of an attempt, at least an eighth of it.
    """
    pace_s: float | None = context.fact("baseline", "step_s")
    if not pace_s:
        return context.steps
    fits: int = math.floor(allowance_s * context.jobs / (pace_s * runs))
    return min(context.steps, max(math.ceil(context.steps / SHORTEST), fits))


def whole_attempts(context: Context, allowance_s: float) -> int:
    """How many whole attempts fit, by the baseline's pace; 0 where that is unknown."""
    pace_s: float | None = context.fact("baseline", "step_s")
    if not pace_s:
        return 0
    return math.floor(allowance_s * context.jobs / (pace_s * context.steps))
