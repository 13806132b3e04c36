"""Logs as tools and people write them, each with the runs that it holds (contents made up).

A shape is a text and what should be read from it: for one run a dictionary of place -> metrics,
for several a list of them. `ANY` in the place of a run's rows stands for a refusal.
"""

from __future__ import annotations

import json
from math import inf, nan
from typing import Any

LOSS = {1: 2.0, 2: 1.0, 3: 0.667}


def lines(template: str, **more: float) -> str:
    return "\n".join(
        template.format(e=e, z=e - 1, l=v, v=v + 0.1, s=e * 100) for e, v in LOSS.items()
    )


def rows(*names: str, at: Any = None) -> dict[Any, dict[str, float]]:
    """The rows of `lines`: the first name has the loss, the second .1 more."""
    at = at or {1: 1, 2: 2, 3: 3}
    return {at[e]: dict(zip(names, (v, round(v + 0.1, 6)), strict=False)) for e, v in LOSS.items()}


STEPS = {1: 100, 2: 200, 3: 300}
ZERO = {1: 0, 2: 1, 3: 2}

SHAPES: dict[str, tuple[str, Any]] = {
    "equals": (lines("epoch {e} loss={l:.3f} val_loss={v:.3f}"), rows("loss", "val_loss")),
    "colon": (lines("Epoch {e}: loss: {l:.3f}, val_loss: {v:.3f}"), rows("loss", "val_loss")),
    "blank": (lines("epoch {e} loss {l:.3f} val_loss {v:.3f}"), rows("loss", "val_loss")),
    "of": (lines("Epoch {e} of 10: loss {l:.3f}"), rows("loss")),
    "brackets": (
        lines("[Epoch {e}/10] [loss: {l:.3f}] [val_loss: {v:.3f}]"),
        rows("loss", "val_loss"),
    ),
    "gan": (
        lines("[Epoch {e}/3] [D loss: {l:f}] [G loss: {v:f}]"),
        rows("D loss", "G loss"),
    ),
    "pipes": (
        lines("Epoch {e:03d} | Train Loss {l:.3f} | Val Loss {v:.3f}"),
        rows("Train Loss", "Val Loss"),
    ),
    "tabs": (
        lines("Epoch: {e:02d}\tTrain Loss: {l:.3f}\tVal. Loss: {v:.3f}"),
        rows("Train Loss", "Val Loss"),
    ),
    "training words": (
        lines("Epoch {e}/3, Training Loss: {l:.3f}, Validation Loss: {v:.3f}"),
        rows("Training Loss", "Validation Loss"),
    ),
    "dashes": (lines("epoch {e} - loss: {l:.3f} - val_loss: {v:.3f}"), rows("loss", "val_loss")),
    "arrow": (
        lines("epoch {e} -> train loss: {l:.3f}, test loss: {v:.3f}"),
        rows("train loss", "test loss"),
    ),
    "step": (lines("step {s}: loss {l:.3f}"), rows("loss", at=STEPS)),
    "iteration": (lines("Iteration {e}, loss = {l:.8f}"), rows("loss")),
    "global step": (lines("global_step={s} loss={l:.3f}"), rows("loss", at=STEPS)),
    "step of": (
        lines("step {s}/300 | loss {l:.3f} | norm 1.5"),
        {s * 100: {"loss": v, "norm": 1.5} for s, v in LOSS.items()},
    ),
    "thousands": (
        lines("step {e},000: loss {l:.3f}"),
        rows("loss", at={1: 1000, 2: 2000, 3: 3000}),
    ),
    "large loss": (
        "step 1: loss 1,234.5\nstep 2: loss 1,100.25\n",
        {1: {"loss": 1234.5}, 2: {"loss": 1100.25}},
    ),
    "decimal comma": (
        "epoch 1: loss = 0,49 val_loss = 0,59\nepoch 2: loss = 0,482 val_loss = 0,58\n",
        {1: {"loss": 0.49, "val_loss": 0.59}, 2: {"loss": 0.482, "val_loss": 0.58}},
    ),
    "decimal comma, thousands by points": (
        "epoch 1: loss = 1.234,5\nepoch 2: loss = 0,25\n",
        {1: {"loss": 1234.5}, 2: {"loss": 0.25}},
    ),
    "decimal comma that shows late": (
        "epoch 1: loss = 1,250\nepoch 2: loss = 0,25\n",
        {1: {"loss": 1.25}, 2: {"loss": 0.25}},
    ),
    "a thousand or one": ("epoch 1: loss = 1,250\nepoch 2: loss = 1,125\n", []),
    "nan": (
        "epoch 1 loss=2.0\nepoch 2 loss=nan\nepoch 3 loss=-inf\nepoch 4 loss=Infinity\n",
        {1: {"loss": 2.0}, 2: {"loss": nan}, 3: {"loss": -inf}, 4: {"loss": inf}},
    ),
    "fractional epochs": (
        "epoch 0.5 loss=2.0\nepoch 1.0 loss=1.5\nepoch 1.5 loss=1\n",
        {0.5: {"loss": 2.0}, 1: {"loss": 1.5}, 1.5: {"loss": 1.0}},
    ),
    "logging": (
        lines("2025-01-02 10:00:0{e},123 - trainer - INFO - epoch {e} loss: {l:.3f}"),
        rows("loss"),
    ),
    "basic logging": (lines("INFO:root:epoch {e} loss: {l:.3f}"), rows("loss")),
    "iso": (lines("[2025-01-02T10:00:0{e}.123Z] epoch={e} loss={l:.3f}"), rows("loss")),
    "glog": (
        lines("I0102 10:00:0{e}.123456 140 train.py:83] epoch {e} loss {l:.3f}"),
        rows("loss"),
    ),
    "loguru": (
        lines("2025-01-02 10:00:0{e}.123 | INFO     | __main__:train:83 - epoch {e} loss {l:.3f}"),
        rows("loss"),
    ),
    "ray": (lines("(train pid=1234) epoch {e} loss: {l:.3f}"), rows("loss")),
    "colours": (lines("\x1b[32mepoch {e}\x1b[0m loss: \x1b[1m{l:.3f}\x1b[0m"), rows("loss")),
    "windows ends": (lines("epoch {e} loss: {l:.3f}").replace("\n", "\r\n"), rows("loss")),
    "carriage returns": (lines("epoch {e} loss: 9.0\repoch {e} loss: {l:.3f}"), rows("loss")),
    "tensors": (
        lines("epoch {e} loss: tensor({l:.3f}, device='cuda:0', grad_fn=<NllLossBackward0>)"),
        rows("loss"),
    ),
    "numpy": (lines("epoch {e} loss=np.float64({l:.3f})"), rows("loss")),
    "keras": (
        lines(
            "Epoch {e}/3\n\x08\x08 1/2 [==>...] - ETA: 1s - loss: 9.1\r2/2 [====] - 1s 5ms/step - loss: {l:.3f} - val_loss: {v:.3f}"
        ),
        rows("loss", "val_loss"),
    ),
    "keras 3": (
        lines(
            "Epoch {e}/3\n1/2 ━━━━━━━━━━ 3s 3s/step - accuracy: 0.1 - loss: 9.1\r2/2 ━━━━━━━━━━━━━━ 0s 45ms/step - accuracy: 0.5 - loss: {l:.3f}"
        ),
        {e: {"accuracy": 0.5, "loss": v} for e, v in LOSS.items()},
    ),
    "keras verbose 2": (
        lines("Epoch {e}/3\n2/2 - 1s - loss: {l:.3f} - val_loss: {v:.3f} - 1s/epoch - 45ms/step"),
        rows("loss", "val_loss"),
    ),
    "keras checkpoint": (
        lines(
            "Epoch {e}/3\n2/2 - 1s - loss: {l:.3f}\nEpoch 0000{e}: val_loss improved from inf to 0.5, saving model to m.h5"
        ),
        rows("loss"),
    ),
    "tqdm": (
        lines(
            "\rEpoch {e}/3:  50%|█████     | 50/100 [00:01<00:01, 48.9it/s, loss=9.1]\rEpoch {e}/3: 100%|██████████| 100/100 [00:02<00:00, 48.9it/s, loss={l:.3f}]"
        ),
        rows("loss"),
    ),
    "tqdm without epochs": (
        lines(
            "\r 50%|█████     | 50/100 [00:01<00:01, 48.9it/s, loss=9.1]\r100%|██████████| 100/100 [00:02<00:00, 48.9it/s, loss={l:.3f}]"
        ),
        rows("loss", at=ZERO),
    ),
    "tqdm over epochs": (
        "\r".join(
            f"{e * 10}%|█▎        | {e}/10 [00:01<00:01,  4.9s/it, loss={v}]"
            for e, v in LOSS.items()
        ),
        rows("loss"),
    ),
    "tqdm of unknown length": (
        lines(
            "Epoch {e}: 50it [00:01, 48.9it/s, loss=9.1]\rEpoch {e}: 100it [00:02, 48.9it/s, loss={l:.3f}]"
        ),
        rows("loss"),
    ),
    "lightning bar": (
        lines(
            "\rEpoch {z}:  50%|█████     | 5/10 [00:00<00:00, 99.00it/s, v_num=3, train_loss=9.1]\rEpoch {z}: 100%|██████████| 10/10 [00:00<00:00, 99.00it/s, v_num=3, train_loss={l:.3f}]"
        ),
        rows("train_loss", at=ZERO),
    ),
    "lightning rich bar": (
        lines(
            "Epoch {z}/2 ━━━━━━━━━━━━━━━━ 10/10 0:00:01 • 0:00:00 12.34it/s v_num: 0.000 train_loss: {l:.3f}"
        ),
        rows("train_loss", at=ZERO),
    ),
    "pytorch mnist": (
        "Train Epoch: 1 [0/60000 (0%)]\tLoss: 2.3\nTrain Epoch: 1 [30000/60000 (50%)]\tLoss: 1.1\n"
        "\nTest set: Average loss: 0.0500, Accuracy: 9700/10000 (97%)\n\n"
        "Train Epoch: 2 [0/60000 (0%)]\tLoss: 0.3\nTrain Epoch: 2 [30000/60000 (50%)]\tLoss: 0.2\n"
        "\nTest set: Average loss: 0.0400, Accuracy: 9800/10000 (98%)\n",
        {
            0: {"Train Loss": 2.3},
            0.5: {"Train Loss": 1.1},
            1: {"Test Average loss": 0.05, "Test Accuracy": 0.97, "Train Loss": 0.3},
            1.5: {"Train Loss": 0.2},
            2: {"Test Average loss": 0.04, "Test Accuracy": 0.98},
        },
    ),
    "pytorch imagenet": (
        "Epoch: [0][  0/100]\tTime  0.500 ( 0.500)\tData  0.1 (  0.1)\tLoss 6.9000e+00 (6.9500e+00)\tAcc@1   0.00 (  0.10)\n"
        "Epoch: [0][ 50/100]\tTime  0.500 ( 0.500)\tData  0.1 (  0.1)\tLoss 5.9000e+00 (6.0000e+00)\tAcc@1   1.00 (  0.50)\n",
        {
            0: {"Loss": 6.9, "Loss (average)": 6.95, "Acc@1": 0.0, "Acc@1 (average)": 0.1},
            0.5: {"Loss": 5.9, "Loss (average)": 6.0, "Acc@1": 1.0, "Acc@1 (average)": 0.5},
        },
    ),
    "timm": (
        "Train: 0 [   0/1250 (  0%)]  Loss: 6.95 (6.95)  Time: 1.2s,  800.5/s  (1.2s,  800.5/s)  LR: 1.000e-05\n"
        "Train: 0 [ 625/1250 ( 50%)]  Loss: 6.05 (6.50)  Time: 1.2s,  800.5/s  (1.2s,  800.5/s)  LR: 2.000e-05\n",
        {
            0: {"Train Loss": 6.95, "Train Loss (average)": 6.95, "LR": 1e-5},
            0.5: {"Train Loss": 6.05, "Train Loss (average)": 6.5, "LR": 2e-5},
        },
    ),
    "steps that begin anew in each epoch": (
        "Epoch [1/2], Step [100/200], Loss: 2.0\nEpoch [1/2], Step [200/200], Loss: 1.5\n"
        "Epoch [2/2], Step [100/200], Loss: 1.0\nEpoch [2/2], Step [200/200], Loss: 0.5\n",
        {0.5: {"Loss": 2.0}, 1: {"Loss": 1.5}, 1.5: {"Loss": 1.0}, 2: {"Loss": 0.5}},
    ),
    "transfer tutorial": (
        lines(
            "Epoch {z}/2\n----------\ntrain Loss: {l:.4f} Acc: 0.5\nval Loss: {v:.4f} Acc: 0.6\n"
        ),
        {
            e - 1: {
                "train Loss": v,
                "train Acc": 0.5,
                "val Loss": round(v + 0.1, 6),
                "val Acc": 0.6,
            }
            for e, v in LOSS.items()
        },
    ),
    "two accuracies": (
        lines("epoch {e} train loss {l:.3f} acc 0.5 val loss {v:.3f} acc 0.6"),
        {
            e: {"train loss": v, "train acc": 0.5, "val loss": round(v + 0.1, 6), "val acc": 0.6}
            for e, v in LOSS.items()
        },
    ),
    "phases as headings": (
        lines("Epoch {e} | train: loss={l:.3f} acc=0.5 | val: loss={v:.3f} acc=0.6"),
        {
            e: {"train loss": v, "train acc": 0.5, "val loss": round(v + 0.1, 6), "val acc": 0.6}
            for e, v in LOSS.items()
        },
    ),
    "ignite": (
        lines(
            "Training Results - Epoch: {e}  Avg accuracy: 0.50 Avg loss: {l:.3f}\nValidation Results - Epoch: {e}  Avg accuracy: 0.60 Avg loss: {v:.3f}"
        ),
        {
            e: {
                "Training Avg accuracy": 0.5,
                "Training Avg loss": v,
                "Validation Avg accuracy": 0.6,
                "Validation Avg loss": round(v + 0.1, 6),
            }
            for e, v in LOSS.items()
        },
    ),
    "fairseq": (
        lines(
            "2025-01-02 10:00:00 | INFO | train | epoch {e:03d} | loss {l:.3f} | ppl 22.6 | wps 1000 | lr 0.001\n2025-01-02 10:00:00 | INFO | valid | epoch {e:03d} | valid on 'valid' subset | loss {v:.3f} | ppl 20.5"
        ),
        {
            e: {
                "train loss": v,
                "train ppl": 22.6,
                "train wps": 1000.0,
                "lr": 0.001,
                "valid loss": round(v + 0.1, 6),
                "valid ppl": 20.5,
            }
            for e, v in LOSS.items()
        },
    ),
    "fairseq json": (
        lines(
            '2025-01-02 10:00:00 | INFO | train | {{"epoch": {e}, "train_loss": "{l:.3f}", "train_ppl": "22.6"}}'
        ),
        {e: {"train_loss": v, "train_ppl": 22.6} for e, v in LOSS.items()},
    ),
    "mmengine": (
        "01/02 10:00:00 - mmengine - INFO - Epoch(train)  [1][ 50/100]  lr: 1.0e-02  eta: 0:01:00  time: 0.5  data_time: 0.1  memory: 500  loss: 2.0\n"
        "01/02 10:00:00 - mmengine - INFO - Epoch(train)  [1][100/100]  lr: 1.0e-02  eta: 0:01:00  time: 0.5  data_time: 0.1  memory: 500  loss: 1.5\n"
        "01/02 10:00:00 - mmengine - INFO - Epoch(val) [1][10/10]    accuracy/top1: 70.5  data_time: 0.1  time: 0.1\n",
        {
            0.5: {"lr": 0.01, "train memory": 500.0, "train loss": 2.0},
            1: {"lr": 0.01, "train memory": 500.0, "train loss": 1.5, "val accuracy/top1": 70.5},
        },
    ),
    "detectron2": (
        "[01/02 10:00:00 d2.utils.events]:  eta: 0:10:00  iter: 19  total_loss: 1.2  loss_cls: 0.5  time: 0.3  data_time: 0.01  lr: 2e-05  max_mem: 2000M\n"
        "[01/02 10:00:00 d2.utils.events]:  eta: 0:10:00  iter: 39  total_loss: 1.1  loss_cls: 0.4  time: 0.3  data_time: 0.01  lr: 4e-05  max_mem: 2000M\n",
        {
            19: {"total_loss": 1.2, "loss_cls": 0.5, "lr": 2e-5},
            39: {"total_loss": 1.1, "loss_cls": 0.4, "lr": 4e-5},
        },
    ),
    "xgboost": (
        lines("[{z}]\ttrain-rmse:{l:.5f}\teval-rmse:{v:.5f}"),
        rows("train-rmse", "eval-rmse", at=ZERO),
    ),
    "lightgbm": (
        lines("[{s}]\ttraining's l2: {l:.3f}\tvalid_1's l2: {v:.3f}"),
        rows("training's l2", "valid_1's l2", at=STEPS),
    ),
    "catboost": (
        lines("{z}:\tlearn: {l:.4f}\ttest: {v:.4f}\tbest: {v:.4f} (0)\ttotal: 50ms\tremaining: 5s"),
        {
            e - 1: {"learn": v, "test": round(v + 0.1, 6), "best": round(v + 0.1, 6)}
            for e, v in LOSS.items()
        },
    ),
    "sklearn boosting": (
        "      Iter       Train Loss   Remaining Time \n"
        + lines("         {e}           {l:.4f}            1.20s"),
        rows("Train Loss"),
    ),
    "skorch": (
        "  epoch    train_loss    valid_loss     dur\n-------  ------------  ------------  ------\n"
        + lines("      {e}        {l:.4f}        {v:.4f}  0.0361"),
        rows("train_loss", "valid_loss"),
    ),
    "fastai": (
        "epoch     train_loss  valid_loss  time    \n"
        + lines("{z}         {l:.6f}    {v:.6f}    00:10     "),
        rows("train_loss", "valid_loss", at=ZERO),
    ),
    "markdown table": (
        "| epoch | train loss | val loss |\n|---|---|---|\n" + lines("| {e} | {l:.3f} | {v:.3f} |"),
        rows("train loss", "val loss"),
    ),
    "neat": (
        lines(
            " ****** Running generation {e} ****** \n\nPopulation's average fitness: {l:.5f} stdev: 1.10000\nBest fitness: {v:.5f} - size: (2, 5) - species 1 - id 33\n"
        ),
        {
            e: {"Population's average fitness": v, "Best fitness": round(v + 0.1, 6)}
            for e, v in LOSS.items()
        },
    ),
    "episodes": (lines("Episode {e}\tAverage reward: {l:.3f}"), rows("Average reward")),
    "rounds": (lines("Round {e} | global loss: {l:.3f}"), rows("global loss")),
    "dicts": (
        lines("{{'loss': {l:.3f}, 'learning_rate': 5e-05, 'epoch': {e}.0}}"),
        {e: {"loss": v, "learning_rate": 5e-5} for e, v in LOSS.items()},
    ),
    "dict after a name": (
        lines("INFO:__main__:epoch {e}: {{'train_loss': tensor({l:.3f}, device='cuda:0')}}"),
        rows("train_loss"),
    ),
    "dict of nan": (
        lines("step {s} {{'loss': nan, 'acc': {l:.3f}}}"),
        {s * 100: {"loss": nan, "acc": v} for s, v in LOSS.items()},
    ),
    "accelerate step": (lines("Step {s}: {{'loss': {l:.3f}}}"), rows("loss", at=STEPS)),
    "ordered dict": (lines("epoch {e} OrderedDict({{'loss': {l:.3f}}})"), rows("loss")),
    "jsonl": (lines('{{"epoch": {e}, "loss": {l:.3f}}}'), rows("loss")),
    "jsonl nested": (
        lines('{{"step": {s}, "train": {{"loss": {l:.3f}}}, "val": {{"loss": {v:.3f}}}}}'),
        rows("train/loss", "val/loss", at=STEPS),
    ),
    "jsonl by mode": (
        lines(
            '{{"mode": "train", "epoch": {e}, "loss": {l:.3f}}}\n{{"mode": "val", "epoch": {e}, "loss": {v:.3f}}}'
        ),
        rows("train loss", "val loss"),
    ),
    "jsonl of both": (
        '{"epoch": 0, "step": 10, "loss": 2}\n{"epoch": 0, "step": 20, "loss": 1.5}\n{"epoch": 1, "step": 30, "loss": 1}\n',
        {10: {"loss": 2.0}, 20: {"loss": 1.5}, 30: {"loss": 1.0}},
    ),
    "jsonl in numbers of text": (lines('{{"epoch": {e}, "loss": "{l:.3f}"}}'), rows("loss")),
    "jsonl with a rate and no step": (
        lines('{{"loss": {l:.3f}, "lr": 0.001}}'),
        {e - 1: {"loss": v, "lr": 0.001} for e, v in LOSS.items()},
    ),
    "jsonl, two runs": (
        lines('{{"step": {s}, "loss": {l:.3f}}}')
        + "\n"
        + lines('{{"step": {s}, "loss": {v:.3f}}}'),
        [rows("loss", at=STEPS), {e * 100: {"loss": round(v + 0.1, 6)} for e, v in LOSS.items()}],
    ),
    "jsonl, runs by name": (
        lines(
            '{{"run": "a", "step": {s}, "loss": {l:.3f}}}\n{{"run": "b", "step": {s}, "loss": {v:.3f}}}'
        ),
        [rows("loss", at=STEPS), {e * 100: {"loss": round(v + 0.1, 6)} for e, v in LOSS.items()}],
    ),
    "json history": (
        json.dumps({"loss": [2.0, 1.0, 0.667], "val_loss": [2.1, 1.1, 0.767]}),
        rows("loss", "val_loss", at=ZERO),
    ),
    "python history": (
        "{'loss': [2.0, 1.0, 0.667], 'val_loss': [2.1, 1.1, 0.767]}",
        rows("loss", "val_loss", at=ZERO),
    ),
    "xgboost evals_result": (
        json.dumps(
            {"train": {"rmse": [2.0, 1.0, 0.667]}, "eval": {"rmse": [2.1, 1.1, 0.767]}}, indent=1
        ),
        rows("train/rmse", "eval/rmse", at=ZERO),
    ),
    "json list": (
        json.dumps([{"epoch": e, "loss": v} for e, v in LOSS.items()], indent=2),
        rows("loss"),
    ),
    "json by epoch": (
        json.dumps({str(e): {"loss": v} for e, v in LOSS.items()}, indent=2),
        rows("loss"),
    ),
    "json of pandas": (
        json.dumps({"epoch": {"0": 1, "1": 2, "2": 3}, "loss": {"0": 2.0, "1": 1.0, "2": 0.667}}),
        rows("loss"),
    ),
    "json of phases": (
        json.dumps({"train": [{"epoch": 1, "loss": 2.0}], "val": [{"epoch": 1, "loss": 2.1}]}),
        {1: {"train loss": 2.0, "val loss": 2.1}},
    ),
    "json of runs": (
        json.dumps({"a": [{"epoch": 1, "loss": 2.0}], "b": [{"epoch": 1, "loss": 2.1}]}),
        [{1: {"loss": 2.0}}, {1: {"loss": 2.1}}],
    ),
    "tensorboard json": (
        json.dumps([[1.6e9, 0, 2.0], [1.6e9, 10, 1.0]]),
        {0: {"value": 2.0}, 10: {"value": 1.0}},
    ),
    "pretty objects in a row": (
        "\n".join(json.dumps({"epoch": e, "loss": v}, indent=1) for e, v in LOSS.items()),
        rows("loss"),
    ),
    "csv": (
        "step,loss,val_loss\n" + lines("{s},{l:.3f},{v:.3f}"),
        rows("loss", "val_loss", at=STEPS),
    ),
    "csv with blanks": (
        "step, loss, val loss\n" + lines("{s}, {l:.3f}, {v:.3f}"),
        rows("loss", "val loss", at=STEPS),
    ),
    "tsv": (
        "step\tloss\tval_loss\n" + lines("{s}\t{l:.3f}\t{v:.3f}"),
        rows("loss", "val_loss", at=STEPS),
    ),
    "csv quoted": (
        '"step","loss","a, b"\n' + lines('"{s}","{l:.3f}","{v:.3f}"'),
        rows("loss", "a, b", at=STEPS),
    ),
    "csv with decimal commas": (
        "step;loss;val_loss\n100;2,0;2,1\n200;1,0;1,1\n300;0,667;0,767\n",
        rows("loss", "val_loss", at=STEPS),
    ),
    "csv with decimal commas in quotes": (
        'step,loss\n100,"2,0"\n200,"1,0"\n300,"0,667"\n',
        rows("loss", at=STEPS),
    ),
    "csv of pandas": (",epoch,loss\n" + lines("{z},{e},{l:.3f}"), rows("loss")),
    "csv with an index alone": (
        ",loss,val_loss\n" + lines("{z},{l:.3f},{v:.3f}"),
        rows("loss", "val_loss", at=ZERO),
    ),
    "csv without a step": (
        "loss,val_loss\n" + lines("{l:.3f},{v:.3f}"),
        rows("loss", "val_loss", at=ZERO),
    ),
    "csv by phase": (
        "epoch,phase,loss\n" + lines("{e},train,{l:.3f}\n{e},val,{v:.3f}"),
        rows("train loss", "val loss"),
    ),
    "csv of long form": (
        "epoch,metric,value\n" + lines("{e},loss,{l:.3f}\n{e},val_loss,{v:.3f}"),
        rows("loss", "val_loss"),
    ),
    "csv by run": (
        "run,epoch,loss\n" + lines("a,{e},{l:.3f}") + "\n" + lines("b,{e},{v:.3f}"),
        [rows("loss"), {e: {"loss": round(v + 0.1, 6)} for e, v in LOSS.items()}],
    ),
    "csv with comments": ("# lr: 0.1\nstep,loss\n" + lines("{s},{l:.3f}"), rows("loss", at=STEPS)),
    "csv, the header again": (
        "step,loss\n" + lines("{s},{l:.3f}") + "\nstep,loss\n" + lines("{s},{v:.3f}"),
        [rows("loss", at=STEPS), {e * 100: {"loss": round(v + 0.1, 6)} for e, v in LOSS.items()}],
    ),
    "csv, another header": (
        "step,loss\n100,2\n200,1\nstep,loss,acc\n300,0.5,0.9\n",
        {100: {"loss": 2.0}, 200: {"loss": 1.0}, 300: {"loss": 0.5, "acc": 0.9}},
    ),
    "lightning csv": (
        "epoch,step,train_loss,val_loss\n0,9,2.0,\n0,9,,2.1\n1,19,1.0,\n1,19,,1.1\n2,29,0.667,\n2,29,,0.767\n",
        rows("train_loss", "val_loss"),
    ),
    "lightning csv by step": (
        "epoch,step,train_loss_step,val_loss\n0,9,2.0,\n0,19,1.0,\n0,19,,1.1\n",
        {9: {"train_loss_step": 2.0}, 19: {"train_loss_step": 1.0, "val_loss": 1.1}},
    ),
    "wandb history": (
        "_step,_runtime,_timestamp,train/loss\n" + lines("{s},1.5,1600000000,{l:.3f}"),
        rows("train/loss", at=STEPS),
    ),
    "wandb, two runs": (
        '"Step","a - loss","a - loss__MIN","a - loss__MAX","b - loss","b - loss__MIN","b - loss__MAX"\n'
        '"1","2.0","2.0","2.0","2.1","2.1","2.1"\n"2","1.0","1.0","1.0","","",""\n',
        [{1: {"loss": 2.0}, 2: {"loss": 1.0}}, {1: {"loss": 2.1}}],
    ),
    "runs with their rates": (
        "lr: 0.1\n"
        + lines("epoch {e}: loss={l:.3f}")
        + "\nlr: 0.001\n"
        + lines("epoch {e}: loss={v:.3f}"),
        [rows("loss"), {e: {"loss": round(v + 0.1, 6)} for e, v in LOSS.items()}],
    ),
    "runs of one epoch": (
        "lr: 0.1\nepoch 1: loss=2\nlr: 0.001\nepoch 1: loss=9\n",
        [{1: {"loss": 2.0}}, {1: {"loss": 9.0}}],
    ),
    "validation that comes later": (
        "step 100 loss 2.0\nstep 200 loss 1.0\nstep 100 val_loss 2.1\nstep 200 val_loss 1.1\n",
        {100: {"loss": 2.0, "val_loss": 2.1}, 200: {"loss": 1.0, "val_loss": 1.1}},
    ),
    "nanogpt": (
        "number of parameters: 10.65M\nstep 0: train loss 4.0, val loss 4.4\niter 0: loss 4.01, time 33.12ms, mfu -100.00%\niter 10: loss 3.5, time 33.12ms, mfu 5.00%\n",
        {
            0: {"train loss": 4.0, "val loss": 4.4, "loss": 4.01, "mfu": -100.0},
            10: {"loss": 3.5, "mfu": 5.0},
        },
    ),
    "prose": (
        "2025-01-02 Using 2 GPUs and 8 workers on node 3\nLoaded 50000 images of 10 classes in 3.2 seconds\nEpoch 3 of 10\nSaved 5 files to /out/ckpt_3.pt at 10:30\nversion 1.2.3\n",
        [],
    ),
    "prose around lines": (
        "Using 2 GPUs\nLoaded 50000 images\n"
        + lines("Epoch {e} finished in 3.2 seconds with training loss: {l:.3f}")
        + "\nDone in 12 minutes\n",
        rows("training loss"),
    ),
    "a best line at the end": (
        lines("epoch {e} val_loss {l:.3f}")
        + "\nBest epoch 2: val_loss 0.999\nRestoring weights of epoch 1 val_loss 2.01\n",
        rows("val_loss"),
    ),
    "pairs without steps": (
        lines("train_loss={l:.3f} val_loss={v:.3f}"),
        rows("train_loss", "val_loss", at=ZERO),
    ),
    "percent": ("epoch 1 acc: 50.5%\nepoch 2 acc: 60%\n", {1: {"acc": 50.5}, 2: {"acc": 60.0}}),
    "fraction": ("epoch 1 acc: 1/2, batch: 3/10\n", {1: {"acc": 0.5}}),
    "two nets": (
        "epoch 1 net_a: loss=1.5 net_b: loss=2.5\n",
        {1: {"net_a loss": 1.5, "net_b loss": 2.5}},
    ),
    "nothing": ("", []),
    "blank lines": ("\n\n  \n", []),
    "a long field": (
        "step,loss,note\n1,2.0," + "x" * 200_000 + "\n2,1.0,ok\n",
        {1: {"loss": 2.0}, 2: {"loss": 1.0}},
    ),
}
