"""Callbacks: what a library measures while it trains, told to Homeostat.

    Trainer(..., callbacks=[homeostat.callbacks.huggingface()])
    model.fit(..., callbacks=[homeostat.callbacks.keras()])
    xgb.train(..., callbacks=[homeostat.callbacks.xgboost()])

Each library is imported when its callback is made. Outside of Homeostat a callback does nothing, so
the line may stay where it is. A script that is run by Homeostat needs none of them where it uses
these libraries as they are: what they measure is heard all the same.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

from homeostat.script.bridge import say

BY = "callback"


def huggingface() -> Any:
    """For `transformers.Trainer(callbacks=[...])`: everything that it logs."""
    kind: Any = importlib.import_module("transformers").TrainerCallback

    class TrainerLogs(kind):  # type: ignore[misc]
        def on_log(self, *_: Any, logs: Any = None, **more: Any) -> None:
            say(logs or {}, BY)

    return TrainerLogs()


def keras() -> Any:
    """For `model.fit(callbacks=[...])` of Keras: its logs at the end of each epoch."""
    kind: Any = importlib.import_module("keras").callbacks.Callback

    class KerasLogs(kind):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            say(logs or {}, BY)

    return KerasLogs()


def lightning() -> Any:
    """For `lightning.Trainer(callbacks=[...])`: what the module has logged, at each epoch's end
    and after each validation.
    """
    name = "pytorch_lightning" if "pytorch_lightning" in sys.modules else "lightning.pytorch"
    kind: Any = importlib.import_module(name).Callback

    class LightningLogs(kind):  # type: ignore[misc]
        def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
            if not trainer.sanity_checking:
                say(trainer.callback_metrics, BY)

        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            say(trainer.callback_metrics, BY)

    return LightningLogs()


def xgboost() -> Any:
    """For `xgboost.train(callbacks=[...])` and its estimators: each metric of each data set, as
    `validation_0_logloss`, after each round.
    """
    kind: Any = importlib.import_module("xgboost").callback.TrainingCallback

    class XGBoostLogs(kind):  # type: ignore[misc]
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            say(
                {f"{data}_{metric}": values[-1] for data, metrics in evals_log.items()
                 for metric, values in metrics.items()}, BY)  # fmt: skip
            return False

    return XGBoostLogs()


def lightgbm() -> Any:
    """For `lightgbm.train(callbacks=[...])` and its estimators: each metric of each data set, as
    `valid_0_binary_logloss`, after each round.
    """

    def says(environment: Any) -> None:
        measured = environment.evaluation_result_list or ()
        say({f"{data}_{metric}": value for data, metric, value, *_ in measured}, BY)

    return says


def scikit_learn(model: Any, inputs: Any, targets: Any, name: str = "val_score") -> float:
    """For a loop of `partial_fit`: say and return what the model scores on held-out data.

    for x, y in batches:
        model.partial_fit(x, y)
        homeostat.callbacks.scikit_learn(model, x_val, y_val)
    """
    score = float(model.score(inputs, targets))
    say({name: score}, BY)
    return score
