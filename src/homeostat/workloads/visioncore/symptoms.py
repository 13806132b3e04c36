"""The guide's troubleshooting as rules over a record, with what a record says against them.

Each row looks at the configuration and the curves and gives its evidence as a sentence, or nothing.
"""

from __future__ import annotations

from typing import Any

from homeostat.inspect.symptoms.evidence import Seen
from homeostat.inspect.symptoms.symptom import Symptom
from homeostat.space.moves import down, up
from homeostat.wording import plural

REMEDIES: dict[str, dict[str, Any]] = {
    "half the core's rate": {"core_lr_scale": down(times=0.5)},
    "a longer warm-up": {
        # It takes half of the training at most; a longer one is cut.
        "warmup_epochs": up(
            times=2,
            by=1,
            at_least=5,
            limit=lambda config, steps: steps // config.steps_per_epoch // 2,
        )
    },
    "shorter gradients": {"gradient_clip": down(times=0.3)},
    "a lower rate": {"lr": down(times=1 / 3)},
    "normalised recurrence": {"gru_norm": "groupnorm"},
    "proper initialisation": {"init": "proper"},
    "frozen time constants": {"learn_temporal": False},
    "twice the batches a step": {"accumulate": up(times=2)},
}
"""The counterfactual ladder; the first three are the guide's, for either family."""


def _spikes(seen: Seen) -> str:
    """Steps whose loss jumps far above those before it."""
    losses = seen.values("train_loss")
    jumps = sum(
        losses[i] > 2.0 * max(losses[i - 10 : i]) for i in range(10, len(losses)) if losses[i] > 0
    )
    return f"the loss more than doubled at {plural(jumps, 'step')}" if jumps else ""


def _no_scale(seen: Seen) -> str:
    if seen.config["lr_scale_order"] == "rate_first":
        return "core_lr_scale never reaches the core's rate, so changing it changes nothing"
    return ""


def _mostly_clipped(seen: Seen) -> str:
    clipped = seen.values("clip_fraction")
    return (
        f"{100 * clipped[-1]:.0f} % of steps are clipped" if clipped and clipped[-1] > 0.5 else ""
    )


def _never_clipped(seen: Seen) -> str:
    clipped, norms = seen.values("clip_fraction"), seen.values("grad_norm")
    if not norms or not clipped or clipped[-1] > 0.0:
        return ""
    clip = seen.config["gradient_clip"]
    return f"the longest gradient was {max(norms):.2g}, the clip is {clip:g}"


def _still_rising(seen: Seen) -> str:
    bits = seen.values("val_bits_per_spike")
    if len(bits) < 4 or bits[-1] <= bits[-2] * 1.02 or bits[-1] <= 0:
        return ""
    return f"bits per spike rose from {bits[-2]:.3f} to {bits[-1]:.3f} in the last epoch"


def _started_high(seen: Seen) -> str:
    losses = seen.values("train_loss")
    if len(losses) < 20 or losses[0] < 1.3 * losses[19]:
        return ""
    return f"the loss began at {losses[0]:.2f} and fell to {losses[19]:.2f} in twenty steps"


def _starts_at_the_rates(seen: Seen) -> str:
    return "the biases did start at the mean rates" if seen.config["init"] == "proper" else ""


def _constants_stuck(seen: Seen) -> str:
    rates = seen.values("lambda_fix")
    if len(rates) < 100 or not seen.config["learn_temporal"]:
        return ""
    moved = abs(rates[-1] / rates[0] - 1.0)
    return f"lambda_fix moved by {100 * moved:.1f} %" if moved < 0.02 else ""


SYMPTOMS = (
    Symptom(
        name="unstable training: the core's rate",
        evidence=_spikes,
        cause="the core's rate is too high (the guide's first remedy)",
        remedy=REMEDIES["half the core's rate"],
        doubt=_no_scale,
    ),
    Symptom(
        name="unstable training: warm-up",
        evidence=_spikes,
        cause="the rate rises before the parts have settled (the guide's second)",
        remedy=REMEDIES["a longer warm-up"],
    ),
    Symptom(
        name="unstable training: clipping",
        evidence=_spikes,
        cause="single long gradients pass (the guide's third)",
        remedy=REMEDIES["shorter gradients"],
    ),
    Symptom(
        name="the core's scale has no effect",
        evidence=_no_scale,
        cause="it is assigned after the rate has been computed from it, as in the guide's source",
        remedy={"lr_scale_order": "scale_first"},
    ),
    Symptom(
        name="most steps are clipped",
        evidence=_mostly_clipped,
        cause="the clip sets the length of every step, so the rate is not what it seems",
        remedy={"gradient_clip": up(times=10)},
    ),
    Symptom(
        name="clipping never acts",
        evidence=_never_clipped,
        cause="no gradient is as long as the clip; another value changes nothing",
    ),
    Symptom(
        name="training is too slow",
        evidence=_still_rising,
        cause="the budget ends before the curve does; the guide suggests larger batches",
        remedy=REMEDIES["twice the batches a step"],
    ),
    Symptom(
        name="starts far from the neurons' rates",
        evidence=_started_high,
        cause="biases begin at 0, which softplus makes 0.7 spikes a frame",
        remedy=REMEDIES["proper initialisation"],
        doubt=_starts_at_the_rates,
    ),
    Symptom(
        name="the time constants hardly move",
        evidence=_constants_stuck,
        cause="at the head's rate a logarithm of 2 takes thousands of steps to change",
        remedy={"temporal_lr_scale": up(times=3)},
    ),
)
