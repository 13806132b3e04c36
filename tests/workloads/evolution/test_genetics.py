"""Selection, breeding and species: what the guide promises, and what the original got wrong."""

from __future__ import annotations

import numpy as np
import pytest

from homeostat.space import Bool, Choice, Float, Int
from homeostat.workloads.evolution import scores
from homeostat.workloads.evolution.body import (
    FRICTION,
    MUSCLE_HIGH,
    MUSCLE_LOW,
    NODE_HIGH,
    NODE_LOW,
    holds_together,
)
from homeostat.workloads.evolution.capacity import CONTACT
from homeostat.workloads.evolution.film import new_film
from homeostat.workloads.evolution.kernel_scalar import new_body, run_creature
from homeostat.workloads.evolution.lab import Lab, evaluate_labs, flatten
from homeostat.workloads.evolution.selection import Plan, Pressure, by_rank, plan, shared_fitness
from homeostat.workloads.evolution.space import SPACE
from homeostat.workloads.evolution.species import Species

RNG = np.random.default_rng


def pressure(method="rank", **changes):
    return Pressure(**{"method": method, "cull": 0.5, "elites": 3, "crossover": 0.5} | changes)


def evolved(generations=3, *, seed=1, **parameters):
    """A lab some short generations on."""
    settings = {"population_size": 100, "simulation_duration": 2.0, **parameters}
    lab = Lab(SPACE.resolve(settings), seed)
    for _ in range(generations):
        evaluate_labs([lab])
        lab.breed()
    return lab


def differ(a, b):
    """Whether two labs hold other creatures (room that nobody uses may hold anything)."""
    pairs = list(zip(a.creatures(), b.creatures(), strict=True))
    pairs += [(a.population.name, b.population.name), (a.population.parents, b.population.parents)]
    pairs += [(a.population.brain.genes, b.population.brain.genes)]
    return not all(np.array_equal(x, y) for x, y in pairs)


@pytest.mark.parametrize("method", ["truncation", "tournament", "rank", "speciation"])
def test_elites_survive_whatever_selection_goes_by(method):
    """The original never used elite_count."""
    raw = RNG(0).random(100)
    shared = -raw  # fitness sharing can turn the order round
    species, may = None, None
    if method == "speciation":
        species = Species(name=np.array([0, 1]), member=RNG(1).integers(0, 2, 100))
        may = np.array([True, True])
    chosen = plan(shared, raw, pressure(method, elites=7), RNG(2), species, may)
    assert set(np.argsort(-raw)[:7]) <= set(chosen.survivors)
    assert len(chosen.survivors) + len(chosen.mothers) == 100
    assert len(chosen.survivors) == 50


@pytest.mark.parametrize("method", ["truncation", "tournament", "rank"])
def test_parents_are_survivors_and_the_mother_is_the_fitter(method):
    fitness = RNG(3).random(200)
    chosen = plan(fitness, fitness, pressure(method), RNG(4))
    survivors = set(chosen.survivors.tolist())
    assert set(chosen.mothers.tolist()) <= survivors
    crossed = chosen.fathers >= 0
    assert set(chosen.fathers[crossed].tolist()) <= survivors
    assert (fitness[chosen.mothers[crossed]] >= fitness[chosen.fathers[crossed]]).all()
    assert crossed.mean() == pytest.approx(0.5, abs=0.15)


def test_rank_chances_belong_to_the_creature_they_were_computed_for():
    """The original paired chances by rank with creatures in population order."""
    fitness = RNG(5).permutation(40).astype(float)  # not sorted
    times = np.zeros(40)
    for seed in range(300):
        chosen = plan(fitness, fitness, pressure(elites=1, crossover=0.0), RNG(seed))
        np.add.at(times, chosen.mothers, 1)
    order = np.argsort(-fitness)
    expected = np.arange(20, 0, -1) / 210 * 300 * 20
    assert times[order[20:]].sum() == 0
    assert np.abs(times[order[:20]] / expected - 1).max() < 0.35
    assert times[order[:20]] @ np.arange(20) < times[order[:20]] @ np.arange(20)[::-1]


