"""Scale: what reaches the first layer has a size that its initial weights were made for."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.record.check import Checks, Found

LARGE = 30.0
"""Root mean square beyond which usual initial weights saturate what follows."""
UNEVEN = 300.0
NORMS = (
    nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, nn.Embedding,
    nn.EmbeddingBag,
)  # fmt: skip
LAYERS = (nn.Linear, nn.modules.conv._ConvNd, nn.RNNBase)


def check(bench: ShortRuns) -> Checks:
    found = Found("input scale")
    run = bench.anatomy
    fine = False
    said = set()
    for call in run.calls:
        if not call.learnt_from or not call.inputs or id(call.module) in said:
            continue
        said.add(id(call.module))
        shown = call.inputs[0]
        if not shown.is_floating_point() or shown.ndim < 2 or _is_output(run, shown):
            continue
        entry = _entry(call)
        if entry is None:
            continue
        name, values = entry
        size = float(values.double().square().mean().sqrt())
        columns = values.double().reshape(-1, values.shape[-1]).square().mean(0).sqrt()
        columns = columns[columns > 0]
        uneven = float(columns.max() / columns.median()) if len(columns) > 1 else 1.0
        if size > LARGE:
            where = f" at {name}" if name else ""
            yield found.warning(
                f"Inputs of {call.model} are not normalised: their size is {size:.3g}{where} "
                f"(from {float(values.min()):.3g} to {float(values.max()):.3g}), where weights as "
                "they are initialised expect about 1; units saturate, or steps are far too large "
                "for the first layer.",
                "Normalise: subtract the mean and divide by the standard deviation of the training "
                "data; pixels by 255.",
                size=size,
            )
        elif uneven > UNEVEN and values.ndim == 2:
            yield found.warning(
                f"Columns of the inputs of {call.model} differ in scale {uneven:.3g} times: the "
                "largest alone decide what the first layer says.",
                "Normalise each column by its own mean and standard deviation.",
                uneven=uneven,
            )
        else:
            fine = True
    if fine:
        yield found.ok("Inputs are of a size that initial weights are made for.")


def _is_output(run: Any, shown: Any) -> bool:
    """Whether it is what another model gave, as codes are."""
    return any(
        c.output is not None and c.output.shape == shown.shape and torch.equal(c.output, shown)
        for c in run.calls[:60]
    )


def _entry(call: Any) -> tuple[str, Any] | None:
    """The first layer with weights, and what it is given; None if that is a norm."""
    from homeostat.inspect.tracer.asking import Asked, evaluating, limited

    first: list[tuple[str, Any]] = []
    names = {m: n for n, m in call.module.named_modules()}

    def note(module: Any, args: Any) -> None:
        given = next((a for a in args if isinstance(a, torch.Tensor)), None)
        if not first and given is not None and isinstance(module, (*NORMS, *LAYERS)):
            first.append((names[module], None if isinstance(module, NORMS) else given.detach()))

    hooks = [m.register_forward_pre_hook(note) for m in names]
    try:
        with evaluating(call.module):
            limited(Asked(call)).answer()
    finally:
        for hook in hooks:
            hook.remove()
    if not first or first[0][1] is None or not first[0][1].is_floating_point():
        return None
    return first[0]
