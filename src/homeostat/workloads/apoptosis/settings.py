"""From a configuration to the rules and the timetable of senescence."""

from __future__ import annotations

from typing import Any

from homeostat.space import Config
from homeostat.workloads.apoptosis import events
from homeostat.workloads.apoptosis.senescence import ARCHITECTURES, REPAIRED, Mechanisms, Schedule
from homeostat.workloads.apoptosis.space import SHORTEST_LIFESPAN, SPACE

DEATHS_PER_STEP = (10 / 5000, 15 / 5000)
"""What the guide wants: 10 to 15 in a full run of 5,000 steps."""

_SAME_NAME = (
    "max_lifespan",
    "maturation_period",
    "apoptosis_interval",
    "plasticity_ceiling",
    "mutation_strength",
    "death_threshold",
    "base_temp",
    "temp_range",
    "dropout_range",
)


def schedule(config: Config) -> dict[str, Any]:
    """The manager's arguments, by the guide's names."""
    return {name: config[name] for name in _SAME_NAME} | {"base_dropout": config.dropout}


def rules(config: Config) -> Mechanisms:
    """Mechanisms and defects; those of the baseline do nothing."""
    if not config.senescence:
        return REPAIRED
    return Mechanisms(
        apoptosis=config.apoptosis,
        temperature=config.temperature,
        dropout_scaling=config.dropout_scaling,
        lr_scaling=config.lr_scaling,
        ageing=config.ageing,
        static_influence=config.static_influence,
        influence=config.influence,
        temperature_on=config.temperature_on,
        dropout=config.dropout_wiring,
        roles=config.roles,
        ceiling=config.ceiling,
        start=config.start,
        scope=config.scope,
        birth=config.birth if config.scope == "layer" else config.neuron_birth,
        mutation=config.mutation,
        reset_optimizer=config.reset_optimizer,
        selection=config.selection,
        fitness=config.fitness,
    )


def deaths_of(config: Config, steps: int) -> int:
    """How many layers will die in a run of this configuration."""
    if not config.senescence:
        return 0
    births, deaths = ARCHITECTURES[config.architecture]
    return events.count_deaths(
        Schedule(**schedule(config)), rules(config), births=births, deaths=deaths, steps=steps
    )


def reachable(config: Config, metric: str, budget: int) -> tuple[float, float] | None:
    """How few and how many deaths any lifespan can give; None for metrics without a formula."""
    if metric not in ("events", "deaths") or (config.senescence and config.scope == "neuron"):
        return None
    if not config.senescence:
        return (0, 0)
    # Interval and maturation period follow the lifespan, unless they were set by hand.
    shortest = {**config.given, "max_lifespan": SHORTEST_LIFESPAN}
    fastest = SPACE.resolve(shortest, inherited=config.given)
    return (0, deaths_of(fastest, budget))
