"""Three simulators of one world agree, and nothing around a creature can change its result."""

from __future__ import annotations

import numpy as np
import pytest

from homeostat.workloads.evolution import scores
from homeostat.workloads.evolution.blocks import pack, pair_masks
from homeostat.workloads.evolution.chance import PELLETS, key_at, key_of
from homeostat.workloads.evolution.film import new_film
from homeostat.workloads.evolution.kernel_scalar import new_body, run_all
from homeostat.workloads.evolution.reference import Life
from homeostat.workloads.evolution.simulate import cores, evaluate

MODES = {
    "pure": {"neural_mode": "pure"},
    "hybrid": {"neural_mode": "hybrid"},
    "neat": {"neural_mode": "neat", "neat_max_hidden_nodes": 8},
    "senses": {
        "neural_mode": "neat",
        "use_proprioception": True,
        "neat_initial_connectivity": "sparse_inputs",
        "bias_mode": "node",
        "time_input": "sin_raw",
    },
    "pure senses": {
        "neural_mode": "pure",
        "use_proprioception": True,
        "neural_activation": "sigmoid",
        "time_input": "cyclic",
    },
}


def one_by_one(creatures, keys, layouts, world):
    result = np.zeros((len(keys), layouts, scores.COLUMNS), np.float32)
    run_all(creatures, keys, layouts, world, new_body(), new_film(0), result)
    return result


@pytest.fixture(params=MODES)
def crowd(request, population):
    """100 creatures of each mode, some generations old, so that brains have hidden neurons."""
    _, world, lab = population(1, **MODES[request.param])
    for _ in range(3):
        lab.judge(evaluate(lab.creatures(), lab.keys(), 1, lab.world._replace(steps=30)))
        lab.breed()
    return lab.creatures(), world, lab.keys()


def test_lanes_agree_with_the_scalar_kernel_to_the_bit(crowd):
    creatures, world, keys = crowd
    short = world._replace(steps=30)
    lanes, alone = evaluate(creatures, keys, 2, short), one_by_one(creatures, keys, 2, short)
    assert np.abs(lanes - alone).max() <= 1e-5  # what is promised
    assert np.array_equal(lanes, alone)  # what strict arithmetic gives


def test_whole_lives_agree_to_the_bit(population):
    creatures, world, lab = population(100, neural_mode="neat", use_proprioception=True)
    keys = lab.keys()
    assert np.array_equal(
        evaluate(creatures, keys, 1, world), one_by_one(creatures, keys, 1, world)
    )


@pytest.mark.parametrize("rule", ["touch", "centre"])
def test_lives_of_many_pellets_agree_to_the_bit(population, rule):
    creatures, world, lab = population(60, fitness_progress=rule, time_input="cyclic")
    near, keys = world._replace(steps=90, pellet_reach=9.6), lab.keys()[:60]
    lanes, alone = evaluate(creatures, keys, 1, near), one_by_one(creatures, keys, 1, near)
    assert np.unique(lanes[..., scores.PELLETS]).size > 2
    assert np.array_equal(lanes, alone)
    for i in range(4):
        life = Life(creatures, i, key_at(keys[i], 0), near)
        for _ in range(3):
            life.step()
        fast = evaluate(creatures, keys, 1, near._replace(steps=3))[i, 0]
        assert fast[scores.PELLETS] == life.pellets > 0


def test_kernels_follow_the_float64_reference(crowd):
    creatures, world, keys = crowd
    short = world._replace(steps=30)
    fast = evaluate(creatures, keys, 1, short)[:, 0]
    for i in range(12):
        life = Life(creatures, i, key_at(keys[i], 0), short)
        for _ in range(30):
            life.step()
        # Float32 against float64, through collisions with the ground.
        assert fast[i, scores.PATH] == pytest.approx(life.path, abs=2e-3)
        assert fast[i, scores.EFFORT] == pytest.approx(life.work / (30 * len(life.drive)), abs=2e-3)
        assert fast[i, scores.FITNESS] == pytest.approx(life.fitness, abs=5e-2)


