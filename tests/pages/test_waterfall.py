"""The waterfall shows every claim and the verdict on it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from homeostat.evidence.findings import Finding, Verification
from homeostat.evidence.verdicts import Verdict
from homeostat.pages.figures import waterfall

FINDING = Finding(
    name="a larger batch", kind="alone", verdict=Verdict.SUPPORTED, effect=0.04, low=0.01,
    high=0.07, pairs=8, p=0.01, spread=0.02, expected=(0.02, 0.05), change={"batch": 2},
    reason="steadier", compute=1.0, diverged=0, needed=None, note="",
)  # fmt: skip


def verification(*findings):
    return Verification(
        workload="toy", group="all", baseline="base", metric="score", match="samples",
        fidelity=1.0, retune=None, pins={}, margin=0.01, alpha=0.05, folder=Path(),
        interrupted=False, findings=findings,
    )  # fmt: skip


def test_every_verdict_that_was_given_is_in_the_legend():
    findings = [replace(FINDING, name=v.value + " claim", verdict=v) for v in Verdict]
    unbounded = replace(FINDING, name="young", low=float("-inf"), high=float("inf"))
    together = replace(FINDING, name="all together", kind="together", expected=None)
    drawn = waterfall(verification(*findings, unbounded, together))
    legend = [bar.name for bar in drawn.data if bar.showlegend is not False]
    assert legend == ["as claimed", *(v.value for v in Verdict)]
    assert all(np.isfinite(bar.x).all() and np.isfinite(bar.base).all() for bar in drawn.data)


def test_each_bar_begins_where_the_one_above_ends_and_the_whole_at_nothing():
    second = replace(FINDING, name="second", effect=-0.01, low=-0.02, high=0.0)
    whole = replace(FINDING, name="all together", kind="together", effect=0.05, expected=None)
    drawn = waterfall(verification(FINDING, second, whole))
    bars = next(bar for bar in drawn.data if bar.name == Verdict.SUPPORTED.value)
    assert list(bars.base) == [0.0, 4.0, 0.0]
    assert list(bars.x) == [4.0, -1.0, 5.0]
    assert list(bars.error_x.array) == pytest.approx([3.0, 1.0, 2.0])


def test_a_single_inert_claim_can_be_drawn():
    nothing = replace(FINDING, verdict=Verdict.INERT, effect=0.0, low=-1.0, high=1.0)
    assert waterfall(verification(nothing)).to_json()
