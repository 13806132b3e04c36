"""How many layers will die, known before a step is run.

A dying layer is due once its vitality 1 - t/L is down to the threshold, and is replaced at the next
multiple of the interval I. So a place among the dying sees one death every

    L_eff = I ceil((1 - threshold) L / I)    steps,

and a run of n steps some  places x n / L_eff  deaths, provided that a mature layer is waiting when
a place becomes free. With one-way roles (as documented) a place dies once and is gone.
"""

from __future__ import annotations

from homeostat.workloads.apoptosis.senescence import Mechanisms, Schedule

# Keeps (1 - .1) * 3000 from rounding to just above 2700.
_ROUNDING = 1e-9


def due_after(schedule: Schedule) -> int:
    """Steps from starting to die until a layer is due to be replaced."""
    exact = (1 - schedule.death_threshold) * schedule.max_lifespan
    return max(1, _ceil(exact))


def effective_lifespan(schedule: Schedule) -> int:
    """Steps between two deaths at one place, L_eff."""
    return _up(due_after(schedule), schedule.apoptosis_interval)


def first_clock(place: int, places: int, schedule: Schedule, rules: Mechanisms) -> int:
    """Where a dying layer's clock starts: staggered, so that deaths do not come all at once."""
    return 0 if rules.roles == "one_way" else place * schedule.max_lifespan // places


def count_deaths(
    schedule: Schedule, rules: Mechanisms, *, births: int, deaths: int, steps: int
) -> int:
    """Layers that die in a run of `steps` steps.

    Exact where a mature layer is always waiting (as many newborn as dying ones, and maturation no
    longer than L_eff) and where there are no newborn ones at all; elsewhere a little too high.

    Args:
        schedule: Lifespan, maturation period, interval and threshold.
        rules: One-way roles end after one death per place.
        births: Layers that are newborn at first.
        deaths: Places among the dying.
        steps: Length of the run.
    """
    if not (rules.apoptosis and rules.ageing) or rules.scope == "neuron":
        return 0
    interval = schedule.apoptosis_interval
    cycle = effective_lifespan(schedule)
    if births == 0:
        # Nobody waits: a place stays empty until its own newborn has matured.
        cycle = _up(schedule.maturation_period + due_after(schedule), interval)
    total = 0
    for place in range(deaths):
        left = due_after(schedule) - first_clock(place, deaths, schedule, rules)
        first = _up(max(left, 1), interval)
        if steps >= first:
            total += 1 if rules.roles == "one_way" else 1 + (steps - first) // cycle
    return total


def _ceil(x: float) -> int:
    return int(-((-x + _ROUNDING) // 1))


def _up(steps: int, interval: int) -> int:
    """The first multiple of the interval that is not below `steps`."""
    return -(-steps // interval) * interval
