"""The guide's decision rules, each with the numbers it rests on.

"Around the baseline" is within 2 % of the loss of the network without dying layers, "far worse"
beyond 10 %: the guide names no figures. A ceiling is the influence of layers that were born, so
where none was, nothing follows from it.
"""

from __future__ import annotations

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


def _too_slow(seen: Sweep) -> str:
    slow = [m for m, config in seen.configs.items() if m > config["max_lifespan"] / 2]
    return f"{_listed(slow)} of a lifespan of {_lifespan(seen)}" if slow else ""


def _too_fast(seen: Sweep) -> str:
    fast = [m for m, config in seen.configs.items() if m < config["max_lifespan"] / 5]
    return f"{_listed(fast)} of a lifespan of {_lifespan(seen)}" if fast else ""


def _third(seen: Sweep) -> str:
    best = min(seen.means, key=seen.means.__getitem__)
    lifespan = seen.configs[best]["max_lifespan"]
    return f"the best here is {best}, {best / lifespan:.2f} of the lifespan"


def _listed(values: list[float]) -> str:
    return ", ".join(f"{value:g}" for value in sorted(values))


def _lifespan(seen: Sweep) -> int:
    return int(next(iter(seen.configs.values()))["max_lifespan"])


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
    Conclusion(MATURATION, "Too slow, layers die before they mature", _too_slow),
    Conclusion(MATURATION, "Maybe too fast, not much senescence", _too_fast),
    Conclusion(MATURATION, "The guide expects the optimum at a third of the lifespan", _third),
)
