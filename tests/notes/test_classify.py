"""A run's class, from its curve alone."""

from __future__ import annotations

import pytest

from homeostat.notes import classify


def rows(**curves):
    length = len(next(iter(curves.values())))
    return {i + 1: {name: values[i] for name, values in curves.items()} for i in range(length)}


NAN = float("nan")


@pytest.mark.parametrize(
    ("curves", "kind", "text"),
    [
        ({"loss": [4.0, NAN, NAN]}, "nan", "NaN from epoch 2"),
        ({"loss": [4.0, 3.0], "grad": [1.0, NAN]}, "nan", "NaN from epoch 2"),
        ({"loss": [1.0, NAN, 1.0]}, "nan", "not finite at epoch 2 (loss)"),
        ({"loss": [1.0, 2.0, 30.0, 900.0]}, "diverged", "loss grows tenfold by epoch 3"),
        ({"loss": [2.3, 2.301, 2.299, 2.3]}, "flat", "loss stays where it began"),
        (
            {"loss": [2.0, 1.0, 0.5, 0.2, 0.1], "val_loss": [2.0, 1.2, 1.0, 1.4, 1.9]},
            "overfitting",
            "val_loss is best at epoch 3 and rises after",
        ),
        ({"loss": [4.0, 3.0, 2.0, 1.0]}, "improving", "loss falls and is still falling at the end"),
        (
            {"loss": [4.0, 1.0, 0.52, 0.5, 0.5, 0.5, 0.5, 0.5]},
            "levelled",
            "loss falls and levels off",
        ),
        ({"loss": [1.0]}, "unclear", "too few values of loss to say"),
    ],
)
def test_the_class_of_a_curve(curves, kind, text):
    found = classify(rows(**curves))
    assert (found.kind, found.text) == (kind, text)


def test_noise_in_the_validation_loss_is_not_overfitting():
    noisy = rows(loss=[2.0, 1.0, 0.6, 0.5, 0.5], val_loss=[2.0, 1.1, 0.80, 0.78, 0.80])
    assert classify(noisy).kind != "overfitting"


def test_no_rows_are_unclear():
    assert classify({}).kind == "unclear"
