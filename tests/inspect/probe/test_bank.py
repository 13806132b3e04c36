"""The fault bank: small real loops with one planted fault each, and healthy ones.

Every planted fault is named by its own check; no healthy loop is accused.
"""

import pytest

import homeostat as hs

from .bank.table import FAULTY, HEALTHY


def told(result):
    return [f"{check.status} {check.name}: {check.saw}" for check in result.checks]


@pytest.mark.parametrize(("loop", "name"), FAULTY, ids=lambda part: getattr(part, "name", ""))
def test_a_planted_fault_is_named(loop, name):
    result = hs.probe(loop)
    found = [*result.faults, *result.warnings]
    assert name in {check.name for check in found}, told(result)
    assert all(check.remedy for check in found)
    assert not any("This check failed" in check.saw for check in result.checks), told(result)


@pytest.mark.parametrize("loop", HEALTHY, ids=lambda loop: loop.name)
def test_a_healthy_loop_is_not_accused(loop):
    result = hs.probe(loop)
    assert result.ok, told(result)
    assert not result.warnings, told(result)
    assert not any("This check failed" in check.saw for check in result.checks), told(result)
