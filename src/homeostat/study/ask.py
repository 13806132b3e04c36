"""Proposals: what to try next, from the results that may be known by then.

A trial learns from whole waves before its own. So when several run side by side, it makes no
difference which of them ends first, or how many there are at a time. What was tried is not tried
again: with the same seeds and budget it would measure the same.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any

from homeostat.record.outcome import Outcome
from homeostat.sample.portfolio import Portfolio
from homeostat.sample.samplers import Setting, make_sampler
from homeostat.sample.untried import Untried
from homeostat.space.order import SearchSpace
from homeostat.study.constraint import parsed
from homeostat.study.definition import Definition
from homeostat.study.records import TrialRow
from homeostat.study.transfer import best_carried
from homeostat.workload.goal import Goal

EXPECTED = "homeostat:expected"
"""Among a pruned trial's attributes: where it would have ended, by the curves that completed."""


class Proposals:
    """The sampler of a study, shown its results wave by wave."""

    def __init__(
        self, search_space: SearchSpace, definition: Definition, trials: Sequence[TrialRow]
    ) -> None:
        """Bring the sampler to the state it would have had it proposed `trials` itself."""
        self._search_space = search_space
        self._definition = definition
        self._objectives = dict(definition.objectives)
        self._constraints = parsed(definition.constraints)
        self._wave = definition.wave
        bounds = len(self._constraints)
        setting = Setting(search_space, definition.objectives, definition.seed, bounds)
        self._sampler = make_sampler(definition.method, setting)
        # Results before this number have all been shown; of the later ones, those named.
        self._shown_to = 0
        self._shown: set[int] = set()
        for earlier in definition.carried:
            values = tuple(earlier.values[name] for name in self._objectives if earlier.values)
            self._sampler.carry(earlier.parameters, values or None)
        # What is run before the sampler is asked: the defaults, and the best of earlier studies.
        self._first = [search_space.default()]
        best = best_carried(definition)
        if best is not None and best.parameters != self._first[0]:
            self._first.append(dict(best.parameters))
        self._untried = Untried(search_space, definition.seed)
        for trial in trials:
            self._replay(trials, trial)

    def next(self, trials: Sequence[TrialRow]) -> dict[str, Any]:
        """The parameters of the trial that follows `trials`.

        Of the first, the defaults; of the second, those of the best trial that was carried over.

        Raises:
            SpaceExhaustedError: If every configuration has been tried.
        """
        number = len(trials)
        self._untried.check()
        self._show(trials, number)
        if number < len(self._first):
            drawn = self._first[number]
            self._sampler.replay(number, drawn)
        else:
            proposal = self._search_space.draw(self._sampler.start(number))
            drawn = self._untried.closest(proposal, number)
            if drawn != proposal or self._search_space.fixed:
                self._sampler.amend(number, drawn)
        self._untried.add(drawn)
        return drawn

    def take(self, trials: Sequence[TrialRow]) -> None:
        """The last of `trials` was drawn elsewhere."""
        self._replay(trials, trials[-1])

    def chance_of_gain(self, trials: Sequence[TrialRow]) -> float:
        """How likely something is better, by more than seeds differ, than the best of `trials`."""
        definition = self._definition
        goal, bounds = next(iter(self._objectives.values())), len(self._constraints)
        model = Portfolio(self._search_space, [goal], definition.seed, bounds)
        metric = next(iter(self._objectives))
        for earlier in definition.carried:
            value = earlier.values.get(metric)
            model.carry(earlier.parameters, None if value is None else (value,))
        for trial in trials:
            if trial.outcome.final and trial.outcome is not Outcome.FORGOTTEN:
                values = self._values(trial, trials)
                model.replay(trial.number, trial.parameters)
                model.learn(trial.number, values and values[:1], self._excess(trial))
        return model.chance_of_gain()

    def lacks_results(self, trials: Sequence[TrialRow]) -> bool:
        """Whether the next trial would learn from results that are still to come."""
        earlier = trials[self._shown_to : self._wave_of(len(trials))]
        return any(not trial.outcome.final for trial in earlier)

    def _replay(self, trials: Sequence[TrialRow], trial: TrialRow) -> None:
        self._show(trials, trial.number)
        if trial.outcome is Outcome.FORGOTTEN:
            self._sampler.forget(trial.number)
            return
        self._sampler.replay(trial.number, trial.parameters)
        self._untried.add(trial.parameters)

    def _wave_of(self, number: int) -> int:
        """The first trial of a trial's wave."""
        return number - number % self._wave

    def _show(self, trials: Sequence[TrialRow], number: int) -> None:
        """Show the sampler what trial `number` may learn from, in the order of the trials."""
        end = self._wave_of(number)
        for trial in trials[self._shown_to : end]:
            if trial.outcome.final and trial.number not in self._shown:
                if trial.outcome is not Outcome.FORGOTTEN:
                    told = self._values(trial, trials), self._excess(trial)
                    self._sampler.learn(trial.number, *told)
                self._shown.add(trial.number)
        while self._shown_to < end and self._shown_to in self._shown:
            self._shown.remove(self._shown_to)
            self._shown_to += 1

    def _values(self, trial: TrialRow, trials: Sequence[TrialRow]) -> tuple[float, ...] | None:
        """The values a sampler is told; None for a trial that has no value."""
        if any(name not in trial.values for name in self._objectives):
            return None
        if trial.outcome in (Outcome.COMPLETED, Outcome.INFEASIBLE):
            return tuple(trial.values[name] for name in self._objectives)
        if trial.outcome is not Outcome.PRUNED:
            return None
        return tuple(self._ended(trial, trials, *aim) for aim in self._objectives.items())

    def _excess(self, trial: TrialRow) -> tuple[float, ...]:
        """How far a trial is beyond each bound; nothing is known of one that did not complete.

        One that completed without the metric is as far beyond as can be.
        """
        if trial.outcome not in (Outcome.COMPLETED, Outcome.INFEASIBLE):
            return (math.nan,) * len(self._constraints)
        found = (constraint.excess(trial.values) for constraint in self._constraints)
        return tuple(math.inf if math.isnan(beyond) else beyond for beyond in found)

    def _ended(self, trial: TrialRow, trials: Sequence[TrialRow], name: str, goal: Goal) -> float:
        """What a pruned trial counts as: where it would have ended, if that is known."""
        expected = trial.attributes.get(EXPECTED, {}).get(name)
        done = [t.values[name] for t in trials[: trial.number] if t.outcome is Outcome.COMPLETED]
        if expected is None or not done:
            return self._reached(trial, trials, name, goal)
        return goal.best([goal.worst(done), goal.worst([goal.best(done), expected])])

    def _reached(self, trial: TrialRow, trials: Sequence[TrialRow], name: str, goal: Goal) -> float:
        """What a pruned trial counts as: the value it had reached, within the worse half.

        Where networks overfit, a trial that was stopped early would look like the best; and where
        scores grow all the time, like one far worse than any that was ever made.
        """
        earlier = trials[: trial.number]
        done = [t.values[name] for t in earlier if t.outcome is Outcome.COMPLETED]
        if not done:
            return trial.values[name]
        reached = goal.worst([trial.values[name], statistics.median(done)])
        return goal.best([goal.worst(done), reached])
