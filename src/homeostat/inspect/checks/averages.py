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
    if not run.num_updates:
        return
    trained = {id(w.tensor) for w in run.weights if w.optimizers}
    scored = {
        id(c.module): c for c in run.calls if c.evaluation and not c.training and c.norms
    }  # fmt: skip
    fine = bool(scored)
    for call in scored.values():
        empty = [name for name, m in call.module.named_modules() if _never_filled(m)]
        if not empty:
            continue
        fine = False
        copied = not any(id(p) in trained for p in call.module.parameters())
        twin = any(
            c.learnt_from and c.module is not call.module and type(c.module) is type(call.module)
            for c in run.calls
        )
        of = ", a copy of the trained one," if copied and twin else ""
        yield found.fault(
            f"{call.model}{of} is scored with running statistics that were never filled: the "
            f"batch norms {some(empty)} have seen no batch, and their mean and variance are still "
            "0 and 1.",
            "Copy buffers as well as parameters into an average of weights, or run "
            "torch.optim.swa_utils.update_bn before scoring.",
            modules=empty,
        )
    if fine:
        yield found.ok("Batch norms that score have seen batches.")


def _never_filled(module: Any) -> bool:
    if not isinstance(module, nn.modules.batchnorm._BatchNorm) or not module.track_running_stats:
        return False
    tracked, mean, variance = module.num_batches_tracked, module.running_mean, module.running_var
    if tracked is None or mean is None or variance is None or module.momentum == 0:
        return False
    return bool((tracked == 0).all() and (mean == 0).all() and (variance == 1).all())
