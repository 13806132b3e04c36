"""Descent: what is reported gets better when what is trained on goes down."""

from __future__ import annotations

import math
import re

import numpy as np

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.probe.trend import trend
from homeostat.inspect.tracer.recording import Recording
from homeostat.record.check import Check, Checks, Found

MOST_BLOWN = 10.0
_HIGH = re.compile(r"(^|_)(acc|accuracy|auc|auroc|f1|r2|recall|bleu|iou|dice)(_|$)")
_LOW = re.compile(r"(^|_)(loss|error|err|mse|rmse|mae|nll|perplexity|cross_entropy)(_|$)")
LEAST_BACKWARDS = 4
LEAST_REPORTS = 6
SPREADS = 4.0


def check(bench: ShortRuns) -> Checks:
    found = Found("descent")
    run = bench.anatomy
    losses, objective = bench.losses, bench.objective
    if len(losses) < LEAST_BACKWARDS:
        yield found.skipped("Fewer than four backward passes were seen.")
        return
    finding = (
        _uphill(found, run, losses, objective)
        or _negated(found, bench, run, losses, objective)
        or _wrong_goal(found, bench, losses, objective)
        or _blown(found, run, losses)
    )
    if finding is not None:
        yield finding
        return
    yield _course(found, bench, losses)


def _course(found: Found, bench: ShortRuns, losses: list[float]) -> Check:
    """Which way the loss goes; one that rises is in order only if something else explains it."""
    course = trend(losses)
    saw = f"The loss that is trained on {course.told}"
    if course.word == "falls":
        return _against_score(found, bench, losses) or found.ok(f"{saw}.")
    if course.word != "rises":
        return found.skipped(f"{saw}." if course.word == "stays" else "Too few losses were seen.")
    better = trend(bench.objective).word == "falls"
    if better or bench.adversarial or bench.moving_targets:
        why = "the score gets better" if better else "what it is held against moves"
        return found.skipped(f"{saw}, while {why}: it measures something else than the score.")
    return found.warning(
        f"{saw}, and nothing that is reported gets better.",
        "Lower the rate; check the sign of the loss, and that the optimiser minimises it.",
        first=course.first, last=course.last,
    )  # fmt: skip