def test_results_do_not_depend_on_threads_order_or_neighbours(population):
    creatures, world, lab = population(100, neural_mode="neat")
    short, keys = world._replace(steps=150), lab.keys()
    usual = evaluate(creatures, keys, 2, short, threads=1)
    rng = np.random.default_rng(0)
    assert np.array_equal(usual, evaluate(creatures, keys, 2, short, threads=3))
    shuffled = evaluate(creatures, keys, 2, short, order=rng.permutation(100))
    assert np.array_equal(usual, shuffled)
    some = rng.permutation(100)[:37]
    alone = evaluate(lab.creatures(some), keys[some], 2, short)
    assert np.array_equal(usual[some], alone)


def test_substeps_barely_move_the_statistics_of_a_population(population):
    means = []
    for substeps in (2, 4):
        creatures, world, lab = population(
            100, neural_mode="pure", physics_substeps=substeps, seed=3
        )
        result = evaluate(creatures, lab.keys(), 1, world)[:, 0]
        assert (result[:, scores.REASON] == 0).all()
        means.append(result[:, scores.HEIGHT].mean())
    assert means[0] == pytest.approx(means[1], rel=0.03)


def test_some_bodies_explode_without_substeps_and_none_with_two(population):
    def broken(substeps):
        creatures, world, lab = population(
            1000,
            neural_mode="pure",
            physics_substeps=substeps,
            population_size=1000,
            max_nodes=10,
            max_muscles=20,
        )
        result = evaluate(creatures, lab.keys(), 1, world._replace(steps=600))
        return int((result[:, 0, scores.REASON] > 0).sum())

    assert broken(1) > 0
    assert broken(2) == 0


def test_bodies_of_ten_nodes_are_simulated_whole(population):
    """The original dropped nodes nine and ten without a word."""
    creatures, _, lab = population(1, min_nodes=4, max_nodes=10, neural_mode="pure")
    creatures = lab.creatures()
    big = np.flatnonzero(creatures.nodes == 10)
    assert len(big)
    blocks = pack(creatures, lab.world)
    assert blocks.nodes.max() == 10
    heavier = creatures._replace(mass=creatures.mass.copy())
    heavier.mass[big, 9] *= 3.0
    before = evaluate(creatures, lab.keys(), 1, lab.world._replace(steps=60))
    after = evaluate(heavier, lab.keys(), 1, lab.world._replace(steps=60))
    assert (before[big] != after[big]).any(axis=(1, 2)).all()


def test_a_block_walks_the_union_of_its_creatures_pairs(population):
    creatures, world, _ = population(100, neural_mode="pure")
    blocks = pack(creatures, world)
    masks = pair_masks(creatures.ends, creatures.muscles)
    for b, row in enumerate(blocks.creature):
        union = np.bitwise_or.reduce(masks[row[row >= 0]])
        assert blocks.slots[b] == int(union).bit_count()
    assert sorted(blocks.creature[blocks.creature >= 0]) == list(range(100))


def test_layouts_are_common_to_a_generation_and_new_in_the_next(population):
    _, _, lab = population(1)
    first = lab.keys()
    assert (first == first[0]).all()
    lab.number += 1
    assert lab.keys()[0] != first[0]
    assert first[0] == key_of(PELLETS, 1, 0)


def test_the_reference_profile_gives_each_creature_its_own_layout(population):
    _, world, lab = population(1, profile="reference")
    assert len(set(lab.keys())) == 100
    assert (world.substeps, world.arena) == (1, pytest.approx(4.5))
    assert lab.config.ground_friction == 0.7


@pytest.mark.slow
def test_fast_arithmetic_differs_in_the_last_bits_only(population):
    creatures, world, lab = population(100, neural_mode="pure")
    short, keys = world._replace(steps=30), lab.keys()
    strict, fast = (evaluate(creatures, keys, 1, short, fast=fast) for fast in (False, True))
    assert not np.array_equal(strict, fast)
    assert np.abs(strict - fast)[:, 0, scores.HEIGHT].max() < 1e-4


def test_threads_are_no_more_than_a_worker_may_use(monkeypatch):
    """The original ran pools within pools: no trial of three ended in 37 minutes on 128 cores."""
    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")
    assert cores() == 1
