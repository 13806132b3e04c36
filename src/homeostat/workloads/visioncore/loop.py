"""The loop: steps, validations at the end of each epoch, and the reports about them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from homeostat.workload.beside import beside
from homeostat.workload.report import Report
from homeostat.workloads.visioncore.build import build_module, load_clips
from homeostat.workloads.visioncore.clips import Clips, draw_batch, owned_frames
from homeostat.workloads.visioncore.evaluate import interval, score, score_repeats, summarise
from homeostat.workloads.visioncore.portrait import portrait
from homeostat.workloads.visioncore.training import FreeViewing, Stepper, parameter_groups
from homeostat.workloads.visioncore.views import FILE

if TYPE_CHECKING:
    from homeostat.space import Config
    from homeostat.workload.trial import Trial

SCORED_CLIPS = 96
"""Clips of each session in a validation; the test takes all."""
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
    seen |= {"best_step": -1, "weights": _weights(module)}
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
            # The same clips each time, the last time too: another choice would be another quantity.
            metrics |= _validate(module, clips, min(most or SCORED_CLIPS, SCORED_CLIPS))
            better = metrics["val_bits_per_spike"] > seen["best"]
            seen["stale"] = 0 if better else seen["stale"] + 1
            if better:
                seen |= {"best": metrics["val_bits_per_spike"], "best_step": step}
                seen["weights"] = _weights(module)
            last = last or 0 < config.patience <= seen["stale"]
        if last:
            latest = _weights(module)
            module.model.load_state_dict(seen["weights"])
            metrics |= _test(module, clips, most, trial)
            trial.extra["best_step"] = seen["best_step"]
            trial.keep_weights(
                seen["weights"], plan=module.model.plan, null_rates=module.null_rates
            )
            module.model.load_state_dict(latest)
        yield Report(step, **metrics)
        if last:
            trial.write(FILE, lambda: portrait(module, clips, most))
            return


def _weights(module: FreeViewing) -> dict[str, Any]:
    """A copy of the model's weights."""
    return {name: w.detach().cpu().clone() for name, w in module.model.state_dict().items()}


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
    scores = score(module, clips, "test", max_clips=max_clips)
    metrics = summarise(scores, "test")
    low, high = interval(scores)
    rows: dict[str, dict[str, Any]] = {
        "the network": {
            "bits per spike": metrics["test_bits_per_spike"],
            "95 % interval": f"{low:.4g} .. {high:.4g}",
        },
        "flat guess": {"bits per spike": 0.0},
    }
    oracles = [s.oracle_bits_N for s in scores.values() if s.oracle_bits_N is not None]
    if len(oracles) == len(scores):
        rows["the true rates"] = {"bits per spike": float(np.nanmean(np.concatenate(oracles)))}
    neurons = sum(len(s.bits_N) for s in scores.values())
    clips_scored = min(len(s.sums_C2N) for s in scores.values())
    notes = [
        f"{neurons} neurons, {clips_scored} clips of each session; the interval is over stretches "
        "of time, not over seeds. The flat guess is each neuron's mean rate in training."
    ]
    beside(trial, "On the test part, with the weights of the best validation", rows, notes)
    ccnorm = score_repeats(module, clips, trial.rng("ccnorm"))
    if not math.isnan(ccnorm):
        metrics["test_ccnorm"] = ccnorm
    return metrics
