"""Fuzzing: how many cases, and what counts as a clear error."""

import pytest
from hypothesis import HealthCheck, Phase, settings

from homeostat.errors import HomeostatError

QUICK, LONG = 200, 5000


@pytest.fixture(params=[QUICK, pytest.param(LONG, marks=pytest.mark.slow)])
def cases(request):
    """Settings for so many cases; the temporary folder is one for all of them, on purpose."""
    return settings(
        max_examples=request.param,
        deadline=None,
        database=None,
        phases=[Phase.generate],  # what breaks it is small enough to read as it is
        derandomize=request.param == QUICK,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


@pytest.fixture
def clear():
    """Call a function; it gives a result, or an error that is one clear line."""

    def call(function, *arguments, naming=""):
        try:
            return function(*arguments)
        except HomeostatError as error:
            told = str(error)
            assert told.strip() and "\n" not in told, told
            assert naming in told, told
            return None

    return call
