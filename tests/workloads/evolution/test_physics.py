"""The laws of the world: falling, swinging, sliding, and what does not change when one moves."""

from __future__ import annotations

import math

import numpy as np
import pytest

from homeostat.workloads.evolution import book, scores
from homeostat.workloads.evolution.chance import PELLETS, key_of
from homeostat.workloads.evolution.film import new_film
from homeostat.workloads.evolution.kernel_scalar import live, new_body, spawn
from homeostat.workloads.evolution.simulate import evaluate

KEY = key_of(PELLETS, 7)
FREE = {"gravity": 0.0, "damping": 0.0}


def watch(creature, world, *, push=None):
    """The places of all nodes at the start of every control step: (steps, nodes, 3)."""
    film, body = new_film(world.steps), new_body()
    spawn(0, creature, KEY, world, body)
    if push is not None:
        body.speed[: len(push)] = push
    live(0, creature, KEY, world, body, film, 1)
    return film.nodes[:, : creature.nodes[0]].astype(float), body


def test_free_fall_with_drag_follows_the_closed_form(world, springs):
    rules = world(steps=45, substeps=8, substep_s=1 / 240, drag=0.9 ** (1 / 240))
    places, _ = watch(springs([(0.0, 25.0, 0.0)]), rules)
    rate = -math.log(0.9)  # per second: v' = g - rate v
    t = np.arange(45) / 30
    fallen = -9.8 / rate * (t - (1 - np.exp(-rate * t)) / rate)
    # Semi-implicit Euler is ahead by half a step's worth of speed.
    assert np.abs(places[:, 0, 1] - 25.0 - fallen).max() < 9.8 * 1.5 / 240


def test_free_fall_errs_in_proportion_to_the_substep(world, springs):
    def error(substeps):
        dt = 1 / 30 / substeps
        rules = world(steps=31, substeps=substeps, substep_s=dt, drag=1.0)
        places, _ = watch(springs([(0.0, 25.0, 0.0)]), rules)
        return places[-1, 0, 1] - 25.0 + 4.9

    assert error(2) / error(4) == pytest.approx(2.0, rel=0.05)


def test_two_masses_on_a_spring_swing_at_their_natural_period(world, springs):
    k, mass, rest = 80.0, 0.8, 1.0
    creature = springs([(0.0, 5.0, 0.0), (1.2, 5.0, 0.0)], [(0, 1, rest, k, 0.0)], mass=mass)
    rules = world(**FREE, steps=600, substeps=4, substep_s=1 / 120, drag=1.0)
    places, _ = watch(creature, rules)
    stretch = np.linalg.norm(places[:, 1] - places[:, 0], axis=1) - rest
    down = np.flatnonzero((stretch[:-1] > 0) & (stretch[1:] <= 0))
    crossings = down + stretch[down] / (stretch[down] - stretch[down + 1])
    period = np.diff(crossings).mean() / 30
    assert period == pytest.approx(2 * math.pi * math.sqrt(mass / 2 / k), rel=2e-3)
    assert np.abs(stretch).max() == pytest.approx(0.2, rel=0.05)  # no energy gained


def test_momentum_is_kept_away_from_the_ground(world, springs):
    places = np.array([(0, 9, 0), (1.4, 9, 0.3), (0.2, 9.8, 1.0)])
    muscles = [(0, 1, 1.0, 150.0, 3.0), (0, 2, 0.8, 90.0, 2.0), (1, 2, 1.5, 60.0, 4.0)]
    creature = springs(places, muscles)
    creature.mass[0, :3] = 0.5, 1.1, 0.7
    rules = world(**FREE, steps=300, drag=1.0)
    seen, body = watch(creature, rules)
    mass = creature.mass[0, :3].astype(float)
    centre = np.tensordot(seen, mass, ((1,), (0,))) / mass.sum()
    assert np.abs(seen[-1] - seen[0]).max() > 0.05  # it did move
    assert np.abs(centre - centre[0]).max() < 2e-5
    assert np.abs(mass @ body.speed[:3]).max() < 2e-5


@pytest.mark.parametrize("friction", [0.2, 0.5, 0.9])
def test_a_sliding_node_stops_where_coulomb_says(world, springs, friction):
    creature = springs([(0.0, 0.2, 0.0)], grip=friction)
    rules = world(steps=120, substeps=4, substep_s=1 / 120, drag=1.0)
    places, body = watch(creature, rules, push=[(3.0, 0.0, 0.0)])
    expected = 3.0**2 / (2 * friction * 9.8)
    assert places[-1, 0, 0] == pytest.approx(expected, abs=3.0 / 120)
    assert body.speed[0, 0] == 0.0  # stopped, not reversed


def test_a_bounce_keeps_a_fifth_of_the_speed(world, springs):
    rules = world(steps=90, substeps=8, substep_s=1 / 240, drag=1.0)
    places, _ = watch(springs([(0.0, 2.2, 0.0)]), rules)
    height = places[:, 0, 1] - 0.2
    landed = int(np.argmax(np.diff(height) > 0))
    # Energy goes with the square of the speed.
    assert height[landed + 1 :].max() == pytest.approx(0.04 * 2.0, rel=0.25)


def test_gravity_and_ground_friction_are_alive(population):
    fitness = {}
    for name, value in (("gravity", -3.0), ("ground_friction", 0.1), ("per_node_friction", False)):
        creatures, rules, lab = population(32, neural_mode="pure")
        changed, rules_2, _ = population(32, neural_mode="pure", **{name: value})
        before = evaluate(creatures, lab.keys()[:32], 1, rules)
        after = evaluate(changed, lab.keys()[:32], 1, rules_2)
        fitness[name] = np.abs(before - after)[:, :, scores.PATH].max()
    assert min(fitness.values()) > 0.01


