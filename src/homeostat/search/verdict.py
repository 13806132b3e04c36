"""The verdict of a study: which trial won and how good it is, or why no trial has won.

Made by `search.decide` alone, from what the store holds, and shown as it is by every command and
page, so that no two of them can disagree:

    verdict.winner         the trial that did best on fresh seeds; None, and why, if there is none
    verdict.trial          what to take now: the winner, or the best in the search
    verdict.lines          the sentences that a terminal or a page shows
    verdict.to_json()      the same for programs
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from homeostat.search.scores import SPREAD, FreshScore, Gain
from homeostat.space.values import show
from homeostat.study.constraint import Constraint
from homeostat.study.records import TrialRow
from homeostat.wording import plural, some
from homeostat.workload.goal import Goal

MOST_SETTINGS = 8
"""How many of the winner's settings a sentence lists; tables have them all."""


@dataclass(frozen=True, kw_only=True)
class StudyVerdict:
    """Which trial of a study won, on which evidence, or why none has."""

    study: str
    workload: str
    objectives: Mapping[str, Goal]
    """Metric -> goal; the first decides who wins."""
    trials: int
    completed: int
    leader: TrialRow | None
    """The best in the search, which chose it; None if no trial is better than the others."""
    winner: TrialRow | None
    """The best on fresh seeds, which had no part in the choice."""
    default: TrialRow | None
    """The trial of the starting configuration, if the study has one."""
    why: str = ""
    """Why there is no winner; empty if there is."""
    tied: tuple[int, ...] = ()
    """Trials with other settings that score exactly as `trial` does."""
    constraints: Sequence[Constraint] = ()
    """Bounds that a trial must keep to win."""
    infeasible: int = 0
    """How many trials are beyond one."""
    broken: Mapping[int, str] = field(default_factory=dict)
    """Of the trials on fresh seeds those that are beyond a bound there, and how."""
    fresh: Mapping[str, Mapping[int, FreshScore]] = field(default_factory=dict)
    """Metric -> trial -> its score on fresh seeds; empty without a winner."""
    gain: Gain | None = None
    """Of `challenger` over the default, on the same fresh seeds."""

    @property
    def metric(self) -> str:
        """The main objective."""
        return next(iter(self.objectives))

    @property
    def goal(self) -> Goal:
        """Of the main objective."""
        return self.objectives[self.metric]

    @property
    def status(self) -> str:
        """ "confirmed" with a winner; "unconfirmed" with a leader only; else "none"."""
        if self.winner is not None:
            return "confirmed"
        return "none" if self.leader is None else "unconfirmed"

    @property
    def trial(self) -> TrialRow | None:
        """The trial to take now: the winner, or while there is none the best in the search."""
        return self.winner or self.leader

    @property
    def default_won(self) -> bool:
        """Whether nothing did better on fresh seeds than the starting configuration."""
        return self.winner is not None and self.winner is self.default

    @property
    def challenger(self) -> TrialRow | None:
        """Whom the paired gain compares with the default: the winner, or whom the default beat."""
        return self.leader if self.default_won else self.winner

    def on_fresh_seeds(self, trial: TrialRow | None, metric: str = "") -> FreshScore | None:
        """A trial's score on fresh seeds; None if it was not run on them."""
        if trial is None:
            return None
        return self.fresh.get(metric or self.metric, {}).get(trial.number)

    @property
    def shown(self) -> tuple[TrialRow, ...]:
        """The trials that the verdict speaks of: the one to take, the leader, the default."""
        found = {t.number: t for t in (self.trial, self.leader, self.default) if t is not None}
        return tuple(found.values())

    def name_of(self, trial: TrialRow) -> str:
        """What a sentence calls a trial."""
        return "the default" if trial is self.default else f"trial {trial.number}"

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The verdict in sentences, the conclusion first."""
        return tuple(self._sentences())

    def to_json(self) -> dict[str, Any]:
        """The same as plain data."""
        return {
            "study": self.study,
            "workload": self.workload,
            "status": self.status,
            "winner": None if self.winner is None else self.winner.number,
            "why": self.why,
            "metric": self.metric,
            "goal": self.goal.value,
            "objectives": {name: goal.value for name, goal in self.objectives.items()},
            "trials": self.trials,
            "completed": self.completed,
            "constraints": [str(constraint) for constraint in self.constraints],
            "infeasible": self.infeasible,
            "best_in_search": None if self.leader is None else self.leader.number,
            "default": None if self.default is None else self.default.number,
            "tied": list(self.tied),
            "shown": [self._shown_json(trial) for trial in self.shown],
            "gain": None if self.gain is None else self._gain_json(self.gain),
            "spread": SPREAD,
            "lines": list(self.lines),
        }

    def _shown_json(self, trial: TrialRow) -> dict[str, Any]:
        fresh = {name: score for name in self.fresh if (score := self.on_fresh_seeds(trial, name))}
        return {
            "number": trial.number,
            "parameters": dict(trial.parameters),
            "in_search": {
                name: {"value": value, "sd": trial.sds.get(name), "n": seeds_of(trial, name)}
                for name, value in trial.values.items()
            },
            "on_fresh_seeds": {name: score.to_json() for name, score in fresh.items()},
        }

    def _gain_json(self, gain: Gain) -> dict[str, Any]:
        assert self.challenger is not None
        of = {"of": self.challenger.number, "conclusion": gain.conclusion}
        return {**of, "mean": gain.mean, "low": gain.low, "high": gain.high, "n": gain.n}

    # Sentences: every value with where it was measured

    def _sentences(self) -> Iterator[str]:
        yield self._headline()
        if self.trial is None:
            return
        settings = self._settings(self.trial)
        if settings:
            yield f"Settings of trial {self.trial.number}: {settings}."
        if self.constraints:
            yield from self._within()
        if self.tied:
            others = some([f"trial {number}" for number in self.tied])
            where = "on fresh seeds" if self.winner is not None else "in the search"
            yield f"With other settings {others} scored exactly the same {where}."
        for metric in self.objectives:
            yield from self._on_fresh_seeds(metric)
            if metric == self.metric and self.gain is not None and self.challenger is not None:
                which = f"trial {self.challenger.number}"
                yield f"Paired gain of {which} over the default: {self.gain}."
            yield from self._in_search(metric)
        if len(self.objectives) > 1:
            yield f"{self.metric}, the first objective, decides; the others are traded for it."

    def _within(self) -> Iterator[str]:
        assert self.trial is not None
        for c in self.constraints:
            fresh = self.on_fresh_seeds(self.trial, c.metric) if self.winner else None
            where = "in the search" if fresh is None else "on fresh seeds"
            told = f"{self.trial.values[c.metric]:.4g}" if fresh is None else str(fresh)
            yield f"{c}: trial {self.trial.number} has {told} {where}."
        every = plural(self.infeasible + self.completed, "trial")
        yield f"Infeasible: {self.infeasible} of {every} that ended well."
        for number, told in self.broken.items():
            yield f"On fresh seeds trial {number} is infeasible: {told}."

    def _headline(self) -> str:
        if self.trial is None:
            return f"No winner: {self.why}."
        which = self._called(self.trial)
        if self.winner is None:
            return f"No winner yet: {self.why}. Best in the search: {which}."
        if self.default_won:
            return f"Winner: {which}; nothing did better on fresh seeds."
        return f"Winner: {which}."

    def _called(self, trial: TrialRow) -> str:
        return f"trial {trial.number}" + (", the default" if trial is self.default else "")

    def _settings(self, trial: TrialRow) -> str:
        """What the trial's settings are, where they are not the default's."""
        if trial is self.default:
            return ""
        usual = self.default.parameters if self.default is not None else {}
        changed = [
            f"{name}={f'{value:.4g}' if isinstance(value, float) else show(value)}"
            for name, value in trial.parameters.items()
            if name not in usual or usual[name] != value
        ]
        return some(changed, MOST_SETTINGS)

    def _on_fresh_seeds(self, metric: str) -> Iterator[str]:
        scores = [(t, score) for t in self.shown if (score := self.on_fresh_seeds(t, metric))]
        if not scores:
            return
        told = "; ".join(f"{self.name_of(trial)} {score}" for trial, score in scores)
        spread = f" (± is the {SPREAD})" if any("±" in str(score) for _, score in scores) else ""
        seeds = plural(max(score.seeds for _, score in scores), "fresh seed")
        yield f"{metric} on {seeds}: {told}{spread}."

    def _in_search(self, metric: str) -> Iterator[str]:
        with_value = [trial for trial in self.shown if metric in trial.values]
        if not with_value:
            yield f"{metric}: none of these trials reported it."
            return
        seeds = {seeds_of(trial, metric) for trial in with_value}
        how = f"chosen on, {plural(max(seeds), 'seed')}" if len(seeds) == 1 else "chosen on"
        told = "; ".join(f"{self.name_of(t)} {t.values[metric]:.5g}" for t in with_value)
        yield f"{metric} in the search ({how}): {told}."


def seeds_of(trial: TrialRow, metric: str) -> int:
    """Over how many seeds a trial's value in the search is the mean."""
    return len(trial.per_seed.get(metric, ())) or 1
