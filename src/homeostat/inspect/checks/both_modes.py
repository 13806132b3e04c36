"""Both modes: a model says in evaluation what it has learnt to say in training."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.tracer.asking import LEAST_ROWS, Asked, evaluating, limited, spread
from homeostat.inspect.tracer.recording import Call, Recording
from homeostat.record.check import Check, Checks, Found
from homeostat.wording import some

NORMS = nn.modules.batchnorm._BatchNorm
LEAST_BATCHES = 30
"""Running statistics may lag before they have seen so many."""
LEAST_FOR_STATISTICS = 16
APART = 1.0
"""Of the spread of the answers: further apart, the two modes are two different models."""
DRAWS = 8
MOST_COLUMNS = 1024
MOST_NOISE = 8.0
"""Variance by luck over variance between examples, above which training sees hardly any of these.
Half of the units dropped gives about 1."""


def check(bench: ShortRuns) -> Checks:
    found = Found("both modes")
    if bench.anatomy.num_updates < LEAST_BATCHES:
        return
    fine = False
    for call in _learnt_from(bench.anatomy):
        asked = limited(Asked(call))
        if not asked.fits or asked.count < LEAST_ROWS:
            continue
        with evaluating(call.module):
            whole = asked.steady()
            if whole is None or not whole.ndim or len(whole) != asked.count:
                continue
            problems = [p for p in (_statistics(found, asked, whole), _luck(found, asked)) if p]
        yield from problems
        fine = fine or not problems
    if fine:
        yield found.ok("Answers in training and in evaluation mode are about the same.")


def _learnt_from(run: Recording) -> list[Call]:
    """The last kept training call of each model."""
    learnt = (c for c in run.calls if c.learnt_from and c.training and c.inputs)
    return list({id(c.module): c for c in learnt if not c.coordinates}.values())


def _statistics(found: Found, asked: Asked, whole: Any) -> Check | None:
    """Batch norms whose running statistics are not those of what is trained on."""
    norms = {name: m for name, m in asked.module.named_modules()
             if isinstance(m, NORMS) and m.track_running_stats}  # fmt: skip
    seen = [int(m.num_batches_tracked) for m in norms.values() if m.num_batches_tracked is not None]
    if not seen or min(seen) < LEAST_BATCHES or asked.count < LEAST_FOR_STATISTICS:
        return None
    for norm in norms.values():
        norm.train()
    other = asked.answer()
    asked.module.eval()
    if other is None or other.shape != whole.shape:
        return None
    gap = float((whole.double() - other.double()).square().mean().sqrt()) / spread(other)
    if gap <= APART:
        return None
    rates = sorted({m.momentum for m in norms.values() if m.momentum is not None})
    follow = f" They follow a batch by {some([f'{rate:g}' for rate in rates])}." if rates else ""
    return found.warning(
        f"{asked.call.model} is another model in evaluation mode: on a batch that it was trained "
        f"on its answers are {gap:.2g} times their spread away from those in training mode, "
        f"because the running statistics of {some(list(norms))} are not those of the data.{follow}",
        "Give batch norm the momentum that PyTorch means (0.1: the new batch's share), and show "
        "one kind of data to each batch norm.",
        gap=gap, modules=list(norms),
    )  # fmt: skip


def _thin(answer: Any, rows: int) -> Any:
    """Some numbers of each row of an answer, evenly spaced; None if it has other rows."""
    if answer is None or not answer.ndim or len(answer) != rows:
        return None
    flat = answer.reshape(rows, -1)
    return flat[:, :: max(1, flat.shape[1] // MOST_COLUMNS)].double()


def _luck(found: Found, asked: Asked) -> Check | None:
    """What is dropped hides what tells examples apart."""
    asked.module.train()
    for module in asked.module.modules():
        if isinstance(module, NORMS):
            module.eval()
    draws = [_thin(asked.answer(seed=seed), asked.count) for seed in range(DRAWS)]
    asked.module.eval()
    if any(d is None or d.shape != draws[0].shape for d in draws):
        return None
    stack = torch.stack(draws)
    luck = float(stack.var(0).mean())
    between = float(stack.mean(0).var(0).mean()) - luck / DRAWS
    if luck <= MOST_NOISE * max(between, luck / (10 * MOST_NOISE)):
        return None
    drops = sorted(
        {m.p for m in asked.module.modules() if isinstance(m, nn.modules.dropout._DropoutNd)}
    )
    shares = (
        f" Its dropouts drop {some([f'{p:g}' for p in drops])} of what they see." if drops else ""
    )
    return found.warning(
        f"In training mode the answers of {asked.call.model} are luck: for one example they vary "
        f"{luck / max(between, luck / (10 * MOST_NOISE)):.2g} times as much from call to call as "
        f"between examples.{shares}",
        "The p of nn.Dropout is the share that is dropped, not the share that is kept.",
        luck=luck, between=between,
    )  # fmt: skip
