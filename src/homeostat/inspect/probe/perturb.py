"""Perturb: a model is called again with its later inputs changed; do earlier outputs move?

Both calls begin from the same random state, so that dropout which is on drops the same units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from homeostat.inspect.tracer.recording import Call
from homeostat.inspect.tracer.tensors import tensors_in


@dataclass(frozen=True)
class EarlierOutputs:
    """How far the outputs before the first changed input moved."""

    cut: int
    """The first time whose input was changed."""
    gap: Any
    """|before - after|, with the axis of time as it was in the output."""
    axis: int
    size: float
    """Mean size of an output."""

    @property
    def moved(self) -> float:
        """The largest move, relative to the size of an output."""
        return float(self.gap.max()) / self.size


def change_later(call: Call, axis: int) -> EarlierOutputs | None:
    """Change the second half of a call's input along an axis of time, and compare its outputs.

    Returns:
        None if nothing that the model computes has such an axis.

    Raises:
        Exception: Whatever the model raises when it is called again.
    """
    shown = call.inputs[0]
    times = shown.shape[axis]
    cut = times // 2
    befores, afters = _results(call, shown), _results(call, _changed(shown, axis, cut))
    timed = [
        (before, after, a)
        for before, after in zip(befores, afters, strict=True)
        if before.shape == after.shape and (a := _time_axis(before, axis, times)) is not None
    ]
    if not timed:
        return None
    before, after, out_axis = ([t for t in timed if t[2] == axis] or timed)[-1]
    gap = (before - after).abs().narrow(out_axis, 0, cut).double()
    return EarlierOutputs(cut, gap, out_axis, float(before.abs().mean()) + 1e-12)


def _changed(shown: Any, axis: int, cut: int) -> Any:
    """The input with other values from time `cut` on."""
    changed = shown.clone()
    times = shown.shape[axis]
    later = changed.narrow(axis, cut, times - cut)
    if shown.is_floating_point():
        noise = torch.randn(later.shape, generator=torch.Generator().manual_seed(0)).to(later)
        later += noise * shown.std().clamp(1e-3)
        return changed
    later.copy_(shown.flip(0).flip(axis).narrow(axis, cut, times - cut))
    if bool((later == shown.narrow(axis, cut, times - cut)).all()):
        later.copy_(shown.narrow(axis, 0, 1).expand_as(later))
    return changed


def _results(call: Call, inputs: Any) -> list[Any]:
    """What each layer gave, in order, and the model's own output last of all.

    A model that takes the targets too may give no more than its loss: its last layer tells then.
    """
    found: list[Any] = []

    def note(module: Any, args: Any, output: Any) -> None:
        found.extend(t for t in tensors_in(output) if t.is_floating_point())

    hooks = [module.register_forward_hook(note) for module in call.module.modules()]
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(0)
            call.again(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _time_axis(output: Any, axis: int, times: int) -> int | None:
    axes = (a for a in (axis, 1, 0) if output.ndim > a)
    return next((a for a in axes if output.shape[a] in (times, times - 1)), None)
