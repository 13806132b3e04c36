"""Shift: a model of sequences is asked for the next token, not for another."""

from __future__ import annotations

from typing import Any

import torch

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.tracer.asking import Asked, evaluating, limited
from homeostat.inspect.tracer.recording import Call
from homeostat.record.check import Checks, Found

SHIFTS = (1, 0, 2, -1, 3, -2, 4)
SAME = 0.9
LEAST_TIMES = 5


def check(bench: ShortRuns) -> Checks:
    found = Found("target shift")
    said: set[str] = set()
    shifts: dict[str, dict[int, Call]] = {}
    for call in bench.anatomy.calls:
        if call.learnt_from and call.inputs:
            for pair in call.pairs:
                shift = _shift(call.inputs[0], pair.target)
                if shift is not None:
                    shifts.setdefault(call.model, {}).setdefault(shift, call)
    for model, seen in shifts.items():
        if 1 in seen:
            said.add(model)
            continue
        for shift, call in seen.items():
            if shift == 0 and _causal(call):
                yield found.fault(
                    f"{model} is asked for the token that it is shown at the same place, and "
                    "sees no later ones: its targets equal its inputs, and it need only copy.",
                    "Shift the targets by one: tokens[:, :-1] in, tokens[:, 1:] as targets.",
                    shift=0,
                )
            elif shift not in (0, 1):
                to = f"{shift} places on" if shift > 0 else f"{-shift} back"
                yield found.warning(
                    f"The targets of {model} are its inputs {to}, not the next: they may have "
                    "been shifted twice, by the loop and by the model or its data.",
                    "Shift in one place only: tokens[:, :-1] in, tokens[:, 1:] as targets.",
                    shift=shift,
                )
    if said:
        yield found.ok("Targets are the next tokens.")


def _shift(shown: Any, target: Any) -> int | None:
    """By how many places the targets lie ahead of the inputs; None if they are no such thing."""
    if shown.is_floating_point() or target.is_floating_point() or shown.ndim != 2:
        return None
    rows, width = shown.shape
    if width < LEAST_TIMES or not rows or target.numel() % rows or len(torch.unique(shown)) < 4:
        return None
    length = target.numel() // rows
    if not width - 4 <= length <= width:
        return None
    wanted = target.reshape(rows, length)
    for shift in SHIFTS:
        start, end = max(0, -shift), min(length, width - shift)
        if end - start < LEAST_TIMES - 2:
            continue
        one, two = wanted[:, start:end], shown[:, start + shift : end + shift]
        counted = one >= 0
        if not bool(counted.any()):
            continue
        same = float((one == two)[counted].double().mean())
        if same > SAME and (shift == 1 or _others_differ(wanted, shown)):
            return shift
    return None


def _others_differ(wanted: Any, shown: Any) -> bool:
    """Whether tokens change from place to place, so that a shift can be told."""
    return bool((shown[:, 1:] != shown[:, :-1]).double().mean() > 0.3)


def _causal(call: Call) -> bool:
    """Whether a change of later tokens leaves earlier answers alone."""
    asked = limited(Asked(call))
    with evaluating(call.module):
        whole = asked.steady()
        if whole is None or whole.ndim < 3 or whole.shape[1] != asked.inputs[0].shape[1]:
            return False
        changed = asked.inputs[0].clone()
        cut = changed.shape[1] // 2
        changed[:, cut:] = changed[:, cut:].flip(0)
        if torch.equal(changed, asked.inputs[0]):
            return False
        answer = asked.answer([changed, *asked.inputs[1:]])
    if answer is None or answer.shape != whole.shape:
        return False
    gap = (answer - whole).abs()
    return float(gap[:, :cut].max()) < 1e-4 * float(gap.max() + 1e-12) or float(gap.max()) == 0
