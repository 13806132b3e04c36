"""Laws that hold for every space: made-up spaces, conditions, rules and values."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.space.strategies import settings as settings_of
from tests.space.strategies import spaces

from homeostat.space import Bool, Choice, Float, Int, Space
from homeostat.space.values import among, same

MANY = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)


@MANY
@given(st.data(), spaces())
def test_resolving_twice_changes_nothing(data, space):
    values = data.draw(settings_of(space))
    config = space.resolve(values, inherited=values)
    again = space.resolve(config)
    assert again == config
    assert again.active == config.active


@MANY
@given(st.data(), spaces())
def test_every_rule_in_force_holds(data, space):
    values = data.draw(settings_of(space))
    config = space.resolve(values, inherited=values)
    for rule in space.rules:
        if all(n in config.active and among(config[n], vs) for n, vs in rule.when.items()):
            assert all(same(config[n], v) for n, v in rule.set.items() if n in config.active)


@MANY
@given(st.data(), spaces())
def test_a_value_counts_unless_something_is_told_about_it(data, space):
    values = data.draw(settings_of(space))
    config = space.resolve(values, inherited=values)
    for name, value in values.items():
        told = any(sentence.startswith(f"{name}:") for sentence in config.adjustments)
        assert told or same(config[name], value)


@st.composite
def ranges(draw):
    kind = draw(st.sampled_from(["float", "int", "choice", "bool"]))
    log = draw(st.booleans())
    if kind == "float":
        low = draw(st.floats(1e-6 if log else -1e6, 1e3))
        if not log and draw(st.booleans()):
            step = draw(st.sampled_from([0.1, 0.25, 3.0]))
            return Float(0.3, float(f"{0.3 + draw(st.integers(1, 500)) * step:.12g}"), step=step)
        return Float(low, low + abs(low) + draw(st.floats(1e-3, 1e6)), log=log)
    if kind == "int":
        low = draw(st.integers(1 if log else -1000, 1000))
        step = 1 if log else draw(st.integers(1, 9))
        return Int(low, low + draw(st.integers(1, 10_000)) * step, log=log, step=step)
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
