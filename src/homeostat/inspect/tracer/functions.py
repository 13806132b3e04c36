"""Functions: what the loop's own arithmetic says, as it is written: sums, quotients, comparisons.

Called for every function of PyTorch; most are passed over by their name.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import torch
from torch.utils.weak import WeakTensorKeyDictionary

from homeostat.inspect.tracer.facts import (
    Count,
    Equal,
    Outer,
    Softmax,
    Squashed,
    Tiny,
    TraceFacts,
)
from homeostat.inspect.tracer.frames import is_the_loops
from homeostat.inspect.tracer.misuse import made_by
from homeostat.inspect.tracer.recorder import Tracer

PAIRWISE = {
    "add", "__add__", "__radd__", "sub", "__sub__", "__rsub__", "rsub", "mul", "__mul__",
    "__rmul__", "div", "__truediv__", "__rdiv__", "maximum", "minimum", "eq", "__eq__", "gt",
    "__gt__", "lt", "__lt__", "true_divide", "where", "min", "max",
}  # fmt: skip
SUMS = {"add", "__add__", "__radd__", "sub", "__sub__", "__rsub__", "rsub", "__iadd__", "add_"}
SCALED = {"mul", "__mul__", "__rmul__", "neg", "__neg__", "mean", "sum"}
SQUASHING = {"softmax", "log_softmax", "sigmoid"}
SQUASHED = {"SoftmaxBackward0": "softmax", "SigmoidBackward0": "sigmoid"}
QUOTIENTS = {"div", "__truediv__", "true_divide", "div_", "__itruediv__"}
EQUAL = {"eq", "__eq__"}
COLUMNS = {"unsqueeze", "__getitem__"}
SOFTMAX = {"softmax", "log_softmax"}
FLOORS = {"clamp", "clamp_min", "clip"}
SELECTIONS = {"sum", "mean", "__getitem__", "masked_select", "count_nonzero"}
ARRANGED = {"unsqueeze", "detach", "clone", "float", "double", "to", "log", "exp", "pow", "norm"}
NOTED = (
    PAIRWISE | SUMS | QUOTIENTS | COLUMNS | SOFTMAX | FLOORS | SELECTIONS | ARRANGED | SCALED
    | SQUASHING
)  # fmt: skip
MOST_EQUALS = 80
MOST_COUNTS = 400
LARGEST = 200_000
"""Larger tensors are not kept."""


class Functions:
    """Notes what the questions need of single functions."""

    def __init__(self, recorder: Tracer) -> None:
        self._recorder = recorder
        self._columns: Any = WeakTensorKeyDictionary()
        """Tensors that were made a column -> in which update. A column for this very step is meant
        to meet a row; one that was made when data was loaded is not."""
        self._selections: Any = WeakTensorKeyDictionary()
        """Sums over a mask, and what a mask selected -> how many there were."""
        self.still_losses: Any = WeakTensorKeyDictionary()
        """What loss functions made of things without a gradient, and multiples of it -> which."""

    @property
    def _facts(self) -> TraceFacts:
        return self._recorder.recording.facts

    def note(self, func: Any, args: tuple[Any, ...], kwargs: Any, result: Any) -> None:
        name = getattr(func, "__name__", "")
        if name not in NOTED or not isinstance(result, torch.Tensor):
            return
        if self._recorder.shared.stepping:
            return  # the optimiser's own arithmetic
        if name in SQUASHING and result.requires_grad:
            self._note_squashed(name, args)
        if result.ndim == 2:
            self._note_column(name, args, kwargs, result)
            if name in PAIRWISE:
                self._note_outer(name, args, result)
        if self._recorder.forward.stack and name not in FLOORS and name not in SUMS:
            return  # a module's own matter
        if name in EQUAL:
            self._note_equal(args, result)
        elif name in SOFTMAX:
            self._note_softmax(args, kwargs, result)
        elif name in SELECTIONS:
            self._note_selection(name, args, result)
        elif name in QUOTIENTS:
            self._note_quotient(args, result)
        if name in SCALED | QUOTIENTS and not result.requires_grad:
            function = next((self.still_losses.get(a) for a in args[:2] if _tensor(a)), None)
            if function is not None:
                self.still_losses[result] = function
        if name in SUMS and result.ndim == 0 and result.requires_grad:
            self._note_constant(args, result)
        if (name in SUMS or name in FLOORS) and result.dtype == torch.float16:
            self._note_tiny(args, kwargs)

    def _note_column(self, name: str, args: Any, kwargs: Any, result: Any) -> None:
        if result.shape[1] != 1 and result.shape[0] != 1:
            return
        made = name == "unsqueeze" or kwargs.get("keepdim") or kwargs.get("keepdims")
        if name == "__getitem__":
            index = args[1] if isinstance(args[1], tuple) else (args[1],)
            made = any(i is None for i in index)
        given = [a for a in args[:2] if isinstance(a, torch.Tensor)]
        alike = [a for a in given if a.shape == result.shape]
        now = self._recorder.shared.update
        if made or (alike and all(self._columns.get(a) == now for a in alike)):
            self._columns[result] = now

    def _note_outer(self, name: str, args: Any, result: Any) -> None:
        if len(args) < 2:
            return
        one, two = args[-2:] if name == "where" else args[:2]
        if not (isinstance(one, torch.Tensor) and isinstance(two, torch.Tensor)):
            return
        if {one.ndim, two.ndim} != {1, 2}:
            return
        column, row = (one, two) if one.ndim == 2 else (two, one)
        count = len(row)
        if tuple(column.shape) != (count, 1) or count < 2:
            return
        if self._columns.get(column) == self._recorder.shared.update:
            return
        if isinstance(row, torch.nn.Parameter) or isinstance(column, torch.nn.Parameter):
            return
        if _same_memory(column, row):
            return
        where = line()
        outer = self._facts.outers.get(where)
        if outer is None:
            shapes = (tuple(one.shape), tuple(two.shape))
            grad = torch.is_grad_enabled()
            outer = self._facts.outers[where] = Outer(name.strip("_"), shapes, where, grad)
        outer.times += 1

    def _note_equal(self, args: Any, result: Any) -> None:
        call = self._recorder.forward.call
        one, two = args[:2]
        if call is None or not (isinstance(one, torch.Tensor) and isinstance(two, torch.Tensor)):
            return
        whole = not (one.is_floating_point() or two.is_floating_point())
        if not whole or one.shape != two.shape or not 1 <= result.numel() <= LARGEST:
            return
        if not one.ndim or len(self._facts.equals) >= MOST_EQUALS:
            return
        self._facts.equals.append(
            Equal(call, one.detach(), two.detach(), len(self._recorder.recording.reports))
        )

    def _note_softmax(self, args: Any, kwargs: Any, result: Any) -> None:
        axis = softmax_axis(args, kwargs, result)
        if axis is None:
            return
        where = line()
        self._facts.softmaxes[where] = Softmax(
            axis, tuple(result.shape), where, result.requires_grad
        )

    def _note_selection(self, name: str, args: Any, result: Any) -> None:
        source = args[0]
        if name in ("__getitem__", "masked_select"):
            index = args[1]
            index = index[0] if isinstance(index, tuple) and index else index
            if isinstance(index, torch.Tensor) and index.dtype == torch.bool:
                self._selections[result] = len(result) if result.ndim else 1
            return
        if not isinstance(source, torch.Tensor):
            return
        if name == "mean" and source in self._selections and result.ndim == 0:
            self._count(self._selections[source])
        elif name in ("sum", "count_nonzero") and result.ndim == 0 and not source.requires_grad:
            truth = source.dtype == torch.bool or name == "count_nonzero"
            if truth or (source.numel() <= LARGEST and bool(((source == 0) | (source == 1)).all())):
                self._selections[result] = int(result)
        elif name == "mean" and not source.numel() and result.ndim == 0:
            self._count(0)

    def _note_quotient(self, args: Any, result: Any) -> None:
        below = args[1] if len(args) > 1 else None
        if isinstance(below, torch.Tensor) and below in self._selections:
            self._count(self._selections[below])

    def _count(self, size: int) -> None:
        where = line()
        count = self._facts.counts.setdefault(where, Count(where))
        if len(count.sizes) < MOST_COUNTS:
            count.sizes.append(size)

    def _note_constant(self, args: Any, result: Any) -> None:
        parts = [a for a in args[:2] if isinstance(a, torch.Tensor)]
        still = [p for p in parts if not p.requires_grad]
        if len(parts) == 2 and len(still) == 1 and still[0].numel() == 1:
            sums = self._recorder.ledger.sums
            if len(sums) < MOST_COUNTS:
                function = self.still_losses.get(still[0], "")
                sums[result.grad_fn] = (line(), float(still[0]), function)

    def _note_squashed(self, name: str, args: Any) -> None:
        inner = SQUASHED.get(made_by(args[0])) if args and _tensor(args[0]) else None
        if inner is not None and (inner, name) != ("softmax", "log_softmax"):
            where = line()
            self._facts.squashed.setdefault(where, Squashed(inner, name, where))

    def _note_tiny(self, args: Any, kwargs: Any) -> None:
        for value in (*args[1:2], kwargs.get("min"), kwargs.get("other")):
            number = isinstance(value, float) and value > 0
            if number and not float(torch.tensor(value, dtype=torch.float16)):
                where = line()
                self._facts.tinies.setdefault(where, Tiny(value, where))


def _tensor(value: Any) -> bool:
    return isinstance(value, torch.Tensor)


def softmax_axis(args: Any, kwargs: Any, result: Any) -> int | None:
    """Over which axis a softmax was taken; where none is given, PyTorch chooses by their number."""
    axis = kwargs.get("dim", args[1] if len(args) > 1 else None)
    if axis is None:
        axis = 0 if result.ndim in (0, 1, 3) else 1
    return axis % result.ndim if isinstance(axis, int) and result.ndim else None


def _same_memory(one: Any, two: Any) -> bool:
    try:
        return bool(one.untyped_storage().data_ptr() == two.untyped_storage().data_ptr())
    except (RuntimeError, NotImplementedError):
        return False


def line() -> str:
    """Where in the loop's own files the present call stands: "train.py, line 12"."""
    frame: Any = sys._getframe(1)
    while frame is not None and not is_the_loops(frame.f_code.co_filename, frame.f_lineno):
        frame = frame.f_back
    if frame is None:
        return ""
    return f"{Path(frame.f_code.co_filename).name}, line {frame.f_lineno}"
