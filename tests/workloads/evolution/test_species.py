"""Species stay several: the threshold follows their number, wherever it starts."""

from __future__ import annotations

import numpy as np
import pytest

from homeostat.space import configs
from homeostat.workload.load import find
from homeostat.workloads.evolution.lab import Lab, evaluate_labs
from homeostat.workloads.evolution.space import SPACE
from homeostat.workloads.evolution.species import Species

SMALL = {"population_size": 100, "simulation_duration": 1.0, "eval_layouts": 1, "elite_count": 2}


def counts(config, generations, seed=1):
    """How many species were alive after each generation."""
    lab, found = Lab(config, seed), []
    for _ in range(generations):
        evaluate_labs([lab])
        lab.breed()
        found.append(len(lab.species))
    return found


@pytest.mark.parametrize("name", ["neat_baseline", "neat_aggressive", "select_speciation"])
def test_several_species_are_alive_at_the_end_of_a_named_configuration(name):
    """With the fixed threshold of 2.0 there was one from the first generation to the last."""
    evolution = find("evolution")
    config = configs.load(name, evolution).resolve(SPACE, SMALL)
    assert 3 <= np.median(counts(config, 24)[-8:]) <= 20


def apart(places):
    """Creatures on a line: `first_fits` for them, as Species.sort takes it."""

    def first_fits(representatives, known, expected, threshold, *rest):
        member = rest[-1]
        for i, place in enumerate(places):
            near = [s for s in range(known) if abs(place - places[representatives[s]]) < threshold]
            if near:
                member[i] = near[0]
            else:
                representatives[known], member[i] = i, known
                known += 1
        return known

    return first_fits


@pytest.mark.parametrize("start", [0.01, 0.5, 10.0])
def test_the_threshold_finds_the_number_of_species_from_anywhere(start):
    rng, species = np.random.default_rng(0), Species()
    for generation in range(60):
        places = rng.random(200) * 5
        species.sort(200, generation, apart(places), start, (1, 1, 1), target=10)
        found = len(species)
        species.follow(np.arange(100), np.arange(100))
    assert 5 <= found <= 20


def test_a_threshold_without_a_target_stays():
    species = Species()
    for generation in range(3):
        species.sort(5, generation, apart(np.arange(5.0)), 0.5, (1, 1, 1))
        assert species.threshold == 0.5
    assert len(species) == 5


def test_the_threshold_is_saved_with_the_species():
    species, other = Species(), Species()
    species.sort(5, 0, apart(np.arange(5.0)), 0.5, (1, 1, 1), target=2)
    other.load_state_dict(species.state_dict())
    assert other.threshold == species.threshold > 0.5
    older = {k: v for k, v in species.state_dict().items() if k != "threshold"}
    Species().load_state_dict(older)  # a run from before there was one
