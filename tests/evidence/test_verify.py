"""Verify, on a workload whose truth is known because it is arithmetic."""

import json

import numpy as np
import pytest

from homeostat.errors import ConfigError, WorkloadError
from homeostat.evidence.verdicts import Verdict
from homeostat.evidence.verify import verify
from homeostat.space import Bool, Choice, Float, Int, Space
from homeostat.workload.report import Report
from homeostat.workload.workload import workload

SPACE = Space(
    lr=Float(0.01, 1.0, log=True, default=0.1),
    helps=Bool(False),
    harms=Bool(False),
    nothing=Bool(False),
    tiny=Bool(False),
    inert=Bool(False),
    breaks=Choice(["no", "nan", "error"], default="no"),
    batch=Int(1, 8, default=1),
    level=Float(0.0, 10.0, default=1.0),
)

CLAIMS = """
samples: [batch]
baseline: base
total: {expected: [5, 20]}
claims:
  a real gain: {change: {helps: true}, expected: [3, 8]}
  a harm: {change: {harms: true}, expected: [2, 5]}
  nothing: {change: {nothing: true}, expected: [2, 5]}
  a tiny gain: {change: {tiny: true}, expected: [30, 50]}
  not connected: {change: {inert: true}, expected: [5, 10], in_total: false}
"""

CALLS = []


def make(tmp_path, *, noise=0.005, goal="maximize"):
    folder = tmp_path / "configs"
    folder.mkdir(exist_ok=True)
    (folder / "base.yaml").write_text("parameters: {lr: 0.1}\nbudget: 4\n")
    (tmp_path / "claims.yaml").write_text(CLAIMS)

    @workload(
        space=SPACE, metric="score", goal=goal, budget=4, configs=folder,
        claims=tmp_path / "claims.yaml",
    )  # fmt: skip
    def arithmetic(config, trial):
        CALLS.append((config.digest, trial.seed, trial.budget))
        shared = trial.rng("seed").normal()  # what a seed does to both arms
        flags = (int(config[name]) for name in ("helps", "harms", "nothing", "tiny"))
        own = np.random.default_rng([trial.seed, *flags]).normal()  # what each arm adds itself
        if config.breaks == "error":
            raise RuntimeError("no")
        value = config.level + 0.1 * shared + noise * own
        value += 0.05 * config.helps - 0.05 * config.harms + 0.02 * config.tiny
        value *= 1.0 - 0.1 * abs(np.log10(config.lr / 0.2))
        value += 1e-4 * config.nothing
        if goal == "minimize":
            value = 2.0 - value
        for step in trial.steps():
            yield Report(step, score=np.nan if config.breaks == "nan" else value + 0.0 * step)

    return arithmetic


@pytest.fixture(autouse=True)
def _forget():
    CALLS.clear()


def words(verification, kind="alone"):
    return {f.name: f.verdict for f in verification.findings if f.kind == kind}


@pytest.mark.parametrize("goal", ["maximize", "minimize"])
def test_each_claim_gets_the_verdict_it_deserves(tmp_path, goal):
    found = verify(make(tmp_path, goal=goal), results=tmp_path / "results")
    assert words(found) == {
        "a real gain": Verdict.SUPPORTED,
        "a harm": Verdict.CONTRADICTED,
        "nothing": Verdict.NO_EFFECT,
        "a tiny gain": Verdict.SMALLER,
        "not connected": Verdict.INERT,
    }
    by_name = {(f.kind, f.name): f for f in found.findings}
    gain = by_name["alone", "a real gain"]
    assert gain.effect == pytest.approx(0.05, abs=0.01)
    assert gain.low < 0.05 < gain.high
    # Taken out of the whole, the harm is what it cost, and the gain what it brought.
    assert by_name["without", "a harm"].effect == pytest.approx(-0.05, abs=0.01)
    assert by_name["without", "a real gain"].effect == pytest.approx(0.05, abs=0.01)
    assert by_name["together", "all together"].effect == pytest.approx(0.02, abs=0.01)
    assert by_name["alone", "not connected"].pairs == 1


def test_pairs_stop_as_soon_as_a_claim_is_decided(tmp_path):
    found = verify(make(tmp_path), kinds=("alone",), results=tmp_path / "results")
    assert all(f.pairs < 20 for f in found.findings)
    seeds = {seed for _, seed, _ in CALLS}
    assert len(seeds) == max(f.pairs for f in found.findings)
    assert min(seeds) >= 2**30, "fresh seeds: none that a search may have used"


def test_it_goes_on_where_it_stopped(tmp_path):
    arithmetic = make(tmp_path)
    few = verify(arithmetic, kinds=("alone",), max_pairs=3, results=tmp_path / "results")
    assert words(few)["a real gain"] is Verdict.UNDECIDED
    before = len(CALLS)
    whole = verify(arithmetic, kinds=("alone",), results=tmp_path / "results")
    assert len(CALLS) == len(set(CALLS)), "nothing is measured twice"
    again = len(CALLS)
    assert again > before
    assert verify(arithmetic, kinds=("alone",), results=tmp_path / "results").to_json() == (
        whole.to_json()
    )
    assert len(CALLS) == again


