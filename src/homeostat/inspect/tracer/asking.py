"""Asking: a trained model is called again, in evaluation mode, with inputs it was given or others.

Afterwards it is as it was: modes, buffers, and the process's random numbers.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from homeostat.inspect.tracer.recording import Call, Recording
from homeostat.inspect.tracer.tensors import first_tensor

LEAST_ROWS = 6
MOST_ROWS = 96
FINITE = 0.5
"""An answer of which less is finite is none."""
MOST_NUMBERS = 4_000_000
ROUNDING = {torch.float16: 3e-2, torch.bfloat16: 1e-1}


@contextmanager
def evaluating(module: Any) -> Iterator[None]:
    """The module is in evaluation mode, and is as it was afterwards."""
    modes = {part: part.training for part in module.modules()}
    buffers = {name: b.detach().clone() for name, b in module.named_buffers()}
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            module.eval()
            yield
        finally:
            for part, mode in modes.items():
                part.training = mode
            for name, buffer in module.named_buffers():
                if name in buffers and buffers[name].shape == buffer.shape:
                    buffer.copy_(buffers[name])


class Asked:
    """A call whose module answers again.

    Args:
        call: A call of which the inputs were kept.
        rows: The axis of its inputs along which examples lie.
    """

    def __init__(self, call: Call, rows: int = 0) -> None:
        self.call = call
        self.module = call.module
        self.rows = rows
        self.inputs: list[Any] = []
        for argument in (*call.args, *call.kwargs.values()):
            if isinstance(argument, torch.Tensor):
                self.inputs.append(argument)
        self.count = int(self.inputs[0].shape[rows])
        self.fits = all(self._by_rows(t) or t.ndim == 0 for t in self.inputs)
        """Whether all its tensors have an axis of examples."""

    def _by_rows(self, tensor: Any) -> bool:
        return bool(tensor.ndim > self.rows and tensor.shape[self.rows] == self.count)

    def answer(self, inputs: list[Any] | None = None, seed: int = 0) -> Any:
        """The first tensor of the answer to other tensors in the place of the call's.

        Numbers that are not finite are 0, if they are few.

        Returns:
            None if it cannot be called so, or if most of the answer is not finite.
        """
        output = self.raw(inputs, seed)
        if output is None:
            return None
        finite = torch.isfinite(output)
        if output.numel() and float(finite.double().mean()) < FINITE:
            return None
        return output if bool(finite.all()) else output.nan_to_num(0.0, 0.0, 0.0)

    def raw(self, inputs: list[Any] | None = None, seed: int = 0) -> Any:
        """The same with what is not finite as it is."""
        output = first_tensor(self.returned(inputs, seed))
        if output is None or not (output.is_floating_point() or output.is_complex()):
            return None
        return output.detach()

    def returned(self, inputs: list[Any] | None = None, seed: int = 0) -> Any:
        """Whatever its module returns for these tensors; None if it cannot be called so."""
        given = iter(self.inputs if inputs is None else inputs)
        args = [next(given) if isinstance(a, torch.Tensor) else a for a in self.call.args]
        kwargs = {
            name: next(given) if isinstance(a, torch.Tensor) else a
            for name, a in self.call.kwargs.items()
        }
        torch.manual_seed(seed)
        try:
            return self.module(*args, **kwargs)
        except Exception:  # whatever the user's model raises on inputs it was not made for
            return None

    def taken(self, index: Any) -> list[Any]:
        """Its inputs at some rows."""
        return [
            t.index_select(self.rows, index.to(t.device)) if self._by_rows(t) else t
            for t in self.inputs
        ]

    def steady(self) -> Any:
        """Its answer, if that is the same each time and does not depend on luck; else None."""
        first, second = self.answer(seed=0), self.answer(seed=1)
        if first is None or second is None or first.shape != second.shape:
            return None
        if apart(first, second) > tolerance(first):
            return None
        return first


def tolerance(answer: Any) -> float:
    """How far equal answers may lie apart by rounding, over their spread."""
    return ROUNDING.get(answer.dtype, 2e-3)


def apart(one: Any, two: Any, scale: float | None = None) -> float:
    """The largest difference of two answers, over the spread of the first."""
    if scale is None:
        scale = spread(one)
    return float((one.double() - two.double()).abs().max()) / scale if one.numel() else 0.0


def spread(answer: Any) -> float:
    """The standard deviation of an answer's numbers; never 0."""
    numbers = answer.double()
    return float(numbers.std(correction=0)) or float(numbers.abs().max()) or 1.0


def main_calls(run: Recording) -> list[Call]:
    """For each trained model, its last kept evaluation call, or else its last kept training call.

    Models that are called within others are left to these.
    """
    trained = {id(call.module) for call in run.calls if call.learnt_from}
    best: dict[int, Call] = {}
    for call in run.calls:
        if not call.inputs or id(call.module) not in trained or call.coordinates:
            continue
        if sum(t.numel() for t in call.inputs) > MOST_NUMBERS:
            continue
        before = best.get(id(call.module))
        if before is None or call.evaluation or not before.evaluation:
            best[id(call.module)] = call
    return list(best.values())


def targets_of(run: Recording, call: Call) -> list[Any]:
    """Targets that a call of the same model met, with the call's own first."""
    calls = [call, *(c for c in run.calls if c.module is call.module and c is not call)]
    return [pair.target for c in calls for pair in c.pairs if c.inputs]


def row_axes(run: Recording, call: Call) -> tuple[int, ...]:
    """The axes of a call's first input along which examples may lie, read off the targets.

    Empty if nothing says which: no target was seen, or it has another shape.
    """
    for other in [call, *(c for c in run.calls if c.module is call.module)]:
        shape = tuple(other.inputs[0].shape) if other.inputs else ()
        for pair in other.pairs if shape else ():
            target = tuple(pair.target.shape)
            if not target:
                continue
            if len(shape) > 2 and len(target) > 1 and target[:2] == shape[:2]:
                return (0, 1)
            if len(shape) == 2 and target == shape and not other.inputs[0].is_floating_point():
                return (0, 1)
            if len(shape) > 1 and len(target) == 1 and target[0] == shape[0] * shape[1] > shape[0]:
                return (0, 1)
            if target[0] == shape[0]:
                return (0,)
            if len(shape) > 2 and target[0] == shape[1]:
                return (1,)
            return ()
    return ()


def limited(asked: Asked) -> Asked:
    """The same call with fewer rows, so that asking is quick."""
    if not asked.fits or asked.count <= MOST_ROWS:
        return asked
    index = torch.arange(MOST_ROWS)
    given = iter(asked.taken(index))
    call = asked.call
    args = tuple(next(given) if isinstance(a, torch.Tensor) else a for a in call.args)
    kwargs = {n: next(given) if isinstance(a, torch.Tensor) else a for n, a in call.kwargs.items()}
    smaller = Call(
        call.time, call.report, call.model, call.module, call.grad, call.training,
        args=args, kwargs=kwargs,
    )  # fmt: skip
    return Asked(smaller, asked.rows)
