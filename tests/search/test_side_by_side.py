"""Replicates and neighbours side by side change how long a study takes, and nothing else."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import homeostat as hs
from homeostat.design.designs import grid
from homeostat.design.run_design import run_design
from homeostat.workload import load

ALIKE = load.find(f"{Path(__file__).parent.parent}/execute/loops.py:alike")
ALONE = dataclasses.replace(ALIKE, batch=None)


def most(run):
    return {attempt.extra["most"] for attempt in run.attempts}


@pytest.mark.parametrize("prune", ["none", "median"])
def test_a_search_draws_and_prunes_the_same_trials(prune, tmp_path):
    def search(workload, folder):
        return hs.search(
            workload, 10, seeds=3, method="tpe", prune=prune, results=tmp_path / folder,
            study="s", pins={"trouble": "", "pause_s": 0.0, "kind": "a"}, confirm=4,
        )  # fmt: skip

    together, alone = search(ALIKE, "together"), search(ALONE, "alone")
    for one, other in zip(together.trials, alone.trials, strict=True):
        assert one.parameters == other.parameters
        assert (one.outcome, one.per_seed) == (other.outcome, other.per_seed)
    assert together.best.confirmed.values == alone.best.confirmed.values
    pages = (tmp_path / "together").rglob("attempt.json")
    shared = [page for page in pages if '"most": 1' not in page.read_text()]
    assert len(shared) >= (30 if prune == "none" else 8)  # seeds go in turn where one may be cut


def test_points_of_a_design_are_made_side_by_side_over_their_rates(tmp_path):
    points = grid({"lr": [float(lr) for lr in np.geomspace(1e-3, 0.5, 5)], "kind": ["a", "b"]})
    together = run_design(ALIKE, points, kind="grid", results=tmp_path / "together")
    alone = run_design(ALONE, points, kind="grid", results=tmp_path / "alone")
    assert [row.mean for row in together.rows] == [row.mean for row in alone.rows]
    assert set().union(*(most(row.run) for row in alone.rows)) == {1}
    assert max(max(most(row.run)) for row in together.rows) >= 4
