"""Activations: units that are never on, and non-linearities that are saturated from the start."""

from __future__ import annotations

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.tracer.recording import Activation
from homeostat.record.check import Checks, Found
from homeostat.wording import plural

LEAST_ROWS = 32
MOSTLY = 0.9
HALF = 0.6
START = 3
"""Looks at a layer that count as the start."""


def check(bench: ShortRuns) -> Checks:
    found = Found("activations")
    layers = [a for a in bench.anatomy.activations if a.rows >= LEAST_ROWS]
    if not layers:
        yield found.skipped("No relu, sigmoid, tanh or softmax was seen inside a model.")
        return
    fine = True
    for layer in layers:
        if layer.kind == "relu" and layer.alive is not None:
            dead = float((~layer.alive).float().mean())
            count = f"{int((~layer.alive).sum())} of {layer.alive.numel()}"
            where = _where(layer)
            if dead > MOSTLY and layer.alive.numel() > 1:
                fine = False
                yield found.fault(
                    f"{where} is dead: {count} of its units are 0 for all {layer.rows} inputs.",
                    "Start its bias at 0 or above, lower the rate, normalise its input, or use "
                    "leaky_relu or gelu.",
                    where=layer.where, dead=dead,
                )  # fmt: skip
            elif dead > HALF and layer.alive.numel() >= 8:
                fine = False
                yield found.warning(
                    f"{where}: {count} units are 0 for all {layer.rows} inputs.",
                    "Lower the rate, or check how its bias and its input are scaled.",
                    where=layer.where, dead=dead,
                )  # fmt: skip
        elif layer.saturated:
            start = min(layer.saturated[:START])
            last = layer is layers[-1] or layer.kind == "softmax"
            later = min(layer.saturated[-START:]) if not last else 0.0
            if max(start, later) > MOSTLY:
                fine = False
                when = "from the start" if start > MOSTLY else "after some updates"
                yield found.fault(
                    f"{_where(layer)} is saturated {when}: {100 * max(start, later):.0f} % of its "
                    "values are at an end, where the gradient is 0.",
                    "Scale its input down: smaller initial weights, normalised inputs, a lower "
                    "rate.",
                    where=layer.where, share=max(start, later),
                )  # fmt: skip
    if fine:
        yield found.ok(f"Alive and within their range: {plural(len(layers), 'activation')}.")


def _where(layer: Activation) -> str:
    times = f" (no. {layer.order})" if layer.order > 1 else ""
    same = layer.kind in layer.where.lower()
    return f"{layer.where}{times}" if same else f"{layer.kind}{times} in {layer.where}"
