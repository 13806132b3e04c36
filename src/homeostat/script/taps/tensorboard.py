"""TensorBoard: `SummaryWriter.add_scalar` and `add_scalars`, of PyTorch and of tensorboardX."""

from __future__ import annotations

from contextlib import ExitStack
from types import ModuleType
from typing import TYPE_CHECKING, Any

from homeostat.script import bridge
from homeostat.script.taps.replace import replace

if TYPE_CHECKING:
    from homeostat.script.taps.hearer import Hearer


def attach(run: Hearer, stack: ExitStack, module: ModuleType) -> None:
    """Until the stack is closed, scalars that are written are said as well."""
    writer: Any = vars(module)["SummaryWriter"]

    def one(original: Any) -> Any:
        def add_scalar(self: Any, tag: str, scalar_value: Any, *args: Any, **kwargs: Any) -> Any:
            bridge.say({tag: scalar_value}, "tensorboard")
            return original(self, tag, scalar_value, *args, **kwargs)

        return add_scalar

    def several(original: Any) -> Any:
        def add_scalars(
            self: Any, main_tag: str, tag_scalar_dict: Any, *args: Any, **kwargs: Any
        ) -> Any:
            bridge.say({f"{main_tag}/{k}": v for k, v in tag_scalar_dict.items()}, "tensorboard")
            return original(self, main_tag, tag_scalar_dict, *args, **kwargs)

        return add_scalars

    replace(stack, writer, "add_scalar", one)
    replace(stack, writer, "add_scalars", several)
