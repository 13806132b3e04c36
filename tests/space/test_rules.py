"""Rules: what they enforce, the sentences they leave, and the rules that cannot stand together."""

import itertools

import pytest

from homeostat.errors import SpaceError, UnknownNameError
from homeostat.space import Bool, Choice, Derived, Fixed, Int, Rule, Space

MODE = Choice(["pure", "hybrid", "neat"])
METHOD = Choice(["truncation", "tournament", "rank", "speciation"], default="tournament")
NEEDS_SPECIES = Rule(
    when={"neural_mode": "neat"},
    set={"selection_method": "speciation", "use_fitness_sharing": False},
    why="NEAT needs species to protect new topologies",
)
EVOLUTION = Space(
    neural_mode=MODE,
    selection_method=METHOD,
    use_fitness_sharing=Bool(True),
    tournament_size=Int(2, 20, default=3, when={"selection_method": "tournament"}),
    min_species_size=Int(1, 9, default=2, when={"selection_method": "speciation"}),
    rules=[NEEDS_SPECIES],
)


def test_a_rule_wins_over_a_given_value_and_says_why():
    config = EVOLUTION.resolve({"neural_mode": "neat", "selection_method": "tournament"})
    assert config.selection_method == "speciation"
    assert config.use_fitness_sharing is False
    assert config.adjustments == (
        "selection_method: tournament -> speciation, because neural_mode is neat "
        "(NEAT needs species to protect new topologies).",
        "use_fitness_sharing: true -> false, because neural_mode is neat "
        "(NEAT needs species to protect new topologies).",
    )


def test_a_rule_that_changes_nothing_says_nothing():
    given = {
        "neural_mode": "neat",
        "selection_method": "speciation",
        "use_fitness_sharing": False,
    }
    assert EVOLUTION.resolve(given).adjustments == ()


def test_a_rule_can_activate_a_parameter_that_is_then_used():
    config = EVOLUTION.resolve({"neural_mode": "neat", "min_species_size": 4})
    assert config.min_species_size == 4
    assert "min_species_size" in config.active


def test_a_given_value_whose_condition_a_rule_took_away_is_dropped_and_told():
    config = EVOLUTION.resolve({"neural_mode": "neat", "tournament_size": 7})
    assert config.tournament_size == 3
    assert config.given == {"neural_mode": "neat"}
    assert config.adjustments[-1] == (
        "tournament_size: 7 is not used, because selection_method is speciation."
    )


CHAIN = (
    Rule(when={"a": 1}, set={"b": 1}, why="first"),
    Rule(when={"b": 1}, set={"c": 1}, why="second"),
    Rule(when={"c": 1}, set={"d": 1}, why="third"),
)


@pytest.mark.parametrize("rules", list(itertools.permutations(CHAIN)))
def test_rules_reach_the_same_fixed_point_in_any_order(rules):
    space = Space(**{name: Int(0, 9, default=0) for name in "abcd"}, rules=rules)
    assert dict(space.resolve({"a": 1})) == {"a": 1, "b": 1, "c": 1, "d": 1}
    assert len(space.resolve({"a": 1}).adjustments) == 3


def test_a_rule_whose_condition_another_took_away_leaves_no_trace():
    space = Space(
        **{name: Int(0, 9, default=0) for name in "abc"},
        rules=[
            Rule(when={"a": 0}, set={"b": 5}, why="first"),
            Rule(when={"c": 1}, set={"a": 3}, why="second"),
        ],
    )
    assert dict(space.resolve({"c": 1})) == {"a": 3, "b": 0, "c": 1}
    assert space.resolve({"c": 1}).adjustments == ("a: 0 -> 3, because c is 1 (second).",)


