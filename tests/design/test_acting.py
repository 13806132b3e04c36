"""A design changes what acts: what has no effect is left out and said, or refused."""

from __future__ import annotations

import time

import pytest
from tests.search.loops import hanging

import homeostat as hs
from homeostat.design.bisect import bisect
from homeostat.design.designs import acting_points, grid, sample, sweep
from homeostat.design.run_design import run_design
from homeostat.errors import SpaceError
from homeostat.space.order import acting

SPACE = hs.Space(
    size=hs.Int(2, 5, when={"method": "best"}),
    method=hs.Choice(["any", "best", "new"]),
    rate=hs.Float(0, 1),
    mode=hs.Choice(["plain", "neat"]),
    rules=[hs.Rule(when={"mode": "neat"}, set={"method": "new"}, why="it needs that")],
)


def test_a_grid_has_each_configuration_once_and_names_what_acts():
    points, notes = acting_points(grid({"method": ["any", "best"], "size": [2, 3]}), SPACE, {})
    assert [point.name for point in points] == ["method=any", "method=best, size=2",
                                                "method=best, size=3"]  # fmt: skip
    assert notes == [
        "size has no effect in 2 of 4 combinations: size: 2 is not used, because method is any."
    ]


def test_what_has_no_effect_anywhere_is_refused():
    with pytest.raises(SpaceError, match=r"^size has no effect here: size: 2 is not used, because"):
        acting_points(sweep({"size": [2, 3]}), SPACE, {})
    with pytest.raises(SpaceError, match=r"method has no effect here: .*because mode is neat"):
        acting_points(sweep({"method": ["any", "best"]}), SPACE, {"mode": "neat"})

    @hs.workload(space=SPACE, metric="loss", goal="minimize", budget=1)
    def quiet(config, trial):
        yield hs.Report(0, loss=0.0)

    with pytest.raises(SpaceError, match="size has no effect here"):
        bisect(quiet, "size", "loss=0..1")


def test_random_points_are_exactly_what_acts():
    for point in sample(SPACE, 40):
        assert point.changes == acting(SPACE, SPACE.searched(), point.changes)
    held = sample(SPACE, 10, names=["method", "rate"], held={"mode": "neat"})
    assert all(point.changes.keys() == {"rate"} for point in held)


@pytest.mark.slow
def test_a_run_that_hangs_does_not_take_a_design_past_its_time(tmp_path):
    started = time.monotonic()
    points = grid({"x": [0.1, 0.9, 0.2]})
    found = run_design(hanging, points, kind="grid", engine="local", budget_s=8, results=tmp_path)
    assert time.monotonic() - started < 60
    assert found.time_was_up
    assert len(found.rows) < 3
