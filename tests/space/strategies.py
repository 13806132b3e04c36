"""Made-up spaces: conditions, rules and formulas on any name, before or after, nested."""

from __future__ import annotations

from hypothesis import strategies as st

from homeostat.errors import SpaceError
from homeostat.space import Bool, Choice, Derived, Int, Rule, Space

NAMES = ("a", "b", "c", "d", "e", "f")
# Small ranges, so that conditions and rules meet often; options that Python takes for one.
RANGES = (
    lambda: Int(0, 2),
    lambda: Int(2, 6, step=2),
    lambda: Bool(),
    lambda: Choice([1, True, None]),
    lambda: Choice(["x", "y"], default="y"),
)
DERIVED = ("sum", "pick")


def values_of(parameter):
    """Everything that a small parameter can be."""
    return [parameter.nth(place) for place in range(parameter.count)]


@st.composite
def spaces(draw):
    """Spaces of up to six parameters in any order, with two formulas."""
    names = draw(st.permutations(NAMES))[: draw(st.integers(2, len(NAMES)))]
    ranges = {name: draw(st.sampled_from(RANGES))() for name in names}
    low, high = draw(st.tuples(st.sampled_from(names), st.sampled_from(names)))
    formulas = {
        "sum": Derived(lambda c: len(f"{c[low]}{c[high]}"), why="two of them", of=Int(0, 9)),
        # Which value it reads depends on another.
        "pick": Derived(lambda c: c[low] if c["sum"] > 3 else c[high], why="one of them"),
    }
    order = draw(st.permutations([*names, *formulas]))

    def build(whens, rules):
        parameters = {
            name: formulas[name] if name in formulas else _with(ranges[name], whens.get(name, {}))
            for name in order
        }
        return Space(**parameters, rules=rules)

    def value_of(name):
        return draw(st.sampled_from(values_of(ranges[name]) if name in ranges else [1, 2, 3]))

    # One link at a time; those that close a circle or contradict others are left out.
    whens, rules = {}, []
    for _ in range(draw(st.integers(0, 8))):
        try:
            if draw(st.booleans()):
                child = draw(st.sampled_from(names))
                parents = draw(st.sets(st.sampled_from([*names, "sum"]), min_size=1, max_size=2))
                changed = whens | {child: {name: value_of(name) for name in sorted(parents)}}
                build(changed, rules)
                whens = changed
            else:
                readers = draw(st.sets(st.sampled_from([*names, "sum"]), max_size=2))
                target = draw(st.sampled_from([*names, "sum"]))
                rule = Rule(
                    when={name: value_of(name) for name in sorted(readers)},
                    set={target: value_of(target)},
                    why="a rule",
                )
                build(whens, [*rules, rule])
                rules = [*rules, rule]
        except SpaceError:
            continue
    return build(whens, rules)


def _with(parameter, when):
    kind = type(parameter)
    if kind is Int:
        return Int(parameter.low, parameter.high, step=parameter.step, when=when)
    if kind is Choice:
        return Choice(parameter.options, default=parameter.default, when=when)
    return Bool(when=when)


@st.composite
def settings(draw, space):
    """Some values for a space, of names that can be set."""
    ranges = space.searched()
    names = draw(st.sets(st.sampled_from(sorted(ranges))))
    return {name: draw(st.sampled_from(values_of(ranges[name]))) for name in sorted(names)}


@st.composite
def search_spaces(draw):
    """A space, what of it is searched, and what is held: both any of its names."""
    from homeostat.space.order import SearchSpace

    space = draw(spaces())
    ranges = space.searched()
    chosen = draw(st.sets(st.sampled_from(sorted(ranges)), min_size=1))
    searched = {name: p for name, p in ranges.items() if name in chosen}
    if draw(st.booleans()):
        searched["sum"] = space.searched(names=["sum"])["sum"]
    return SearchSpace(space, searched, draw(settings(space)))
