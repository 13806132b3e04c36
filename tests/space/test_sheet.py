"""Derived values: in dependency order, checked, and refused when they cannot be computed."""

import pytest

from homeostat.errors import SpaceError
from homeostat.space import Choice, Derived, Float, Int, Space


def test_formulas_may_read_each_other_in_any_order():
    space = Space(
        d=Derived(lambda c: c.c + 1, why="test"),
        c=Derived(lambda c: c.b + 1, why="test"),
        b=Derived(lambda c: c.a + 1, why="test"),
        a=Int(0, 10, default=1),
    )
    assert dict(space.resolve()) == {"d": 4, "c": 3, "b": 2, "a": 1}
    assert space.resolve({"a": 5}).d == 8


def test_a_number_computed_outside_its_range_moves_to_the_end_and_is_told():
    space = Space(
        life=Int(1, 1000, default=300),
        childhood=Derived(lambda c: c.life // 3, why="a third of a life", of=Int(5, 200)),
    )
    config = space.resolve({"life": 9})
    assert config.childhood == 5
    assert config.adjustments == (
        "childhood: 3 -> 5, because its range is 5..200 (a third of a life).",
    )


def test_a_whole_number_stays_whole():
    space = Space(a=Int(1, 9), b=Derived(lambda c: c.a * 2.0, why="x", of=Int(1, 99)))
    assert type(space.resolve().b) is int


def test_a_derived_value_can_open_a_condition():
    space = Space(
        n=Int(1, 10, default=2),
        big=Derived(lambda c: c.n > 5, why="many"),
        extra=Float(0, 1, when={"big": True}),
    )
    assert "extra" not in space.resolve().active
    assert "extra" in space.resolve({"n": 6}).active


@pytest.mark.parametrize(
    ("formulas", "sentence"),
    [
        (
            {"a": lambda c: c.b, "b": lambda c: c.a},
            "a: it depends on itself: a -> b -> a.  "
            "Conditions, rules and formulas must not go round in a circle.",
        ),
        (
            {"a": lambda c: c.widht},
            "a: its formula reads 'widht', which is not a parameter.  Did you mean 'width'?",
        ),
        (
            {"a": lambda c: c["widht"]},
            "a: its formula reads 'widht', which is not a parameter.  Did you mean 'width'?",
        ),
        (
            {"a": lambda c: c.width / 0},
            "a: its formula failed with ZeroDivisionError: division by zero.",
        ),
        (
            {"a": lambda c: object},
            "a: <class 'object'> cannot be stored; use finite numbers, text, true or false, none, "
            "or lists of these.",
        ),
    ],
)
def test_a_formula_that_makes_no_sense_is_refused_when_the_space_is_built(formulas, sentence):
    derived = {name: Derived(fn, why="test") for name, fn in formulas.items()}
    with pytest.raises(SpaceError) as error:
        Space(width=Int(1, 3), **derived)
    assert str(error.value) == sentence


def test_a_formula_of_the_wrong_type_is_refused():
    with pytest.raises(SpaceError, match=r"^a: 7 is not one of x, y\.$"):
        Space(b=Int(1, 3), a=Derived(lambda c: 7, why="test", of=Choice(["x", "y"])))
