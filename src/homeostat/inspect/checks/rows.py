"""Rows: an example gets the same answer whatever other examples stand beside it in the batch.

A trained model is asked again, in evaluation mode, with half of its batch and with the batch in
another order. Which axis examples lie along is read off the targets; where the answers of a time
axis depend on each other, the other axis may be the one of examples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.tracer.asking import (
    LEAST_ROWS,
    Asked,
    apart,
    evaluating,
    limited,
    main_calls,
    row_axes,
    spread,
    tolerance,
)
from homeostat.inspect.tracer.functions import softmax_axis
from homeostat.record.check import Check, Checks, Found

FACTOR = 10.0
"""Over the rounding: so far apart are answers that truly depend on other rows."""
SEQUENTIAL = (
    nn.RNNBase,
    nn.MultiheadAttention,
    nn.TransformerEncoderLayer,
    nn.TransformerDecoderLayer,
)
OVER_ROWS = {"softmax", "log_softmax", "_softmax", "_log_softmax"}


def check(bench: ShortRuns) -> Checks:
    found = Found("rows")
    run = bench.anatomy
    fine: list[str] = []
    for call in main_calls(run):
        axes = row_axes(run, call)
        if not axes:
            continue
        with evaluating(call.module):
            answers = [_mixing(call, axis) for axis in axes]
        if any(answer == "independent" for answer in answers):
            fine.append(call.model)
        elif answers and isinstance(answers[0], _Mixing):
            yield _says(found, call, answers[0])
    if fine:
        yield found.ok(f"{fine[0]}: each example's answer is the same beside any other examples.")


@dataclass
class _Mixing:
    by: float
    """How far answers move, over their spread."""
    name: str = ""
    part: Any = None
    function: str = ""
    others: float = 1.0
    """Share of the other rows whose answers move with one row."""


def _mixing(call: Any, axis: int) -> _Mixing | str:
    if call.inputs[0].ndim <= axis:
        return "unseen"
    asked = limited(Asked(call, axis))
    if not asked.fits or asked.count < LEAST_ROWS:
        return "unseen"
    whole = asked.steady()
    if whole is None:
        return "unseen"
    out = next((a for a in (axis, 0, 1) if whole.ndim > a and whole.shape[a] == asked.count), None)
    if out is None:
        return "unseen"
    scale, limit = _spread_over_rows(whole, out), FACTOR * tolerance(whole)
    order = torch.randperm(asked.count, generator=torch.Generator().manual_seed(1))
    gaps = []
    for index in (_half(asked), _few(asked), order):
        answer = asked.answer(asked.taken(index))
        wanted = whole.index_select(out, index.to(whole.device))
        if answer is None or answer.shape != wanted.shape:
            return "unseen"
        if not bool(torch.isfinite(answer).all()):
            return "unseen"
        gaps.append(apart(wanted, answer, scale))
    # A model that holds a graph of its rows refuses another number of them; order alone tells less.
    if max(gaps[:2]) <= limit:
        return "independent"
    return _located(asked, _Mixing(max(gaps)), out)


def _spread_over_rows(answer: Any, axis: int) -> float:
    """How far the answers of rows lie apart, but no less than a hundredth of their size.

    Columns that stand far apart would hide rows that hardly differ; rows that are all but equal
    would make rounding look like a difference.
    """
    numbers = answer.double()
    over_rows = spread(numbers - numbers.mean(axis, keepdim=True))
    return max(over_rows, 0.01 * float(numbers.abs().max()))


def _half(asked: Asked) -> Any:
    """Every other row, and not the first of them: a recurrence over rows leaves the first alone."""
    return torch.arange(1, asked.count, 2)


def _few(asked: Asked) -> Any:
    """An eighth of the rows: among half of them a norm over rows may be nearly as it was."""
    return torch.arange(asked.count - max(2, asked.count // 8), asked.count)


def _located(asked: Asked, mixing: _Mixing, out: int) -> _Mixing:
    """Find the innermost part where rows begin to depend on each other."""
    half = _half(asked)
    whole, part = _passed(asked, asked.inputs), _passed(asked, asked.taken(half))
    for name, module in asked.module.named_modules():
        if module not in whole or module not in part or not name:
            continue
        before, after = _alike(whole[module], part[module], half, asked.count)
        if before and not after:
            mixing.name, mixing.part = name, module  # the last one in order is the innermost
    mixing.function = _over_rows(asked)
    mixing.others = _moved(asked, out)
    return mixing


def _passed(asked: Asked, inputs: list[Any]) -> dict[Any, tuple[Any, Any]]:
    """What went into each module and came out, the first time."""
    passed: dict[Any, tuple[Any, Any]] = {}

    def note(module: Any, args: Any, output: Any) -> None:
        first = next((a for a in args if isinstance(a, torch.Tensor)), None)
        output = output[0] if isinstance(output, tuple) else output
        if module not in passed and first is not None and isinstance(output, torch.Tensor):
            passed[module] = (first.detach(), output.detach())

    hooks = [m.register_forward_hook(note) for m in asked.module.modules()]
    try:
        asked.answer(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return passed


def _alike(whole: Any, part: Any, half: Any, count: int) -> tuple[bool, bool]:
    """Whether the inputs, and the outputs, of a module agree where both have them."""
    answers = []
    for one, two in zip(whole, part, strict=True):
        axis = next(
            (a for a in range(one.ndim) if one.shape[a] == count and two.ndim == one.ndim
             and two.shape[a] == len(half)), None,
        )  # fmt: skip
        if axis is None:
            answers.append(False)
            continue
        rows = one.index_select(axis, half.to(one.device))
        answers.append(
            rows.shape == two.shape
            and apart(rows.float(), two.float(), spread(one.float())) <= FACTOR * tolerance(one)
        )
    return answers[0], answers[1]


def _over_rows(asked: Asked) -> str:
    """A softmax over an axis that has as many places as there are rows, which others have not."""
    count = next(n for n in (7, 11, 5, 6) if n <= asked.count)
    inputs = asked.taken(torch.arange(count))
    over: list[str] = []

    class RowOperations(torch.overrides.TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            kwargs = kwargs or {}
            result = func(*args, **kwargs)
            name = getattr(func, "__name__", "")
            if name in OVER_ROWS and isinstance(result, torch.Tensor):
                axis = softmax_axis(args, kwargs, result)
                if axis is not None and result.shape[axis] == count:
                    others = [s for i, s in enumerate(result.shape) if i != axis]
                    if count not in others:
                        over.append(f"{name.strip('_')} over axis {axis}")
            return result

    with RowOperations():
        asked.answer(inputs)
    return over[0] if over else ""


def _moved(asked: Asked, out: int) -> float:
    """Change one row: the share of other rows whose answers move."""
    changed = [t.clone() for t in asked.inputs]
    for tensor in changed:
        if tensor.ndim > asked.rows and tensor.shape[asked.rows] == asked.count:
            tensor.select(asked.rows, 0).copy_(tensor.select(asked.rows, asked.count - 1))
    before, after = asked.answer(), asked.answer(changed)
    if before is None or after is None or before.shape != after.shape:
        return 1.0
    gaps = (before.double() - after.double()).abs().movedim(out, 0).reshape(asked.count, -1)
    moved = gaps.amax(1) > FACTOR * tolerance(before) * 1e-2 * spread(before)
    return float(moved[1:].double().mean())


def _says(found: Found, call: Any, mixing: _Mixing) -> Check:
    size = f"{mixing.by:.2g} times" if mixing.by < math.inf else "without bound,"
    saw = (
        f"{call.model} answers an example otherwise when other examples stand beside it in the "
        f"batch: with half of them, answers move by {size} their spread"
    )
    part, name = mixing.part, mixing.name
    evidence = {"moved": mixing.by, "where": name}
    if mixing.function:
        return found.fault(
            f"{saw}. It takes a {mixing.function}, and along that axis lie the examples of the "
            "batch.",
            "Take it over the axis of classes: dim=-1, or dim=1.", **evidence,
        )  # fmt: skip
    if isinstance(part, SEQUENTIAL) and not getattr(part, "batch_first", True):
        return found.fault(
            f"{saw}. It begins at {name} ({type(part).__name__}), whose axis of time is the "
            "batch axis here.",
            "Build it with batch_first=True, or transpose its input to (time, batch, features).",
            **evidence,
        )
    at = f". It begins at {name} ({type(part).__name__})" if part is not None else ""
    if isinstance(part, nn.modules.batchnorm._BatchNorm):
        return found.warning(
            f"{saw}{at}, which normalises with the batch's own statistics in evaluation too.",
            "Keep track_running_stats=True, unless scores may depend on the batch.", **evidence,
        )  # fmt: skip
    if mixing.others < 0.5:
        return found.fault(
            f"{saw}{at}: one example moves the answers of {100 * mixing.others:.0f} % of the "
            "others. That is what a view or reshape does where a transpose was meant.",
            "Use transpose or permute to move axes; view and reshape keep the order of numbers "
            "and put parts of several examples into one.", **evidence,
        )  # fmt: skip
    return found.warning(
        f"{saw}{at}.",
        "If examples are meant to be independent, look for a dim of 0, a mean or a softmax over "
        "the batch, or attention along the batch axis.", **evidence,
    )  # fmt: skip
