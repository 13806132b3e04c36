"""Level: at the end of training, predictions lie about where the targets do."""

from __future__ import annotations

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.tracer.recording import Pair
from homeostat.record.check import Checks, Found

FUNCTIONS = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
OFF = 2.0
"""Spreads of the targets by which the mean may be missed: a constant would do better."""
LEAST = 16


def check(bench: ShortRuns) -> Checks:
    found = Found("level")
    run = bench.attempt
    pairs = [p for p in run.last_trained if _counts(p)]
    if not pairs or not bench.attempted_whole or bench.moving_targets:
        return
    target, predicted = pairs[-1].target.double(), pairs[-1].predicted.double()
    spread = float(target.std())
    off = abs(float(predicted.mean() - target.mean()))
    if spread == 0:
        return
    if off <= OFF * spread:
        yield found.ok("Predictions lie about where their targets do.")
        return
    yield found.warning(
        f"After the whole of training, predictions are not even where the targets are: their mean "
        f"is {float(predicted.mean()):.3g}, that of the targets {float(target.mean()):.3g}, "
        f"{off / spread:.2g} times the spread of the targets away. The scale of the targets is too "
        "large for the rate and the length of training.",
        "Train on (target - mean) / spread, with both taken from the training rows, and turn "
        "predictions back for the score.",
        off=off, spread=spread,
    )  # fmt: skip


def _counts(pair: Pair) -> bool:
    target, predicted = pair.target, pair.predicted
    if pair.made or predicted is None or pair.function not in FUNCTIONS:
        return False
    return bool(
        target.is_floating_point() and target.shape == predicted.shape and target.numel() >= LEAST
    )
