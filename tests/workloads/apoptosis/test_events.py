"""How many layers die: the closed formula against the manager itself."""

from __future__ import annotations

import itertools

import pytest

from homeostat.workloads.apoptosis import events
from homeostat.workloads.apoptosis.manager import ApoptosisManager
from homeostat.workloads.apoptosis.model import ApoptoticTransformer, TransformerShape
from homeostat.workloads.apoptosis.senescence import ARCHITECTURES, Mechanisms, Schedule

MODEL = TransformerShape(alphabet=3, width=2, heads=1, context=2, widening=1)


def simulate(schedule: Schedule, rules: Mechanisms, architecture: str, steps: int) -> int:
    model = ApoptoticTransformer(MODEL, rules=rules, architecture=architecture)
    manager = ApoptosisManager(
        model,
        schedule.max_lifespan,
        schedule.maturation_period,
        schedule.apoptosis_interval,
        death_threshold=schedule.death_threshold,
    )
    for _ in range(steps):
        manager.step()
    return len(manager.apoptosis_events)


def formula(schedule: Schedule, rules: Mechanisms, architecture: str, steps: int) -> int:
    births, deaths = ARCHITECTURES[architecture]
    return events.count_deaths(schedule, rules, births=births, deaths=deaths, steps=steps)


def schedules() -> list[Schedule]:
    numbers = itertools.product((30, 47, 60), (1, 7, 10, 50), (0.0, 0.1, 0.5), (5, 13, 15))
    return [
        Schedule(
            max_lifespan=lifespan,
            apoptosis_interval=interval,
            death_threshold=threshold,
            maturation_period=maturation,
        )
        for lifespan, interval, threshold, maturation in numbers
    ]


@pytest.mark.parametrize("roles", ["rotating", "one_way"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_formula_counts_what_the_manager_does(architecture, roles):
    rules = Mechanisms(roles=roles)
    for schedule in schedules()[::3]:
        for steps in (0, 29, 150):
            expected = simulate(schedule, rules, architecture, steps)
            assert formula(schedule, rules, architecture, steps) == expected, (schedule, steps)


def test_the_rate_is_places_per_effective_lifespan():
    schedule = Schedule(max_lifespan=1500, apoptosis_interval=250, maturation_period=500)
    assert events.effective_lifespan(schedule) == 1500
    assert formula(schedule, Mechanisms(), "B", 15_000) == 2 * 15_000 // 1500


@pytest.mark.parametrize(
    ("lifespan", "interval", "first"), [(3000, 500, 3000), (1500, 250, 1500), (800, 100, 800)]
)
def test_the_guides_presets_first_kill_at_their_full_lifespan(lifespan, interval, first):
    schedule = Schedule(max_lifespan=lifespan, apoptosis_interval=interval, maturation_period=9)
    documented = Mechanisms(roles="one_way")
    assert formula(schedule, documented, "B", first - 1) == 0
    assert formula(schedule, documented, "B", first) == 2


@pytest.mark.parametrize("lifespan", [3000, 2000, 1500, 1000, 800])
def test_the_guides_500_step_quick_test_always_counts_no_deaths(lifespan):
    schedule = Schedule(max_lifespan=lifespan, apoptosis_interval=100)
    assert formula(schedule, Mechanisms(roles="one_way"), "B", 500) == 0


@pytest.mark.parametrize(("architecture", "most"), [("A", 1), ("B", 2), ("C", 3), ("D", 1)])
def test_the_documented_form_never_counts_more_deaths_than_dying_layers(architecture, most):
    shortest = Schedule(max_lifespan=20, maturation_period=6, apoptosis_interval=3)
    assert formula(shortest, Mechanisms(roles="one_way"), architecture, 1_000_000) == most


def test_nothing_dies_where_nothing_ages_or_apoptosis_is_off():
    for rules in (Mechanisms(apoptosis=False), Mechanisms(ageing=False)):
        assert formula(Schedule(max_lifespan=30), rules, "B", 1000) == 0
        assert simulate(Schedule(max_lifespan=30, apoptosis_interval=5), rules, "B", 100) == 0
