"""Averages: a copy of a model lags behind it, and where it is scored has its statistics too."""

from __future__ import annotations

from typing import Any

from torch import nn

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.tracer.recording import Recording
from homeostat.record.check import Checks, Found
from homeostat.wording import some

LAG = 0.1
"""Of the largest step: what is less behind is as good as the weights themselves."""
LEAST_UPDATES = 20


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
    yield from _followers(Found("averages"), run)
    if fine:
        yield found.ok("Batch norms that score have seen batches.")


def _followers(found: Found, run: Recording) -> Checks:
    """Copies that are moved after each step, and keep next to nothing of what they were."""
    steady = all(o.rates and max(o.rates[-1]) >= 0.5 * max(map(max, o.rates))
                 for o in run.optimizers if o.steps)  # fmt: skip
    steps = {id(w.tensor): w.move for w in run.weights if w.optimizers and w.moved}
    if not steady or run.num_updates < LEAST_UPDATES:
        return
    roots = list(
        {id(m): m for m in [*run.models.values(), *(c.module for c in run.calls)]}.values()
    )
    trained = [m for m in roots if any(id(p) in steps for p in m.parameters())]
    for copy in [m for m in roots if not any(id(p) in steps for p in m.parameters())]:
        for model in trained:
            pairs = [(a.detach(), w.detach(), steps[id(w)]) for a, w in
                     zip(copy.parameters(), model.parameters(), strict=False)
                     if id(w) in steps and a.shape == w.shape]  # fmt: skip
            if (
                type(copy) is not type(model)
                or len(pairs) != len(list(copy.parameters()))
                or not pairs
            ):
                continue
            gaps = [float((a - w).norm() / (w.norm() * move + 1e-30)) for a, w, move in pairs]
            lag = sorted(gaps)[len(gaps) // 2]
            if 0 < lag < LAG:
                yield found.warning(
                    f"A copy of {type(model).__name__} that follows it is no average: it is "
                    f"{lag:.2g} of one step behind, so that it keeps next to nothing of what it "
                    "was.",
                    "See which of the two is given the large share: average = 0.99 * average + "
                    "0.01 * weights lags a hundred steps.",
                    lag=lag,
                )
                return


def _never_filled(module: Any) -> bool:
    if not isinstance(module, nn.modules.batchnorm._BatchNorm) or not module.track_running_stats:
        return False
    tracked, mean, variance = module.num_batches_tracked, module.running_mean, module.running_var
    if tracked is None or mean is None or variance is None or module.momentum == 0:
        return False
    return bool((tracked == 0).all() and (mean == 0).all() and (variance == 1).all())