def test_a_rule_may_read_a_derived_value_and_set_one():
    space = Space(
        n=Int(1, 10, default=2),
        big=Derived(lambda c: c.n > 5, why="many"),
        half=Derived(lambda c: c.n // 2, why="half", of=Int(0, 10)),
        slow=Bool(),
        rules=[Rule(when={"big": True}, set={"slow": True, "half": 1}, why="many are slow")],
    )
    config = space.resolve({"n": 8})
    assert config.slow is True
    assert config.half == 1
    assert space.resolve({"n": 4}).half == 2


def test_a_rule_without_a_condition_always_holds():
    space = Space(a=Bool(), b=Bool(), rules=[Rule(when={}, set={"a": True}, why="always so")])
    assert space.resolve().a is True
    assert space.resolve().adjustments == ("a: false -> true (always so).",)


def test_a_rule_leaves_an_inactive_parameter_alone():
    space = Space(
        a=Bool(),
        b=Int(0, 9, default=1, when={"a": True}),
        rules=[Rule(when={}, set={"b": 5}, why="five")],
    )
    assert space.resolve().b == 1
    assert space.resolve({"a": True}).b == 5


def rule(when, set_, why="test"):
    return Rule(when=when, set=set_, why=why)


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        (
            lambda: [rule({"a": 1}, {"c": 1}), rule({"b": 1}, {"c": 2})],
            "c: two rules contradict each other: Rule(when a is 1: c=1) and Rule(when b is 1: c=2)."
            "  Give one of them a narrower when=.",
        ),
        (
            lambda: [rule({"a": (1, 2)}, {"c": 1}), rule({"a": (2, 3)}, {"c": 2})],
            "c: two rules contradict each other: Rule(when a is 1 or 2: c=1) and "
            "Rule(when a is 2 or 3: c=2).  Give one of them a narrower when=.",
        ),
        (
            lambda: [rule({"a": 1}, {"b": 1, "c": 1}), rule({"b": 2}, {"c": 2})],
            "c: two rules contradict each other: Rule(when a is 1: b=1, c=1) and "
            "Rule(when b is 2: c=2).  Give one of them a narrower when=.",
        ),
        (
            lambda: [rule({"a": 1}, {"a": 2})],
            "Rule(when a is 1: a=2): it undoes its own condition on a.",
        ),
        (lambda: [rule({"a": 1}, {"c": 1}, "")], "Rule(when a is 1: c=1): say why."),
        (lambda: [rule({"a": 1}, {})], "Rule: set= must be a mapping of names to values."),
        (lambda: ["a"], "rules= must hold Rule(...), got 'a'."),
        (
            lambda: [rule({"x": 1}, {"c": 1})],
            "Rule(when x is 1: c=1): its condition names 'x', which is not a parameter.",
        ),
        (
            lambda: [rule({"a": 99}, {"c": 1})],
            "Rule(when a is 99: c=1): its condition on a: 99 is outside 0..9.",
        ),
        (lambda: [rule({"a": 1}, {"c": 99})], "Rule(when a is 1: c=99): c: 99 is outside 0..9."),
        (
            lambda: [rule({"a": 1}, {"f": 2})],
            "Rule(when a is 1: f=2): f is settled at 1 and cannot be set: settled.",
        ),
    ],
)
def test_rules_that_make_no_sense_are_refused_when_the_space_is_built(rules, sentence):
    with pytest.raises(SpaceError) as error:
        Space(
            **{name: Int(0, 9, default=0) for name in "abc"},
            f=Fixed(1, why="settled"),
            rules=rules(),
        )
    assert str(error.value).removesuffix("  Known: a, b, c, f.") == sentence


def test_a_rule_on_an_unknown_name_is_refused():
    with pytest.raises(UnknownNameError, match=r"Did you mean 'method'\?"):
        Space(method=Bool(), a=Bool(), rules=[rule({"a": True}, {"metod": True})])


def test_rules_that_exclude_each_other_may_set_the_same_name():
    space = Space(
        **{name: Int(0, 9, default=0) for name in "ab"},
        rules=[rule({"a": 1}, {"b": 1}), rule({"a": 2}, {"b": 2})],
    )
    assert space.resolve({"a": 1}).b == 1
    assert space.resolve({"a": 2}).b == 2
