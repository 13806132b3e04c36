"""The guide's four phases as a plan."""

from types import SimpleNamespace

import numpy as np
import pytest

from homeostat.evidence.statistics import Interval
from homeostat.plan.tune import tune
from homeostat.workloads.apoptosis.plan import (
    _concluded,
    _root_cause,
    noise_bound,
    settled_among,
)
from homeostat.workloads.apoptosis.settings import deaths_of
from homeostat.workloads.apoptosis.workload import apoptosis

SMALL = {
    "width": 8, "layers": 6, "heads": 1, "context": 8, "batch": 1, "gap": False,
    "eval_windows": 4, "eval_interval": 10,
}  # fmt: skip


@pytest.mark.slow
def test_the_four_phases_run_settle_and_report(tmp_path):
    told = []
    result = tune(
        apoptosis, budget="30s", config=SMALL, steps=60, results=tmp_path, say=told.append
    )
    assert result.status == "done", result.phases[-1].sentences
    names = [phase.name for phase in result.phases]
    assert names == ["probe", "baseline", "experiments", "architecture", "sweep", "full", "report"]
    gaps = result.phase("experiments").facts["gaps"]
    assert {"experiment_1", "experiment_2", "experiment_3", "experiment_4"} <= gaps.keys()
    assert result.phase("architecture").facts["settled"]["architecture"] in "ABCD"
    assert (
        result.best["architecture"] == result.phase("architecture").facts["settled"]["architecture"]
    )
    lifespan = result.phase("sweep").facts["settled"]["max_lifespan"]
    assert result.best["max_lifespan"] == lifespan
    config = apoptosis.space.resolve(
        {**SMALL, **result.phase("architecture").facts["settled"], "max_lifespan": lifespan}
    )
    assert 1 <= deaths_of(config, 60) <= 2
    assert result.report.exists()
    chosen_on = {p for p in tmp_path.rglob("seed_*") if "full" not in str(p.relative_to(tmp_path))}
    confirmed_on = {p.name for p in tmp_path.rglob("full*/*/seed_*")}
    assert len(confirmed_on) >= 3 and not confirmed_on & {p.name for p in chosen_on}
    assert "fresh seeds" in result.phase("full").sentences[0]


@pytest.mark.slow
def test_a_plan_goes_on_in_the_middle_of_a_phase(tmp_path):
    class Stopped(Exception):
        pass

    rows = []

    def say(line):
        if "completed" in line:
            rows.append(line)
            if len(rows) == 3:
                raise Stopped

    arguments = {"budget": "20s", "config": SMALL, "steps": 20, "results": tmp_path}
    with pytest.raises(Stopped):
        tune(apoptosis, say=say, **arguments)
    done = {
        path: path.stat().st_mtime_ns for path in tmp_path.rglob("experiments*/*/seed_*/curves.csv")
    }
    assert done
    again = []
    result = tune(apoptosis, say=again.append, **arguments)
    assert result.status == "done", result.phases[-1].sentences
    assert any("done already: probe, baseline" in line for line in again)
    kept = [path for path, written in done.items() if path.stat().st_mtime_ns == written]
    assert len(kept) >= 4  # two finished configurations of two seeds


@pytest.mark.parametrize(
    ("gaps", "settled"),
    [
        ({"experiment_1": 0.7, "default": 0.8}, {"influence": "element_dropout"}),
        ({"experiment_1": 0.0, "default": 0.8, "experiment_3": 0.1}, {"architecture": "A"}),
        ({"experiment_1": 0.0, "default": 0.05, "experiment_3": 0.0}, {}),
    ],
)  # fmt: skip
def test_the_expected_outcomes_follow_from_the_gaps(gaps, settled):
    assert _root_cause(gaps)[0] == settled


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [
        (-0.3, -0.1, "pay"),
        (0.1, 0.3, "baseline is ahead"),
        (-0.1, 0.1, "cost less"),
        (-0.5, 0.4, "luck"),
    ],
)
def test_what_is_concluded_is_what_the_interval_says(low, high, says):
    assert says in _concluded(Interval(low, high))


def rows_of(scores):
    """Design rows with these scores, (configurations, seeds)."""
    runs = [SimpleNamespace(values=lambda own=own: dict(enumerate(own))) for own in scores]
    return [
        SimpleNamespace(run=run, mean=float(np.mean(o)))
        for run, o in zip(runs, scores, strict=True)
    ]


def test_of_equal_configurations_one_is_seldom_settled_on_and_a_better_one_is():
    rng, changed, found = np.random.default_rng(0), 0, 0
    for _ in range(300):
        seeds = rng.normal(0.0, 0.5, (1, 2))  # what a seed does to every configuration is no noise
        scores = 2.3 + seeds + rng.normal(0.0, 0.02, (2, 2))
        more = np.concatenate([scores, 2.3 + seeds + rng.normal(0.0, 0.02, (5, 2))])
        bound = noise_bound(rows_of(more))
        pair = {"now": more[0].mean(), "other": more[1].mean()}
        changed += settled_among(pair, "now", bound) != "now"
        better = {**pair, "other": pair["other"] - 0.15}
        found += settled_among(better, "now", bound) == "other"
    assert changed < 0.05 * 300 and found > 0.8 * 300


def test_without_two_seeds_nothing_is_settled_on():
    assert noise_bound(rows_of(np.array([[2.0], [1.0]]))) == float("inf")
    assert settled_among({"now": 2.0, "other": 1.0}, "now", float("inf")) == "now"
