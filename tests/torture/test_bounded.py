"""A little of the torture in every run of the tests; all of it is `make torture`."""

import pytest
from tests.torture.crash import Table, crash_points, random_kills
from tests.torture.files import KINDS, damaged_files
from tests.torture.fuzz import (
    fuzz_arguments,
    fuzz_damaged_yaml,
    fuzz_logs,
    fuzz_requests,
    fuzz_yaml,
)
from tests.torture.scenes import is_possible


def held(table):
    assert table.is_clean, "\n".join(table.examples)


@pytest.mark.parametrize("act", ["run", "search", "design", "verify"])
def test_killed_at_a_point_of_its_writing_it_goes_on_and_loses_nothing(act):
    table = Table()
    crash_points(act, 2, table)
    held(table)
    assert table.tried.total() >= 6


SLOW = ("nas", "clocks apart", "two containers")
LONGER = [pytest.param(act, marks=pytest.mark.slow) for act in SLOW]


@pytest.mark.parametrize("act", ["two drivers", *LONGER])
def test_what_two_drivers_or_a_longer_act_write_is_not_lost_either(act):
    if not is_possible(act):
        pytest.skip("this machine permits no PID namespaces")
    table = Table()
    crash_points(act, 1, table)
    held(table)
    assert table.tried.total() >= 3


def test_killed_at_any_moment_it_goes_on_and_loses_nothing():
    table = Table()
    random_kills("search", 4, table)
    held(table)


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_told_and_harms_nothing_else(kind):
    table = Table()
    damaged_files(kind, 25, table)
    held(table)


@pytest.mark.parametrize(
    ("fuzz", "count"),
    [(fuzz_yaml, 150), (fuzz_logs, 400), (fuzz_arguments, 400), (fuzz_requests, 60),
     (fuzz_damaged_yaml, 50)],
)  # fmt: skip
def test_whatever_is_given_is_taken_or_refused_in_a_line(fuzz, count):
    table = Table()
    fuzz(count, table)
    held(table)
