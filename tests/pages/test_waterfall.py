"""The waterfall shows every claim and the verdict on it."""

from dataclasses import replace
from pathlib import Path

from homeostat.evidence.findings import Finding, Verification
from homeostat.evidence.verdicts import Verdict
from homeostat.pages.waterfall import waterfall

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
    text = waterfall(verification(*findings, unbounded, together))
    assert text.startswith("<svg")
    assert text == waterfall(verification(*findings, unbounded, together))


def test_a_single_inert_claim_can_be_drawn():
    nothing = replace(FINDING, verdict=Verdict.INERT, effect=0.0, low=-1.0, high=1.0)
    assert "</svg>" in waterfall(verification(nothing))
