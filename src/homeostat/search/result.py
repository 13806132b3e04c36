"""Result: what a search found, as data for a script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from homeostat.record.check import Check
from homeostat.record.outcome import Outcome
from homeostat.search.review.roles import RoleConclusion
from homeostat.search.scores import FreshScore, Gain
from homeostat.search.verdict import StudyVerdict
from homeostat.space import Config
from homeostat.study.records import TrialRow
from homeostat.study.transferred_trial import TransferredTrial
from homeostat.wording import as_html
from homeostat.workload.goal import Goal


@dataclass(frozen=True, kw_only=True)
class Best:
    """The configuration to take: the verdict's trial, with all its values and its command."""

    number: int
    config: Config
    overrides: Mapping[str, Any]
    """What the search chose to set; the rest is at its default."""
    value: float
    """On the seeds of the search: the best of many, so probably a lucky one."""
    sd: float | None
    confirmed: FreshScore | None
    """On fresh seeds: what to expect. None if no trial has won on some yet."""
    default: FreshScore | None
    """The starting configuration on the same fresh seeds."""
    gain: Gain | None
    """Of the verdict's challenger over the default."""
    command: str
    """What reruns it, value for value."""


@dataclass(frozen=True, kw_only=True, repr=False)
class SearchResult:
    """What a search found.

    result.verdict     which trial won, on which evidence, or why none has
    result.best        what to take now: .config, .value, .confirmed, .command
    result.trials      every trial
    result.carried     trials of earlier studies, which the sampler learnt from
    result.conclusion  what it says about its question, and for which fixed values
    result.checklist   what to look at before the next round
    result.notes       sentences worth reading

    Example:
        >>> import homeostat as hs
        >>> space = hs.Space(lr=hs.Float(0.01, 1.0, log=True), unused=hs.Float(0.0, 1.0))
        >>> @hs.workload(space=space, metric="loss", goal="minimize", budget=5)
        ... def valley(config, trial):
        ...     x = 1.0
        ...     for step in trial.steps():
        ...         x -= config.lr * x
        ...         yield hs.Report(step, loss=x * x)
        >>> found = hs.search(valley, trials=8, study="second")
        >>> len(found.trials), found.verdict.trial.number == found.best.number
        (8, True)
    """

    study: str
    workload: str
    metric: str
    goal: Goal
    verdict: StudyVerdict
    best: Best | None
    """None if no trial is better than the others: none completed, or all score the same."""
    trials: Sequence[TrialRow]
    carried: Sequence[TransferredTrial] = ()
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

    def _repr_html_(self) -> str:
        """What a notebook shows: the verdict, and what to type."""
        told = [*self.verdict.lines, *([f"Rerun it:  {self.best.command}"] if self.best else [])]
        return as_html(f"{self.workload}: study {self.study}", [*told, *self.notes])

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {outcome}" for outcome, count in self.outcomes.items())
        return f"<{self.study}: {counts or 'no trial'}. {self.verdict.lines[0]}>"

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
            "verdict": self.verdict.to_json(),
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


def _best_json(best: Best) -> dict[str, Any]:
    return {
        "number": best.number,
        "value": best.value,
        "sd": best.sd,
        "overrides": dict(best.overrides),
        "config": best.config.to_json(),
        "confirmed": None if best.confirmed is None else best.confirmed.to_json(),
        "default": None if best.default is None else best.default.to_json(),
        "gain": None if best.gain is None else vars(best.gain),
        "command": best.command,
    }
