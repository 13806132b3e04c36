"""The default method: better than chance in every kind of space, and never the same trial twice."""

from __future__ import annotations

import math
import zlib

import numpy as np
import pytest
from tests.search.problems import MIXED

import homeostat as hs
from homeostat.sample.coordinates import Coordinates
from homeostat.sample.samplers import Setting, make_sampler
from homeostat.space.order import SearchSpace

SPACES = {
    "numbers": hs.Space(x=hs.Float(0, 1), y=hs.Float(0, 1), n=hs.Int(1, 300, log=True)),
    "choices": hs.Space(**{f"c{i}": hs.Choice([0, 1, 2, 3]) for i in range(6)}),
    "mixed": hs.Space(
        x=hs.Float(0, 1), y=hs.Float(0, 1), a=hs.Choice([0, 1, 2, 3]), b=hs.Choice([0, 1, 2])
    ),
    "conditional": hs.Space(
        a=hs.Choice([0, 1, 2]),
        b=hs.Bool(when={"a": (1, 2)}),
        x=hs.Float(0, 1, when={"a": 2, "b": True}),
        y=hs.Float(0, 1, when={"a": (0, 2)}),
        z=hs.Float(0, 1, when={"b": False}),
    ),
}


def bad(drawn):
    """0 at one place in each space; a parameter that does not act costs 0.3."""
    total = 0.0
    for name in ("x", "y", "z"):
        if name in drawn:
            total += (drawn[name] - 0.4) ** 2
    total += 0.05 * abs(math.log(drawn["n"] / 40)) if "n" in drawn else 0.0
    for i, name in enumerate([n for n in drawn if n[0] in "abc"]):
        total += 0.12 * ((int(drawn[name]) - 2 * (i + 1)) % 4)
    return total if "x" in drawn or "c0" in drawn else total + 0.3


def searched(method, space, trials, seed, objective=bad, goals=("minimize",), wave=1):
    """The trials of a search: parameters and values, as a study drives it."""
    search_space = SearchSpace(space, space.searched(), {})
    objectives = {f"o{i}": goal for i, goal in enumerate(goals)}
    sampler = make_sampler(method, Setting(search_space, objectives, seed))
    tried = []
    for number in range(trials):
        if number:
            drawn = search_space.draw(sampler.start(number))
        else:
            drawn = search_space.default()
            sampler.replay(0, drawn)
        value = objective(drawn)
        tried.append((drawn, value))
        if (number + 1) % wave == 0:
            for known in range(number + 1 - wave, number + 1):
                value = tried[known][1]
                told = value if value is None or isinstance(value, tuple) else (value,)
                sampler.learn(known, told)
    return tried


LEAST = {"conditional": 0.12}
"""What the best has, where that is not 0."""


@pytest.mark.parametrize("kind", SPACES)
def test_it_finds_in_40_trials_what_chance_does_not_in_100(kind):
    space, least = SPACES[kind], LEAST.get(kind, 0.0)
    ours = [min(v for _, v in searched("auto", space, 40, seed)) for seed in range(2)]
    chance = [min(v for _, v in searched("random", space, 100, seed)) for seed in range(2)]
    assert np.mean(ours) - least <= 0.5 * (np.mean(chance) - least)


def test_it_proposes_nothing_twice_until_everything_was_tried():
    """Of 36 configurations all, when a study would have had to put others in their place."""
    space = hs.Space(a=hs.Choice([0, 1, 2]), b=hs.Int(1, 4), c=hs.Choice(["x", "y", "z"]))
    tried = searched("auto", space, 30, 0, lambda d: d["b"] + d["a"])
    # The first are Sobol points, which may meet.
    late = [str(drawn) for drawn, _ in tried[8:]]
    assert len(set(late)) == len(late)
    assert not {*late} & {str(drawn) for drawn, _ in tried[:8]}


def test_trials_of_one_wave_differ():
    tried = searched("auto", SPACES["numbers"], 24, 0, wave=6)
    last = [drawn["x"] for drawn, _ in tried[-6:]]
    assert len({round(x, 3) for x in last}) >= 5


