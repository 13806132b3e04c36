"""Experiments: what would settle a candidate is run, where that is cheap and needs no edit.

Each runs the same attempt from the same seed with one thing changed, and is judged by what the
network has learnt at its end.
"""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.probe.skill import Skill, measure
from homeostat.inspect.tracer import data
from homeostat.inspect.tracer.recording import Recording
from homeostat.own_time import own_time
from homeostat.record.check import Check
from homeostat.record.outcome import Outcome

Manager = contextlib.AbstractContextManager[Any]
CURED_SHARE = 0.5
"""A network that finds this share of what simple models find has learnt."""
MUCH = 0.25
"""Where no simple model can be asked: the score gets better by this share of itself,"""
SPREADS = 4.0
"""and by this many times the difference between two seeds."""


@dataclass(frozen=True)
class Cure:
    """A change that needs no edit."""

    name: str
    write: str
    """What would be written in the code to have it for good."""
    checks: frozenset[str]
    """Findings of these checks are settled by it."""
    make: Callable[[ShortRuns], Manager | None]
    """None where it does not apply."""


@dataclass(frozen=True)
class Experiment:
    """One change, and what came of it."""

    name: str
    outcome: Literal["cures", "helps", "no help", "unseen"]
    saw: str
    write: str = ""
    checks: frozenset[str] = frozenset()

    def to_json(self) -> dict[str, Any]:
        return {"experiment": self.name, "outcome": self.outcome, "saw": self.saw,
                "write": self.write, "checks": sorted(self.checks)}  # fmt: skip


def _named(name: str, *args: float) -> Callable[[ShortRuns], Manager]:
    def make(bench: ShortRuns) -> Manager:
        from homeostat.inspect.probe import interventions

        made: Manager = getattr(interventions, name)(*args)
        return made

    return make


def _scheduled(bench: ShortRuns) -> Manager | None:
    steps = any(o.scheduler_steps for o in bench.attempt.optimizers)
    return _named("constant_rate")(bench) if steps else None


def _in_half(bench: ShortRuns) -> Manager | None:
    half = any(str(w.tensor.dtype) in ("torch.float16", "torch.bfloat16")
               for w in bench.attempt.weights)  # fmt: skip
    return _named("larger_epsilon")(bench) if half else None


def _not_finite(bench: ShortRuns) -> Manager | None:
    """Only where something was not finite, or is in half precision."""
    run = bench.attempt
    ended = run.ending.outcome in (Outcome.FAILED, Outcome.DIVERGED)
    if ended or bench.anatomy.troubles or _in_half(bench) is not None:
        return _named("double_precision")(bench)
    return None


def _normalised(bench: ShortRuns) -> Manager | None:
    """Only where the training inputs are far from mean 0 and a spread of 1."""
    from homeostat.inspect.probe.interventions import normalised_inputs

    table = data.training(bench.attempt)
    calls = [c for c in bench.attempt.calls if c.learnt_from and c.inputs]
    first = calls[0].inputs[0] if calls else None
    if table is None or first is None or not first.is_floating_point() or first.ndim < 2:
        return None
    rows = table.inputs.astype(float)
    mean, sd = rows.mean(0), rows.std(0)
    used = sd > 1e-6
    if not used.any() or (np.abs(mean[used]).max() < 2 and 0.2 < np.median(sd[used]) < 3):
        return None
    import torch

    shape = first.shape[1:]
    if mean.size != math.prod(shape):
        return None
    return normalised_inputs(torch.tensor(mean).reshape(shape), torch.tensor(sd).reshape(shape))


