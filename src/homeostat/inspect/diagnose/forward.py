"""The forward pass: the first operation with a result that its inputs do not explain."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle

from homeostat.inspect.diagnose.facts import has_nan, has_nonfinite, node_of, tensors
from homeostat.inspect.tracer.frames import is_the_loops

# These write an infinity on purpose, as attention masks do.
FILLS = frozenset({
    "masked_fill", "masked_fill_", "fill_", "full", "full_like", "new_full", "where", "tensor",
    "as_tensor", "from_numpy", "__setitem__", "index_fill", "index_fill_", "scatter", "scatter_",
    "triu", "tril", "clone", "detach", "contiguous", "expand", "view", "reshape", "__getitem__",
    "__get__",
})  # fmt: skip
# These return memory uninitialised, or data as it is.
RAW = frozenset({
    "empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "resize_", "set_",
    "tensor", "as_tensor", "from_numpy", "full", "full_like", "new_full", "frombuffer",
})  # fmt: skip

Found = Callable[[str, str, Any, Any], None]
"""Called with the operation, its source line, its result and its inputs."""


class ForwardFaultTracer(TorchFunctionMode):
    """Looks at the result of every PyTorch call; reports the first NaN and the first infinity.

    Infinities count only from inputs without any, and not from calls whose purpose they can be.
    `module` is the innermost watched module at the moment; `made_by` says in which module a node
    of the gradient's graph was made.
    """

    def __init__(self, on_nan: Found, on_infinity: Found) -> None:
        super().__init__()
        self._on_nan, self._on_infinity = on_nan, on_infinity
        self._stack: list[str] = []
        self.made_by: dict[Any, str] = {}
        self.looking = True

    @property
    def module(self) -> str:
        return self._stack[-1] if self._stack else ""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        for tensor in tensors(result):
            node = node_of(tensor)
            if node is not None and node not in self.made_by:
                self.made_by[node] = self.module
        if self.looking and has_nonfinite(result):
            self._look(getattr(func, "__name__", str(func)), result, (args, kwargs))
        return result

    def _look(self, name: str, result: Any, inputs: Any) -> None:
        if name in RAW or name.startswith("_"):
            return
        if has_nan(result):
            if not has_nan(inputs):
                self._on_nan(name, source_line(), result, inputs)
        elif name not in FILLS and not has_nonfinite(inputs):
            self._on_infinity(name, source_line(), result, inputs)

    def follow(self, module: nn.Module, prefix: str) -> Iterable[RemovableHandle]:
        """Keep track of which submodule is running."""
        for name, part in module.named_modules():
            path = ".".join(p for p in (prefix, name) if p)

            def enter(
                _module: nn.Module, args: Any, path: str = path, top: bool = not name
            ) -> None:
                self._stack.append(path)
                if top and self.looking and has_nonfinite(args):
                    self._on_nan("input", "", args, ())

            def leave(_module: nn.Module, _args: Any, _out: Any) -> None:
                if self._stack:
                    self._stack.pop()

            yield part.register_forward_pre_hook(enter)
            yield part.register_forward_hook(leave, always_call=True)

    def open(self) -> None:
        """Begin to look; until `close`."""
        self.__enter__()  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Look no more."""
        self.__exit__(None, None, None)  # type: ignore[no-untyped-call]

    def forget(self) -> None:
        """Between steps: the graph's nodes of the last one are not needed any more."""
        self.made_by.clear()
        self._stack.clear()


def source_line() -> str:
    """File, line and text of the innermost frame that is neither PyTorch's nor ours."""
    frame = sys._getframe(1)
    while frame is not None:
        if is_the_loops(frame.f_code.co_filename, frame.f_lineno):
            return show_line(frame.f_code.co_filename, frame.f_lineno)
        if frame.f_back is None:
            break
        frame = frame.f_back
    return ""


def show_line(path: str, number: int) -> str:
    """A source line as people quote it: "ball.py:44: return x.pow(2).sum(-1).sqrt()"."""
    text = linecache.getline(path, number).strip()
    return f"{Path(path).name}:{number}: {text}".rstrip(": ")


def first_tensor(value: Any) -> Tensor | None:
    """The first floating-point tensor in a value."""
    return next(tensors(value), None)