def test_by_rank_has_the_chances_it_states():
    places = by_rank((np.arange(60_000) + 0.5) / 60_000, np.full(60_000, 6))
    assert np.bincount(places) / 60_000 == pytest.approx(np.arange(6, 0, -1) / 21, abs=1e-3)


def test_larger_tournaments_press_harder():
    fitness = np.arange(200.0)
    means = [
        np.mean(
            [
                fitness[
                    plan(
                        fitness,
                        fitness,
                        pressure("tournament", tournament_size=k, elites=1),
                        RNG(s),
                    ).survivors
                ].mean()
                for s in range(5)
            ]
        )
        for k in (2, 4, 7)
    ]
    assert means[0] < means[1] < means[2]


def test_each_species_keeps_its_granted_survivors_and_breeds_by_its_mean():
    member = np.repeat([0, 1, 2], [60, 36, 4])
    species = Species(name=np.arange(3), member=member)
    fitness = np.where(member == 0, 1.0, np.where(member == 1, 3.0, 0.1)) + RNG(0).random(100) / 50
    may = np.array([True, True, True])
    chosen = plan(fitness, fitness, pressure("speciation", elites=1), RNG(1), species, may)
    kept = np.bincount(member[chosen.survivors], minlength=3)
    assert kept[2] >= 2
    assert kept.sum() == 50
    children = np.bincount(member[chosen.mothers], minlength=3)
    assert children[1] / children[0] == pytest.approx(3.0, rel=0.15)
    stale = plan(
        fitness,
        fitness,
        pressure("speciation", elites=1),
        RNG(1),
        species,
        np.array([False, True, True]),
    )
    assert 0 not in member[stale.survivors]


def test_species_without_progress_may_not_breed_but_the_best_always_may():
    species = Species(
        name=np.arange(2),
        best=np.array([5.0, 9.0]),
        improved=np.array([0, 0]),
        member=np.array([0, 0, 1, 1]),
    )
    fitness = np.array([4.0, 3.0, 8.0, 2.0])
    assert species.judge(fitness, 10, 15).tolist() == [True, True]
    assert species.judge(fitness, 20, 15).tolist() == [False, True]
    assert species.judge(fitness + 5, 21, 15).tolist() == [True, True]


def test_sharing_divides_by_the_crowd():
    apart = np.array([[0.0, 0.0, 9.0], [0.0, 0.0, 9.0], [9.0, 9.0, 0.0]])
    assert shared_fitness(np.array([6.0, 6.0, 6.0]), apart, 0.5).tolist() == [3.0, 3.0, 6.0]


def test_species_live_on_through_generations():
    lab = evolved(6, neural_mode="neat", compatibility_threshold=0.5)
    assert len(lab.species) > 1
    assert lab.species.founded > len(set(lab.species.name)) - 1
    names = lab.species.name
    evaluate_labs([lab])
    lab.breed()
    assert set(names) & set(lab.species.name)


# --- Bodies and inheritance ----------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["pure", "neat"])
def test_bodies_stay_lawful(mode):
    lab = evolved(12, neural_mode=mode, mutation_rate=0.5, body_structure_rate=0.5)
    bodies = lab.population.body
    for i in range(100):
        nodes, muscles = bodies.nodes[i], bodies.muscles[i]
        assert 3 <= nodes <= lab.config.max_nodes
        assert max(2, nodes - 1) <= muscles <= lab.config.max_muscles
        pairs = {tuple(sorted(pair)) for pair in bodies.ends[i, :muscles].tolist()}
        assert len(pairs) == muscles
        assert all(a != b and max(a, b) < nodes for a, b in pairs)
        assert len(set(bodies.node_id[i, :nodes])) == nodes
        assert len(set(bodies.muscle_id[i, :muscles])) == muscles
        assert holds_together(bodies, i, -1)
        genes, springs = bodies.node[i, :nodes], bodies.muscle[i, :muscles]
        assert ((genes >= NODE_LOW - 1e-6) & (genes <= NODE_HIGH + 1e-6)).all()
        # A new muscle is as long as its nodes are apart, which may be less than mutation allows.
        assert ((springs[:, 1:] >= MUSCLE_LOW[1:]) & (springs[:, 1:] <= MUSCLE_HIGH[1:])).all()


