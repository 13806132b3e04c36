"""Laws that hold for every space: made-up spaces, conditions, rules and values."""

from hypothesis import given
from hypothesis import strategies as st

from homeostat.errors import SpaceError
from homeostat.space import Bool, Choice, Derived, Float, Int, Rule, Space

NAMES = ("a", "b", "c", "d", "e")
# Small ranges, so that conditions and rules meet often.
LEVELS = st.integers(0, 3)
CHANGES = st.dictionaries(st.sampled_from(NAMES), LEVELS, min_size=1, max_size=2)
VALUES = st.dictionaries(st.sampled_from(NAMES), LEVELS)


@st.composite
def spaces(draw):
    """Spaces of five small whole numbers, a formula, conditions on earlier names, and rules."""
    parameters = {}
    for i, name in enumerate(NAMES):
        when = {}
        if i and draw(st.booleans()):
            when = {draw(st.sampled_from(NAMES[:i])): tuple(draw(st.sets(LEVELS, min_size=1)))}
        parameters[name] = Int(0, 3, default=draw(LEVELS), when=when)
    parameters["f"] = Derived(lambda c: c.a + c.b, why="a sum", of=Int(0, 4))
    rules = []
    for _ in range(draw(st.integers(0, 3))):
        try:
            rules.append(Rule(when=draw(CHANGES), set=draw(CHANGES), why="a rule"))
            Space(**parameters, rules=rules)
        except SpaceError:
            rules = rules[:-1]  # it contradicts itself or the others
    return Space(**parameters, rules=rules)


def resolve(space, values):
    """The configuration, or none where rules undo each other: refused, with its own test."""
    try:
        return space.resolve(values, inherited=values)
    except SpaceError as error:
        assert "never settle" in error.message  # noqa: PT017  # the law allows this sentence only
        return None


@given(spaces(), VALUES)
def test_resolving_twice_changes_nothing(space, values):
    config = resolve(space, values)
    if config is not None:
        again = space.resolve(config)
        assert again == config
        assert again.active == config.active


@given(spaces(), VALUES)
def test_every_rule_in_force_holds(space, values):
    config = resolve(space, values)
    for rule in space.rules if config is not None else ():
        if all(n in config.active and config[n] in vs for n, vs in rule.when.items()):
            assert all(config[n] == v for n, v in rule.set.items() if n in config.active)


@given(spaces(), VALUES)
def test_a_value_counts_unless_something_is_told_about_it(space, values):
    config = resolve(space, values)
    for name, value in values.items() if config is not None else ():
        told = any(sentence.startswith(f"{name}:") for sentence in config.adjustments)
        assert told or config[name] == value


@given(spaces(), VALUES, st.permutations(range(3)))
def test_the_order_of_rules_makes_no_difference(space, values, order):
    rules = [space.rules[i] for i in order if i < len(space.rules)]
    config = resolve(space, values)
    assert config == resolve(Space(**space, rules=rules), values)


@st.composite
def ranges(draw):
    kind = draw(st.sampled_from(["float", "int", "choice", "bool"]))
    log = draw(st.booleans())
    if kind == "float":
        low = draw(st.floats(1e-6 if log else -1e6, 1e3))
        return Float(low, low + abs(low) + draw(st.floats(1e-3, 1e6)), log=log)
    if kind == "int":
        low = draw(st.integers(1 if log else -1000, 1000))
        return Int(low, low + draw(st.integers(1, 10_000)), log=log)
    if kind == "choice":
        return Choice(
            draw(st.lists(st.sampled_from(["x", 1, 2.5, None, True]), unique_by=repr, min_size=1))
        )
    return Bool()


@given(ranges(), st.floats(0, 1))
def test_a_sample_in_range_always_resolves_to_itself(parameter, u):
    value = parameter.from_unit(u)
    config = Space(x=parameter).resolve({"x": value})
    assert config.x == value
    assert config.adjustments == ()


@given(ranges(), st.floats(0, 1))
def test_text_shown_to_people_reads_back_as_the_same_value(parameter, u):
    value = parameter.from_unit(u)
    assert parameter.parse(repr(value)) == value if not isinstance(value, str) else True


@given(ranges(), st.floats(0, 1))
def test_from_unit_undoes_to_unit(parameter, u):
    value = parameter.from_unit(u)
    back = parameter.from_unit(parameter.to_unit(value))
    assert back == value or abs(back - value) <= 1e-9 * max(abs(value), abs(parameter.high))
