"""The loop: steps, validations at the end of each epoch, and the reports about them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from homeostat.workload.report import Report
from homeostat.workloads.visioncore.build import build_module, load_clips
from homeostat.workloads.visioncore.clips import Clips, draw_batch, owned_frames
from homeostat.workloads.visioncore.evaluate import score, score_repeats, summarise
from homeostat.workloads.visioncore.portrait import portrait
from homeostat.workloads.visioncore.training import FreeViewing, Stepper, parameter_groups
from homeostat.workloads.visioncore.views import FILE

if TYPE_CHECKING:
    from homeostat.space import Config
    from homeostat.workload.trial import Trial

QUICK_CLIPS = 48
"""Clips of each session in the validations on the way; the last one takes all."""
WHOLE_FROM = 200
"""Runs shorter than this, such as those of a probe, are scored on about one clip per step."""
STEPS_APART = 20
"""Least steps between validations: one costs about as much as that many."""


def train(config: Config, trial: Trial) -> Iterator[Report]:
    """Train one configuration; every step is reported, and every epoch is validated."""
    clips = load_clips(config, trial.device)
    module = build_module(config, clips, trial.budget)
    stepper = Stepper(module, trial.device)
    trial.watch(
        model=module,
        optimizer=stepper.optimizer,
        schedule=stepper.schedule,
        train=owned_frames(clips, "train"),
        validation=owned_frames(clips, "validation"),
    )
    trial.extra["parameters"] = {
        name: sum(p.numel() for p in group)
        for name, group in parameter_groups(module.model).items()
    }
    seen: dict[str, Any] = {"steps": 0, "clipped": 0, "best": -math.inf, "stale": 0}
    trial.keep("seen", seen)
    every = config.steps_per_epoch * math.ceil(STEPS_APART / config.steps_per_epoch)
    most = None if trial.budget >= WHOLE_FROM else max(8, trial.budget)
    rng = trial.rng("batches")
    for step in trial.steps():
        result = stepper.step(
            [draw_batch(clips, config.batch_size, rng) for _ in range(config.accumulate)]
        )
        seen["steps"] += 1
        seen["clipped"] += result.grad_norm > config.gradient_clip
        metrics = {
            "train_loss": result.loss,
            "grad_norm": result.grad_norm,
            "clip_fraction": seen["clipped"] / seen["steps"],
            **{f"lr_{name}": rate for name, rate in result.lr.items()},
            **{name: float(v) for name, v in module.model.temporal_constants().items()},
        }
        last = step + 1 == trial.budget
        if last or (step + 1) % every == 0:
            metrics |= _validate(module, clips, most if last else QUICK_CLIPS)
            better = metrics["val_bits_per_spike"] > seen["best"]
            seen["best"] = max(seen["best"], metrics["val_bits_per_spike"])
            seen["stale"] = 0 if better else seen["stale"] + 1
            last = last or 0 < config.patience <= seen["stale"]
        if last:
            metrics |= _test(module, clips, most, trial)
        yield Report(step, **metrics)
        if last:
            trial.write(FILE, lambda: portrait(module, clips, most))
            return


def _validate(
    module: FreeViewing, clips: dict[str, Clips], max_clips: int | None
) -> dict[str, float]:
    module.eval()
    scores = score(module, clips, "validation", max_clips=max_clips)
    metrics = summarise(scores, "val")
    if len(scores) > 1:
        each = {n: float(np.nanmean(s.bits_N)) for n, s in scores.items()}
        metrics |= {f"val_bits_per_spike_{name}": bits for name, bits in each.items()}
    return metrics


def _test(
    module: FreeViewing, clips: dict[str, Clips], max_clips: int | None, trial: Trial
) -> dict[str, float]:
    """Scores on blocks that neither training nor any choice has seen."""
    module.eval()
    metrics = summarise(score(module, clips, "test", max_clips=max_clips), "test")
    ccnorm = score_repeats(module, clips, trial.rng("ccnorm"))
    if not math.isnan(ccnorm):
        metrics["test_ccnorm"] = ccnorm
    return metrics
