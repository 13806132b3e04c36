"""Numbers are read where libraries and files have them, once each."""

import subprocess
import sys
import textwrap

import pytest

from homeostat.script.drive import Run
from homeostat.script.program import Program
from homeostat.workload.trial import Trial


def reports(path, *arguments, steps_by="said", **more):
    program = Program(path, arguments, folder=path.parent, steps_by=steps_by)
    return list(Run(program, Trial({}, seed=1, budget=10**6), **more).reports())


TABLE = """
import csv
names = ["epoch", "lr", "val_loss", "label"]
with open("log.csv", "w", newline="") as file:
    csv.DictWriter(file, names).writeheader()
for epoch in range(3):
    with open("log.csv", "a", newline="") as file:
        csv.DictWriter(file, names).writerow(
            {"epoch": epoch, "lr": 0.1, "val_loss": 1 / (epoch + 1), "label": 7})
"""


def test_rows_that_are_appended_to_a_table_are_read_by_its_heading(script):
    seen = reports(script(TABLE))
    assert [r.metrics for r in seen] == [{"val_loss": 1 / (e + 1)} for e in range(3)]
    assert (script("x").parent / "log.csv").read_text().count("\n") == 4


def test_lines_of_json_are_read_as_they_are_written(script):
    text = """
    import json
    from pathlib import Path
    with Path("log.jsonl").open("w") as file:
        for epoch in range(3):
            print(json.dumps({"epoch": epoch, "val_loss": epoch / 4}), file=file)
    """
    seen = reports(script(textwrap.dedent(text)))
    assert [r.metrics["val_loss"] for r in seen] == [0, 0.25, 0.5]


def test_a_number_that_is_written_and_printed_is_one_number(script):
    text = TABLE + "    print(f'val_loss: {1 / (epoch + 1):.4f}')\n"
    seen = reports(script(text))
    assert [r.metrics["val_loss"] for r in seen] == [1, 1 / 2, 1 / 3]


def test_measures_of_the_machine_are_no_results_whoever_is_told_them(script):
    text = """
    import time
    from tqdm import tqdm
    bar = tqdm(range(3), disable=False)
    for step in bar:
        bar.set_postfix({"loss": 1 / (step + 1), "charts/SPS": time.perf_counter(), "lr": 0.1})
    """
    seen = reports(script(textwrap.dedent(text)))
    assert [set(r.metrics) for r in seen] == [{"loss"}] * 3


def test_a_report_and_the_callbacks_are_silent_outside_of_homeostat():
    text = (
        "import homeostat as hs\nfrom homeostat import callbacks\nhs.report(val_loss=1)\n"
        "class Model:\n    def score(self, x, y): return 0.5\n"
        "print(callbacks.scikit_learn(Model(), [], []))\n"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("0.5\n", "")


def test_a_loop_of_partial_fit_says_its_score(script):
    text = """
    import numpy as np
    from homeostat import callbacks
    from sklearn.linear_model import SGDClassifier
    x = np.random.default_rng(0).normal(size=(300, 4)); y = x[:, 0] > 0
    model = SGDClassifier(random_state=0)
    for rows in np.split(np.arange(200), 4):
        model.partial_fit(x[rows], y[rows], classes=[False, True])
        callbacks.scikit_learn(model, x[200:], y[200:])
    """
    seen = reports(script(textwrap.dedent(text)))
    assert len(seen) == 4
    assert seen[-1].metrics["val_score"] > 0.8


BOOST = """
from sklearn.datasets import load_breast_cancer
x, y = load_breast_cancer(return_X_y=True)
"""
XGBOOST = """
import xgboost
train, val = xgboost.DMatrix(x[:400], y[:400]), xgboost.DMatrix(x[400:], y[400:])
xgboost.train({"nthread": 1, "objective": "binary:logistic"}, train, 5, evals=[(val, "val")], %s)
"""
LIGHTGBM = """
import lightgbm
model = lightgbm.LGBMClassifier(n_estimators=5, n_jobs=1, verbose=-1)
model.fit(x[:400], y[:400], eval_set=[(x[400:], y[400:])], %s)
"""
KERAS = """
import os
os.environ["KERAS_BACKEND"] = "torch"
import keras
model = keras.Sequential([keras.layers.Dense(1, activation="sigmoid")])
model.compile("adam", "binary_crossentropy")
model.fit(x, y, validation_split=0.2, epochs=5, batch_size=128, verbose=%s)
"""
HUGGINGFACE = """
import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments
config = BertConfig(vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=1,
                    intermediate_size=8)
rows = [{"input_ids": torch.tensor([i % 9, 1]), "labels": i % 2} for i in range(16)]
arguments = TrainingArguments("out", num_train_epochs=5, eval_strategy="epoch", use_cpu=True,
                              save_strategy="no", report_to=[], disable_tqdm=True)
Trainer(BertForSequenceClassification(config), arguments, train_dataset=rows, eval_dataset=rows,
        %s).train()
"""
LIGHTNING = """
import lightning, torch
class Module(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = torch.nn.Linear(2, 1)
    def training_step(self, batch, _):
        return self.net(batch).pow(2).mean()
    def validation_step(self, batch, _):
        self.log("val_loss", self.net(batch).pow(2).mean())
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)
data = torch.utils.data.DataLoader(torch.ones(8, 2), batch_size=4)
lightning.Trainer(max_epochs=5, accelerator="cpu", logger=False, enable_checkpointing=False,
                  enable_progress_bar=False, enable_model_summary=False, %s).fit(
    Module(), data, data)
"""
LIBRARIES = {
    "xgboost": (BOOST + XGBOOST, "verbose_eval=False", "val_logloss"),
    "lightgbm": (BOOST + LIGHTGBM, "", "valid_0_binary_logloss"),
    "keras": (BOOST + KERAS, "0", "val_loss"),
    "transformers": (HUGGINGFACE, "", "eval_loss"),
    "lightning": (LIGHTNING, "", "val_loss"),
}
CALLBACKS = {"transformers": "huggingface"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the libraries, about themselves
@pytest.mark.parametrize("by", ["itself", "callback"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_what_a_library_measures_is_heard(script, library, by, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    pytest.importorskip(library)
    text, usual, metric = LIBRARIES[library]
    callback = f"callbacks=[callbacks.{CALLBACKS.get(library, library)}()]"
    if library == "keras":
        callback = f"0, {callback}"
    path = script(
        "from homeostat import callbacks\n"
        + text.replace("%s", usual if by == "itself" else callback)
    )
    seen = [r.metrics[metric] for r in reports(path, steps_by="optimizer" if "torch" in text
                                               and library != "keras" else "said")
            if metric in r.metrics]  # fmt: skip
    assert len(seen) == 5, seen
