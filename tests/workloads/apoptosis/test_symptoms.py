"""The rows of the guide's table: each fires on its own symptom, and doubts what it should."""

from __future__ import annotations

import pytest

from homeostat.inspect.symptoms.evidence import Seen
from homeostat.inspect.symptoms.symptom import remedy_for
from homeostat.workloads.apoptosis.symptoms import SYMPTOMS
from homeostat.workloads.apoptosis.workload import apoptosis

ROWS = {row.name: row for row in SYMPTOMS}
DOCUMENTED = {"roles": "one_way", "ceiling": "permanent", "mutation": "absolute"}


def seen(steps=300, config=None, **curves) -> Seen:
    """A record; a bare number is a curve of one point at the end."""
    points = {
        name: [(steps - 1, curve)] if isinstance(curve, int | float) else curve
        for name, curve in curves.items()
    }
    return Seen(
        apoptosis.space.resolve(config or {}), steps, points, "val_loss", "minimize",
        space=apoptosis.space,
    )  # fmt: skip


HEALTHY = seen(
    val_loss=[(24, 3.0), (149, 2.6), (299, 2.3)],
    gap=0.02,
    deaths=[(0, 0), (199, 5)],
    spike=0.2,
    update_norm=0.2,
    grad_norm=1.5,
    influence_0=1.0,
)
SICK = {
    "Loss 2-3x worse": seen(val_loss=3.5, gap=2.1),
    "Loss 10%+ worse": seen(val_loss=2.6, gap=0.3),
    "Only 1-2 deaths": seen(steps=5000, deaths=2),
    "50+ deaths": seen(deaths=60),
    "Loss spikes > 1.0": seen(spike=1.2),
    "No improvement after deaths": seen(
        deaths=[(0, 0), (100, 1)], val_loss=[(50, 2.5), (99, 2.4), (150, 2.6), (299, 2.4)]
    ),
    "Birth layers never contribute": seen(influence_0=[(200, 0.4), (299, 0.5)]),
    "Stable from the start": seen(val_loss=[(24, 4.6), (299, 4.59)]),
    "Weights move as under plain gradient descent": seen(update_norm=1e-3, grad_norm=7.0),
}


def test_the_guides_eight_rows_are_all_there():
    assert len(SYMPTOMS) == 9
    assert set(ROWS) == set(SICK)


@pytest.mark.parametrize("name", SICK)
def test_a_row_fires_on_its_own_symptom_only(name):
    assert ROWS[name].evidence(SICK[name])
    others = [other for other in ("Loss 2-3x worse", "Loss 10%+ worse") if other != name]
    assert not any(ROWS[other].evidence(SICK[name]) for other in others)


@pytest.mark.parametrize("name", SICK)
def test_no_row_fires_on_a_healthy_run(name):
    assert ROWS[name].evidence(HEALTHY) == ""


@pytest.mark.parametrize("name", SICK)
def test_every_remedy_is_a_change_the_space_accepts(name):
    changes = remedy_for(ROWS[name].remedy, SICK[name])
    apoptosis.space.resolve(changes)


def test_too_few_deaths_are_not_the_lifespans_fault_when_the_reborn_never_die_again():
    row = ROWS["Only 1-2 deaths"]
    assert "at most 2" in row.doubt(seen(deaths=2, config=DOCUMENTED))
    assert row.doubt(seen(deaths=2, config={"max_lifespan": 240})) == ""


def test_a_gap_is_not_the_scalings_fault_when_the_optimiser_was_never_asked():
    for name in ("Loss 2-3x worse", "Loss 10%+ worse", "Stable from the start"):
        swapped = seen(val_loss=3.5, gap=2.1, update_norm=1e-3, grad_norm=7.0)
        assert "not an AdamW step" in ROWS[name].doubt(swapped)
        assert ROWS[name].doubt(HEALTHY) == ""


def test_noise_that_is_absolute_is_the_wrong_kind_before_it_is_too_strong():
    row = ROWS["Loss spikes > 1.0"]
    assert "relative" in row.doubt(seen(spike=2, config=DOCUMENTED))
    assert row.doubt(seen(spike=2)) == ""


def test_a_fading_layer_is_not_mistaken_for_one_held_down():
    fading = seen(influence_5=[(200, 0.5), (299, 0.1)])
    assert ROWS["Birth layers never contribute"].evidence(fading) == ""


def test_a_permanent_ceiling_is_named():
    row = ROWS["Birth layers never contribute"]
    assert "permanent" in row.doubt(seen(config=DOCUMENTED))
    assert row.doubt(seen()) == ""
