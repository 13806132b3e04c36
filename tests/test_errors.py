"""Errors travel between processes as what they are."""

import inspect
import pickle

import pytest

from homeostat import errors


def kinds():
    found = [errors.HomeostatError]
    for kind in found:
        found += kind.__subclasses__()
    return found


def made(kind):
    parameters = inspect.signature(kind).parameters.values()
    required = [p for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    return kind(*(f"{p.name} {index}" for index, p in enumerate(required)))


@pytest.mark.parametrize("kind", kinds())
def test_an_error_survives_the_way_between_two_processes(kind):
    error = made(kind)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert str(again) == str(error)
    assert (again.message, again.hint) == (error.message, error.hint)
