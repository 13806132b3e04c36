"""Diversity counts different creatures, and cannot be raised by luck or by copies."""

from __future__ import annotations

import numpy as np
import pytest

from homeostat.inspect.symptoms.evidence import Seen
from homeostat.workloads.evolution import scores as S
from homeostat.workloads.evolution.archive import Archive
from homeostat.workloads.evolution.diversity import (
    Grid,
    behaviour,
    build,
    cells_of,
    diversity,
    novelty,
    vendi,
    viable,
)
from homeostat.workloads.evolution.lab import evaluate_labs
from homeostat.workloads.evolution.simulate import evaluate
from homeostat.workloads.evolution.space import SPACE
from homeostat.workloads.evolution.symptoms import SYMPTOMS
from homeostat.workloads.evolution.winners import FILE, load_winners, save_winners


def test_vendi_counts_what_is_different():
    far = np.eye(6) * 100
    assert vendi(far) == pytest.approx(6.0)
    assert vendi(np.zeros((6, 4))) == pytest.approx(1.0)
    assert vendi(np.repeat(far, 3, axis=0)) == pytest.approx(6.0)  # copies count once
    assert vendi(np.zeros((0, 4))) == 0.0
    shares = np.array([3, 1]) / 4
    pair = np.repeat(np.array([[0.0], [100.0]]), [3, 1], axis=0)
    assert vendi(pair) == pytest.approx(np.exp(-(shares * np.log(shares)).sum()))


def test_a_population_is_more_diverse_than_its_clones(population):
    _, world, lab = population(1, neural_mode="neat")
    scores = evaluate_labs([lab])[0].scores
    seconds = world.steps * world.step_s
    body, brain = lab.population.body, lab.population.brain
    mixed = diversity(scores, body, brain, 1, seconds)
    one = np.zeros(100, int)
    clones = diversity(
        scores[one],
        type(body)(*(p[one] for p in body)),
        type(brain)(*(p[one] for p in brain)),
        1,
        seconds,
    )
    assert clones["diversity"] == pytest.approx(1.0)
    assert mixed["diversity"] > 1.2
    assert mixed["diversity"] ** 2 == pytest.approx(
        mixed["diversity_behaviour"] * mixed["diversity_body"]
    )


def test_features_lie_within_their_bounds(population):
    _, world, lab = population(1, neural_mode="hybrid", max_nodes=10)
    scores = evaluate_labs([lab])[0].scores
    moves = behaviour(scores, world.steps * world.step_s)
    builds = build(
        lab.population.body,
        lab.population.brain._replace(
            hidden=np.zeros(100, np.int32), genes=np.zeros(100, np.int32)
        ),
    )
    for features in (moves, builds):
        assert features.min() >= 0.0
        assert features.max() <= 1.0
        assert (features.std(axis=0) > 0).sum() >= features.shape[1] - 2


def test_only_viable_creatures_are_counted():
    scores = np.zeros((300, S.COLUMNS))
    scores[:, S.FITNESS] = np.arange(300)
    scores[280:, S.REASON] = 2
    chosen = viable(scores, 1)
    assert len(chosen) == 100
    assert chosen.min() >= 150
    assert chosen.max() < 280
    assert np.array_equal(chosen, viable(scores, 1))


def test_the_grid_keeps_the_best_of_each_cell():
    grid, scores = Grid(), np.zeros((3, S.COLUMNS))
    scores[:, S.FITNESS] = 5.0, 9.0, 7.0
    scores[2, S.CONTACT] = 0.95
    grid.add(scores, np.array([3, 3, 3]), 40.0)
    assert grid.qd_score == 16.0
    assert grid.coverage == pytest.approx(2 / 800)
    scores[:, S.REASON] = 1
    grid.add(scores, np.array([8, 8, 8]), 40.0)
    assert grid.coverage == pytest.approx(2 / 800)


def test_the_archive_keeps_the_fittest_of_each_cell_and_its_genes(population, tmp_path):
    _, world, lab = population(1, simulation_duration=4.0)
    archive, grid, duration_s = Archive(lab), Grid(), world.steps * world.step_s
    for generation in range(3):
        evaluate_labs([lab])
        archive.add(lab)
        grid.add(lab.last.scores, lab.population.body.nodes, duration_s)
        if generation < 2:
            lab.breed()
    elites = archive.elites
    best = grid.best.max(axis=2)
    assert np.array_equal(np.argwhere(best >= 0), elites.cells)
    assert np.array_equal(best[best >= 0], elites.fitness)
    again = lab.of(lab.config, 0, elites.population, 2).creatures()
    scores = evaluate(again, lab.keys()[: len(elites.cells)], 1, world)[:, 0]
    young = elites.population.name >= 2 * 100  # judged once, on the layout of this generation
    assert young.any()
    assert np.array_equal(scores[young, S.FITNESS], elites.fitness[young].astype(np.float32))
    assert np.array_equal(np.stack(cells_of(scores, duration_s), 1)[young], elites.cells[young])
    save_winners(lab, elites, tmp_path)
    kept = load_winners(tmp_path / FILE, SPACE).elites
    assert np.array_equal(kept.cells, elites.cells)
    assert np.array_equal(kept.population.body.node, elites.population.body.node)


def test_novelty_is_the_distance_to_neighbours():
    assert novelty(np.array([[0.0], [1.0]])) == 1.0
    assert novelty(np.zeros((5, 2))) == 0.0


def test_symptoms_are_seen_in_the_curves():
    curves = {
        "fitness_in_sample": [(99, 137.7)],
        "fitness": [(9, 40.0), (19, 44.0), (29, 45.0), (39, 45.0)],
        "diversity_body": [(99, 1.2)],
        "disqualified": [(99, 0.3)],
        "species": [(99, 1.0)],
    }
    config = {"selection_method": "speciation", "compatibility_threshold": 3.0}
    failing = Seen(config, 100, curves, "fitness", "maximize")
    assert all(symptom.evidence(failing) for symptom in SYMPTOMS)
    fine = {"fitness_in_sample": [(99, 100.0)], "fitness": [(99, 95.0)], "species": [(99, 9.0)]}
    healthy = Seen(config, 100, fine, "fitness", "maximize")
    assert not any(symptom.evidence(healthy) for symptom in SYMPTOMS)