CURES = (
    Cure("a tenth of the learning rate", "divide the learning rate by 10",
         frozenset({"descent", "gradients", "activations", "gradient flow"}),
         _named("rate_times", 0.1)),
    Cure("ten times the learning rate", "multiply the learning rate by 10",
         frozenset({"movement", "learning"}), _named("rate_times", 10.0)),
    Cure("normalised inputs", "subtract the mean of the training inputs and divide by their s.d.",
         frozenset({"input scale", "activations", "scored inputs", "gradients"}),
         _normalised),
    Cure("shuffled batches", "give the DataLoader shuffle=True",
         frozenset({"shuffling", "descent"}), _named("shuffled")),
    Cure("weights initialised anew", "leave the layers as PyTorch initialises them",
         frozenset({"units", "activations", "gradients", "first loss"}),
         _named("fresh_weights")),
    Cure("no schedule", "take the scheduler out, or give it the steps that it counts",
         frozenset({"schedule", "optimiser life", "rate"}), _scheduled),
    Cure("gradients cleared after each step", "call optimizer.zero_grad() before each backward",
         frozenset({"order"}), _named("cleared_after_each_step")),
    Cure("train and eval mode where they belong", "call model.train() and model.eval()",
         frozenset({"modes", "running statistics"}), _named("modes_that_fit")),
    Cure("clipped gradients", "clip_grad_norm_(model.parameters(), 1.0) before each step",
         frozenset({"gradients", "descent"}), _named("clipped")),
    Cure("float64", "compute what loses its digits in float64: model.double()",
         frozenset({"precision", "half precision", "gradients", "runs"}), _not_finite),
    Cure("a larger epsilon", "give the optimiser eps=1e-4",
         frozenset({"precision", "half precision", "runs"}), _in_half),
)  # fmt: skip


def settle(
    bench: ShortRuns, findings: Sequence[Check], *, seconds: float, everything: bool = False
) -> Iterator[Experiment]:
    """Run what would settle the candidates of a network that does not learn.

    Args:
        findings: Faults and warnings, most evidence first.
        seconds: How long all of them may take.
        everything: Try every cure, not only those that a finding suggests.
    """
    if "torch" not in sys.modules:
        return
    until = own_time() + seconds
    from homeostat.inspect.probe.overfit import overfits_one_batch

    batch = overfits_one_batch(bench)
    if batch is not None:
        outcome: Literal["helps", "no help"] = "helps" if batch.fits else "no help"
        yield Experiment("one batch alone", outcome, batch.told)
    names = {check.name for check in findings}
    suggested = [cure for cure in CURES if cure.checks & names]
    others = [cure for cure in CURES if cure not in suggested]
    for cure in [*suggested, *(others if everything else others[:2])]:
        made = cure.make(bench)
        if made is None:
            continue
        left_s = until - own_time()
        if left_s < 1.2 * bench.attempt.seconds:
            yield Experiment(cure.name, "unseen", "no time was left to try it", cure.write,
                             cure.checks)  # fmt: skip
            continue
        yield _tried(bench, cure, made, left_s)


def _tried(bench: ShortRuns, cure: Cure, made: Manager, seconds: float) -> Experiment:
    base = bench.attempt
    run = bench.run(
        bench.config, bench.seed, anatomy=True, operations=False, targets=True, within=made,
        budget=base.budget, most_updates=max(base.num_updates, 1),
        limit_s=max(seconds, 1.0),
    )  # fmt: skip
    outcome, saw = _judged(bench, run)
    return Experiment(cure.name, outcome, saw, cure.write, cure.checks)


def _judged(
    bench: ShortRuns, run: Recording
) -> tuple[Literal["cures", "helps", "no help", "unseen"], str]:
    metric = bench.workload.metric
    if run.ending.outcome in (Outcome.FAILED, Outcome.DIVERGED):
        return "no help", f"it ends with {run.ending.reason or run.ending.outcome}"
    skill, before = measure(run, metric), bench.skill
    if skill is not None and before is not None and skill.simple_skill > 0:
        saw = f"{skill.terms} {_short(before.network)} -> {_short(skill.network)}"
        return _by_skill(before, skill), saw
    old, new = _end(bench.turned(bench.attempt)), _end(bench.turned(run))
    if new is None:
        return "unseen", f"no {metric} was reported"
    sign = bench.workload.goal.sign
    if old is None:
        return "cures", f"{metric} {_short(sign * new)}, where it did not get so far"
    other = _end(bench.turned(bench.plain(seed=bench.seed + 1)))
    spread = abs(other - old) if other is not None else 0.0
    saw = f"{metric} {_short(sign * old)} -> {_short(sign * new)}"
    gained = old - new
    much = gained > max(SPREADS * spread, MUCH * abs(old))
    return ("helps" if much else "no help"), saw


def _by_skill(before: Skill, after: Skill) -> Literal["cures", "helps", "no help"]:
    if after.share >= CURED_SHARE > before.share:
        return "cures"
    return "helps" if after.share - before.share > 0.5 * CURED_SHARE else "no help"


def _end(values: Sequence[float]) -> float | None:
    """The mean of the last fifth."""
    few = max(1, len(values) // 5)
    return float(np.mean(values[-few:])) if values else None


def _short(value: float) -> str:
    return f"{value:.3g}"
