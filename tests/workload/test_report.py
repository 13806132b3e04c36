"""A report holds a step and numbers, whatever they were made of, and nothing else."""

import math
import pickle
import warnings
from fractions import Fraction

import numpy as np
import pytest

from homeostat.errors import WorkloadError
from homeostat.workload.report import Report


def test_no_metric_takes_the_place_of_the_step():
    with pytest.raises(WorkloadError, match="no metric may be named 'step'"):
        Report(0, step=3.0)


def test_numbers_of_every_kind_become_floats():
    report = Report(
        np.int64(3),
        a=1,
        b=0.5,
        c=True,
        d=np.float32(0.25),
        e=np.array(2),
        f=np.bool_(False),
        g=Fraction(1, 4),
    )
    assert report.step == 3
    assert type(report.step) is int
    assert report.metrics == {"a": 1, "b": 0.5, "c": 1, "d": 0.25, "e": 2, "f": 0, "g": 0.25}
    assert {type(value) for value in report.metrics.values()} == {float}


def test_a_tensor_with_a_gradient_is_taken_without_a_warning():
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = Report(0, loss=(torch.ones(3, requires_grad=True) * 2).sum())
    assert report.metrics == {"loss": 6.0}


def test_a_metric_that_is_not_finite_is_left_for_the_guard():
    report = Report(0, loss=math.nan, other=-math.inf)
    assert math.isnan(report.metrics["loss"])
    assert report.metrics["other"] == -math.inf


def test_names_that_are_no_identifiers_are_taken():
    assert Report(1, **{"val/loss": 2, "self": 1}).metrics == {"val/loss": 2.0, "self": 1.0}


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Report(0, loss="low"), "Metric 'loss' is a str, not a number."),
        (lambda: Report(0, loss=None), "Metric 'loss' is a NoneType, not a number."),
        (lambda: Report(0, loss=1j), "Metric 'loss' is a complex, not a number."),
        (
            lambda: Report(0, loss=np.ones((2, 3))),
            "Metric 'loss' is a ndarray of shape (2, 3), not a number; "
            "give one number, such as loss.mean().",
        ),
        (
            lambda: Report(0, loss=np.ones(1)),
            "Metric 'loss' is a ndarray of shape (1,), not a number; "
            "give one number, such as loss.mean().",
        ),
        (lambda: Report(0, loss=np.array("a")), "Metric 'loss' is a ndarray, not a number."),
        (lambda: Report(3), "Report(3) has no metric; write Report(3, loss=loss)."),
        (lambda: Report(-1, a=1), "Report: step must be a whole number from 0, got -1."),
        (lambda: Report(1.0, a=1), "Report: step must be a whole number from 0, got 1.0."),
        (lambda: Report(True, a=1), "Report: step must be a whole number from 0, got True."),
    ],
)
def test_a_report_that_makes_no_sense_is_refused(make, sentence):
    with pytest.raises(WorkloadError) as error:
        make()
    assert str(error.value) == sentence


def test_a_report_does_not_change_and_travels_between_processes():
    report = Report(3, loss=0.5)
    with pytest.raises(AttributeError, match="A report does not change"):
        report.step = 4
    assert pickle.loads(pickle.dumps(report)) == report
    assert report != Report(3, loss=0.6)
    assert repr(report) == "Report(3, loss=0.5)"
