"""Bodies, tracks and gaits are those of the creatures that the run kept."""

import numpy as np
import pytest

import homeostat as hs
from homeostat.workload.view import Kept, draw_views
from homeostat.workloads.evolution.behaviour import behaviours
from homeostat.workloads.evolution.film import Film
from homeostat.workloads.evolution.views import WINNERS, pellets_of
from homeostat.workloads.evolution.winners import load_winners
from homeostat.workloads.evolution.workload import evolution

TINY = {"population_size": 100, "neural_mode": "hybrid", "simulation_duration": 12.0}


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    return hs.run(evolution, TINY, budget=2, results=tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def best(record):
    return behaviours(Kept(record, 42).artifacts / WINNERS)


@pytest.mark.slow
def test_the_best_three_of_the_winners_are_seen(record, best):
    winners = load_winners(Kept(record, 42).artifacts / WINNERS, evolution.space)
    assert [b.name for b in best] == winners.population.name[:3].tolist()
    bodies = winners.population.body
    assert [len(b.genome["nodes"]) for b in best] == bodies.nodes[:3].tolist()
    assert all(len(b.film.centre) == 12 * 15 for b in best)
    assert all(b.strain_TM.shape == (180, len(b.genome["muscles"])) for b in best)


def test_a_body_is_drawn_with_every_node_and_muscle(record, best):
    figure = draw_views(evolution.views, record)["bodies"].figure
    nodes = sum(len(b.genome["nodes"]) for b in best)
    muscles = sum(len(b.genome["muscles"]) for b in best)
    assert len(figure.layout.shapes) == 2 * nodes  # from the side and from above
    assert sum(trace.mode == "lines" for trace in figure.data) == 2 * muscles
    radii = sorted((s.x1 - s.x0) / 2 for s in figure.layout.shapes)
    told = sorted(2 * [n["radius"] for b in best for n in b.genome["nodes"]])
    np.testing.assert_allclose(radii, told, rtol=1e-5)


def test_a_track_is_the_way_of_the_centre_of_mass(record, best):
    figure = draw_views(evolution.views, record)["tracks"].figure
    ways = [trace for trace in figure.data if trace.mode == "lines"]
    for way, creature in zip(ways, best, strict=True):
        np.testing.assert_allclose(way.x, creature.film.centre[:, 0])
        np.testing.assert_allclose(way.y, creature.film.centre[:, 2])
        assert f"creature {creature.name}" in way.name


def test_a_gait_is_drawn_muscle_by_muscle_in_the_order_of_phases(record, best):
    figure = draw_views(evolution.views, record)["gaits"].figure
    walking = [b for b in best if b.gait is not None]
    assert len(figure.data) == len(walking) > 0
    for trace, creature in zip(figure.data, walking, strict=True):
        order = np.argsort(creature.gait.phase_M, kind="stable")
        np.testing.assert_allclose(np.array(trace.z), creature.strain_TM[-90:, order].T)


def test_pellets_before_the_last_were_collected(best):
    frames = 4
    film = Film(*(np.zeros((frames, *part.shape[1:])) for part in best[0].film))
    film.collected[:] = [0, 0, 1, 1]
    film.pellet[:] = [[1, 0, 2], [1, 0, 2], [5, 0, 6], [5, 0, 6]]
    creature = type(best[0])(1, 0.0, {}, film, np.zeros((4, 1)), None)
    places, taken = pellets_of(creature)
    assert places.tolist() == [[1, 2], [5, 6]] and taken == [True, False]


def test_a_run_without_winners_shows_nothing_and_damaged_ones_are_told(record):
    kept = Kept(record, 42).artifacts / WINNERS
    whole = kept.read_bytes()
    try:
        kept.write_bytes(whole[: len(whole) // 2])
        found = draw_views(evolution.views, record)
        assert set(found) == {"bodies", "tracks", "gaits"}
        assert all(isinstance(line, str) and "\n" not in line for line in found.values())
        kept.unlink()
        assert draw_views(evolution.views, record) == {}
    finally:
        kept.write_bytes(whole)
