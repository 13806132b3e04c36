"""The guide's decision rules, and its bisection."""

import pytest

from homeostat.design.bisect import bisect
from homeostat.design.conclusions import Sweep
from homeostat.errors import StudyError
from homeostat.space.configs import load
from homeostat.workloads.apoptosis.conclusions import CONCLUSIONS
from homeostat.workloads.apoptosis.settings import deaths_of
from homeostat.workloads.apoptosis.workload import apoptosis


def said(parameter, means, lifespan=3000, *, baseline=2.0, deaths=3):
    fixed = {"max_lifespan": lifespan, "apoptosis_interval": 500, "death_threshold": 0.1}
    configs = {value: {**fixed, "maturation_period": value} for value in means}
    measured = {v: {"gap": loss - baseline, "deaths": deaths} for v, loss in means.items()}
    seen = Sweep(parameter, means, None, configs, measured)
    return [c.says for c in CONCLUSIONS if c.parameter == parameter and c.numbers(seen)]


def test_a_ceiling_that_hurts_below_three_quarters_is_said_to_matter():
    told = said("plasticity_ceiling", {1.0: 2.0, 0.9: 2.0, 0.75: 2.02, 0.5: 2.4})
    assert any("keep it at 0.75" in line for line in told)
    assert any("can be reduced" in line for line in told)


def test_a_loss_that_is_bad_at_every_high_ceiling_is_not_the_ceilings_fault():
    told = said("plasticity_ceiling", {1.0: 2.5, 0.9: 2.5, 0.75: 2.0, 0.5: 2.0})
    assert "The problem is not the ceiling" in told


CEILINGS = {1.0: 2.0, 0.9: 2.0, 0.75: 2.01, 0.5: 2.4}


def test_a_ceiling_is_not_judged_where_no_layer_died():
    assert said("plasticity_ceiling", CEILINGS, deaths=0) == []


def test_a_loss_far_above_the_baselines_is_not_fine_because_all_ceilings_share_it():
    told = said("plasticity_ceiling", CEILINGS, baseline=1.1)
    assert not any("loss is fine" in line for line in told)


def test_maturation_is_judged_against_the_lifespan():
    told = said("maturation_period", {200: 2.0, 1000: 1.9, 2000: 2.1})
    assert any("Slow by the guide" in line for line in told)
    assert any("Fast by the guide" in line for line in told)


def test_no_rule_speaks_of_layers_that_never_died():
    for parameter in ("maturation_period", "plasticity_ceiling"):
        assert said(parameter, {200: 2.0, 1000: 1.9, 2000: 2.1}, deaths=0) == []


def test_the_documented_rules_cannot_reach_ten_deaths_and_no_step_is_spent(tmp_path):
    pins = load("as_documented", apoptosis).parameters
    with pytest.raises(StudyError, match=r"0 to 2, whatever is set"):
        bisect(apoptosis, "max_lifespan", "deaths=10..15", pins=pins, budget=5000, results=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_bisected_lifespan_agrees_with_the_closed_formula(tmp_path):
    pins = {"gap": False, "width": 8, "layers": 6, "heads": 1, "context": 8, "batch": 1}
    pins |= {"eval_windows": 4, "eval_interval": 1000}
    found = bisect(
        apoptosis, "max_lifespan", "deaths=4..6", pins=pins, budget=120, high=2000, results=tmp_path
    )
    config = apoptosis.space.resolve({**pins, "max_lifespan": int(found.value)})
    assert 4 <= deaths_of(config, 120) <= 6
    for point in found.measured:
        at = apoptosis.space.resolve({**pins, "max_lifespan": int(point.value)})
        assert point.mean == deaths_of(at, 120)
