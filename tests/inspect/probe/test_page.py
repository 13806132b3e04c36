"""The page: one verdict first, short, the rest on one line each; JUnit says the same."""

from xml.etree import ElementTree

import pytest

from homeostat.inspect.probe.experiments import Experiment
from homeostat.inspect.probe.junit import write_junit
from homeostat.inspect.probe.page import page
from homeostat.inspect.probe.result import ProbeResult
from homeostat.record.check import Check

CHECKS = (
    Check("runs", "ok", "6 steps."),
    Check("learning", "fault", "It does not learn: simple models reach 0.96, this network 0.09."),
    Check("knobs", "fault", "x is not connected to anything.", "Use config.x."),
    Check("modes", "skipped", "No call was seen."),
    Check("activations", "fault", "relu is dead <&>\x00.", "Lower the rate."),
    Check("clipping", "warning", "Clipping never acts.", "Leave it out."),
)
CURE = Experiment(
    "a tenth of the learning rate", "cures", "0.09 -> 0.95", "divide it by 10",
    frozenset({"activations"}),
)  # fmt: skip


def made(checks=CHECKS, experiments=(CURE,)):
    return ProbeResult("net", checks, 1.0, 6, experiments)


def test_the_verdict_comes_first_and_is_no_cause_of_itself():
    lines = [text for _, text in page(made())]
    assert lines[0] == CHECKS[1].saw
    assert sum("It does not learn" in line for line in lines) == 1
    assert made().verdict.word == "does not learn"


def test_candidates_are_ranked_by_how_far_they_explain_it_and_by_what_was_tried():
    names = [candidate.check.name for candidate in made().candidates]
    assert names == ["activations", "knobs", "clipping"]
    assert "cures it (0.09 -> 0.95)" in made().candidates[0].settled_by
    refuted = Experiment("a tenth", "no help", "0.09 -> 0.09", "", frozenset({"activations"}))
    assert made(experiments=(refuted,)).candidates[0].weight < made().candidates[0].weight


def test_what_is_in_order_and_what_was_skipped_take_one_line_each():
    lines = [text for _, text in page(made())]
    (order,) = [line for line in lines if line.startswith("In order")]
    (skipped,) = [line for line in lines if line.startswith("Not looked at")]
    assert "runs through" in order and "train/eval mode" in skipped
    assert not any("No call was seen." in line for line in lines)
    assert any("No call was seen." in text for _, text in page(made(), everything=True))


def test_json_has_everything():
    document = made().to_json()
    assert len(document["checks"]) == len(CHECKS)
    assert document["verdict"]["verdict"] == "does not learn"
    assert document["experiments"][0]["outcome"] == "cures"
    assert [c["check"] for c in document["candidates"]] == ["activations", "knobs", "clipping"]


def test_junit_has_a_case_for_each_finding_and_is_xml_whatever_a_finding_says(tmp_path):
    write_junit(made(), tmp_path / "out.xml")
    suite = ElementTree.parse(tmp_path / "out.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("6", "3", "1")
    failures = [
        case.find("failure").get("message") for case in suite if case.find("failure") is not None
    ]
    assert failures[2] == "relu is dead <&>?."


@pytest.mark.parametrize(
    ("status", "word"),
    [("ok", "learns"), ("warning", "does not learn"), ("skipped", "unseen")],
)
def test_the_verdict_is_what_the_learning_check_came_to(status, word):
    assert made((Check("learning", status, "..."),)).verdict.word == word


def test_what_does_not_run_is_not_said_to_learn():
    checks = (Check("runs", "fault", "It diverges."), Check("learning", "skipped", "..."))
    assert made(checks).verdict.word == "does not run"


def test_a_score_that_never_changes_is_no_run_that_fails():
    checks = (Check("runs", "fault", "val_acc is 0.3 in all 9 reports.", evidence={"value": 0.3}),)
    assert made(checks).verdict.word == "does not learn"
