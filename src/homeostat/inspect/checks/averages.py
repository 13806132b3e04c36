"""Averages: a copy of a model that is scored has its running statistics too."""

from __future__ import annotations

from typing import Any

from torch import nn

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.record.check import Checks, Found
from homeostat.wording import some


def check(bench: ShortRuns) -> Checks:
    found = Found("running statistics")
    run = bench.anatomy
    looked = False
    said: set[int] = set()
    trained = {id(w.tensor) for w in run.weights if w.optimizers}
    for call in run.calls:
        if not call.evaluation or call.training or id(call.module) in said or not call.norms:
            continue
        said.add(id(call.module))
        looked = True
        empty = [n for n, m in call.module.named_modules() if _never_filled(m)]
        if not empty or not run.num_updates:
            continue
        copied = not any(id(p) in trained for p in call.module.parameters())
        twin = next(
            (c.module for c in run.calls if c.module is not call.module and c.learnt_from
             and type(c.module) is type(call.module)), None,
        )  # fmt: skip
        of = f", a copy of {type(twin).__name__}," if copied and twin is not None else ""
        yield found.fault(
            f"{call.model}{of} is scored with running statistics that were never filled: the "
            f"batch norms {some(empty)} have seen no batch, and their mean and variance are still "
            "0 and 1.",
            "Copy buffers as well as parameters into an average of weights, or run "
            "torch.optim.swa_utils.update_bn before scoring.",
            modules=empty,
        )
    if looked and not any(True for _ in ()):
        yield (
            found.ok("Batch norms that score have seen batches.")
            if not _any_empty(run.calls)
            else found.skipped("Some batch norms have seen no batch.")
        )


def _any_empty(calls: list[Any]) -> bool:
    modules = {id(c.module): c.module for c in calls if c.evaluation and not c.training}
    return any(_never_filled(m) for root in modules.values() for m in root.modules())


def _never_filled(module: Any) -> bool:
    if not isinstance(module, nn.modules.batchnorm._BatchNorm) or not module.track_running_stats:
        return False
    tracked, mean, variance = module.num_batches_tracked, module.running_mean, module.running_var
    if tracked is None or mean is None or variance is None or module.momentum == 0:
        return False
    return bool((tracked == 0).all() and (mean == 0).all() and (variance == 1).all())
