"""tqdm: the numbers that a progress bar shows behind itself, and in front."""

from __future__ import annotations

from contextlib import ExitStack
from types import ModuleType
from typing import TYPE_CHECKING, Any

from homeostat.script import bridge
from homeostat.script.taps.lines import Lines
from homeostat.script.taps.replace import replace

if TYPE_CHECKING:
    from homeostat.script.taps.hearer import Hearer


def attach(run: Hearer, stack: ExitStack, module: ModuleType) -> None:
    """Until the stack is closed, postfixes and descriptions are said as well."""
    bar: Any = vars(module)["tqdm"]
    lines = Lines()

    def postfix(original: Any) -> Any:
        def set_postfix(self: Any, ordered_dict: Any = None, *args: Any, **kwargs: Any) -> Any:
            shown = {k: v for k, v in kwargs.items() if k != "refresh"}
            for name, value in {**dict(ordered_dict or {}), **shown}.items():
                number = bridge.as_number(value)
                said = {name: number} if number is not None else lines.read(f"{name}: {value}")
                bridge.say(said, "tqdm")
            return original(self, ordered_dict, *args, **kwargs)

        return set_postfix

    def text(original: Any) -> Any:
        def set_text(self: Any, s: Any = "", *args: Any, **kwargs: Any) -> Any:
            bridge.say(lines.read(str(s or "")), "tqdm")
            return original(self, s, *args, **kwargs)

        return set_text

    replace(stack, bar, "set_postfix", postfix)
    for name in ("set_postfix_str", "set_description", "set_description_str"):
        if name in vars(bar):
            replace(stack, bar, name, text)
