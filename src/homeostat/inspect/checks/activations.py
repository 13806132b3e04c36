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
REVIVE = (
    "Start its bias at 0 or above, lower the rate, normalise its input, or use leaky_relu or gelu."
)


def check(bench: ShortRuns) -> Checks:
    found = Found("activations")
    run = bench.anatomy
    layers = [a for a in run.activations if sum(look.rows for look in a.looks) >= LEAST_ROWS]
    if not layers:
        yield found.skipped("No relu, sigmoid, tanh or softmax was seen inside a model.")
        return
    problems = []
    for layer in layers:
        if layer.kind == "relu":
            problems += list(_dead(found, layer, run.num_updates))
        else:
            last = layer is layers[-1] or layer.kind == "softmax"
            problems += list(_saturated(found, layer, run.num_updates, last=last))
    yield from problems
    if not problems:
        yield found.ok(
            f"Alive and within their range, at the start and at the end: "
            f"{plural(len(layers), 'activation')}."
        )


def _dead(found: Found, layer: Activation, updates: int) -> Checks:
    """Units that are 0 for every input, over the whole run or over its end."""
    ever, late = layer.alive(layer.looks), layer.alive(layer.late(updates))
    if ever is None or late is None or ever.numel() < 2:
        return
    dead = float((~late).float().mean())
    always = float((~ever).float().mean()) > 0.5 * dead
    count = f"{int((~late).sum())} of {late.numel()}"
    rows = sum(look.rows for look in (layer.looks if always else layer.late(updates)))
    since = "" if always else f", from update {_since(layer) + 1} of {updates} on"
    facts = {"where": layer.where, "dead": dead}
    if dead > MOSTLY:
        yield found.fault(
            f"{_where(layer)} is dead: {count} of its units are 0 for all {rows} inputs{since}.",
            REVIVE, **facts,
        )  # fmt: skip
    elif dead > HALF and late.numel() >= 8:
        yield found.warning(
            f"{_where(layer)}: {count} units are 0 for all {rows} inputs{since}.",
            "Lower the rate, or check how its bias and its input are scaled.",
            **facts,
        )


def _since(layer: Activation) -> int:
    """The update at which most units died."""
    died = 0
    for look in layer.looks:
        if float((~look.alive).float().mean()) <= MOSTLY:
            died = look.update + 1
    return died


def _saturated(found: Found, layer: Activation, updates: int, *, last: bool) -> Checks:
    """Values at a flat end, from the start or in the end; a last layer may end there."""
    start = min(look.saturated for look in layer.looks[:START])
    later = 0.0 if last else min(look.saturated for look in layer.late(updates))
    share = max(start, later)
    if share > MOSTLY:
        when = "from the start" if start > MOSTLY else "after some updates"
        yield found.fault(
            f"{_where(layer)} is saturated {when}: {100 * share:.0f} % of its values are at an "
            "end, where the gradient is 0.",
            "Scale its input down: normalised inputs, smaller initial weights, a lower rate.",
            where=layer.where, share=share,
        )  # fmt: skip


def _where(layer: Activation) -> str:
    times = f" (no. {layer.order})" if layer.order > 1 else ""
    same = layer.kind in layer.where.lower()
    return f"{layer.where}{times}" if same else f"{layer.kind}{times} in {layer.where}"
