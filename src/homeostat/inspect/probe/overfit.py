"""Overfit: can the network learn one batch by heart, with a plain optimiser and nothing else?

If it can, what keeps it from learning lies in the loop (rate, order, schedule, data). If it
cannot, it lies in the network or in its loss.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.tracer.recording import Call, Pair
from homeostat.inspect.tracer.tensors import first_tensor

LOSSES: dict[str, Any] = {
    "cross_entropy": F.cross_entropy,
    "nll_loss": F.nll_loss,
    "mse_loss": F.mse_loss,
    "difference": F.mse_loss,
    "l1_loss": F.l1_loss,
    "smooth_l1_loss": F.smooth_l1_loss,
    "binary_cross_entropy": F.binary_cross_entropy,
    "binary_cross_entropy_with_logits": F.binary_cross_entropy_with_logits,
}
RATES = (1e-2, 1e-3)
STEPS = 150
MOST_ROWS = 64
MOST_NUMBERS = 20_000_000
"""Weights times rows above which it is not tried."""
FITTED = 0.3
"""A loss that falls below this share of what a constant leaves has been learnt."""


@dataclass(frozen=True)
class OneBatch:
    """What became of one batch."""

    fits: bool
    told: str


def overfits_one_batch(bench: ShortRuns) -> OneBatch | None:
    """Train a copy of the model on its first batch alone.

    Returns:
        None where the batch, its loss or its targets were not seen.
    """
    found = _batch(bench)
    if found is None:
        return None
    call, pair = found
    best, rows = float("inf"), len(call.inputs[0])
    first = None
    for rate in RATES:
        try:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                course = _trained(call, pair, rate)
        except Exception:  # a copy of somebody's model, called in a way it may not expect
            return None
        first = course[0] if first is None else first
        best = min(best, *course)
    if first is None or not first > 0:
        return None
    fits = best < FITTED * first
    where = "the fault lies in the loop" if fits else "the fault lies in the network or its loss"
    verb = "learns" if fits else "cannot learn"
    return OneBatch(
        fits,
        f"the network {verb} {rows} rows by heart with Adam ({pair.function} {first:.3g} -> "
        f"{best:.3g} in {STEPS} steps): {where}",
    )


def _batch(bench: ShortRuns) -> tuple[Call, Pair] | None:
    for call in bench.attempt.calls:
        pair = next((p for p in call.pairs if p.function in LOSSES and not p.made), None)
        if not call.learnt_from or not call.inputs or pair is None:
            continue
        weights = sum(p.numel() for p in call.module.parameters())
        if weights * min(len(call.inputs[0]), MOST_ROWS) <= MOST_NUMBERS:
            return call, pair
    return None


def _trained(call: Call, pair: Pair, rate: float) -> list[float]:
    """The loss of each step on one batch."""
    rows = min(len(call.inputs[0]), MOST_ROWS)
    model = copy.deepcopy(call.module).train()
    for part in model.modules():
        if hasattr(part, "reset_parameters"):
            part.reset_parameters()
        if hasattr(part, "p") and isinstance(part.p, float):
            part.p = 0.0
    inputs = call.inputs[0][:rows]
    target = pair.target[:rows]
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], rate)
    losses = []
    for _ in range(STEPS):
        said = first_tensor(model(inputs))
        if said.shape != target.shape and said.numel() == target.numel():
            said = said.reshape(target.shape)
        loss = LOSSES[pair.function](said, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses
