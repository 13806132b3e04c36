"""The public bank: reported faults are named, their twins and unusual loops are not accused.

A quick sample runs by default; all of it is slow, and `python benchmarks/cases.py` counts it.
"""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

import homeostat as hs

ROOT = Path(__file__).parents[3]
BANK = Path(__file__).parent / "bank" / "public"


def loaded():
    spec = importlib.util.spec_from_file_location("cases", ROOT / "benchmarks" / "cases.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["cases"] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    return list(module.cases(BANK))


CASES = loaded()
FAULTS = [case for case in CASES if case.expect]
HEALTHY = [case for case in CASES if not case.expect]
SAMPLE = {
    "cleared_too_late": ["order"],
    "hidden_states_are_detached": ["coverage"],
    "margin_loss_is_not_trained": ["coverage"],
    "validated_in_the_middle": ["modes"],
}


def told(result):
    return [f"{c.status} {c.name}: {c.saw}" for c in [*result.faults, *result.warnings]]


def test_it_has_as_many_loops_as_is_said():
    unusual = [case for case in HEALTHY if not case.workload.name.endswith("_corrected")]
    assert (len(FAULTS), len(HEALTHY) - len(unusual)) == (100, 100)
    assert len(unusual) >= 100
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("name", SAMPLE)
def test_a_sample_of_reported_faults_is_named_and_its_twins_are_clean(name):
    fault, twin = [c for c in CASES if c.workload.name in (name, f"{name}_corrected")]
    lines = told(hs.probe(fault.workload, only=SAMPLE[name], seconds=60))
    assert any(re.search(fault.expect, line, re.IGNORECASE) for line in lines), lines
    assert hs.probe(twin.workload, only=SAMPLE[name], seconds=60).ok


@pytest.mark.slow
@pytest.mark.parametrize("case", HEALTHY, ids=lambda case: case.name)
def test_a_healthy_loop_is_not_accused(case):
    result = hs.probe(case.workload)
    assert result.ok, told(result)
    assert not any("This check failed" in check.saw for check in result.checks)
