"""Result: what a search found, and how well it held up on seeds it was not chosen on."""

from __future__ import annotations

import math
import shlex
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from homeostat.record.check import Check
from homeostat.record.outcome import Outcome
from homeostat.search.review.roles import RoleConclusion
from homeostat.space import Config
from homeostat.space.values import show
from homeostat.study.records import TrialRow
from homeostat.study.transfer_point import Carried
from homeostat.workload.goal import Goal


@dataclass(frozen=True)
class Confirmed:
    """One configuration on fresh seeds."""

    values: Mapping[int, float]
    """Seed -> the main objective; seeds without a value are missing."""
    seeds: int
    """How many were tried."""

    @property
    def n(self) -> int:
        return len(self.values)

    @property
    def mean(self) -> float:
        return statistics.fmean(self.values.values()) if self.values else math.nan

    @property
    def sd(self) -> float:
        """Between seeds (n - 1); nan with fewer than two."""
        return statistics.stdev(self.values.values()) if self.n > 1 else math.nan

    def __str__(self) -> str:
        spread = "" if math.isnan(self.sd) else f" ± {self.sd:.3g}"
        return f"{self.mean:.6g}{spread} (n = {self.n})"


@dataclass(frozen=True)
class Gain:
    """The best against the default configuration, on the same fresh seeds."""

    n: int
    mean: float
    """Above 0 where the best is better, whatever the goal."""
    low: float
    high: float
    """The 95 % interval of the mean."""


@dataclass(frozen=True, kw_only=True)
class Best:
    """The configuration a search recommends."""

    number: int
    config: Config
    overrides: Mapping[str, Any]
    """What the search chose to set; the rest is at its default."""
    value: float
    """On the seeds of the search: the best of many, so probably a lucky one."""
    sd: float | None
    confirmed: Confirmed | None
    """On fresh seeds: what to expect. None if it was not confirmed."""
    default: Confirmed | None
    """The starting configuration on the same fresh seeds."""
    gain: Gain | None
    command: str
    """The command that reruns it."""


@dataclass(frozen=True, kw_only=True, repr=False)
class SearchResult:
    """What a search found.

    result.best.config, .best.value, .best.confirmed, .best.command
    result.trials      every trial
    result.carried     trials of earlier studies, which the sampler learnt from
    result.conclusion  what it says about its question, and for which fixed values
    result.checklist   what to look at before the next round
    result.notes       sentences worth reading
    """

    study: str
    workload: str
    metric: str
    goal: Goal
    best: Best | None
    """None if no trial completed."""
    trials: Sequence[TrialRow]
    carried: Sequence[Carried] = ()
    conclusion: RoleConclusion | None = None
    """None while nothing completed."""
    checklist: tuple[Check, ...] = ()
    """Empty while nothing completed."""
    interrupted: bool = False
    notes: tuple[str, ...] = ()

    @cached_property
    def outcomes(self) -> dict[Outcome, int]:
        """How many trials ended in each way."""
        return dict(Counter(trial.outcome for trial in self.trials))

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {outcome}" for outcome, count in self.outcomes.items())
        found = "no best"
        if self.best is not None:
            found = f"best {self.metric} {self.best.value:.6g} in trial {self.best.number}"
            if self.best.confirmed is not None:
                found += f", on fresh seeds {self.best.confirmed}"
        return f"<{self.study}: {counts or 'no trial'}; {found}>"

    def rows(self) -> list[dict[str, Any]]:
        """One row per trial, for tables and JSON."""
        return [
            {
                "number": t.number,
                "outcome": t.outcome.value,
                **t.values,
                **t.parameters,
                "reason": t.reason,
            }
            for t in self.trials
        ]

    def to_json(self) -> dict[str, Any]:
        """The same as plain data."""
        best = self.best
        return {
            "study": self.study,
            "workload": self.workload,
            "metric": self.metric,
            "goal": self.goal,
            "interrupted": self.interrupted,
            "outcomes": {outcome.value: count for outcome, count in self.outcomes.items()},
            "best": None if best is None else _best_json(best),
            "notes": list(self.notes),
            "conclusion": None if self.conclusion is None else self.conclusion.to_json(),
            "checklist": [check.to_json() for check in self.checklist],
            "trials": self.rows(),
            "carried": [asdict(trial) for trial in self.carried],
        }


def command(workload: str, overrides: Mapping[str, Any]) -> str:
    """The command line that runs a configuration."""
    settings = (f"--set {shlex.quote(f'{n}={show(v)}')}" for n, v in overrides.items())
    return " ".join(["homeostat run", shlex.quote(workload), *settings])


def _best_json(best: Best) -> dict[str, Any]:
    return {
        "number": best.number,
        "value": best.value,
        "sd": best.sd,
        "overrides": dict(best.overrides),
        "config": best.config.to_json(),
        "confirmed": _confirmed_json(best.confirmed),
        "default": _confirmed_json(best.default),
        "gain": None if best.gain is None else vars(best.gain),
        "command": best.command,
    }


def _confirmed_json(confirmed: Confirmed | None) -> dict[str, Any] | None:
    if confirmed is None:
        return None
    values = {str(seed): value for seed, value in confirmed.values.items()}
    return {"mean": confirmed.mean, "sd": confirmed.sd, "n": confirmed.n, "values": values}
