"""Gradients: finite, neither vanishing nor exploding, and where the first trouble comes from."""

from __future__ import annotations

import math

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.tracer.recording import Recording, Trouble, Update
from homeostat.record.check import Checks, Found
from homeostat.wording import plural, some

EXPLODING = 1e4
"""Relative change of the loss per relative change of the weights."""
VANISHING = 1e-6
"""A layer's share of that, against the layer with the most."""
FIRST = 3
GROWING = 1e3
"""Size of a model's output over that of its input, at the start."""
REMEDY = (
    "Start smaller or orthogonal, normalise between layers or time steps, scale the inputs, and "
    "clip the gradient."
)


def check(bench: ShortRuns) -> Checks:
    found = Found("gradients")
    run = bench.anatomy
    if not run.updates:
        hint = bench.workload.words.in_a_loop("; show it with trial.watch(optimizer)")
        yield found.skipped(f"No optimiser step was seen{hint}.")
        return
    problems = list(_not_finite(run)) or list(_size(found, run))
    yield from problems
    if not problems:
        first = run.updates[0]
        yield found.ok(
            f"Finite in {plural(len(run.updates), 'update')}; "
            f"the first has norm {first.grad_norm:.3g}."
        )


def _not_finite(run: Recording) -> Checks:
    bad = [u for u in run.updates if u.nonfinite]
    losses = [(i, b) for i, b in enumerate(run.backwards) if not math.isfinite(b.loss)]
    if not bad and not (losses and not run.scaler):
        return
    step = bad[0].number if bad else 0
    trouble = _cause(run, bad[0].number if bad else None)
    half = trouble is not None and trouble.dtype in ("float16", "bfloat16") and not trouble.why
    found = Found("precision" if half else "gradients")
    loss = bad[0].loss if bad else losses[0][1].loss
    finite = loss is not None and math.isfinite(loss)
    if bad and finite:
        saw = (
            f"At update {step + 1} the loss is finite ({loss:.4g}), but the gradient of "
            f"{some(bad[0].nonfinite)} is not"
        )
    elif losses and (not bad or losses[0][0] <= step):
        saw = f"The loss of training step {losses[0][0] + 1} is {losses[0][1].loss:g}"
    else:
        saw = f"At update {step + 1} the gradient of {some(bad[0].nonfinite)} is not finite"
    yield found.fault(
        f"{saw}{_told(trouble)}.",
        _remedy(trouble),
        update=step,
        weights=bad[0].nonfinite if bad else [],
        operation=trouble.operation if trouble else None,
        where=trouble.where if trouble else None,
    )


def _cause(run: Recording, update: int | None) -> Trouble | None:
    """The first operation of that update that made something infinite, or was about to."""
    if update is None:
        candidates = run.troubles
    else:
        end = next(u.time for u in run.updates if u.number == update)
        before = [t for t in run.troubles if t.time < end]
        candidates = [t for t in before if t.update == update] or before
    first = next((t for t in candidates if t.bad), None)
    singular = next((t for t in candidates if t.why), None)
    return singular if singular is not None and (first is None or first.backward) else first


def _told(trouble: Trouble | None) -> str:
    if trouble is None:
        return ""
    if trouble.why:
        return f": {trouble.operation} in {trouble.where} ({trouble.why})"
    when = "the backward pass of " if trouble.backward else ""
    return (
        f": the first is {trouble.operation} in {when}{trouble.where}, {trouble.bad} of "
        f"{trouble.total} values not finite in {trouble.dtype}"
    )


def _remedy(trouble: Trouble | None) -> str:
    if trouble is None:
        return "See what failed first: homeostat diagnose."
    if trouble.why:
        return "Add a small number inside it, or treat that case apart (torch.where on the input)."
    if trouble.operation.startswith("log"):
        return "Keep its input above 0: log1p, log_softmax, logsigmoid, or a clamp at 1e-8."
    if trouble.dtype in ("float16", "bfloat16"):
        return f"Compute this part in float32; {trouble.dtype} cannot hold the value."
    if trouble.operation.startswith(("div", "reciprocal", "rsqrt")):
        return "Keep the divisor away from 0: add an epsilon."
    if trouble.operation.startswith(("exp", "pow", "cosh", "sinh")):
        return "Bound what goes in (clamp, log-sum-exp, a smaller rate)."
    return "Lower the learning rate, clip the gradient, or see: homeostat diagnose."


def _size(found: Found, run: Recording) -> Checks:
    gains = [c for c in run.calls[:FIRST] if c.learnt_from and (c.gain or 0) > GROWING]
    if gains:
        gain = max(c.gain or 0.0 for c in gains)
        yield found.fault(
            f"The signal explodes: what {gains[0].model} gives is {gain:.2g} times as large as "
            f"what it is given, and the first gradient has norm {run.updates[0].grad_norm:.2g}.",
            REMEDY,
            gain=gain,
        )
        return
    first = [u for u in run.updates[:FIRST] if u.layers and u.loss and math.isfinite(u.loss)]
    if not first:
        return
    steepest = max(first, key=_steepness)
    steep = _steepness(steepest)
    if steep > EXPLODING and not run.scaler:
        name, (grad, own) = max(steepest.layers.items(), key=lambda item: item[1][0])
        yield found.fault(
            f"The gradient explodes: at update {steepest.number + 1} its norm is "
            f"{steepest.grad_norm:.2g} for a loss of {steepest.loss:.3g}, most of it in {name} "
            f"({grad:.2g}, its own norm is {own:.2g}).",
            REMEDY,
            grad_norm=steepest.grad_norm, weight=name, steepness=steep,
        )  # fmt: skip
    shares: dict[str, float] = {}
    for update in run.updates:
        for name, (grad, own) in update.layers.items():
            shares[name] = max(shares.get(name, 0.0), grad * own)
    matrices = {
        w.name: shares[w.name] for w in run.weights if w.tensor.ndim > 1 and shares.get(w.name)
    }
    if len(matrices) >= 2:
        top = max(matrices.values())
        faint = [name for name, share in matrices.items() if share < VANISHING * top]
        if faint:
            worst = min(faint, key=lambda name: matrices[name])
            yield found.fault(
                f"The gradient vanishes: that of {some(faint)} is {matrices[worst] / top:.1g} of "
                "the largest layer's, for its size.",
                "Use activations that do not saturate (relu, gelu), residual connections or "
                "normalisation, and an initialisation that keeps the scale.",
                weights=faint,
            )


def _steepness(update: Update) -> float:
    """Relative change of the loss per relative change of the weights."""
    return update.grad_norm * update.weight_norm / abs(update.loss or 1.0)
