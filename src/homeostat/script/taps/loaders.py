"""Loaders: the passes over data that are under way, for how many batches each has."""

from __future__ import annotations

import weakref
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from homeostat.script.taps.replace import replace

if TYPE_CHECKING:
    from homeostat.script.taps.hearer import Hearer


def attach(run: Hearer, stack: ExitStack, module: Any) -> None:
    """Until the stack is closed, `run.loaders` has each pass that the script begins."""

    def around(original: Any) -> Any:
        def start(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            if run.listening and not run.steps:
                run.loaders.append(weakref.ref(self))

        return start

    replace(stack, module._BaseDataLoaderIter, "__init__", around)
