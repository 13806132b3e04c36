"""Coverage: every trainable weight in an optimiser exactly once, with a gradient, and moved."""

from __future__ import annotations

import math

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.tracer.recording import Recording, Weight
from homeostat.record.check import Check, Checks, Found
from homeostat.wording import plural, some

FEW = 3
"""After this many updates a gradient that is still zero is no accident of initialisation."""
LEAST_LATE = 5
FITTED = 1e-3
"""A last loss below this share of the largest is as good as 0."""
NEGLIGIBLE = 1e-5
TINY_MOVE = 1e-7
"""Relative change in an update below which float32 rounds it away."""


def check(bench: ShortRuns) -> Checks:
    found = Found("coverage")
    run = bench.anatomy
    hint = bench.workload.words.in_a_loop
    if not run.weights:
        yield found.skipped(
            "No PyTorch module or optimiser was seen"
            f"{hint('; show them with trial.watch(model, optimizer)')}."
        )
        return
    if not run.backwards and not run.num_updates:
        yield _nothing(found, bench)
        return
    problems = [
        *_missing(found, run),
        *_twice(found, run),
        *_without_gradient(Found("gradient flow"), run, bench.whole),
        *_dried_up(Found("gradient flow"), run),
        *_still(Found("movement"), run, bench.whole),
    ]
    yield from problems
    if not problems:
        trained = [w for w in run.weights if w.moved and w.trainable]
        frozen = [w for w in run.weights if not w.trainable]
        told = f"; {len(frozen)} are frozen, as declared" if frozen else ""
        yield found.ok(
            f"All {len(trained)} trained tensors are in an optimiser once, have a gradient and "
            f"move{told}."
        )


def _nothing(found: Found, bench: ShortRuns) -> Check:
    """Neither a backward pass nor a step was seen."""
    run = bench.anatomy
    kinds = sorted(
        {b.kind for b in run.facts.births if not b.scheduler} | {o.kind for o in run.optimizers}
    )
    if not bench.whole or run.cut or run.ending.reason or run.hand_steps or not kinds:
        return found.skipped("Nothing was trained within the short run.")
    return found.fault(
        f"Nothing is trained: in a whole run with {plural(len(run.reports), 'report')} no loss was "
        f"differentiated and no step was made, though {some(kinds)} was made for it.",
        "Count the batches of a pass: drop_last with fewer rows than one batch leaves "
        "none, and an iterator that was used up gives none again.",
    )  # fmt: skip


def _missing(found: Found, run: Recording) -> Checks:
    missing = [
        w
        for w in run.weights
        if w.trainable and w.reached and not w.optimizers and not w.moved and _is_trained(w)
    ]
    late = [w for w in missing if w.late]
    if late:
        yield found.fault(
            f"{some([w.name for w in late])} came into being after the optimiser was made, and "
            "no optimiser has them: they stay as they were initialised.",
            "Build every layer (run one batch through the model) before making the optimiser.",
            weights=[w.name for w in late],
        )
    rest = [w for w in missing if not w.late]
    if rest:
        size = sum(w.tensor.numel() for w in rest)
        yield found.fault(
            f"{some([w.name for w in rest])} ({size:,} numbers) get a gradient, but no optimiser "
            "has them: they never change.",
            "Give the optimiser all of model.parameters(), with layers held in an nn.ModuleList "
            "and not in a plain list or dict, and tensors in an nn.Parameter; or freeze them by "
            "requires_grad_(False).",
            weights=[w.name for w in rest],
        )


def _is_trained(weight: Weight) -> bool:
    """A network in evaluation mode that only passes the gradient on (a critic) is not."""
    return weight.owner is None or weight.owner.training or weight.called_with_grad


def _twice(found: Found, run: Recording) -> Checks:
    doubled = [w for w in run.weights if len(w.optimizers) > len({i for i, _ in w.optimizers})]
    if doubled:
        yield found.fault(
            f"{some([w.name for w in doubled])} are listed twice in the same optimiser: each step "
            "is taken twice.",
            "List every parameter once.",
            weights=[w.name for w in doubled],
        )
    shared = [
        w for w in run.weights
        if len({i for i, _ in w.optimizers}) > 1
        and sum(run.optimizers[i].repeats for i in {i for i, _ in w.optimizers}) > 1
    ]  # fmt: skip
    if shared:
        names = [run.optimizers[i].name for i in sorted({i for i, _ in shared[0].optimizers})]
        yield found.fault(
            f"{some([w.name for w in shared])} are moved by {' and '.join(names)}, both with the "
            "same gradient.",
            "Leave each parameter to one optimiser.",
            weights=[w.name for w in shared],
        )