def _against_score(found: Found, bench: ShortRuns, losses: list[float]) -> Check | None:
    """The score is best before anything is learnt, and stays worse as the loss falls."""
    objective = bench.objective
    if len(objective) < LEAST_REPORTS or bench.adversarial or bench.moving_targets:
        return None
    rest = np.array(objective[len(objective) // 2 :])
    worse = float(rest.min()) - objective[0]
    if min(objective) < objective[0] or worse <= max(SPREADS * float(rest.std()), 1e-9):
        return None
    sign, name = bench.workload.goal.sign, bench.workload.metric
    first, last = _ends(losses)
    below = " It falls below 0, so that nothing may bound it." if last < 0 < first else ""
    return found.warning(
        f"The loss that is trained on falls ({first:.4g} to {last:.4g}), and {name} is best in the "
        f"first report and worse ever after ({sign * objective[0]:.4g} to "
        f"{sign * objective[-1]:.4g}): what is made small is not what is scored, as with a wrong "
        f"sign, or raw outputs where a loss takes probabilities.{below}",
        "Check the sign of each term of the loss, and whether it is to be given a sigmoid or "
        "softmax of the outputs.",
    )


def _ends(values: list[float]) -> tuple[float, float]:
    """Means of the first and the last tenth."""
    few = max(1, len(values) // 10)
    return float(np.mean(values[:few])), float(np.mean(values[-few:]))


def _worsens(objective: list[float]) -> bool:
    """Worse at the end than at the start, by more than it wavers, and best early."""
    if len(objective) < 3:
        return False
    first, last = _ends(objective)
    rough = float(np.median(np.abs(np.diff(objective)))) if len(objective) > 3 else 0.0
    early = int(np.argmin(objective)) <= 0.2 * len(objective)
    rises = float(np.mean(np.diff(objective) > 0))
    return early and last - first > max(2 * rough, 1e-3 * abs(first)) and rises > 0.6


def _uphill(
    found: Found, run: Recording, losses: list[float], objective: list[float]
) -> Check | None:
    """Each step goes along the gradient of its own loss, not against it."""
    if len({u.optimizer for u in run.updates}) > 1:
        return None  # adversaries may climb
    slopes = [u.descent for u in run.updates if u.descent] or [s.slope for s in run.hand_steps]
    climbing = [s for s in slopes if s > 0]
    first, last = _ends(losses)
    if len(slopes) < 3 or len(climbing) < 0.9 * len(slopes):
        return None
    if last <= first and not _worsens(objective):
        return None
    return found.fault(
        f"The steps go uphill: {len(climbing)} of {len(slopes)} move along the gradient, and the "
        f"loss rises from {first:.4g} to {last:.4g}.",
        "Subtract the gradient: see the sign of the rate, and maximize= of the optimiser.",
        climbing=len(climbing),
    )


def _negated(
    found: Found, bench: ShortRuns, run: Recording, losses: list[float], objective: list[float]
) -> Check | None:
    """The loss that is trained on falls, and the score gets worse with it."""
    first, last = _ends(losses)
    known = [slope for b in run.backwards for slope in b.slopes]
    up = [name for name, slope in known if slope < 0]
    against = bool(known) and len(up) > 0.5 * len(known)
    alone = len({u.optimizer for u in run.updates}) == 1 and len(up) == len(known)
    certain = against and alone and not _worsens([-v for v in objective])
    if not last < first or not (certain or _worsens(objective)):
        return None
    mirrored = _mirrored(bench, run, losses)
    if not against and not mirrored and not (first <= 0 and last < 2 * min(first, -1e-3)):
        return None
    what = f"{up[0]} is driven up" if against else "it looks like the score with a minus"
    score_first, score_last = _ends(objective)
    sign = bench.workload.goal.sign
    return found.fault(
        f"The loss has the wrong sign: what is trained on falls from {first:.4g} to {last:.4g}, "
        f"while {bench.workload.metric} goes from {sign * score_first:.4g} to "
        f"{sign * score_last:.4g} ({what}).",
        "Take the minus away: optimisers minimise.",
        slopes=known[:4],
    )


def _mirrored(bench: ShortRuns, run: Recording, losses: list[float]) -> bool:
    """A reported number that starts where minus the loss does, and rises as it falls."""
    for name in {name for report in run.reports for name in report.metrics}:
        curve = [v for v in bench.plain().curve(name) if math.isfinite(v)]
        if len(curve) < 3:
            continue
        first, last = _ends(curve)
        near = abs(first + losses[0]) <= 0.4 * abs(first)
        if near and last > first and losses[0] < 0 < first:
            return True
    return False


def _wrong_goal(
    found: Found, bench: ShortRuns, losses: list[float], objective: list[float]
) -> Check | None:
    """The score moves as its name or the loss suggests, and the workload asks for the opposite."""
    workload = bench.workload
    curve = bench.plain().curve(workload.metric)
    first, last = _ends(losses)
    if len(curve) < 3 or not last < first:
        return None
    start, end = _ends(curve)
    name = workload.metric.lower()
    if workload.goal.minimizes:
        late = int(np.argmax(curve)) >= len(curve) // 2
        wrong = end > 1.02 * start >= 0 and late and bool(_HIGH.search(name))
    else:
        like_loss = _worsens(objective) and abs(start - losses[0]) <= 0.4 * abs(losses[0])
        wrong = end < start and (like_loss or bool(_LOW.search(name)))
    if not wrong:
        return None
    return found.fault(
        f"{workload.metric} {'falls' if end < start else 'rises'} ({start:.4g} to {end:.4g}) as "
        "the loss that is trained on falls, but the workload says that it is to be "
        f"{workload.goal}d.",
        f'Write goal="{workload.goal.opposite}".',
    )


def _blown(found: Found, run: Recording, losses: list[float]) -> Check | None:
    """The loss leaves at once."""
    if len({u.optimizer for u in run.updates}) > 1 or losses[0] <= 0:
        return None
    first = float(np.median(losses[: max(1, min(3, len(losses) // 4))]))
    _, last = _ends(losses)
    worst = max(losses)
    finite = len(losses) == len(run.backwards)
    if last < MOST_BLOWN * losses[0] and worst < 1e3 * max(first, losses[0]) and finite:
        return None
    if finite and last <= losses[0]:
        return None
    if not finite and not worst > MOST_BLOWN * losses[0]:
        return None
    move = max((w.move for w in run.weights if w.tensor.ndim > 1), default=0.0)
    rate = max((max(r, default=0.0) for o in run.optimizers for r in o.rates), default=0.0)
    return found.fault(
        f"The loss explodes: from {losses[0]:.4g} to {worst:.4g} within {len(losses)} training "
        f"steps, at a rate of {rate:.2g}; one step changes a tensor by {move:.2g} of itself.",
        "Lower the learning rate by a factor of ten or more, or warm up (homeostat lr-find).",
        rate=rate, move=move,
    )  # fmt: skip