def still(**parameters):
    """A lab in which nothing mutates but structure: every child is a clone that may grow."""
    lab = evolved(0, crossover_rate=0.0, body_structure_rate=0.5, **parameters)
    none = lab.rules.weights._replace(rate=0.0)
    body = lab.rules.body._replace(rate=0.0)
    brain = lab.rules.brain._replace(
        weight=0.0, add_node=0.0, add_connection=0.0, enable=0.0, disable=0.0
    )
    lab.rules = lab.rules._replace(weights=none, body=body, brain=brain)
    return lab


@pytest.mark.parametrize("mode", ["pure", "neat"])
def test_a_new_muscle_leaves_the_control_of_the_others_alone(mode):
    """In the original every change of a body scrambled the weights of its brain."""
    lab = still(neural_mode=mode, neural_activation="tanh") if mode == "pure" else still()
    old_bodies = {k: v.copy() for k, v in flatten(lab.population).items()}
    evaluate_labs([lab])
    chosen = lab.breed()
    new, kept, grown = flatten(lab.population), len(chosen.survivors), 0
    for c, mother in enumerate(chosen.mothers):
        k = kept + c
        before = old_bodies["body.muscle_id"][mother, : old_bodies["body.muscles"][mother]]
        after = new["body.muscle_id"][k, : new["body.muscles"][k]]
        grown += len(after) > len(before)
        for m, name in enumerate(after):
            place = np.flatnonzero(before == name)
            if not len(place):
                continue
            if mode == "pure":
                assert np.array_equal(
                    new["weights.out"][k, m], old_bodies["weights.out"][mother, place[0]]
                )
            else:
                mine = new["brain.target"][k, : new["brain.genes"][k]] == name
                theirs = (
                    old_bodies["brain.target"][mother, : old_bodies["brain.genes"][mother]] == name
                )
                assert np.array_equal(
                    new["brain.weight"][k, : len(mine)][mine],
                    old_bodies["brain.weight"][mother, : len(theirs)][theirs],
                )
    assert grown > 5


def test_brains_only_name_what_their_bodies_have():
    lab = evolved(15, neural_mode="neat", use_proprioception=True, body_structure_rate=0.5)
    creatures = lab.creatures()
    for i in range(100):
        first = creatures.first_link[i]
        used = creatures.row_link[i, creatures.hidden[i] + creatures.muscles[i]]
        columns = creatures.link_from[first : first + used]
        assert (columns >= 0).all()
        strain = columns[(columns >= 10) & (columns < 30)] - 10
        assert (strain < creatures.muscles[i]).all()
        contact = columns[(columns >= CONTACT) & (columns < CONTACT + 10)] - CONTACT
        assert (contact < creatures.nodes[i]).all()


def test_the_same_seed_gives_the_same_bodies_and_another_seed_others():
    """The original walked over sets of random text, so no run could be repeated."""
    assert not differ(evolved(seed=5), evolved(seed=5))
    assert differ(evolved(seed=5), evolved(seed=6))


def test_stopping_and_going_on_changes_nothing():
    whole = evolved(6, neural_mode="neat")
    half = evolved(3, neural_mode="neat")
    other = Lab(half.config, 1)
    other.load_state_dict(half.state_dict())
    for _ in range(3):
        evaluate_labs([other])
        other.breed()
    assert not differ(whole, other)
    assert whole.species.name.tolist() == other.species.name.tolist()


def test_seeds_in_one_batch_score_as_they_do_alone():
    alone = [evolved(3, seed=seed, neural_mode="neat") for seed in (1, 2)]
    together = [Lab(alone[0].config, seed) for seed in (1, 2)]
    for _ in range(3):
        evaluate_labs(together)
        for lab in together:
            lab.breed()
    assert not any(differ(a, b) for a, b in zip(alone, together, strict=True))


