"""Inputs: each has an effect, and their order is seen where it means something."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from homeostat.inspect.checks.padding import tail_of
from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.tracer.asking import (
    LEAST_ROWS,
    Asked,
    evaluating,
    limited,
    main_calls,
    spread,
    tolerance,
)
from homeostat.inspect.tracer.tensors import tensors_in
from homeostat.record.check import Check, Checks, Found

ATTENTION = (nn.MultiheadAttention, nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)
MOST_PLACES = 32
HALF = 0.5
STILL = 1e-5
"""Of the spread: an answer that moves less does not depend on what was changed."""


def check(bench: ShortRuns) -> Checks:
    found = Found("inputs")
    fine = ""
    for call in main_calls(bench.anatomy):
        asked = limited(Asked(call))
        if not asked.fits or asked.count < LEAST_ROWS or call.inputs[0].ndim < 2:
            continue
        with evaluating(call.module):
            whole = asked.steady()
            if whole is None or not whole.ndim or len(whole) != asked.count:
                continue
            problems = [
                finding
                for finding in (
                    _places(found, asked, whole), *_arguments(found, asked, whole),
                    _order(found, asked, whole),
                )
                if finding is not None
            ]  # fmt: skip
        yield from problems
        fine = fine if problems else call.model
    if fine:
        yield found.ok(f"Every input of {fine} that was changed moved its answer.")


def _still(asked: Asked, inputs: list[Any], whole: Any, rows: Any = None) -> bool:
    """Whether no answer moves; True too if it cannot be asked."""
    answer = asked.answer(inputs)
    if answer is None or answer.shape != whole.shape:
        return False
    gaps = (answer.double() - whole.double()).abs().reshape(len(whole), -1).amax(1)
    if rows is not None:
        gaps = gaps[rows]
    return bool(gaps.numel()) and float(gaps.max()) <= STILL * spread(whole)


def _places(found: Found, asked: Asked, whole: Any) -> Check | None:
    """Places along the second axis: columns, or times."""
    shown = asked.inputs[0]
    width = shown.shape[1]
    if shown.ndim > 3 or width < 3:
        return None
    tail = tail_of(asked.call)
    generator = torch.Generator().manual_seed(3)
    dead: list[int] = []
    looked = 0
    for place in range(0, width, max(1, width // MOST_PLACES)):
        rows = (
            tail.lengths > place if tail is not None else torch.ones(len(shown), dtype=torch.bool)
        )
        column = shown[:, place].clone()
        if int(rows.sum()) < 2 or bool((column == column[:1]).all()):
            continue
        looked += 1
        changed = shown.clone()
        changed[:, place] = column[torch.randperm(len(column), generator=generator)]
        if tail is not None:  # a real token in the place of a real one
            other = shown[rows][torch.randperm(int(rows.sum()), generator=generator), 0]
            changed[:, place] = column
            changed[rows, place] = other
        moved = (changed != shown).reshape(len(shown), -1).any(1)
        if bool(moved.any()) and _still(asked, [changed, *asked.inputs[1:]], whole, moved):
            dead.append(place)
    if looked < 3 or len(dead) < HALF * looked:
        return None
    return found.warning(
        f"{asked.call.model} ignores its inputs: {len(dead)} of the {looked} places along axis 1 "
        "that were changed have no effect on its answers.",
        "See what drops them: an inverted mask, an index, a layer whose units are all off.",
        places=dead[:20],
    )


def _arguments(found: Found, asked: Asked, whole: Any) -> list[Check]:
    """Further arguments that have no effect."""
    findings = []
    order = torch.randperm(asked.count, generator=torch.Generator().manual_seed(5))
    for place, tensor in enumerate(asked.inputs[1:], 1):
        if tensor.dtype == torch.bool or tensor.ndim == 0 or len(tensor) != asked.count:
            continue
        if bool((tensor == tensor[:1]).all()):
            continue
        given = list(asked.inputs)
        given[place] = tensor[order]
        if _still(asked, given, whole) and not _used_otherwise(asked, given):
            findings.append(
                found.warning(
                    f"{asked.call.model} ignores an input: exchanging argument {place + 1} of "
                    f"shape {tuple(tensor.shape)} between examples moves no answer.",
                    "See whether forward() uses it, and whether its layer is given it.",
                    argument=place,
                )
            )
    return findings


def _used_otherwise(asked: Asked, given: list[Any]) -> bool:
    """Whether anything that is returned depends on it, in evaluation or in training.

    As where a model is given its targets and returns its loss too, or is led by them in training.
    """
    for training in (False, True):
        asked.module.train(training)
        before, after = (list(tensors_in(asked.returned(i))) for i in (asked.inputs, given))
        asked.module.eval()
        if len(before) != len(after) or any(map(_differ, before, after)):
            return True
    return False


def _differ(one: Any, other: Any) -> bool:
    if one.shape != other.shape:
        return True
    one, other = one.detach().to(torch.complex128), other.detach().to(torch.complex128)
    return not torch.allclose(one, other, rtol=STILL, atol=0.0, equal_nan=True)


def _order(found: Found, asked: Asked, whole: Any) -> Check | None:
    """Attention over tokens that cannot tell their order."""
    shown = asked.inputs[0]
    attends = any(isinstance(m, ATTENTION) for m in asked.module.modules())
    if not attends or shown.is_floating_point() or shown.ndim != 2 or shown.shape[1] < 4:
        return None
    if tail_of(asked.call) is not None or len(asked.inputs) > 1:
        return None
    width = shown.shape[1]
    order = torch.randperm(width, generator=torch.Generator().manual_seed(7))
    answer = asked.answer([shown[:, order]])
    if answer is None or answer.shape != whole.shape:
        return None
    wanted = whole
    if whole.ndim > 2 and whole.shape[1] == width:
        wanted = whole[:, order]
    gap = float((answer.double() - wanted.double()).abs().max())
    if gap > 5 * tolerance(whole) * spread(whole):
        return None
    return found.warning(
        f"The order of tokens is invisible to {asked.call.model}: with the places of each row "
        "exchanged its answers are the same.",
        "Add a position embedding before attention, unless the tokens are a set.",
    )
