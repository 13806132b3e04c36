"""The guide's decision rules, each with the numbers it rests on.

"Around the baseline" is within 2 % of the loss of the network without dying layers, "far worse"
beyond 10 %: the guide names no figures. A ceiling is the influence of layers that were born, so
where none was, nothing follows from it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from homeostat.design.conclusions import Conclusion, Sweep

NEAR, FAR = 0.02, 0.10


def _worse(seen: Sweep, value: float) -> float | None:
    """How far the loss at a ceiling is above the baseline's, as a share of it.

    None where it was not measured against one, or where no layer had died for one to be born.
    """
    gap, deaths = seen.of(value, "gap"), seen.of(value, "deaths")
    if value not in seen.means or gap is None or not deaths:
        return None
    baseline = seen.means[value] - gap
    return gap / baseline if baseline > 0 else None


def _ceiling_can_fall(seen: Sweep) -> str:
    free = _worse(seen, 1.0)
    if free is None or free > NEAR:
        return ""
    return f"at 1.0 the loss is {seen.means[1.0]:.4g}, {free:+.1%} against the baseline"


def _not_the_ceiling(seen: Sweep) -> str:
    slight, free = _worse(seen, 0.9), _worse(seen, 1.0)
    if slight is None or free is None or min(slight, free) < FAR:
        return ""
    return f"at 0.9 and 1.0 the loss is still {slight:.1%} and {free:.1%} above the baseline"


def _ceiling_matters(seen: Sweep) -> str:
    moderate, low = _worse(seen, 0.75), _worse(seen, 0.5)
    if moderate is None or low is None or moderate > NEAR or low < FAR:
        return ""
    return f"against the baseline it costs {moderate:.1%} at 0.75, {low:.1%} at 0.5"


def _ceiling_is_free(seen: Sweep) -> str:
    if len(seen.means) < 2 or not all(seen.of(value, "deaths") for value in seen.means):
        return ""
    lowest, highest = min(seen.means.values()), max(seen.means.values())
    if highest / lowest - 1 > NEAR:
        return ""
    span = f"between {min(seen.means)} and {max(seen.means)}"
    return f"{span} the loss moves by {highest / lowest - 1:.1%}"


def _ages(config: Mapping[str, Any]) -> tuple[float, float]:
    """Steps until a newborn is mature, and until a dying layer is replaced."""
    interval, threshold = config["apoptosis_interval"], config["death_threshold"]
    spent = (1 - threshold) * config["max_lifespan"]
    return config["maturation_period"], interval * math.ceil(spent / interval)


def _too_slow(seen: Sweep) -> str:
    slow = [m for m, config in seen.configs.items() if _ages(config)[0] > _ages(config)[1] / 2]
    slow = [m for m in slow if seen.of(m, "deaths")]
    return _with_age(seen, slow)


def _too_fast(seen: Sweep) -> str:
    fast = [m for m, config in seen.configs.items() if m < config["max_lifespan"] / 5]
    return _with_age(seen, [m for m in fast if seen.of(m, "deaths")])


def _with_age(seen: Sweep, values: list[float]) -> str:
    if not values:
        return ""
    told = [f"{m:g} of {_ages(seen.configs[m])[1]:g}" for m in sorted(values)]
    return f"{', '.join(told)} steps that a layer takes to die"


def _third(seen: Sweep) -> str:
    if not all(seen.of(value, "deaths") for value in seen.means):
        return ""
    best = min(seen.means, key=seen.means.__getitem__)
    lifespan = seen.configs[best]["max_lifespan"]
    return f"the best here is {best}, {best / lifespan:.2f} of the lifespan"


CEILING, MATURATION = "plasticity_ceiling", "maturation_period"

CONCLUSIONS = (
    Conclusion(
        CEILING,
        "Without a handicap the loss is fine: the ceiling can be reduced",
        _ceiling_can_fall,
    ),
    Conclusion(CEILING, "The problem is not the ceiling", _not_the_ceiling),
    Conclusion(CEILING, "The ceiling matters: keep it at 0.75 or above", _ceiling_matters),
    Conclusion(CEILING, "The ceiling makes no difference here", _ceiling_is_free),
    Conclusion(
        MATURATION,
        "Slow by the guide: a newborn is weak for more than half as long as a layer takes to die",
        _too_slow,
    ),
    Conclusion(
        MATURATION, "Fast by the guide: not much of a newborn's weakness is left to see", _too_fast
    ),
    Conclusion(MATURATION, "The guide expects the optimum at a third of the lifespan", _third),
)
