"""The log this one is modelled on: its two runs are read, and their pattern is named."""

from __future__ import annotations

import math

import pytest

from homeostat import notes

# Two runs in the form of the HyperPerturb notes, with their numbers and in our words.
TWO_RUNS = """# Training runs of a hyperbolic network

New runs go below.

---

## Run 1 – First trainer (before the rate was lowered)

- **Date / context:** 2025-11-30, by `scripts/train_model.py`.
- **Effective learning rate:** `5e-4` (the default then).
- **Optimizer:** `HyperbolicAdam`, curvature `1.0`.
- **Losses:**
  - Policy: `policy_kld`.
  - Value: `value_mse`.
- **Key metrics (epoch 1):**
  - `loss ≈ 4.15–4.53`
  - `policy_kld` / `loss_fn_loss ≈ 4.0–4.4`
  - `value_mae ≈ 0.40`
- **Behavior:**
  - Epoch 1: finite.
  - Epoch 2 onward: everything is `nan`, stabilised divergence or not.
- **Assessment:**
  - The rate looks too high.

---

## Defaults since

- **CLI default learning rate:** `1e-5` in `scripts/train_model.py`.

---

## Run 2 – The same with LR = 1e-5

- **Date / context:** 2025-11-30, with the new default.
- **Effective learning rate schedule:**
  - `initial_lr = 1e-5` via `QuantumAnnealer`.
  - Logged `learning_rate` at epoch 1: `≈ 9.68e-06` (as scheduled).
- **Other hyperparameters:**
  - Epochs: `30` (one graph).
  - Optimizer: `HyperbolicAdam` + `QuantumAnnealer`.
- **Key metrics (epoch 1):**
  - `loss ≈ 4.18`
  - `loss_fn_loss` (policy KL) ≈ `4.05`
- **Behavior:**
  - Epoch 1: finite, at the small rate.
  - Epoch 2 onward: all metrics (`loss`, `value_mae`) are `nan` again in spite of:
    - The lower rate.
- **Assessment on the architecture:**
  - The rate alone does not explain it.
  - Next likely stabilizing steps:
    - Bound the policy's outputs.

---

## Change – Policy head

- **Change:** the policy head ends in a softmax.

Append future runs below with: date, LR, curvature, key metrics.
"""


@pytest.fixture(scope="module")
def runs():
    return notes.parse(TWO_RUNS)


def test_the_runs_are_entries_and_the_other_sections_are_not(runs):
    assert [entry.number for entry in runs] == [1, 2]
    assert runs[0].title == "First trainer (before the rate was lowered)"


def test_their_rates_and_first_metrics_are_read(runs):
    assert [entry.learning_rate for entry in runs] == [5e-4, 1e-5]
    assert runs[0].metrics[1]["loss"] == (4.15, 4.53)
    assert runs[0].metrics[1]["policy_kld"] == runs[0].metrics[1]["loss_fn_loss"] == (4.0, 4.4)
    assert runs[1].metrics[1] == {"loss": (4.18, 4.18), "loss_fn_loss": (4.05, 4.05)}
    assert runs[1].optimizer == "`HyperbolicAdam` + `QuantumAnnealer`."
    assert runs[1].next_steps == ("Bound the policy's outputs.",)


def test_both_are_nan_from_epoch_2(runs):
    assert [notes.behaviour_of(entry).text for entry in runs] == ["NaN from epoch 2"] * 2


def test_together_they_are_insensitive_to_the_learning_rate(runs):
    expected = "NaN from epoch 2, insensitive to a 50x change of learning rate"
    assert notes.assess(runs) == expected


def test_one_of_them_alone_says_nothing_of_the_rate(runs):
    assert notes.assess(runs[:1]) is None


def test_a_healthy_run_at_a_rate_in_between_withdraws_the_verdict(runs):
    fine = notes.classify({1: {"loss": 2.0}, 2: {"loss": 1.0}})
    bad = notes.behaviour_of(runs[0])
    assert notes.across([(5e-4, bad), (1e-4, fine), (1e-5, bad)]) is None
    assert notes.across([(5e-4, bad), (1e-6, fine), (1e-5, bad)]) is not None


def test_keras_logs_of_the_two_runs_lead_to_the_same_verdict(tmp_path):
    journal = tmp_path / "NOTES.md"
    for rate, loss in ((5e-4, 4.15), (1e-5, 4.18)):
        log = notes.parse_log(
            f"Epoch 1/30\n1/1 - 12s - loss: {loss} - policy_mae: 0.078\n"
            "Epoch 2/30\n1/1 - 0s - loss: nan - policy_mae: nan\n"
        )
        entry = notes.add_log(journal, log, learning_rate=rate)
    assert "insensitive to a 50x change" in entry.assessment[0]
    assert "homeostat diagnose" in entry.next_steps[0]
    first, second = notes.read(journal)
    assert (first.number, second.number) == (1, 2)
    assert notes.assess([first, second]) == (
        "NaN from epoch 2, insensitive to a 50x change of learning rate"
    )


def test_entries_of_another_log_are_taken_over_with_numbers_that_go_on(tmp_path):
    journal = tmp_path / "NOTES.md"
    notes.add_log(journal, notes.parse_log("epoch 1 loss 2.0\nepoch 2 loss 1.0"))
    added = notes.add_entries(journal, TWO_RUNS)
    assert [entry.number for entry in added] == [2, 3]
    assert [entry.learning_rate for entry in notes.read(journal)] == [None, 5e-4, 1e-5]


def test_a_log_in_this_form_is_added_by_its_file(tmp_path):
    given = tmp_path / "TRAINING_RUNS.md"
    given.write_text(TWO_RUNS, encoding="utf-8")
    last = notes.add_log(tmp_path / "NOTES.md", given)
    assert last.learning_rate == 1e-5
    assert len(notes.read(tmp_path / "NOTES.md")) == 2


def test_appending_below_a_log_kept_by_hand_changes_nothing_above(tmp_path):
    journal = tmp_path / "NOTES.md"
    journal.write_text(TWO_RUNS, encoding="utf-8")
    entry = notes.add_log(
        journal, notes.parse_log("epoch 1 loss 2.0\nepoch 2 loss nan"), learning_rate=1e-7
    )
    text = journal.read_text(encoding="utf-8")
    assert text.startswith(TWO_RUNS.rstrip())
    assert entry.number == 3
    assert "insensitive to a 5e+03x change" in entry.assessment[0]
    assert math.isnan(notes.read(journal)[2].metrics[2]["loss"][0])
