"""Losses: each is given what it expects: logits, logarithms, and targets of its own shape."""

from __future__ import annotations

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.record.check import Checks, Found

REMEDIES = {
    "softmax": "Give it the logits: it takes the softmax itself, and a second one flattens "
    "whatever the network says.",
    "sigmoid": "Give it the logits: it takes the sigmoid itself; or use binary_cross_entropy.",
    "logits": "Give it log_softmax(logits), or use cross_entropy, which takes logits.",
    "probabilities": "Give it logarithms: log_softmax(logits).",
    "broadcast": "Squeeze one or unsqueeze the other: as it is, each prediction is compared with "
    "every target, and the best answer is their mean.",
}
WHAT = {
    "softmax": "what softmax gave, and expects logits",
    "sigmoid": "what sigmoid gave, and expects logits",
    "logits": "logits, and expects the logarithms of probabilities",
    "probabilities": "probabilities, and expects their logarithms",
}


def check(bench: ShortRuns) -> Checks:
    found = Found("losses")
    run = bench.anatomy
    for misuse in run.misuses:
        if misuse.kind == "broadcast":
            predicted, target = misuse.shapes
            saw = (
                f"Predictions of shape {predicted} meet targets of shape {target} in "
                f"{misuse.function}: they broadcast to every pair of the two."
            )
        else:
            saw = f"{misuse.function} is given {WHAT[misuse.kind]}."
        yield found.fault(saw, REMEDIES[misuse.kind])
    if run.misuses:
        return
    if run.losses:
        functions = ", ".join(sorted(run.losses))
        yield found.ok(f"What goes into {functions} is what it expects.")
    else:
        yield found.skipped("No loss of PyTorch's own was called on a prediction.")