def _another(name, parameter):
    """A value as far from the default as it can be."""
    default = SPACE.resolve()[name]
    if isinstance(parameter, Bool):
        return not default
    if isinstance(parameter, Choice):
        return next(option for option in parameter.options if option != default)
    assert isinstance(parameter, Int | Float)
    return max((parameter.low, parameter.high), key=lambda end: abs(end - default))


SETTING = {
    "tournament_size": {"neural_mode": "pure", "selection_method": "tournament"},
    "selection_method": {"neural_mode": "pure"},
    "use_fitness_sharing": {"neural_mode": "pure"},
    "sharing_radius": {"neural_mode": "pure", "use_fitness_sharing": True},
    "neural_hidden_size": {"neural_mode": "pure"},
    "neural_activation": {"neural_mode": "pure"},
    "neural_crossover": {"neural_mode": "pure"},
    "time_encoding": {"neural_mode": "hybrid"},
    "neat_max_hidden_nodes": {"neat_add_node_rate": 0.5},
    "neat_enable_rate": {"neat_add_node_rate": 0.5},
    "elite_count": {"neural_mode": "pure", "selection_method": "tournament"},
    "honour_elites": {
        "neural_mode": "pure",
        "selection_method": "tournament",
        "elite_count": 20,
    },
}
# What only a longer life or a larger distance would show.
QUIET = {"fast", "held_out_layouts", "report_every", "profile", "arena_size", "species_patience"}
QUIET |= {"fitness_pellet_points", "pellet_reach", "fitness_regression_penalty"}
QUIET |= {"fitness_distance_traveled_max", "velocity_cap"}


@pytest.mark.parametrize("name", sorted(set(SPACE) - QUIET))
def test_every_parameter_is_alive(name):
    """In the original friction, gravity, elites and more had no effect; keys were dropped."""
    base = {"simulation_duration": 3.0, **SETTING.get(name, {})}
    generations = {"neat_max_hidden_nodes": 14, "compatibility_threshold": 6}.get(name, 4)
    value = 4 if name == "neat_max_hidden_nodes" else _another(name, SPACE[name])
    labs = evolved(generations, **base), evolved(generations, **{**base, name: value})
    assert labs[1].config[name] == value
    before, after = (evaluate_labs([lab])[0].scores for lab in labs)
    assert differ(*labs) or not np.array_equal(before, after)


# --- Senses --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_ground_is_felt_at_a_nodes_surface(world, springs):
    """The original compared heights with the diameter, and felt the ground from the air."""
    creature = springs([(0.0, 0.2, 0.0), (0.8, 0.35, 0.0)], [(0, 1, 0.8, 0.0, 0.0)])
    creature.row_link[0, 1:] = 0
    rules = world(use_proprioception=True, steps=2, gravity=0.0)
    film = new_film(2)
    score = np.zeros(scores.COLUMNS, np.float32)
    run_creature(0, creature, np.uint64(1), rules, new_body(), film, 1, score)
    assert film.signal[1, CONTACT] == 1.0
    assert film.signal[1, CONTACT + 1] == 0.0


def test_full_effort_costs_half_a_point(world):
    """The original divided by 60 at 30 frames a second; so do we, and say what it means."""
    assert world().efficiency_points == pytest.approx(0.5)


def test_a_plan_adds_up():
    chosen = plan(np.arange(10.0), np.arange(10.0), pressure(cull=0.7, elites=2), RNG(0))
    assert isinstance(chosen, Plan)
    assert chosen.survivors.tolist() == [9, 8, 7]
    assert len(chosen.mothers) == 7


def test_friction_genes_are_bounded_by_their_table():
    lab = evolved(4, neural_mode="pure", mutation_rate=0.5, mutation_magnitude=0.5)
    for i in range(100):
        grip = lab.population.body.node[i, : lab.population.body.nodes[i], FRICTION]
        assert 0.1 - 1e-6 <= grip.min() <= grip.max() <= 1.0 + 1e-6
