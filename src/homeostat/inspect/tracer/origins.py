"""Origins: which call of a model a value was computed from, through operations outside of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.weak import WeakIdKeyDictionary

from homeostat.inspect.tracer.recording import Call
from homeostat.inspect.tracer.tensors import tensors_in

DEEPEST = 2
"""Lists of lists of arguments are looked into this far."""


class Origins:
    """Remembers, for as long as a tensor lives, the call whose output went into it.

    origins.mark(output, call)       a model gave this
    origins.follow(args, result)     an operation made the result from these
    origins.of(tensor)               the call, or None: it is data
    """

    def __init__(self) -> None:
        self._calls: Any = WeakIdKeyDictionary()

    def mark(self, output: Any, call: Call) -> None:
        """Note what a model gave."""
        for tensor in tensors_in(output):
            self._calls[tensor] = call

    def of(self, value: Any) -> Call | None:
        """The call that a tensor was computed from."""
        if not isinstance(value, torch.Tensor):
            return None
        found: Call | None = self._calls.get(value)
        return found

    def follow(self, args: Any, result: Any) -> None:
        """Note that an operation was given `args` and made `result`."""
        call = next((c for a in _tensors(args, DEEPEST) if (c := self.of(a)) is not None), None)
        if call is not None:
            for tensor in _tensors((result,), DEEPEST):
                self._calls[tensor] = call


def _tensors(values: Any, depth: int) -> Iterator[Any]:
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif depth and isinstance(value, (tuple, list)):
            yield from _tensors(value, depth - 1)