def _without_gradient(found: Found, run: Recording, whole: bool) -> Checks:
    stepped = [w for w in run.weights if w.trainable and _steps(run, w)]
    cut = [w for w in stepped if not w.reached and w.largest_grad is None and run.backwards]
    unused = [w for w in cut if not w.called_with_grad and (w.owner is not None or w.registered)]
    detached = [w for w in cut if w.called_with_grad or (w.owner is None and not w.registered)]
    if detached and any(w.reached for w in run.weights):
        yield found.fault(
            f"{some([w.name for w in detached])} take part in the forward pass, but no gradient "
            "reaches them: they are cut off from the loss.",
            "Look for .detach(), .data, .item(), torch.no_grad(), argmax or a new tensor made "
            "from values on the way from them to the loss.",
            weights=[w.name for w in detached],
        )
    without = [w for w in unused if w.owner is not None]
    if without:
        yield (found.fault if whole else found.warning)(
            f"{some([w.name for w in without])} are in the optimiser, but are used under "
            f"torch.no_grad() only in all {run.num_updates} updates: they never learn.",
            "Take torch.no_grad() away from around them, or take them out of the optimiser.",
            weights=[w.name for w in without],
        )
    idle = [w for w in unused if w.owner is None]
    if idle:
        yield found.warning(
            f"{some([w.name for w in idle])} are in the optimiser but are never used within "
            f"{run.num_updates} updates.",
            "Take them out of the model, or find out why nothing calls them.",
            weights=[w.name for w in idle],
        )
    zero = [w for w in stepped if w.largest_grad == 0 and _steps(run, w) >= FEW]
    if any(w.tensor.ndim > 1 for w in zero):  # a lone bias may cancel out of a difference
        fewest = min(_steps(run, w) for w in zero)
        yield found.fault(
            f"The gradient of {some([w.name for w in zero])} is exactly 0 in all {fewest} updates.",
            "Something behind them is off for every input: dead units, a factor of 0, a clamp, "
            "rounding, or a number too small for the type.",
            weights=[w.name for w in zero],
        )


def _dried_up(found: Found, run: Recording) -> Checks:
    """A gradient that was there and is exactly 0 in all of the last updates.

    A loss that is at 0 (all margins kept, all rows fitted) has none either, and is in order.
    """
    looked = [u for u in run.updates if u.layers]
    late = [u for u in looked if u.number >= 0.8 * run.updates[-1].number] if looked else []
    losses = [abs(b.loss) for b in run.backwards if math.isfinite(b.loss)]
    if len(late) < LEAST_LATE or not losses or losses[-1] < FITTED * max(losses):
        return
    early = [u for u in looked if u.number < late[0].number]
    dry = []
    for weight in run.weights:
        if weight.tensor.ndim < 2 or not weight.trainable or not weight.optimizers:
            continue
        had = any(u.layers.get(weight.name, (0.0, 0.0))[0] > 0 for u in early)
        mine = [u for u in late if weight.name in u.layers]
        if had and len(mine) >= LEAST_LATE and not any(u.layers[weight.name][0] for u in mine):
            dry.append(weight.name)
    if dry:
        last = max(u.number for u in early if any(u.layers.get(n, (0.0, 0.0))[0] > 0 for n in dry))
        yield found.fault(
            f"The gradient of {some(dry)} is exactly 0 from update {last + 2} of "
            f"{run.num_updates} on, while the loss is {losses[-1]:.3g}.",
            "Something behind them went off for every input: units that died, a clamp, a number "
            "too small for its type. Lower the rate, or see the activations.",
            weights=dry,
        )  # fmt: skip


def _steps(run: Recording, weight: Weight) -> int:
    return sum(run.optimizers[i].steps for i in {i for i, _ in weight.optimizers})


def _still(found: Found, run: Recording, whole: bool) -> Checks:
    pushed = [
        w for w in run.weights
        if w.trainable and w.optimizers and w.largest_grad and _steps(run, w) >= FEW
    ]  # fmt: skip
    still = [w for w in pushed if not w.moved]
    by_rate = [w for w in still if not any(_rates(run, w))]
    if by_rate and (whole or not all(_warms_up(run, w) for w in by_rate)):
        yield found.fault(
            f"{some([w.name for w in by_rate])} have a gradient and never move: the rate of their "
            "group is 0 in every update.",
            "Give the group its rate, or freeze it by requires_grad_(False).",
            weights=[w.name for w in by_rate],
        )
    # A bias before a norm has a gradient that is rounding, and need not move.
    most = max((w.largest_grad or 0.0 for w in pushed), default=0.0)
    lost = [w for w in still if any(_rates(run, w)) and (w.largest_grad or 0.0) > NEGLIGIBLE * most]
    if lost:
        w = lost[0]
        yield found.fault(
            f"{some([w.name for w in lost])} have a gradient (up to {w.largest_grad:.2g}) and "
            f"never move in {_steps(run, w)} updates at a rate of {max(_rates(run, w)):.2g} "
            f"({str(w.tensor.dtype).removeprefix('torch.')}).",
            "Check that each step is kept: weights overwritten or copied back, a rate too small "
            "for the type (keep float32 weights), a skipped step.",
            weights=[w.name for w in lost],
        )
    moved = [w for w in pushed if w.moved and w.tensor.ndim > 1 and w.move > 0]
    if moved and not still and all(w.move < TINY_MOVE for w in moved):
        fastest = max(w.move for w in moved)
        if not all(_warms_up(run, w) for w in moved):
            yield found.fault(
                f"Nothing learns: the fastest tensor changes by {fastest:.1g} of itself in an "
                f"update, at a rate of {max(r for w in moved for r in _rates(run, w)):.2g}.",
                "Raise the learning rate by orders of magnitude (homeostat lr-find).",
                fastest=fastest,
            )


def _rates(run: Recording, weight: Weight) -> list[float]:
    return [
        rates[g]
        for i, g in weight.optimizers
        for rates in run.optimizers[i].rates
        if g < len(rates)
    ] or [0.0]


def _warms_up(run: Recording, weight: Weight) -> bool:
    """The rate still grows, or a schedule has yet to raise it."""
    for i, g in weight.optimizers:
        group = run.optimizers[i].thing.param_groups[g]
        rates = _rates(run, weight)
        if rates[-1] > rates[0]:
            return True
        if group.get("initial_lr", 0) > 10 * max(rates) and run.optimizers[i].scheduler:
            return True
    return False
