"""The backward pass: the first operation that turns finite gradients into others."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from homeostat.inspect.diagnose.facts import has_nonfinite, tensors
from homeostat.inspect.diagnose.forward import show_line
from homeostat.inspect.tracer.frames import is_the_loops

Found = Callable[[Any, str, Tensor], None]
"""Called with the graph's node, the module it was made in, and the gradient it spoiled."""


class BackwardFaultTracer(AbstractContextManager["BackwardFaultTracer"]):
    """While it is entered, every `backward()` is watched node by node.

    Args:
        made_by: Node -> module, filled in during the forward pass.
        on_loss: Called with the loss before the pass.
        on_bad: Called in each pass with the first node that turns finite gradients into others.
        on_done: Called after the pass.
    """

    def __init__(
        self,
        made_by: Mapping[Any, str],
        *,
        on_loss: Callable[[Tensor], None],
        on_bad: Found,
        on_done: Callable[[], None],
    ) -> None:
        self._made_by = made_by
        self._on_loss, self._on_bad, self._on_done = on_loss, on_bad, on_done
        self._original: Any = None
        self._anomaly: Any = None

    def __enter__(self) -> BackwardFaultTracer:
        self._original = torch.autograd.backward
        # Only for the forward stack that it keeps with each node; it does not check anything.
        self._anomaly = torch.autograd.set_detect_anomaly(True, check_nan=False)
        torch.autograd.backward = self._backward  # type: ignore[assignment]
        return self

    def __exit__(self, *_: object) -> None:
        torch.autograd.backward = self._original
        self._anomaly.__exit__(None, None, None)

    def _backward(self, roots: Any, *args: Any, **kwargs: Any) -> Any:
        for loss in tensors(roots if not isinstance(roots, Tensor) else (roots,)):
            self._on_loss(loss)
            self._follow(loss.grad_fn)
        result = self._original(roots, *args, **kwargs)
        self._on_done()
        return result

    def _follow(self, root: Any) -> None:
        """Hook every node that the pass will visit; those made inside a call inherit its module."""
        found = False

        def watch(node: Any, module: str) -> None:
            def hook(grad_inputs: Any, grad_outputs: Any) -> None:
                nonlocal found
                if found or not has_nonfinite(grad_inputs) or has_nonfinite(grad_outputs):
                    return
                found = True
                spoiled = next(t for t in tensors(grad_inputs) if has_nonfinite(t))
                self._on_bad(node, module, spoiled)

            node.register_hook(hook)

        waiting, seen = [(root, "")], set()
        while waiting:
            node, inherited = waiting.pop()
            if node is None or node in seen:
                continue
            seen.add(node)
            module = self._made_by.get(node, inherited)
            watch(node, module)
            waiting += [(parent, module) for parent, _ in node.next_functions]


def forward_line(node: Any) -> str:
    """Where the forward of a node was written, from the stack that PyTorch keeps with it."""
    for frame in reversed(node.metadata.get("traceback_", [])):
        where = re.match(r'\s*File "([^"]+)", line (\d+)', frame)
        if where and is_the_loops(where[1], int(where[2])):
            return show_line(where[1], int(where[2]))
    return ""


def saved_value(node: Any, num_rows: int) -> Tensor | None:
    """A forward value that the node kept for its gradient, with as many rows, if there is one."""
    for name in ("_saved_self", "_saved_result", "_saved_other", "_saved_input"):
        try:
            value = getattr(node, name, None)
        except RuntimeError:  # freed already
            continue
        if isinstance(value, Tensor) and value.ndim and value.shape[0] == num_rows:
            return value
    return None
