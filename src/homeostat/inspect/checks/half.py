"""Half: the small numbers that guard a division are not 0 in float16."""

from __future__ import annotations

from typing import Any

import torch

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.record.check import Checks, Found


def check(bench: ShortRuns) -> Checks:
    found = Found("half precision")
    run = bench.anatomy
    halves = False
    for optimizer in run.optimizers:
        for group in optimizer.thing.param_groups:
            half = any(p.dtype == torch.float16 for p in group["params"])
            eps = group.get("eps")
            halves |= half
            if half and isinstance(eps, float) and _vanishes(eps):
                yield found.fault(
                    f"{optimizer.name} has eps={eps:g} for weights of float16, in which that "
                    "rounds to 0: a weight whose gradient is 0 is divided by 0.",
                    "Keep the weights in float32 and use autocast, or set eps=1e-4 or higher.",
                    eps=eps,
                )
                return
    for tiny in run.facts.tinies.values():
        yield found.warning(
            f"{tiny.where}: {tiny.value:g} is added to a tensor of float16, in which it rounds to "
            "0: it guards nothing.",
            "Use 1e-4 or higher there, or compute this part in float32.",
            value=tiny.value,
        )
    if halves and not run.facts.tinies:
        yield found.ok("No guard against a division by 0 is lost in float16.")


def _vanishes(number: Any) -> bool:
    return number > 0 and float(torch.tensor(number, dtype=torch.float16)) == 0
