"""A value at an end of its range, and the range that goes further."""

import pytest

import homeostat as hs
from homeostat.space.edges import at_an_end


@pytest.mark.parametrize(
    ("parameter", "value", "wider"),
    [
        (hs.Int(3, 4, default=3), 4, "3..5"),
        (hs.Int(5, 10, default=8), 5, "3..10"),
        (hs.Int(1, 8, default=3), 1, ""),
        (hs.Int(4, 64, log=True, default=8), 64, "4..256"),
        (hs.Float(0.0, 0.5, default=0.1), 0.5, "0..0.75"),
        (hs.Float(0.0, 0.5, default=0.1), 0.0, ""),
        (hs.Float(0.0, 1.0, default=0.1), 1.0, ""),
        (hs.Float(1e-4, 1e-1, log=True, default=1e-3), 1e-4, "1e-05..0.1"),
    ],
)
def test_a_wider_range_holds_more_on_that_side(parameter, value, wider):
    [end] = at_an_end({"x": parameter}, {"x": value})
    assert end.wider == wider


def test_inside_there_is_no_end():
    assert at_an_end({"x": hs.Float(0.0, 1.0, default=0.1)}, {"x": 0.5}) == []
