"""What a parameter accepts, what it refuses, and the sentences it refuses with."""

import math

import numpy as np
import pytest

from homeostat.errors import SpaceError
from homeostat.space import Bool, Choice, Derived, Fixed, Float, Int, Text

LR = Float(1e-5, 0.1, log=True)
WIDTH = Int(16, 256, log=True)
ACT = Choice(["relu", "tanh", None])
DEPTH = Choice([1, 2, 4])
BIAS = Bool(True)


def test_a_default_left_out_is_the_middle_of_the_range():
    assert LR.default == 1e-3  # geometric
    assert WIDTH.default == 64
    assert Float(0, 1).default == 0.5
    assert Int(0, 10).default == 5
    assert ACT.default is None
    assert DEPTH.default == 1
    assert Bool().default is False


@pytest.mark.parametrize(
    ("parameter", "given", "kept"),
    [
        (LR, 0.1, 0.1),
        (LR, 1e-5, 1e-5),
        (Float(0, 2), 1, 1.0),
        (Float(0, 2), np.float32(0.5), 0.5),
        (WIDTH, 64.0, 64),
        (WIDTH, np.int64(64), 64),
        (WIDTH, np.array(64), 64),
        (ACT, "relu", "relu"),
        (ACT, None, None),
        (ACT, "none", None),
        (DEPTH, 2.0, 2),
        (BIAS, np.True_, True),
        (Text(), "a,b", "a,b"),
    ],
)
def test_a_good_value_is_kept_in_the_parameters_own_type(parameter, given, kept):
    value = parameter.check(given)
    assert value == kept
    assert type(value) is type(kept)


@pytest.mark.parametrize(
    ("parameter", "value", "sentence"),
    [
        (LR, 12, "x: 12 is outside 1e-05..0.1."),
        (LR, 12.0, "x: 12 is outside 1e-05..0.1."),
        (LR, "1e-3", "x: '1e-3' is not a finite number; expected a number in 1e-05..0.1."),
        (LR, True, "x: True is not a finite number; expected a number in 1e-05..0.1."),
        (LR, math.nan, "x: nan is not a finite number; expected a number in 1e-05..0.1."),
        (LR, math.inf, "x: inf is not a finite number; expected a number in 1e-05..0.1."),
        (LR, None, "x: None is not a finite number; expected a number in 1e-05..0.1."),
        (WIDTH, True, "x: True is not a whole number; expected a whole number in 16..256."),
        (WIDTH, 64.5, "x: 64.5 is not a whole number; expected a whole number in 16..256."),
        (WIDTH, math.nan, "x: nan is not a whole number; expected a whole number in 16..256."),
        (WIDTH, 8, "x: 8 is outside 16..256."),
        (ACT, "rleu", "x: rleu is not one of relu, tanh, none.  Did you mean 'relu'?"),
        (ACT, 3, "x: 3 is not one of relu, tanh, none."),
        (DEPTH, True, "x: true is not one of 1, 2, 4."),
        (DEPTH, "2", "x: 2 is not one of 1, 2, 4."),
        (BIAS, 1, "x: 1 is not a switch; expected true or false."),
        (BIAS, "true", "x: 'true' is not a switch; expected true or false."),
        (Text(), 3, "x: 3 is not text."),
    ],
)
def test_a_bad_value_is_refused_by_name_value_and_range(parameter, value, sentence):
    with pytest.raises(SpaceError) as error:
        parameter.check(value, "x")
    assert str(error.value) == sentence


