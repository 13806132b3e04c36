"""The probe cuts a run, resumes it, and compares."""

import pytest
from tests.execute.test_loop_state import CASES, LOST, write

import homeostat as hs


def verdict(case, tmp_path):
    [check] = hs.probe(write(tmp_path, case), seconds=20, only=["resume"]).checks
    return check


def test_a_loop_whose_state_is_found_goes_on_bit_for_bit(tmp_path):
    check = verdict(CASES["a plateau"], tmp_path)
    assert check.status == "ok"
    assert check.saw == "Cut before step 7 and resumed, it goes on bit for bit."


@pytest.mark.parametrize("name", LOST)
def test_what_a_resumed_run_cannot_put_back_is_named(name, tmp_path):
    check = verdict(LOST[name], tmp_path)
    assert check.status == "warning"
    assert "it cannot put back `batches` in the middle of a" in check.saw
    assert check.remedy


def test_a_state_that_nobody_can_see_is_noticed_by_its_numbers(tmp_path):
    case = {"before": "calls = [0]", "after": "write.calls = getattr(write, 'calls', 0) + 1"}
    case["after"] = "torch.hub.calls = getattr(torch.hub, 'calls', 0) + 1; shown = torch.hub.calls"
    check = verdict(case, tmp_path)
    assert check.status == "warning"
    assert "other numbers from step" in check.saw
