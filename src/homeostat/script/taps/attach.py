"""Attach: all taps of one run, each as soon as the library it taps is there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

from homeostat.script import bridge
from homeostat.script.taps import (
    files,
    loaders,
    seeds,
    tensorboard,
    torch_steps,
    tqdm_bars,
    trackers,
    trainers,
)
from homeostat.script.taps.arrivals import Arrivals
from homeostat.script.taps.lines import Lines

if TYPE_CHECKING:
    from homeostat.script.taps.hearer import Hearer

Attach = Callable[["Hearer", ExitStack, ModuleType], None]

# When the module on the left has been imported, the function on the right taps it.
LIBRARIES: dict[str, Attach] = {
    "torch": torch_steps.attach,
    "numpy": seeds.attach_numpy,
    "random": seeds.attach_random,
    "torch.utils.data.dataloader": loaders.attach,
    "torch.utils.tensorboard.writer": tensorboard.attach,
    "tensorboardX.writer": tensorboard.attach,
    "tqdm.std": tqdm_bars.attach,
    "transformers.trainer": trainers.attach_huggingface,
    "lightning.pytorch.trainer.call": trainers.attach_lightning,
    "pytorch_lightning.trainer.call": trainers.attach_lightning,
    "keras.src.callbacks.callback_list": trainers.attach_keras,
    "xgboost.callback": trainers.attach_xgboost,
    "lightgbm.basic": trainers.attach_lightgbm,
    "wandb": trackers.attach_wandb,
    "mlflow": trackers.attach_mlflow,
}


class Taps:
    """The taps of one run."""

    def __init__(self, run: Hearer) -> None:
        self._run = run
        self._stack = ExitStack()

    def attach(self) -> None:
        lines = Lines()
        process = self._run.process

        def printed(line: str) -> None:
            numbers = lines.read(line)
            if numbers:
                bridge.say(numbers, "printed")

        process.stdout.on_line = process.stderr.on_line = printed
        files.attach(self._run, self._stack)
        arrivals = Arrivals(
            {
                name: partial(_attach, function, self._run, self._stack)
                for name, function in LIBRARIES.items()
            }
        )
        arrivals.open()
        self._stack.callback(arrivals.close)

    def detach(self) -> None:
        self._stack.close()


def _attach(function: Attach, run: Hearer, stack: ExitStack, module: Any) -> None:
    function(run, stack, module)
