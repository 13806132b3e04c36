"""Reported faults are named by a question, and their corrected twins are not accused."""

import re

import pytest

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.probe.questions import QUESTIONS

from .bank import classifiers, sequences  # noqa: F401  # they fill the table
from .bank.parts import CASES

KNOWN_TO_OTHERS = {"cosine_in_epochs_stepped_each_update"}
"""Named by an older check, of schedules, and by no question."""


def told(workload):
    runs = ShortRuns(workload, workload.space.resolve({}), seed=42, steps=None, seconds=40)
    findings = [f for question in QUESTIONS.values() for f in question(runs)]
    return [f for f in findings if f.status in ("fault", "warning")]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(CASES.keys() - KNOWN_TO_OTHERS))
def test_a_reported_fault_is_named(name):
    findings = told(CASES[name].make(True))
    sentences = [f"{f.name}: {f.saw} {f.remedy}" for f in findings]
    assert any(re.search(CASES[name].words, s, re.IGNORECASE) for s in sentences), sentences


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(CASES))
def test_its_corrected_twin_is_not_accused(name):
    findings = told(CASES[name].make(False))
    assert not [f.saw for f in findings if f.status == "fault"]