def test_fitness_is_the_same_somewhere_else(population):
    creatures, rules, lab = population(64, neural_mode="pure")
    short = rules._replace(steps=240)
    moved = creatures._replace(place=creatures.place.copy())
    for i in range(64):
        moved.place[i, : moved.nodes[i], 0] += 2.0
        moved.place[i, : moved.nodes[i], 2] -= 1.0
    here = evaluate(creatures, lab.keys()[:64], 1, short)
    there = evaluate(moved, lab.keys()[:64], 1, short)
    # Rounding differs with the place, and motion on the ground amplifies it.
    close = np.abs(here - there)[:, 0, scores.FITNESS] < 0.05
    assert close.mean() > 0.9


def test_fitness_is_the_same_turned_round_with_its_pellets(world, springs):
    # A still creature under yaw: only the layout's frame matters, so only its angle may.
    places = np.array([(0, 1.2, 0), (0.9, 1.2, 0.1), (0.3, 1.9, 0.6)])
    muscles = [(0, 1, 0.9, 100.0, 3.0), (0, 2, 0.9, 100.0, 3.0), (1, 2, 0.9, 100.0, 3.0)]
    rules = world(steps=90)
    turn = 0.7
    c, s = math.cos(turn), math.sin(turn)
    yaw = np.array([(c, 0, -s), (0, 1, 0), (s, 0, c)])

    def shape(at):
        seen, _ = watch(springs(at, muscles), rules)
        return seen

    straight, turned = shape(places), shape(places @ yaw.T)
    assert np.abs(straight @ yaw.T - turned).max() < 1e-4


def test_the_reasons_for_disqualification_are_told(world, springs):
    far = springs([(51.0, 1.0, 0.0)])
    high = springs([(0.0, 31.0, 0.0)])
    burst = springs([(0.0, 1.0, 0.0), (0.5, 1.0, 0.0)], [(0, 1, 1.0, 1e12, 0.0)], mass=0.001)
    reasons = [evaluate(c, np.array([KEY]), 1, world(steps=30))[0, 0] for c in (far, high, burst)]
    assert [score[scores.REASON] for score in reasons][:2] == [2, 3]
    assert reasons[2][scores.REASON] in (1, 2)
    assert all(score[scores.FITNESS] == 0 for score in reasons)


def test_a_hybrid_muscle_faster_than_3_hz_is_disqualified(population):
    creatures, rules, lab = population(32, neural_mode="hybrid")
    creatures.spring[5, 0, 4] = 3.1
    result = evaluate(creatures, lab.keys()[:32], 1, rules)[:, 0]
    assert result[5, scores.REASON] == 4
    assert result[5, scores.FITNESS] == 0
    quick = creatures.spring[:, :, 4].max(axis=1) > 3.0
    assert ((result[:, scores.REASON] == 4) == quick).all()


def test_pellets_stand_where_the_rules_put_them(world, springs):
    creature = springs([(0.0, 0.2, 0.0)])
    rules = world(steps=1)
    _, body = watch(creature, rules)
    page = body.book[:, 0]
    rings = [(7, 8), (8, 9), (8, 9), (9, 10), (9, 10)]
    angles = [page[book.ANGLE]]
    for index, (low, high) in enumerate(rings):
        away = math.hypot(page[book.PELLET] - page[book.X], page[book.PELLET + 2] - page[book.Z])
        assert low <= away - page[book.SIZE] <= high
        assert 0.5 <= page[book.PELLET + 1] - 0.3 * index <= 1.0
        assert page[book.START_GAP] == pytest.approx(away - page[book.SIZE], abs=1e-4)
        body.book[book.COLLECTED, 0] += 1
        book.place_pellet(body.book, 0, KEY, rules)
        angles.append(page[book.ANGLE])
    turns = np.diff(angles)
    assert (turns >= math.pi / 2 - 1e-5).all()
    assert (turns <= 3 * math.pi / 2 + 1e-5).all()


def test_progress_rises_until_the_pellet_is_touched_and_is_complete_there(world, springs):
    rules = world(steps=1, gravity=0.0, drag=1.0, fitness_progress="touch")
    _, body = watch(springs([(0.0, 3.0, 0.0)]), rules)
    x, y, z = body.book[book.PELLET : book.PELLET + 3, 0]
    creature = springs([(0.0, y, 0.0)])
    push = [(0.3 * x, 0.0, 0.3 * z)]  # three seconds to the pellet's middle
    left = []
    for steps in range(1, 100):
        _, body = watch(creature, rules._replace(steps=steps), push=push)
        if body.book[book.COLLECTED, 0]:
            break
        left.append(body.book[book.GAP, 0] / body.book[book.START_GAP, 0])
    step = 0.3 * math.hypot(x, z) / 30
    assert left[0] == 1
    assert (np.diff(left) < 0).all()
    assert left[-1] * (math.hypot(x, z) - 0.55) < 1.05 * step  # the next step touches
    assert np.diff(left, 2) == pytest.approx(0.0, abs=1e-4)  # the last metre earns as the first did


def test_a_pellet_met_in_the_last_step_earns_no_progress_to_the_next(world, springs):
    rules = world(steps=1, gravity=0.0, drag=1.0, touch=1)._replace(pellet_reach=30.0)
    _, body = watch(springs([(0.0, 3.0, 0.0)]), rules)
    score = np.zeros(scores.COLUMNS, np.float32)
    book.score_lane(body.book, 0, np.float32(1.0), rules, score)
    assert (score[scores.PELLETS], score[scores.PROGRESS]) == (1, 0)
