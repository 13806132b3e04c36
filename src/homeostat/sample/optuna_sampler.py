"""Adaptive samplers: Optuna's, asked and told on a study in memory that we fill ourselves.

A fresh sampler is made for every ask, seeded by the trial's number, so that what it proposes
depends on the results it is shown and on nothing else: not on how often the study was interrupted.
A trial whose result may not be seen yet is shown as running.

Samplers learn from every trial: one without a value (diverged, failed, out of time) is shown with
a bad one. On spaces of which 40 % diverge that does as well as Optuna's constraints with TPE, and
better with the Gaussian process, in half the time.
"""

# N trials, O objectives.

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from homeostat.execute.loop.threads import one_thread
from homeostat.record import seeds
from homeostat.sample.encoding import Encoding
from homeostat.sample.feasibility import Feasibility
from homeostat.sample.quasirandom import Sobol
from homeostat.space import Range
from homeostat.workload.goal import Goal

if TYPE_CHECKING:
    from optuna import Trial
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial


@dataclass(frozen=True, kw_only=True)
class Method:
    """One of Optuna's samplers, and how it is to be asked."""

    make: Callable[[int], BaseSampler]
    """A sampler from a seed."""
    startup: int = 10
    """How many trials are Sobol points, before there is enough to learn from."""
    keeps_state: bool = False
    """Whether it leaves state with a trial when it draws it."""
    avoids_failures: bool = False
    """Whether it is asked again for what would probably fail."""
    joint_for_several: bool = True
    """Whether it draws parameters together when there are several objectives."""
    needs_scale: bool = False
    """Whether it models the values themselves, so that a few huge ones would drown the rest."""
    usual: float = 0.9
    """Of the values, how many it is then shown as they are; the rest are brought closer."""
    lost: tuple[float, ...] = (1.0, 1.0, 1.0, 0.9)
    """The quantile of the values at which it is shown a trial without one, in turn. Always the
    worst (1.0) makes the Gaussian process too shy of the edge to find a best that lies on it; every
    other time 0.9 is too bold for it where the best lies all along the edge (20 % of its late
    trials diverge, not 12 %)."""


