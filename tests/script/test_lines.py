"""What is a metric in a line that a script prints, and what is not."""

import pytest

from homeostat.script.taps.lines import Lines


@pytest.mark.parametrize(
    ("line", "numbers"),
    [
        ("loss: 0.3", {"loss": 0.3}),
        ("val_acc=0.91", {"val_acc": 0.91}),
        (
            "Test set: Average loss: 0.0512, Accuracy: 9834/10000 (98%)",
            {"test_average_loss": 0.0512, "test_accuracy": 0.9834},
        ),
        ("Train Epoch: 1 [640/60000 (1%)]\tLoss: 2.301", {"train_loss": 2.301}),
        ("epoch 3 | val_acc=0.91 | 12.3s", {"val_acc": 0.91}),
        ("{'eval_loss': 0.31, 'epoch': 1.0}", {"eval_loss": 0.31}),
        ('{"step": 3, "loss": 1e-3}', {"loss": 0.001}),
        ("loss: nan", {"loss": "nan"}),
        ("Validation accuracy: 97.5%", {"validation_accuracy": 97.5}),
        ("step 250: train loss 2.4, val loss 2.5", {"train_loss": 2.4, "val_loss": 2.5}),
        ("\x1b[32mloss\x1b[0m: 0.5", {"loss": 0.5}),
        ("2026-01-01 10:00:00 INFO loss=0.5", {"loss": 0.5}),
        ("Epoch 3 of 10", {}),
        ("Training on 2 GPUs", {}),
        ("Number of parameters: 12345", {}),
        ("time: 3.2 s", {}),
        ("lr: 0.001", {}),
        ("2026-01-01 10:00:00", {}),
        ("100%|##########| 10/10 [00:00<00:00, 12.3it/s, loss=0.5]", {}),
        ("", {}),
    ],
)
def test_named_results_are_read_and_nothing_else(line, numbers):
    found = Lines().read(line)
    assert {k: "nan" if v != v else v for k, v in found.items()} == numbers


def test_training_and_validation_in_one_line_stay_apart():
    found = Lines().read("Epoch 2: train loss: 0.5 acc: 0.8 val loss: 0.6 acc: 0.7")
    assert found["train_loss"] == 0.5
    assert found["val_loss"] == 0.6
