"""Is it the learning rate? The failing steps again, at smaller rates and at rate 0."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from homeostat.inspect.diagnose.health import Health
from homeostat.inspect.diagnose.replay import Case, replay

FACTORS = (1.0, 1e-2, 1e-4, 0.0)


@dataclass(frozen=True)
class RateTrial:
    """How the same steps went at another rate."""

    factor: float
    rate: float | None
    """The learning rate of the first update; None when no optimiser was watched."""
    failed_at: int | None
    """The step at which it failed, if it did."""

    def to_json(self) -> dict[str, Any]:
        return vars(self)


@dataclass(frozen=True)
class RateTest:
    """All of them, and what they say."""

    trials: tuple[RateTrial, ...]

    @property
    def insensitive(self) -> bool:
        """Whether it fails at every rate, 0 included: then it is not a step-size problem."""
        return bool(self.trials) and all(trial.failed_at is not None for trial in self.trials)

    @property
    def largest_healthy(self) -> RateTrial | None:
        """The largest rate at which it did not fail, if there is one."""
        return next((trial for trial in self.trials if trial.failed_at is None), None)

    @property
    def sentence(self) -> str:
        if not self.trials or all(trial.rate is None for trial in self.trials):
            return "No optimiser was seen, so its rate could not be changed."
        if self.insensitive:
            least = [t.rate for t in self.trials if t.rate]
            return (
                f"It fails at every rate down to {min(least):.3g}, and at 0: "
                "not a step-size problem. Do not tune the rate."
            )
        healthy = self.largest_healthy
        if self.trials[0].failed_at is None or healthy is None:
            return "It did not fail again."
        return f"It does not fail at {healthy.factor:g} of the rate: the step is too large."

    def to_json(self) -> dict[str, Any]:
        return {
            "insensitive": self.insensitive,
            "sentence": self.sentence,
            "trials": [trial.to_json() for trial in self.trials],
        }


def vary_rate(case: Case, last_step: int, *, seconds: float = float("inf")) -> RateTest:
    """Replay up to `last_step` with every learning rate multiplied by each of FACTORS."""
    return RateTest(tuple(_at(case, f, last_step, seconds / len(FACTORS)) for f in FACTORS))


def _at(case: Case, factor: float, last_step: int, seconds: float) -> RateTrial:
    health = Health(case.workload.bounds, case.first_step, rate_factor=factor)
    replay(case, [health], until=last_step, stop=lambda: health.failed, seconds=seconds)
    return RateTrial(factor, health.rate, health.failed_at)