def test_a_lost_attempt_costs_one_measurement(tmp_path):
    arithmetic = make(tmp_path)
    first = verify(arithmetic, kinds=("alone",), max_pairs=2, results=tmp_path / "results")
    next(first.folder.glob("runs/*/seed_*/attempt.json")).unlink()
    before = len(CALLS)
    verify(arithmetic, kinds=("alone",), max_pairs=2, results=tmp_path / "results")
    assert len(CALLS) == before + 1


def test_a_larger_batch_takes_fewer_steps_for_the_same_samples(tmp_path):
    (tmp_path / "batch.yaml").write_text(
        "samples: [batch]\nbaseline: base\nclaims:\n"
        "  larger: {change: {batch: 2}}\n  longer: {budget: 2.0}\n"
    )
    arithmetic = make(tmp_path)
    for match, steps in (("samples", {4, 2, 8}), ("steps", {4, 8})):
        CALLS.clear()
        found = verify(
            arithmetic, tmp_path / "batch.yaml", match=match, kinds=("alone",), max_pairs=1,
            results=tmp_path / match,
        )  # fmt: skip
        assert {budget for _, _, budget in CALLS} == steps
    notes = {f.name: f.note for f in found.findings}
    assert "a change of compute: 2 times" in notes["longer"]
    assert "a change of compute: 2 times" in notes["larger"]  # at matched steps it is one too


def test_at_matched_time_the_slower_arm_takes_fewer_steps(tmp_path):
    arithmetic = make(tmp_path)
    found = verify(
        arithmetic, names=["a real gain"], match="time", kinds=("alone",), max_pairs=1,
        results=tmp_path / "results",
    )  # fmt: skip
    assert found.match == "time"
    assert len({seed for _, seed, _ in CALLS}) == 2  # one to time, one pair


def test_every_arm_may_choose_its_rate(tmp_path):
    found = verify(
        make(tmp_path), names=["a real gain"], kinds=("alone",), retune="lr", max_pairs=6,
        results=tmp_path / "results",
    )  # fmt: skip
    # Both arms choose 0.2, the best rate there is, so the gain is what it was.
    assert found.findings[0].effect == pytest.approx(0.05, abs=0.01)
    assert found.baseline_values[0] == pytest.approx(1.0, abs=0.4)
    tuned = {digest for digest, seed, _ in CALLS}
    assert len(tuned) == 6


def test_an_arm_that_diverges_loses_everything(tmp_path):
    (tmp_path / "nan.yaml").write_text(
        "baseline: base\nclaims:\n  risky: {change: {breaks: nan}, expected: [1, 2]}\n"
    )
    found = verify(make(tmp_path), tmp_path / "nan.yaml", results=tmp_path / "results")
    (finding,) = found.findings
    assert finding.verdict is Verdict.CONTRADICTED
    assert f"diverged on {finding.pairs} of {finding.pairs} seeds" in finding.note


def test_an_arm_that_fails_is_an_error_and_not_a_verdict(tmp_path):
    (tmp_path / "bad.yaml").write_text(
        "baseline: base\nclaims:\n  broken: {change: {breaks: error}}\n"
    )
    with pytest.raises(WorkloadError, match="broken, seed"):
        verify(make(tmp_path), tmp_path / "bad.yaml", results=tmp_path / "results")


def test_per_cent_of_nothing_is_refused(tmp_path):
    (tmp_path / "zero.yaml").write_text(
        "baseline: base\nclaims:\n  gain: {change: {helps: true}}\n"
    )
    with pytest.raises(ConfigError, match="too near 0 for per cent"):
        verify(
            make(tmp_path),
            tmp_path / "zero.yaml",
            pins={"level": 0.0},
            results=tmp_path / "results",
        )


def test_claims_that_contradict_each_other_are_refused(tmp_path):
    (tmp_path / "two.yaml").write_text(
        "baseline: base\nclaims:\n  up: {change: {lr: 0.2}}\n  down: {change: {lr: 0.05}}\n"
    )
    with pytest.raises(ConfigError, match="cannot be tested together"):
        verify(make(tmp_path), tmp_path / "two.yaml", results=tmp_path / "results")


def test_the_record_can_be_read_by_a_machine(tmp_path):
    found = verify(make(tmp_path), results=tmp_path / "results")
    saved = json.loads((found.folder / "verification.json").read_text())
    assert saved["group"] == "claims"
    (row,) = [r for r in saved["findings"] if r["name"] == "a real gain" and r["kind"] == "alone"]
    assert row["verdict"] == "supported"
    assert row["p"] < 0.05
    assert row["p"] <= row["p_holm"] <= 5 * row["p"]
    assert "to show 1 % takes" in found.power


def test_the_noise_tells_how_many_pairs_an_effect_takes(tmp_path):
    noisy = verify(
        make(tmp_path, noise=0.05), names=["a real gain"], kinds=("alone",),
        results=tmp_path / "results",
    )  # fmt: skip
    (finding,) = noisy.findings
    if finding.verdict is Verdict.UNDECIDED:
        assert finding.needed > 20
    assert "s.d." in noisy.power
