"""Trackers: numbers given to Weights & Biases and MLflow."""

from __future__ import annotations

from contextlib import ExitStack
from types import ModuleType
from typing import TYPE_CHECKING, Any

from homeostat.script import bridge
from homeostat.script.taps.replace import replace

if TYPE_CHECKING:
    from homeostat.script.taps.hearer import Hearer


def attach_wandb(run: Hearer, stack: ExitStack, module: ModuleType) -> None:
    """`wandb.log(...)` and `run.log(...)`, which is what the former becomes after `wandb.init`."""
    kind = getattr(getattr(getattr(module, "sdk", None), "wandb_run", None), "Run", None)
    if kind is None:
        return

    def around(original: Any) -> Any:
        def log(self: Any, data: Any = None, *args: Any, **kwargs: Any) -> Any:
            bridge.say(data if isinstance(data, dict) else {}, "wandb")
            return original(self, data, *args, **kwargs)

        return log

    replace(stack, kind, "log", around)


def attach_mlflow(run: Hearer, stack: ExitStack, module: ModuleType) -> None:
    """`mlflow.log_metric` and `mlflow.log_metrics`."""

    def one(original: Any) -> Any:
        def log_metric(key: str, value: Any, *args: Any, **kwargs: Any) -> Any:
            bridge.say({key: value}, "mlflow")
            return original(key, value, *args, **kwargs)

        return log_metric

    def several(original: Any) -> Any:
        def log_metrics(metrics: Any, *args: Any, **kwargs: Any) -> Any:
            bridge.say(metrics, "mlflow")
            return original(metrics, *args, **kwargs)

        return log_metrics

    if hasattr(module, "log_metric"):
        replace(stack, module, "log_metric", one)
        replace(stack, module, "log_metrics", several)
