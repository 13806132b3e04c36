"""Trainers: what the training loops of libraries log: Hugging Face, Lightning, Keras, XGBoost,
LightGBM. Each is heard at the one place through which its numbers go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from types import ModuleType
from typing import TYPE_CHECKING, Any

from homeostat.script import bridge
from homeostat.script.taps.replace import replace

if TYPE_CHECKING:
    from homeostat.script.taps.hearer import Hearer


def attach_huggingface(run: Hearer, stack: ExitStack, module: ModuleType) -> None:
    """`Trainer.log`, which every number of a Trainer passes."""
    _after(stack, vars(module)["Trainer"], "log", "Trainer", lambda _, logs, *__, **___: logs)


def attach_lightning(run: Hearer, stack: ExitStack, module: ModuleType) -> None:
    """What a module has logged, when Lightning calls its callbacks at the end of an epoch."""

    def logged(trainer: Any, hook: str, *_: Any, **__: Any) -> Any:
        ends = hook in ("on_validation_end", "on_train_epoch_end")
        return trainer.callback_metrics if ends and not trainer.sanity_checking else {}

    _after(stack, module, "_call_callback_hooks", "Lightning", logged)


def attach_keras(run: Hearer, stack: ExitStack, module: ModuleType) -> None:
    """The logs of each epoch."""
    _after(stack, vars(module)["CallbackList"], "on_epoch_end", "Keras",
           lambda _, __, logs=None, **___: logs or {})  # fmt: skip


def attach_xgboost(run: Hearer, stack: ExitStack, module: ModuleType) -> None:
    """What is measured after each round, whether or not it is printed."""

    def measured(container: Any, *_: Any, **__: Any) -> dict[str, Any]:
        return {
            f"{data}_{metric}": values[-1]
            for data, metrics in container.history.items()
            for metric, values in metrics.items()
        }

    _after(stack, vars(module)["CallbackContainer"], "after_iteration", "XGBoost", measured)


def attach_lightgbm(run: Hearer, stack: ExitStack, module: ModuleType) -> None:
    """What is measured after each round, whether or not it is printed."""

    def around(original: Any) -> Any:
        def evaluate(*args: Any, **kwargs: Any) -> Any:
            measured = original(*args, **kwargs)
            bridge.say(
                {f"{data}_{metric}": value for data, metric, value, *_ in measured}, "LightGBM"
            )
            return measured

        return evaluate

    replace(stack, vars(module)["Booster"], "_Booster__inner_eval", around)


def _after(
    stack: ExitStack, owner: Any, name: str, by: str, numbers: Callable[..., Mapping[str, Any]]
) -> None:
    """Say the numbers that a call's arguments have, once it has been made."""

    def around(original: Any) -> Any:
        def called(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            bridge.say(numbers(*args, **kwargs), by)
            return result

        return called

    replace(stack, owner, name, around)
