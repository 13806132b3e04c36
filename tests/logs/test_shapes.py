"""Logs of many tools: as many runs as there are, every row, by the names that stand there."""

import pytest
from tests.logs.shapes import SHAPES

from homeostat.logs import parse_log


def runs_of(expected):
    if isinstance(expected, list):
        return expected
    return [expected]


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_is_read_as_it_is_meant(name):
    text, expected = SHAPES[name]
    found = [{at: dict(row) for at, row in run.rows.items()} for run in parse_log(text).runs]
    assert found == [
        {at: pytest.approx(row, nan_ok=True) for at, row in run.items()}
        for run in runs_of(expected)
    ]