def test_it_leaves_what_diverges():
    space = hs.Space(x=hs.Float(0, 1), y=hs.Float(0, 1), k=hs.Choice(["a", "b"]))

    def cliff(drawn):
        lost = drawn["x"] + (0.3 if drawn["k"] == "a" else 0.0) > 0.7
        return None if lost else -drawn["x"] + (drawn["y"] - 0.5) ** 2

    tried = searched("auto", space, 40, 0, cliff)
    assert sum(v is None for _, v in tried[20:]) <= 4
    assert min(v for _, v in tried if v is not None) < -0.66


def test_of_two_objectives_it_finds_the_whole_front():
    """From f1 = 0 to f2 = 0, not one end of it."""
    space = hs.Space(x=hs.Float(0, 1), y=hs.Float(0, 1), k=hs.Choice([0, 1]))

    def two(drawn):
        off = drawn["k"] + (drawn["y"] - 0.7) ** 2
        return drawn["x"] ** 2 + off, -((drawn["x"] - 1) ** 2) - off

    tried = searched("auto", space, 50, 0, two, goals=("minimize", "maximize"))
    near = sorted(d["x"] for d, _ in tried[20:] if d["k"] == 0 and abs(d["y"] - 0.7) < 0.15)
    assert len(near) >= 15
    assert near[0] < 0.2 and near[-1] > 0.8
    assert np.diff(near).max() < 0.25


@pytest.mark.parametrize("space", [MIXED, *SPACES.values()])
def test_rows_and_configurations_are_one_to_one(space):
    search_space = SearchSpace(space, space.searched(), {})
    coordinates = Coordinates(search_space)
    rng = np.random.default_rng(0)
    for row in coordinates.random(rng, 40):
        drawn = search_space.draw(lambda name, row=row: coordinates.value(name, row))
        acting = coordinates.acting(row[None])[0]
        again = coordinates.row(drawn)
        assert (np.isnan(acting) == np.isnan(again)).all()
        assert np.nan_to_num(acting) == pytest.approx(np.nan_to_num(again), abs=1e-9)


def test_what_decides_is_found_behind_formulas_and_rules():
    search_space = SearchSpace(MIXED, MIXED.searched(), {})
    assert search_space.deciders == ("optimizer",)
    space = hs.Space(
        a=hs.Int(1, 4),
        b=hs.Choice([0, 1]),
        size=hs.Derived(lambda c: "big" if c["a"] > 2 else "small", why="it is"),
        x=hs.Float(0, 1, when={"size": "big", "b": 1}),
        y=hs.Float(0, 1),
    )
    assert SearchSpace(space, space.searched(), {}).deciders == ("a", "b")


@pytest.mark.slow
def test_two_hundred_parameters_are_searched():
    space = hs.Space(**{f"x{i}": hs.Float(0, 1) for i in range(200)})

    def slope(drawn):
        return sum((drawn[f"x{i}"] - 0.9) ** 2 for i in range(8))

    ours = searched("auto", space, 40, 0, slope)
    chance = searched("random", space, 40, 0, slope)
    assert min(v for _, v in ours) < min(v for _, v in chance)


def test_a_branch_that_is_good_only_when_tuned_is_tuned():
    """`plain` is good at once and ends at 0.1; `deep` is worse wherever it was not tuned, and ends
    at 0."""
    space = hs.Space(
        model=hs.Choice(["plain", "deep", "flat"]),
        p=hs.Float(0, 1, default=0.45, when={"model": ("plain", "flat")}),
        **{f"d{i}": hs.Float(0, 1, default=0.9, when={"model": "deep"}) for i in range(3)},
    )

    def branched(drawn):
        rng = np.random.default_rng(zlib.crc32(str(sorted(drawn.items())).encode()))
        luck = 0.02 * rng.normal()
        if drawn["model"] != "deep":
            return (
                luck + (0.1 if drawn["model"] == "plain" else 0.3) + 0.1 * (drawn["p"] - 0.5) ** 2
            )
        return luck + 3 * sum((drawn[f"d{i}"] - 0.3 * (i + 0.5)) ** 2 for i in range(3))

    found = [searched("auto", space, 60, seed, branched) for seed in range(4)]
    shares = [np.mean([drawn["model"] == "deep" for drawn, _ in tried[20:]]) for tried in found]
    assert sum(share > 0.3 for share in shares) >= 2