class Adaptive:
    """One of Optuna's samplers.

    carry(drawn, values)  a trial of an earlier study, before all of its own
    start(3)              -> draw(name), for each parameter of trial 3 in turn
    amend(3, drawn)       trial 3 has other parameters than were drawn
    replay(3, drawn)      trial 3 was drawn already
    learn(3, values)      the result of trial 3 may be seen from now on
    """

    def __init__(
        self,
        searched: Mapping[str, Range],
        *,
        together: Sequence[str],
        goals: Sequence[str],
        seed: int,
        method: Method,
    ) -> None:
        """
        Args:
            searched: The parameters, in the order in which they are drawn.
            together: Those of them that are drawn together; every trial has them.
            goals: "minimize" or "maximize", one for each objective.
            method: The sampler to ask, and how.
        """
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)  # what is told, we tell
        self._searched = searched
        self._seed = seed
        self._method = method
        self._signs = np.array([Goal(goal).sign for goal in goals])
        self._sobol = Sobol(searched, seed)
        self._encoding = Encoding(searched)
        distributions = {n: self._encoding.distributions[n] for n in sorted(together)}
        self._together = {n: d for n, d in distributions.items() if not d.single()}
        directions = [optuna.study.StudyDirection[goal.upper()] for goal in goals]
        self._study = optuna.create_study(directions=directions)
        self._values: dict[int, tuple[float, ...] | None] = {}
        self._lost: list[int] = []
        self._reshaped = False
        self._points: dict[int, np.ndarray] = {}
        # Trials of earlier studies; Optuna counts them before those of this one.
        self._carried = 0

    def carry(self, drawn: Mapping[str, Any], values: tuple[float, ...] | None) -> None:
        """Take up a trial of an earlier study, with a value for each objective, or none."""
        self.replay(0, drawn)
        self.learn(0, values)
        self._carried += 1

    def start(self, number: int) -> Callable[[str], Any]:
        """Begin a trial; what is returned draws each of its parameters by name."""
        number += self._carried
        method = self._method
        self._show(method)
        if self._starts_up(number, method):
            frozen, draw = self._add(), self._sobol.start(number)

            def remember(name: str) -> Any:
                value = draw(name)
                self._set(frozen, {name: value})
                return value

            return remember
        trial = self._ask(number, method)
        return lambda name: self._encoding.suggest(trial, name)

    def replay(self, number: int, drawn: Mapping[str, Any]) -> None:
        """Take up a trial that was drawn already, by an earlier process or as the default."""
        number += self._carried
        method = self._method
        if method.keeps_state and not self._starts_up(number, method):
            self._show(method)
            self._ask(number, method)
        else:
            self._add()
        self._put(number, drawn)

    def amend(self, number: int, drawn: Mapping[str, Any]) -> None:
        """Another configuration than the one drawn last is tried in its place."""
        self._put(number + self._carried, drawn)

    def forget(self, number: int) -> None:
        """A trial that no sampler looks at takes the number."""
        from optuna.trial import TrialState, create_trial

        self._study.add_trial(create_trial(state=TrialState.FAIL))

    def learn(
        self, number: int, values: tuple[float, ...] | None, excess: tuple[float, ...] = ()
    ) -> None:
        """Show the result of a trial: a value for each objective, or none.

        One beyond a bound is shown as one without a value: both are of no use.
        """
        number += self._carried
        values = values if all(beyond <= 0 for beyond in excess) else None
        shown = [0.0] * len(self._signs) if values is None else list(values)
        self._study.tell(number, shown)
        self._values[number] = values
        if values is None:
            self._lost.append(number)
        params = self._frozen()[number].params
        self._points[number] = self._point(params)

    def _starts_up(self, number: int, method: Method) -> bool:
        return min(number, len(self._values)) < method.startup

    def _ask(self, number: int, method: Method) -> Trial:
        from homeostat.sample.feasible_sampler import Guided

        seed = int(seeds.sequence(self._seed, f"ask {number}").generate_state(1)[0])
        joint = method.joint_for_several or len(self._signs) == 1
        together = self._together if joint else {}
        self._study.sampler = Guided(method.make(seed), together, self._chance(method))
        trial = self._study.ask()
        assert trial.number == number
        # Several threads on matrices this small only get into each other's way: with two, the
        # Gaussian process takes five times the processor's time.
        undo = one_thread()
        try:
            _ = trial.relative_params  # drawn now; Optuna would at the first suggest
        finally:
            undo()
        return trial

    def _frozen(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False)

    def _add(self) -> FrozenTrial:
        """A running trial without parameters yet."""
        from optuna.trial import TrialState, create_trial

        self._study.add_trial(create_trial(state=TrialState.RUNNING))
        return self._frozen()[-1]

    def _put(self, number: int, drawn: Mapping[str, Any]) -> None:
        """These parameters in place of any others."""
        frozen = self._frozen()[number]
        frozen.params, frozen.distributions = {}, {}
        self._set(frozen, drawn)

    def _set(self, frozen: FrozenTrial, drawn: Mapping[str, Any]) -> None:
        frozen.params |= self._encoding.encode(drawn)
        frozen.distributions |= {name: self._encoding.distributions[name] for name in drawn}

    def _show(self, method: Method) -> None:
        """Give every trial the value it is shown with, from the results there are now."""
        known = [number for number, values in self._values.items() if values is not None]
        if not known or not (self._lost or method.needs_scale or self._reshaped):
            return
        bad_NO = self._signs * np.array([self._values[number] for number in known])
        if method.needs_scale:
            bad_NO = squashed(bad_NO, method.usual)
        self._reshaped = method.needs_scale
        trials = self._frozen()
        for number, bad_O in zip(known, bad_NO, strict=True):
            trials[number].values = (self._signs * bad_O).tolist()
        quantile = method.lost[len(self._values) % len(method.lost)]
        shown = (self._signs * np.quantile(bad_NO, quantile, axis=0)).tolist()
        for number in self._lost:
            trials[number].values = list(shown)

    def _chance(self, method: Method) -> Callable[[dict[str, Any]], float] | None:
        """The chance of a proposal to survive; none while nothing was lost."""
        if not (method.avoids_failures and self._lost and self._together):
            return None
        survived = [self._values[number] is not None for number in self._points]
        known = Feasibility(np.array(list(self._points.values())), np.array(survived))
        return lambda proposal: known.chance(self._point(proposal))

    def _point(self, params: Mapping[str, Any]) -> np.ndarray:
        """Where a trial lies among those parameters that are drawn together, each in 0..1."""
        decoded = ((n, self._encoding.decode(n, params[n])) for n in self._together)
        return np.array([self._searched[name].to_unit(value) for name, value in decoded])


def squashed(bad_NO: np.ndarray, usual: float = 0.9) -> np.ndarray:
    """Values (the lower the better) of which all but the `usual` share are compressed, in order.

    Losses blow up by orders of magnitude where training is about to fail. To a Gaussian process
    everything else is then flat: on a bowl beside an exponential wall its best after 80 trials is a
    hundred times closer with this.
    """
    usual_O = np.quantile(bad_NO, usual, axis=0)
    scale_O = np.maximum(usual_O - bad_NO.min(axis=0), np.finfo(float).tiny)
    beyond_NO = np.maximum(bad_NO - usual_O, 0.0)
    return np.where(beyond_NO > 0, usual_O + scale_O * np.log1p(beyond_NO / scale_O), bad_NO)