@pytest.mark.parametrize(
    ("parameter", "text", "value"),
    [
        (LR, "1e-3", 1e-3),
        (WIDTH, "64", 64),
        (WIDTH, "64.0", 64),
        (WIDTH, "1e2", 100),
        (ACT, "tanh", "tanh"),
        (ACT, "none", None),
        (ACT, "None", None),
        (DEPTH, "2", 2),
        (DEPTH, "2.0", 2),
        (Choice([True, "auto"]), "true", True),
        (Choice(["1", 2]), "1", "1"),
        (BIAS, "no", False),
        (BIAS, "TRUE", True),
        (BIAS, "1", True),
        (Text(), "1", "1"),
    ],
)
def test_typed_text_is_read_as_the_parameter_means_it(parameter, text, value):
    read = parameter.parse(text)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("parameter", "text", "sentence"),
    [
        (LR, "fast", "x: 'fast' is not a number; expected a number in 1e-05..0.1."),
        (LR, "nan", "x: nan is not a finite number; expected a number in 1e-05..0.1."),
        (LR, "", "x: '' is not a number; expected a number in 1e-05..0.1."),
        (WIDTH, "wide", "x: 'wide' is not a whole number; expected a whole number in 16..256."),
        (WIDTH, "64.5", "x: 64.5 is not a whole number; expected a whole number in 16..256."),
        (DEPTH, "3", "x: 3 is not one of 1, 2, 4."),
        (ACT, "x", "x: x is not one of relu, tanh, none."),
        (BIAS, "maybe", "x: 'maybe' is not a switch; expected true or false."),
    ],
)
def test_typed_text_that_makes_no_sense_is_refused(parameter, text, sentence):
    with pytest.raises(SpaceError) as error:
        parameter.parse(text, "x")
    assert str(error.value) == sentence


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Float(1, 0), "Float: low must be below high, got low=1 and high=0."),
        (lambda: Float(1, 1), "Float: low must be below high, got low=1 and high=1."),
        (lambda: Float(0, 1, log=True), "Float: a log scale needs low above 0, got low=0."),
        (
            lambda: Float(0, math.inf),
            "Float: low and high must be finite numbers, got low=0 and high=inf.",
        ),
        (
            lambda: Int(True, 3),
            "Int: low and high must be finite numbers, got low=True and high=3.",
        ),
        (lambda: Int(0.5, 3), "Int(0.5..3): low must be a whole number, got 0.5."),
        (lambda: Float(0, 1, default=2), "Float(0..1) default: 2 is outside 0..1."),
        (lambda: Float(0, 1, tier=5), "Float(0..1): tier must be 1, 2, 3 or 4, got 5."),
        (lambda: Float(0, 1, tier=True), "Float(0..1): tier must be 1, 2, 3 or 4, got True."),
        (lambda: Float(0, 1, fixed=True), "Float(0..1): fixed must be a sentence."),
        (
            lambda: Float(0, 1, when="a"),
            "Float(0..1): when= must be a mapping of names to values, got 'a'.",
        ),
        (lambda: Float(0, 1, when={"a": ()}), "Float(0..1): when= gives no value for 'a'."),
        (lambda: Choice([]), "Choice: give at least one option."),
        (lambda: Choice("ab"), "Choice: options must be a list, got 'ab'."),
        (lambda: Choice([1, 2, 1]), "Choice(1, 2, 1): 1 is listed twice."),
        (
            lambda: Choice([(1, 2)]),
            "Choice: (1, 2) cannot be an option; use text, finite numbers, true or false, or none.",
        ),
        (lambda: Choice(["a"], default="b"), "Choice(a) default: b is not one of a."),
        (lambda: Bool("yes"), "Bool default: 'yes' is not a switch; expected true or false."),
        (lambda: Fixed(1, why=""), "Fixed(1): say why it is settled."),
        (
            lambda: Fixed(math.nan, why="x"),
            "Fixed: nan cannot be stored; use finite numbers, text, true or false, none, "
            "or lists of these.",
        ),
        (lambda: Derived(3, why="x"), "Derived: expected a function of the other values, got 3."),
        (lambda: Derived(len, why=""), "Derived: say why it follows from the others."),
        (
            lambda: Derived(len, why="x", of=3),
            "Derived: of= must be Float, Int, Choice or Bool, got 3.",
        ),
        (
            lambda: Derived(len, why="x", of=Bool(when={"a": 1})),
            "Derived: of= cannot have a condition; a derived value always exists.",
        ),
    ],
)
def test_a_parameter_that_makes_no_sense_is_refused(make, sentence):
    with pytest.raises(SpaceError) as error:
        make()
    assert str(error.value) == sentence


def test_true_and_one_are_two_options():
    both = Choice([1, True])
    assert both.check(True) is True
    assert both.check(1) == 1
    assert both.check(1) is not True


def test_each_whole_number_owns_an_equal_share_of_a_linear_range():
    counts = np.bincount([Int(0, 3).from_unit(u) for u in (np.arange(400) + 0.5) / 400])
    assert counts.tolist() == [100, 100, 100, 100]


def test_a_log_range_gives_each_decade_an_equal_share():
    values = np.array(
        [Float(1e-4, 1.0, log=True).from_unit(u) for u in (np.arange(400) + 0.5) / 400]
    )
    assert np.histogram(np.log10(values), bins=4, range=(-4, 0))[0].tolist() == [100] * 4


def test_a_step_gives_every_so_many_th_number_and_each_an_equal_share():
    width = Int(8, 256, step=8)
    drawn = [width.from_unit((i + 0.5) / 3200) for i in range(3200)]
    assert sorted(set(drawn)) == list(range(8, 257, 8))
    assert all(drawn.count(value) == 100 for value in set(drawn))
    assert [width.nth(place) for place in (0, width.count - 1)] == [8, 256]
    assert width.range_text == "8..256 in steps of 8"
    assert Float(0, 1, step=0.1).from_unit(0.35) == 0.3
    assert Float(0.1, 0.5, step=0.1).default == 0.3
    assert Int(1, 10, step=3).default in (4, 7)


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (lambda: Int(8, 256, step=8).check(12, "width"),
         "width: 12 is not in 8..256 in steps of 8.  The nearest is 8."),
        (lambda: Int(8, 250, step=8),
         "Int: steps of 8 from 8 do not meet 250.  End it at 248 or 256."),
        (lambda: Float(0, 1, step=0.3),
         "Float: steps of 0.3 from 0 do not meet 1.  End it at 0.9 or 1.2."),
        (lambda: Int(8, 256, step=0), "Int: step must be a whole number above 0, got 0."),
        (lambda: Int(8, 256, step=8, log=True), "Int: a step and a log scale do not go together."),
        (lambda: Float(0, 1, step=-1), "Float: step must be a number above 0, got -1."),
        (lambda: Float(0, 1, step=2), "Float: steps of 2 from 0 do not meet 1.  End it at 2."),
    ],
)  # fmt: skip
def test_a_step_that_does_not_fit_is_refused(made, sentence):
    with pytest.raises(SpaceError) as error:
        made()
    assert str(error.value) == sentence
