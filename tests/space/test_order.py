"""What is drawn is exactly what acts: active, free of rules, searched; whatever the order."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.space.strategies import search_spaces, spaces, values_of
from tests.space.strategies import settings as some_values

from homeostat.errors import SpaceError
from homeostat.space import Bool, Choice, Derived, Float, Int, Rule, Space
from homeostat.space.order import SearchSpace, acting
from homeostat.space.topological import topological

MANY = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)


def draw(search_space, seed):
    rng = np.random.default_rng(seed)
    return search_space.draw(lambda name: search_space.searched[name].from_unit(rng.random()))


@MANY
@given(search_spaces(), st.integers(0, 99))
def test_what_is_drawn_is_exactly_what_acts_and_is_searched(search_space, seed):
    drawn = draw(search_space, seed)
    config = search_space.resolve(drawn)
    acts = {n for n in search_space.searched if n in config.active and n not in config.enforced}
    assert drawn.keys() == acts
    assert all(config[name] == value for name, value in drawn.items())
    assert search_space.acting(drawn) == drawn


@MANY
@given(search_spaces(), st.integers(0, 99), st.data())
def test_what_is_not_drawn_has_no_effect(search_space, seed, data):
    drawn = draw(search_space, seed)
    config = search_space.resolve(drawn)
    for name in search_space.searched.keys() - drawn.keys():
        other = data.draw(st.sampled_from(values_of(search_space.searched[name])))
        assert search_space.resolve({**drawn, name: other}).digest == config.digest


@MANY
@given(spaces(), st.data())
def test_the_order_of_declaration_makes_no_difference(space, data):
    given_values = data.draw(some_values(space))
    again = Space(
        **{name: space[name] for name in data.draw(st.permutations(list(space)))},
        rules=data.draw(st.permutations(space.rules)),
    )
    one = space.resolve(given_values, inherited=given_values)
    two = again.resolve(given_values, inherited=given_values)
    assert one == two
    assert (one.active, one.enforced) == (two.active, two.enforced)


@settings(MANY, max_examples=40)
@given(search_spaces())
def test_an_enumeration_gives_every_configuration_once(search_space):
    sizes = [p.count for p in search_space.searched.values()]
    assume(np.prod(sizes) <= 300)
    names = list(search_space.searched)
    everything = {
        search_space.resolve(dict(zip(names, values, strict=True))).digest
        for values in itertools.product(*(values_of(search_space.searched[n]) for n in names))
    }
    trials = list(search_space.enumerate(np.random.default_rng(0)))
    assert {search_space.resolve(trial).digest for trial in trials} == everything
    assert all(name in trial for name in search_space.always for trial in trials)
    assert not any(name in trial for name in search_space.never for trial in trials)


def test_an_enumeration_draws_numbers_that_cannot_be_counted():
    space = Space(rate=Float(0, 1, when={"tuned": True}), tuned=Bool())
    trials = list(SearchSpace(space, space.searched(), {}).enumerate(np.random.default_rng(0)))
    assert [trial["tuned"] for trial in trials] == [False, True]
    assert 0 < trials[1]["rate"] < 1


def test_a_parameter_declared_before_its_parents_is_drawn_where_it_acts():
    space = Space(
        size=Int(2, 9, when={"method": "best"}),
        method=Choice(["any", "best"], when={"on": True}),
        on=Bool(True),
    )
    search_space = SearchSpace(space, space.searched(), {})
    assert search_space.names == ("on", "method", "size")
    values = {"on": True, "method": "best", "size": 7}
    assert search_space.draw(values.__getitem__) == values
    assert search_space.draw({"on": False}.__getitem__) == {"on": False}


def test_a_parameter_that_a_rule_sets_is_drawn_only_where_the_rule_is_not_in_force():
    space = Space(
        method=Choice(["rank", "best"]),
        mode=Choice(["plain", "neat"]),
        rules=[Rule(when={"mode": "neat"}, set={"method": "best"}, why="it needs that")],
    )
    search_space = SearchSpace(space, space.searched(), {})
    values = {"mode": "neat", "method": "rank"}
    assert search_space.draw(values.__getitem__) == {"mode": "neat"}
    assert search_space.acting(values) == {"mode": "neat"}
    pinned = SearchSpace(space, {"method": space["method"]}, {"mode": "neat"})
    assert (pinned.always, pinned.never) == ((), ("method",))
    assert "method" not in space.resolve(values).given


def test_1_and_true_are_different_options():
    space = Space(k=Choice([1, True]), a=Bool(when={"k": True}), b=Bool(when={"k": 1}))
    assert acting(space, space, {"k": True}).keys() == {"k", "a"}
    assert acting(space, space, {"k": 1}).keys() == {"k", "b"}


def test_a_parameter_that_depends_on_a_derived_value_is_drawn_after_what_that_reads():
    space = Space(
        extra=Int(0, 5, when={"big": True}),
        big=Derived(lambda c: c.n > 5, why="many"),
        n=Int(1, 9),
    )
    search_space = SearchSpace(space, space.searched(), {})
    assert search_space.names == ("n", "extra")
    assert search_space.draw({"n": 8, "extra": 2}.__getitem__) == {"n": 8, "extra": 2}
    assert search_space.always == ("n",)
    assert SearchSpace(space, {"extra": space["extra"]}, {"n": 2}).never == ("extra",)


def test_a_rule_that_reads_what_it_sets_leaves_it_searched_with_the_value_it_gives():
    rule = Rule(when={"k": ("b", "c"), "on": True}, set={"k": "c"}, why="they are one")
    space = Space(k=Choice(["a", "b", "c"]), on=Bool(True), rules=[rule])
    search_space = SearchSpace(space, space.searched(), {})
    assert search_space.draw({"k": "b", "on": True}.__getitem__) == {"on": True, "k": "c"}
    assert search_space.draw({"k": "b", "on": False}.__getitem__) == {"on": False, "k": "b"}


CIRCLES = {
    "a condition and a condition": (
        {"a": Bool(when={"b": True}), "b": Bool(when={"a": True})}, [],
    ),
    "a condition on itself": ({"a": Bool(when={"a": True})}, []),
    "rules": (
        {"a": Int(0, 9), "b": Int(0, 9)},
        [Rule(when={"a": 1}, set={"b": 3}, why="x"), Rule(when={"b": 3}, set={"a": 2}, why="x")],
    ),
    "a condition and a rule": (
        {"a": Bool(when={"b": True}), "b": Bool()},
        [Rule(when={"a": True}, set={"b": False}, why="x")],
    ),
    "a formula and a rule": (
        {"a": Bool(), "b": Derived(lambda c: c.a, why="x")},
        [Rule(when={"b": True}, set={"a": False}, why="x")],
    ),
    "a formula and a rule that is not in force at the defaults": (
        {"c": Bool(), "a": Bool(), "b": Derived(lambda c: c.a, why="x")},
        [Rule(when={"c": True, "b": True}, set={"a": False}, why="x")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("links", CIRCLES)
def test_a_circle_is_refused_when_the_space_is_built_and_named(links):
    parameters, rules = CIRCLES[links]
    with pytest.raises(SpaceError) as error:
        Space(**parameters, rules=rules)
    circle = "a -> b -> a" if "b" in parameters else "a -> a"
    assert error.value.message == f"a: it depends on itself: {circle}."


@given(
    st.dictionaries(
        st.sampled_from("abcdef"), st.sets(st.sampled_from("abcdef"), max_size=3), min_size=1
    )
)
def test_every_name_stands_after_what_it_depends_on_or_a_real_circle_is_named(links):
    depends = {name: sorted(links.get(name, ())) for name in "abcdef"}
    try:
        order = topological(depends)
    except SpaceError as error:
        circle = re.search(r": ([a-f](?: -> [a-f])+)\.", error.message)[1].split(" -> ")
        assert circle[0] == circle[-1]
        assert all(b in depends[a] for a, b in itertools.pairwise(circle))
    else:
        assert sorted(order) == list("abcdef")
        assert all(order.index(b) < order.index(a) for a in depends for b in depends[a])


@given(st.permutations("abcdef"))
def test_what_stands_in_order_already_keeps_its_order(names):
    depends = {name: list(names[:i]) for i, name in enumerate(names)}
    assert topological(depends) == tuple(names)
