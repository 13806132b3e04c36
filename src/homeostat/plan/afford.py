"""How long each of a number of attempts may be, so that all fit in the time there is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from homeostat.errors import RecordError
from homeostat.plan.context import Context
from homeostat.record.attempt import Attempt

SHORTEST = 8
"""An attempt is cut to no less than one part in this many: less says little about the whole."""
MARGIN = 1.5
"""What a phase sets aside for settings that are slower than the default."""


@dataclass(frozen=True)
class Pace:
    """What attempts take: each starts once, and then makes its steps."""

    start_s: float
    step_s: float

    def attempt_s(self, steps: int) -> float:
        """Seconds that one attempt of so many steps takes."""
        return self.start_s + self.step_s * steps

    def steps_in(self, seconds: float) -> int:
        """How many steps an attempt makes that has so long; negative where it cannot start."""
        return math.floor((seconds - self.start_s) / self.step_s)


def measured(attempts: Iterable[Attempt]) -> Pace | None:
    """The pace of the fastest of these attempts: others shared the machine. None without any."""
    known = [(pace.attempt_s(a.budget), pace) for a in attempts if (pace := _pace(a)) is not None]
    return min(known, key=lambda one: one[0])[1] if known else None


def _pace(attempt: Attempt) -> Pace | None:
    if attempt.last_step is None or attempt.wall_s <= 0:
        return None
    even = Pace(0.0, attempt.wall_s / (attempt.last_step + 1))
    try:
        first = attempt.curves.rows[0][0]
    except (RecordError, IndexError):
        return even
    trained_s = attempt.wall_s - attempt.first_s
    if not attempt.first_s or attempt.last_step <= first or trained_s <= 0:
        return even
    step_s = trained_s / (attempt.last_step - first)
    return Pace(max(0.0, attempt.first_s - step_s * (first + 1)), step_s)


def pace_of(context: Context) -> Pace | None:
    """What an attempt takes, by the plan's baseline; None where that has not been measured."""
    step_s: float | None = context.fact("baseline", "step_s")
    return Pace(context.fact("baseline", "start_s", 0.0), step_s) if step_s else None


def affordable_steps(context: Context, allowance_s: float, runs: int) -> int:
    """Steps for each of `runs` attempts, from the pace that the baseline was measured at.

    Args:
        context: The plan's context.
        allowance_s: The time for all of them together.
        runs: How many attempts.

    Returns:
        At most the whole budget of an attempt, at least an eighth of it.
    """
    pace = pace_of(context)
    if pace is None:
        return context.steps
    fits = pace.steps_in(allowance_s * context.jobs / runs)
    return min(context.steps, max(math.ceil(context.steps / SHORTEST), fits))


def whole_attempts(context: Context, allowance_s: float) -> int:
    """How many whole attempts fit, by the baseline's pace; 0 where that is unknown."""
    pace = pace_of(context)
    if pace is None:
        return 0
    return math.floor(allowance_s * context.jobs / pace.attempt_s(context.steps))
