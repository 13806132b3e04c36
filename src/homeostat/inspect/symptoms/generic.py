"""The symptoms of any network, whatever it computes."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np

from homeostat.inspect.symptoms import shapes
from homeostat.inspect.symptoms.evidence import Seen
from homeostat.inspect.symptoms.remedies import relative
from homeostat.inspect.symptoms.symptom import Symptom
from homeostat.record.outcome import Outcome
from homeostat.space.edges import RangeEnd, at_an_end
from homeostat.space.values import show
from homeostat.wording import plural
from homeostat.workload.goal import Goal

_EXPLODED = 1e4
"""A gradient norm that is an explosion by itself,"""
_GROWN = 1e3
"""or by this many times the median norm of the run."""
_VANISHED = 1e-6
"""A median gradient norm at which nothing is learnt."""
_ALWAYS = 0.95
"""A larger share of steps than this is all of them."""
_MOSTLY_DEAD = 0.5
LEARNT_BY_HEART = 0.5
"""A training loss below this share of its first value is low."""
_FAR = 10.0
"""A seed this many median deviations from the middle did not train as the others did."""


def _diverged(seen: Seen) -> str:
    return seen.reason if seen.outcome is Outcome.DIVERGED else ""


def _plateau(seen: Seen) -> str:
    values, train = seen.objective, seen.training
    if not shapes.flat(values) or len(set(values)) == 1:
        return ""
    if len(train) >= shapes.LEAST and not shapes.flat(train):
        return ""  # it fits what it is trained on: that is no plateau
    shown = seen.values(seen.metric)
    return f"{seen.metric} goes from {shown[0]:.4g} to {shown[-1]:.4g} in {len(shown)} reports"


def _constant(seen: Seen) -> str:
    values = seen.values(seen.metric)
    if len(values) < shapes.LEAST or len(set(values)) > 1:
        return ""
    return f"{seen.metric} is {values[0]:g} in all {len(values)} reports"


def _overfitting(seen: Seen) -> str:
    train, values = seen.training, seen.objective
    if not shapes.rising(values) or len(train) < shapes.LEAST or not _really_low(train):
        return ""
    best = int(np.argmin(values))
    shown = seen.values(seen.metric)
    return (
        f"{seen.metric} was best at report {best + 1} of {len(shown)} ({shown[best]:.4g}) and ends "
        f"at {shown[-1]:.4g}, while the training loss falls to {train[-1]:.4g}"
    )


def _really_low(train: Sequence[float]) -> bool:
    """The training loss has lost most of what it had, and is about the lowest that it was."""
    first, last = float(np.mean(train[:2])), float(np.mean(train[-2:]))
    return 0 <= last < LEARNT_BY_HEART * first and last - min(train) < 0.1 * (first - min(train))


def _unfinished(seen: Seen) -> str:
    if seen.outcome is not Outcome.COMPLETED or not shapes.falling(seen.objective):
        return ""
    if seen.rate_spent:
        return ""  # the rate is spent: more of the same steps would change nothing
    shown = seen.values(seen.metric)
    count = plural(len(shown), "report")
    return f"{seen.metric} is still improving at the end ({shown[-1]:.4g} after {count})"


def _oscillating(seen: Seen) -> str:
    if not shapes.oscillating(seen.objective):
        return ""
    shown = seen.values(seen.metric)
    steps = np.abs(np.diff(shown[len(shown) // 2 :]))
    return f"{seen.metric} goes up and down by {float(np.median(steps)):.2g} from report to report"


def _spikes(seen: Seen) -> str:
    train = seen.training
    if not shapes.spikes(train):
        return ""
    return f"the training loss jumps to {max(train[1:]):.4g}, from {float(np.median(train)):.4g}"


def _exploding(seen: Seen) -> str:
    norms = [v for v in seen.values("grad_norm") if math.isfinite(v)]
    if not norms:
        return ""
    grown = max(norms) > _GROWN * max(float(np.median(norms)), 1e-12)
    if not grown and max(norms) < _EXPLODED:
        return ""
    return f"grad_norm reaches {max(norms):.3g}, from {norms[0]:.3g}"


def _vanishing(seen: Seen) -> str:
    norms = [v for v in seen.values("grad_norm") if math.isfinite(v)]
    if len(norms) < shapes.LEAST or float(np.median(norms)) > _VANISHED:
        return ""
    return f"grad_norm is {float(np.median(norms)):.1g} in the middle of the run"


def _always_clipped(seen: Seen) -> str:
    share = seen.last("clip_fraction")
    return f"{100 * share:.0f} % of the steps are clipped" if share and share > _ALWAYS else ""


def _never_clipped(seen: Seen) -> str:
    points = seen.values("clip_fraction")
    if len(points) < shapes.LEAST or any(points):
        return ""
    return f"none of {seen.steps} steps is clipped"


def _dead(seen: Seen) -> str:
    for name in seen.curves:
        last = seen.last(name)
        if re.search(r"dead", name) and last is not None and _MOSTLY_DEAD < last <= 1:
            return f"{name} is {last:.2g}"
    return ""


def _seeds_disagree(seen: Seen) -> str:
    scores = [s for s in seen.scores if math.isfinite(s)]
    if len(scores) < 3:
        return ""
    middle = float(np.median(scores))
    spread = float(np.median(np.abs(np.array(scores) - middle)))
    far = [s for s in scores if abs(s - middle) > _FAR * max(spread, 0.01 * abs(middle))]
    if not far:
        return ""
    return f"{len(far)} of {len(scores)} seeds end far from the others ({far[0]:.4g}, {middle:.4g})"


def _at_the_edge(seen: Seen) -> str:
    ends = _ends(seen)
    told = ", ".join(f"{end.name} is {show(end.value)}" for end in ends)
    return f"{told}: at the end of the range" if told else ""


def _ends(seen: Seen) -> list[RangeEnd]:
    """Values at the end of a range that can be widened: not of what came with Homeostat."""
    if seen.space is None or seen.builtin:
        return []
    given = {n: v for n, v in seen.config.items() if n in seen.config.given}
    return [e for e in at_an_end(seen.space, given) if not seen.space[e.name].fixed and e.wider]


def _widen(seen: Seen) -> str:
    """Which ranges to widen, and how far."""
    ends = _ends(seen)
    return f"Widen {', '.join(f'{e.name} to {e.wider}' for e in ends)} and search again."


def _too_good(seen: Seen) -> str:
    last = seen.last(seen.metric)
    if last is None or seen.floor is None:
        return ""
    better = Goal(seen.goal).better(last, than=seen.floor)
    return (
        f"{seen.metric} is {last:.4g}, beyond the {seen.floor:.4g} of the noise" if better else ""
    )


GENERIC: tuple[Symptom, ...] = (
    Symptom(
        name="divergence",
        evidence=_diverged,
        cause="a number left its bounds: too high a rate, or a singular gradient, which no rate "
        "helps",
        remedy="See what failed first: homeostat diagnose RUN --fix.",
    ),
    Symptom(
        name="the score never changes",
        evidence=_constant,
        cause="what is trained does not reach what is scored",
        remedy="Probe it: homeostat probe WORKLOAD.",
    ),
    Symptom(
        name="plateau from the start",
        evidence=_plateau,
        cause="nothing is learnt: a rate that is far too low or high, labels that do not belong to "
        "the inputs, or weights that no optimiser has",
        remedy="Probe it: homeostat probe WORKLOAD.",
    ),
    Symptom(
        name="overfitting",
        evidence=_overfitting,
        cause="the network learns its training data by heart",
        remedy=lambda seen: (
            "Stop at the best report, or add data"
            + relative(seen, "dropout", 1.5, " or dropout")
            + relative(seen, "weight_decay", 10, " or weight decay")
            + "."
        ),
    ),
    Symptom(
        name="unfinished",
        evidence=_unfinished,
        cause="the budget ends before the curve does",
        remedy=lambda seen: (
            "Train for longer before changing anything else"
            + relative(seen, "rate", 3, " or raise the rate")
            + "."
        ),
    ),
    Symptom(
        name="oscillation",
        evidence=_oscillating,
        cause="steps overshoot: the rate is too high for the batch",
        remedy=lambda seen: (
            "Let the rate decay, average the weights"
            + relative(seen, "rate", 1 / 3, " or lower the rate")
            + "."
        ),
    ),
    Symptom(
        name="spikes",
        evidence=_spikes,
        cause="single batches or states throw the network off",
        remedy=lambda seen: (
            "Warm up, clip the gradient" + relative(seen, "rate", 1 / 3, " or lower the rate") + "."
        ),
    ),
    Symptom(
        name="exploding gradients",
        evidence=_exploding,
        cause="gradients grow by orders of magnitude through depth, time or steps",
        remedy="Clip the gradient, normalise, or start smaller.",
    ),
    Symptom(
        name="vanishing gradients",
        evidence=_vanishing,
        cause="the signal is lost on its way back: saturated units, too many layers without skips",
        remedy="Use residual connections, normalisation, or units that do not saturate.",
    ),
    Symptom(
        name="clipping always acts",
        evidence=_always_clipped,
        cause="the limit sets the length of every step, so the rate is not what it seems",
        remedy="Raise the limit, or lower the rate instead.",
    ),
    Symptom(
        name="clipping never acts",
        evidence=_never_clipped,
        cause="no gradient is as long as the limit: changing it changes nothing",
        remedy="Leave it out of the search.",
    ),
    Symptom(
        name="dead units",
        evidence=_dead,
        cause="units are off for every input and get no gradient",
        remedy="Lower the rate, or use units that are never quite off.",
    ),
    Symptom(
        name="seeds disagree",
        evidence=_seeds_disagree,
        cause="some seeds do not train: the start decides",
        remedy="Warm up or lower the rate; judge by the median of more seeds.",
    ),
    Symptom(
        name="at the edge of a range",
        evidence=_at_the_edge,
        cause="what is better may lie beyond the range",
        remedy=_widen,
    ),
    Symptom(
        name="better than the noise permits",
        evidence=_too_good,
        cause="the score is beyond what the noise in the data leaves: a leak",
        remedy="Look for training data in validation, or targets among the inputs.",
    ),
)
