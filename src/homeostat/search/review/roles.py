"""Roles: what a study compares, what it tunes for a fair comparison, and what it holds.

scientific   compared: which value is best, once everything else is tuned for it
nuisance     the rest of what is searched: tuned for each scientific value
fixed        held: the conclusion is known to hold for that value only

Source: the Deep Learning Tuning Playbook (Godbole, Dahl, Gilmer, Shallue and Nado 2023).
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from homeostat.evidence.best_of import BestOf, best_of
from homeostat.record.outcome import Outcome
from homeostat.search.review.round import Round, in_words, short
from homeostat.space.values import same, show
from homeostat.study.definition import Definition
from homeostat.study.described import ranges
from homeostat.study.records import TrialRow
from homeostat.study.scientific import values_of
from homeostat.wording import some

FEW = 10
"""With fewer trials per value its best setting is hardly found."""
TOLD = 6
"""Of the fixed parameters, how many a caveat names."""


@dataclass(frozen=True, kw_only=True)
class ScientificValue:
    """One value of a scientific parameter, with everything else tuned for it."""

    value: Any
    trials: int
    """Completed ones."""
    lost: int
    """Those that ended without a value."""
    best: TrialRow
    middle: tuple[float, float]
    """Half of its trials lie within."""
    at_equal: BestOf
    """The best of as many trials as the arm with the fewest has."""
    fresh: Mapping[int, float]
    """Its best setting on fresh seeds; empty if it was not run on them."""

    @property
    def fresh_mean(self) -> float | None:
        return float(np.mean(list(self.fresh.values()))) if self.fresh else None


@dataclass(frozen=True, kw_only=True)
class ValueComparison:
    """The values of one scientific parameter, the best first."""

    parameter: str
    metric: str
    arms: tuple[ScientificValue, ...]
    untried: tuple[Any, ...]
    """Values without a completed trial."""
    equal: int
    """How many trials the arm with the fewest has."""
    verdict: str
    caution: str
    """What makes the comparison weak, and what to type; empty if nothing does."""

    def table(self) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
        """Columns and rows, for a terminal or a page; a column without any value is left out."""
        columns = (
            self.parameter, "trials", "lost", f"best {self.metric}", "s.d.", "middle half",
            f"best of {self.equal}", "on fresh seeds", "best setting",
        )  # fmt: skip
        rows = [self._row(arm) for arm in self.arms]
        told = [i for i in range(len(columns)) if any(row[i] is not None for row in rows)]
        return tuple(columns[i] for i in told), [tuple(row[i] for i in told) for row in rows]

    def _row(self, arm: ScientificValue) -> tuple[object, ...]:
        others = {n: v for n, v in arm.best.parameters.items() if n != self.parameter}
        return (
            show(arm.value), arm.trials, arm.lost, arm.best.values[self.metric],
            arm.best.sds.get(self.metric), f"{arm.middle[0]:.4g} .. {arm.middle[1]:.4g}",
            arm.at_equal.mean, arm.fresh_mean, in_words(others),
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        arms = [
            {
                "value": arm.value,
                "trials": arm.trials,
                "lost": arm.lost,
                "best": arm.best.values[self.metric],
                "number": arm.best.number,
                "parameters": dict(arm.best.parameters),
                "middle": list(arm.middle),
                "at_equal": vars(arm.at_equal),
                "fresh": {str(seed): value for seed, value in arm.fresh.items()},
            }
            for arm in self.arms
        ]
        told = {"verdict": self.verdict, "caution": self.caution, "equal": self.equal}
        return {"parameter": self.parameter, "arms": arms, "untried": list(self.untried), **told}


@dataclass(frozen=True, kw_only=True)
class RoleConclusion:
    """What a study says about its question, and for which fixed values that is known."""

    question: str
    comparisons: tuple[ValueComparison, ...]
    nuisance: tuple[str, ...]
    fixed: Mapping[str, Any]

    @property
    def caveat(self) -> str:
        """For which values of the fixed parameters it is known; empty if everything varied."""
        if not self.fixed:
            return ""
        told = some([f"{name} = {short(value)}" for name, value in self.fixed.items()], TOLD)
        which = "it was" if len(self.fixed) == 1 else "they were"
        return f"Holds for {told} only: {which} not varied."

    @property
    def sentences(self) -> tuple[str, ...]:
        found = [s for c in self.comparisons for s in (c.verdict, c.caution) if s]
        return tuple([*found, self.caveat] if self.caveat else found)

    def to_json(self) -> dict[str, Any]:
        return {
            "goal": self.question,
            "comparisons": [comparison.to_json() for comparison in self.comparisons],
            "nuisance": list(self.nuisance),
            "fixed": dict(self.fixed),
            "sentences": list(self.sentences),
        }


def best_of_each(
    ranked: Sequence[TrialRow], definition: Definition, names: Iterable[str]
) -> list[TrialRow]:
    """The best trial with each value of the scientific parameters; `ranked` has the best first."""
    searched = ranges(definition.searched)
    found: dict[int, TrialRow] = {}
    for name in names:
        for value in values_of(searched[name]):
            best = next((t for t in ranked if _has(t, name, value)), None)
            if best is not None:
                found[best.number] = best
    return list(found.values())


def conclude(now: Round) -> RoleConclusion:
    """What a study found, and what it does not say."""
    settings = now.row.settings
    names = [name for name in settings.get("scientific", ()) if name in now.searched]
    return RoleConclusion(
        question=settings.get("goal", ""),
        comparisons=tuple(c for name in names if (c := _compare(now, name))),
        nuisance=tuple(name for name in now.searched if name not in names),
        fixed=_fixed(now),
    )


def _has(trial: TrialRow, name: str, value: Any) -> bool:
    return name in trial.parameters and same(trial.parameters[name], value)


def _compare(now: Round, name: str) -> ValueComparison | None:
    options = values_of(now.searched[name])
    groups = [(v, [t for t in now.completed if _has(t, name, v)]) for v in options]
    tried = [(value, trials) for value, trials in groups if trials]
    if not tried:
        return None
    equal = min(len(trials) for _, trials in tried)
    arms = [_arm(now, name, value, trials, equal) for value, trials in tried]
    sign = now.goal.sign
    confirmed = all(arm.fresh for arm in arms)
    arms.sort(
        key=lambda arm: sign * (arm.fresh_mean or 0.0) if confirmed else now.badness(arm.best)
    )
    untried = tuple(value for value, trials in groups if not trials)
    return ValueComparison(
        parameter=name,
        metric=now.metric,
        arms=tuple(arms),
        untried=untried,
        equal=equal,
        verdict=_verdict(now, name, arms, equal) if len(arms) > 1 else "",
        caution=_caution(now, name, arms, untried),
    )


def _arm(
    now: Round, name: str, value: Any, trials: Sequence[TrialRow], equal: int
) -> ScientificValue:
    values = [trial.values[now.metric] for trial in trials]
    low, high = np.quantile(values, (0.25, 0.75))
    lost = sum(_has(t, name, value) and t.outcome is not Outcome.COMPLETED for t in now.ended)
    return ScientificValue(
        value=value,
        trials=len(trials),
        lost=lost,
        best=trials[0],
        middle=(float(low), float(high)),
        at_equal=best_of(values, equal, goal=now.goal),
        fresh=now.fresh.get(trials[0].number, {}),
    )


def _verdict(now: Round, name: str, arms: Sequence[ScientificValue], equal: int) -> str:
    """The first of the arms against the second, on fresh seeds if both were run on some."""
    first, second = arms[0], arms[1]
    a, b = show(first.value), show(second.value)
    common = [seed for seed in first.fresh if seed in second.fresh]
    if len(common) > 1 and all(arm.fresh for arm in arms):
        # SciPy takes half a second to import, which only a confirmed study needs.
        from homeostat.evidence.differences import interval

        gains = [now.goal.gain(first.fresh[s], over=second.fresh[s]) for s in common]
        # The second is the closest of all the others: the interval is for all of them at once.
        reach = interval(gains, level=1 - 0.05 / (len(arms) - 1))
        told = (
            f"by {statistics.fmean(gains):.3g} (95 % interval {reach.low:.3g} .. {reach.high:.3g})"
        )
        if reach.low > 0:
            return f"{name}: {a} is better than {b} {told} on {len(common)} fresh seeds."
        return (
            f"{name}: undecided between {a} and {b}: {a} is ahead {told} on {len(common)} fresh "
            "seeds."
        )
    x, y = first.at_equal, second.at_equal
    told = (
        f"of {equal} trials each, the best would be {x.mean:.4g} ({x.low:.4g} .. {x.high:.4g}) "
        f"with {a} and {y.mean:.4g} ({y.low:.4g} .. {y.high:.4g}) with {b}"
    )
    apart = x.high < y.low or y.high < x.low
    return f"{name}: {f'{a} is ahead' if apart else 'undecided'} in this search; {told}."


def _caution(now: Round, name: str, arms: Sequence[ScientificValue], untried: Sequence[Any]) -> str:
    """Which values had too few trials for their best setting to be found."""
    few = [(arm.value, arm.trials) for arm in arms if arm.trials < FEW]
    few += [(value, 0) for value in untried]
    if not few:
        return ""
    told = ", ".join(f"{show(value)} {count}" for value, count in few)
    least = min(few, key=lambda pair: pair[1])[0]
    return (
        f"{name}: few trials completed with some values ({told}), so their best setting may not "
        f"have been found. Give each its own:  {now.of_its_own(name, least)}"
    )


def _fixed(now: Round) -> dict[str, Any]:
    """What could have been varied, has an effect on the best, and was held; by hand first."""
    space = now.workload.space
    config = now.config
    held = [name for name in now.held if name in space]
    rest = [n for n in space.searched() if n not in now.searched and n not in held]
    return {name: config[name] for name in (*held, *rest) if name in config.active}
