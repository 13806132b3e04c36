"""Portfolio: the default method, for every kind of space.

A surrogate of all that is known is asked for the configuration from which most is to be gained.
Candidates come from everywhere, from where good trials are dense, and from small changes of the
best, and the most promising are improved step by step. Some
trials look where more is unsure than seeds differ, some are a Parzen estimator's; the share of each
proposer follows what its trials have earned in this study. Where metrics must keep bounds, each has
a surrogate of its own, and what is to be gained counts as often as all bounds are likely kept
(Gardner et al. 2014); while no trial keeps them, that alone counts.

A proposal depends on the seed, its number and the results it may know, and on nothing else. What is
kept between asks could be computed again from those.
"""

# N trials, M candidates, P parameters, O objectives, C bounds.

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import log_ndtr, ndtr

from homeostat.execute.loop.threads import one_thread
from homeostat.record import seeds
from homeostat.sample.coordinates import Coordinates
from homeostat.sample.parzen import Density
from homeostat.sample.quasirandom import Sobol
from homeostat.sample.surrogate import Posterior, Scales, Shape, fit
from homeostat.space.order import SearchSpace
from homeostat.workload.goal import Goal

MOST = 200
"""Trials that the surrogate learns from."""
MOST_TO_FIT = 120
"""Trials that its scales are fitted to."""
EVERYWHERE, DENSE, NEAR = 150, 100, 250
"""Candidates of each kind."""
IMPROVED, STEPS, CHANGES = 5, 5, 24
"""How many candidates are improved, how often, and by the best of how many changes."""
GAIN, EXPLORE, DENSITY, BRANCH = range(4)
"""Who proposes: by what is to be gained; by that, where more is unsure than seeds differ; by where
good trials are dense; by what is to be gained in another branch of the space than the best's, over
the best of that branch: one that was never tuned looks worse than it is."""
SHARES = np.array([0.15, 0.8, 0.05, 0.3])
"""Of the trials, before anything was earned. On a branch that is good and not the best,
what is to be gained keeps trying what differs by less than seeds do."""
VALUES, LOST = -1, -2
"""What a surrogate is of; from 0, the bound of that number."""
LEAST = 0.04
"""The share that every proposer keeps."""
TUNED = 8
"""With fewer trials of a branch, what it can be is guessed from those that were never tuned."""
TOGETHER = 200
"""Configurations whose possible values are drawn together."""
WIDTH = 0.3
"""Of a change at first, as a share of the scale."""
EDGE = 0.3
"""How unsure a boundary between survival and loss always is, where the two are 2 apart."""
LIKELY, CAREFUL = math.log(0.8), 0.8
"""A trial keeps all bounds at least so likely, in that share of the trials: at an edge, where the
best often lies, what is to be gained is mostly beyond."""
FIRST = 10
"""The trials that say what a usual value is: the later ones crowd around the best."""


class Portfolio:
    """Several proposers, asked by what they earn; the protocol is that of `samplers.Sampler`."""

    def __init__(
        self, search_space: SearchSpace, goals: Sequence[str], seed: int, bounds: int = 0
    ) -> None:
        self._seed = seed
        self._signs_O = np.array([Goal(goal).sign for goal in goals])
        self._coordinates = Coordinates(search_space)
        self._shape = Shape(self._coordinates)
        self._sobol = Sobol(search_space.searched, seed)
        k_P = self._coordinates.options_P
        branching = [i for i in self._coordinates.deciders if k_P[i] > 1]
        self._branches = [(i, k) for i in branching for k in range(k_P[i])]
        """Places of the choices on which it depends what acts, with each of their options."""
        self._shares_K = SHARES * (1, 1, 1, bool(self._branches))
        self._startup = min(10, 4 + len(self._coordinates.names) // 2)
        self._known = _Known(len(self._coordinates.names), len(goals), bounds)
        self._pending: dict[int, np.ndarray] = {}
        """The rows of trials whose results may not be known yet."""
        self._tried: set[bytes] = set()
        self._carried = 0
        self._whose: dict[int, int | None] = {}
        self._best_O = np.full(len(goals), np.inf)
        self._trials_K, self._gains_K = np.zeros(len(SHARES)), np.zeros(len(SHARES))
        self._scales: dict[tuple[int, int], Scales] = {}

    def carry(self, drawn: Mapping[str, Any], values: tuple[float, ...] | None) -> None:
        """Take up a trial of an earlier study."""
        self.replay(0, drawn)
        self.learn(0, values)
        self._carried += 1

    def replay(self, number: int, drawn: Mapping[str, Any]) -> None:
        """Take up a trial that was drawn already."""
        number += self._carried
        self._whose[number] = self._proposer(number)
        self._take(number, drawn)

    def forget(self, number: int) -> None:
        """Nothing is kept of it."""

    def amend(self, number: int, drawn: Mapping[str, Any]) -> None:
        """Another configuration than the one drawn last is tried in its place."""
        self._take(number + self._carried, drawn)

    def _take(self, number: int, drawn: Mapping[str, Any]) -> None:
        row_P = self._coordinates.row(drawn)
        self._pending[number] = row_P
        self._tried.add(row_P.tobytes())

    def learn(
        self, number: int, values: tuple[float, ...] | None, excess: tuple[float, ...] = ()
    ) -> None:
        """The result of a trial may be seen from now on."""
        number += self._carried
        bad_O = None if values is None else self._signs_O * np.array(values)
        self._known.add(number, self._pending.pop(number), bad_O, excess)
        whose = self._whose.pop(number)
        keeps = not any(beyond > 0 for beyond in excess)
        gained = bad_O is not None and keeps and bool((bad_O < self._best_O).any())
        if bad_O is not None and keeps:
            self._best_O = np.minimum(self._best_O, bad_O)
        if whose is not None:
            self._trials_K[whose] += 1
            self._gains_K[whose] += gained

    def start(self, number: int) -> Callable[[str], Any]:
        """Begin a trial; what is returned draws each of its parameters by name."""
        number += self._carried
        whose = self._whose[number] = self._proposer(number)
        if whose is None:
            draw = self._sobol.start(number)
        else:
            undo = one_thread()
            try:
                row_P = self._propose(number, whose)
            finally:
                undo()

            def draw(name: str) -> Any:
                return self._coordinates.value(name, row_P)

        self._take(number, self._coordinates.drawn(draw))
        return draw

    def expected(self) -> dict[int, float]:
        """Trial -> what its value is without the luck of its seeds, on a scale of its own.

        The lower the better; only trials with a value, and none while they are fewer than `FIRST`.
        """
        if self._known.survivors < FIRST:
            return {}
        rows_NP, bad_NO, excess_NC = self._known.in_order()
        o = bad_NO.shape[1]
        y_N = targets(bad_NO, np.full(o, 1.0 / o))
        chosen = telling(y_N, MOST)
        undo = one_thread()
        try:
            scales = self._fitted(VALUES, rows_NP, bad_NO, excess_NC)
            posterior = Posterior(self._shape, scales, rows_NP[chosen], y_N[chosen])
            mean_N = posterior.mean(rows_NP)
        finally:
            undo()
        numbers = self._known.numbers()
        survived_N = ~np.isnan(bad_NO[:, 0])
        return {n: float(m) for n, m, s in zip(numbers, mean_N, survived_N, strict=True) if s}

    def chance_of_gain(self) -> float:
        """How likely something is better than the best so far by more than seeds differ.

        By draws of what the values of many configurations may be, together; 1 while fewer than
        `FIRST` trials have a value, or a branch of the space has had fewer than `TUNED`.
        """
        rows_NP, bad_NO, excess_NC = self._known.in_order()
        tried = [(rows_NP[:, i] == k).sum() for i, k in self._branches]
        if self._known.survivors < FIRST or min(tried, default=TUNED) < TUNED:
            return 1.0
        o = bad_NO.shape[1]
        y_N = targets(bad_NO, np.full(o, 1.0 / o))
        rank_N = behind(y_N, excess_NC)
        chosen = telling(rank_N, MOST)
        rng = seeds.generator(self._seed, f"chance {len(rows_NP)}")
        good, _ = self._good_and_rest(rows_NP, rank_N)
        undo = one_thread()
        try:
            scales = self._fitted(VALUES, rows_NP, bad_NO, excess_NC)
            posterior = Posterior(self._shape, scales, rows_NP[chosen], y_N[chosen])
            keeps_N = ~np.isnan(bad_NO[chosen, 0]) & ~(excess_NC[chosen] > 0).any(axis=1)
            if not keeps_N.any():
                return 1.0
            known_NP = rows_NP[chosen][keeps_N]
            best_P = known_NP[int(np.argmin(posterior.mean(known_NP)))]
            best = posterior.mean(best_P[None])[0]

            def gain(rows_MP: np.ndarray) -> np.ndarray:
                mean_M, sd_M = posterior(self._coordinates.acting(rows_MP))
                gain_M: np.ndarray = log_improvement((best - mean_M) / sd_M) + np.log(sd_M)
                return gain_M

            whole_P = np.where(np.isnan(best_P), good.draw(rng, 1)[0], best_P)
            near = self._coordinates.changed(np.repeat(whole_P[None], 4 * NEAR, axis=0), rng, WIDTH)
            many = [self._coordinates.random(rng, 4 * EVERYWHERE), good.draw(rng, 4 * DENSE), near]
            rows_MP = np.concatenate(many)
            rows_MP = rows_MP[np.argsort(-gain(rows_MP), kind="stable")[:TOGETHER]]
            rows_MP = np.concatenate([rows_MP, self._improved(rows_MP, gain, rng)[None]])
            acting_MP = np.concatenate([best_P[None], self._coordinates.acting(rows_MP)])
            draws_DM = posterior.draws(acting_MP, rng, 500)
        finally:
            undo()
        more_D = draws_DM[:, 0] - draws_DM.min(axis=1) > math.exp(0.5 * scales.noise)
        return float(more_D.mean())

    def _proposer(self, number: int) -> int | None:
        """Whose turn it is, by what each proposer's trials have earned; None at the start."""
        if min(number, len(self._known)) < self._startup or self._known.survivors < 2:
            return None
        usual = self._gains_K.sum() / max(1.0, self._trials_K.sum())
        share_K = self._shares_K * (1.0 + self._gains_K) / (1.0 + usual * self._trials_K)
        share_K = np.maximum(share_K / share_K.sum(), LEAST * (self._shares_K > 0))
        at = seeds.generator(self._seed, f"proposer {number}").random() * share_K.sum()
        return int(np.searchsorted(share_K.cumsum()[:-1], at, side="right"))

    def _propose(self, number: int, whose: int) -> np.ndarray:
        """The whole row to try next."""
        rng = seeds.generator(self._seed, f"propose {number}")
        rows_NP, bad_NO, excess_NC = self._known.in_order()
        weight_O = rng.dirichlet(np.ones(len(self._signs_O)))
        y_N = targets(bad_NO, weight_O)
        rank_N = behind(y_N, excess_NC)
        good, rest = self._good_and_rest(rows_NP, rank_N)
        if whose != DENSITY:
            known = (rows_NP, bad_NO, excess_NC)
            return self._by_surrogate(known, y_N, telling(rank_N, MOST), good, rng, whose)
        drawn_MP = good.draw(rng, DENSE)
        acting_MP = self._coordinates.acting(drawn_MP)
        share_M = np.where(self._new(acting_MP), good.log(acting_MP) - rest.log(acting_MP), -np.inf)
        chosen_P: np.ndarray = drawn_MP[int(np.argmax(share_M))]
        return chosen_P

    def _new(self, acting_MP: np.ndarray) -> np.ndarray:
        """Which rows no trial has had."""
        return np.array([row_P.tobytes() not in self._tried for row_P in acting_MP])

    def _good_and_rest(self, rows_NP: np.ndarray, y_N: np.ndarray) -> tuple[Density, Density]:
        order = np.argsort(y_N, kind="stable")
        count = min(25, math.ceil(0.15 * len(order)))
        rest = _spread(order[count:], MOST)
        return (
            Density(self._coordinates, rows_NP[order[:count]]),
            Density(self._coordinates, rows_NP[rest]),
        )

    def _by_surrogate(
        self,
        known: tuple[np.ndarray, np.ndarray, np.ndarray],
        y_N: np.ndarray,
        chosen: np.ndarray,
        good: Density,
        rng: np.random.Generator,
        whose: int,
    ) -> np.ndarray:
        """The candidate from which most is to be gained.

        Args:
            known: What `_Known.in_order` gives.
            chosen: The trials to learn from.
        """
        rows_NP, bad_NO, excess_NC = known
        scales = self._fitted(VALUES, *known)
        near_NP, near_N = rows_NP[chosen], y_N[chosen]
        posterior = Posterior(self._shape, scales, near_NP, near_N)
        survived_N = ~np.isnan(bad_NO[chosen, 0])
        survives = None
        if not survived_N.all():
            lost = self._fitted(LOST, *known)
            survives = Posterior(self._shape, lost, near_NP, np.where(survived_N, -1.0, 1.0))
        if self._pending:  # their likeliest values, so that nobody else goes there
            pending_KP = np.array(list(self._pending.values()))
            y = np.r_[near_N, posterior.mean(pending_KP)]
            posterior = Posterior(self._shape, scales, np.concatenate([near_NP, pending_KP]), y)
        kept = [
            Posterior(self._shape, self._fitted(c, *known), rows_NP[told][-MOST:], y[-MOST:])
            for c, (told, y) in enumerate(map(_beyond, excess_NC.T))
            if told.any()
        ]
        keeps_N = survived_N & ~(excess_NC[chosen] > 0).any(axis=1)
        believed_N = np.where(survived_N, posterior.mean(near_NP), np.inf)
        branch = None
        if whose == BRANCH and keeps_N.any():
            best_P = near_NP[int(np.argmin(np.where(keeps_N, believed_N, np.inf)))]
            others = [(i, k) for i, k in self._branches if best_P[i] != k]
            branch = others[rng.integers(len(others))]
            inside_N = near_NP[:, branch[0]] == branch[1]
            if (inside_N & keeps_N).any():
                keeps_N &= inside_N
                survived_N = survived_N & inside_N
        best = believed_N[keeps_N].min() if keeps_N.any() else None
        believed_N = np.where(survived_N, behind(believed_N, excess_NC[chosen]), np.inf)
        noise = math.exp(0.5 * scales.noise)
        careful = best is not None and rng.random() < CAREFUL

        def gain(rows_MP: np.ndarray) -> np.ndarray:
            acting_MP = self._coordinates.acting(rows_MP)
            gain_M = np.zeros(len(rows_MP))
            if best is not None:
                mean_M, sd_M = posterior(acting_MP)
                gain_M = log_improvement((best - mean_M) / sd_M) + np.log(sd_M)
                if (
                    whose == EXPLORE
                ):  # what one more run can still tell (Huang et al. 2006, equation 13)
                    gain_M += np.log1p(-noise / np.hypot(sd_M, noise))
            keeps_M = np.zeros(len(rows_MP))
            for bound in kept:
                off_M, unsure_M = bound(acting_MP)
                keeps_M += log_ndtr(-off_M / unsure_M)
            gain_M += keeps_M
            if careful:
                gain_M += np.where(keeps_M < LIKELY, 100 * keeps_M, 0.0)
            if survives is not None:
                off_M, unsure_M = survives(acting_MP)
                gain_M += log_ndtr(-off_M / np.hypot(unsure_M, EDGE))
            if branch is not None:
                gain_M = np.where(rows_MP[:, branch[0]] == branch[1], gain_M, -np.inf)
            return np.where(self._new(acting_MP), gain_M, -np.inf)

        bases = near_NP[np.argsort(believed_N, kind="stable")[: min(5, int(survived_N.sum()))]]
        # What does not act in a row is filled with what good trials have there.
        bases = np.where(np.isnan(bases), good.draw(rng, len(bases)), bases)
        near = np.repeat(bases, NEAR // len(bases), axis=0)
        everywhere = self._coordinates.random(rng, EVERYWHERE)
        changed = self._coordinates.changed(near, rng, WIDTH)
        rows_MP = np.concatenate([everywhere, good.draw(rng, DENSE), changed])
        if branch is not None:
            rows_MP[:, branch[0]] = branch[1]
        return self._improved(rows_MP, gain, rng)

    def _improved(
        self,
        rows_MP: np.ndarray,
        gain: Callable[[np.ndarray], np.ndarray],
        rng: np.random.Generator,
    ) -> np.ndarray:
        """The best row that smaller and smaller changes of the most promising lead to."""
        gain_M = gain(rows_MP)
        top = np.argsort(-gain_M, kind="stable")[:IMPROVED]
        rows_KP, gain_K = rows_MP[top], gain_M[top]
        for step in range(STEPS):
            changes = np.repeat(rows_KP, CHANGES, axis=0)
            changes = self._coordinates.changed(changes, rng, WIDTH * 0.5**step)
            gains = gain(changes).reshape(len(top), CHANGES)
            best = gains.argmax(axis=1)
            each = np.arange(len(top))
            better = gains[each, best] > gain_K
            moved = changes.reshape(len(top), CHANGES, -1)[each, best]
            rows_KP = np.where(better[:, None], moved, rows_KP)
            gain_K = np.where(better, gains[each, best], gain_K)
        best_P: np.ndarray = rows_KP[int(np.argmax(gain_K))]
        return best_P

    def _fitted(
        self, what: int, rows_NP: np.ndarray, bad_NO: np.ndarray, excess_NC: np.ndarray
    ) -> Scales:
        """The scales of the values, of what is lost or of a bound; fitted at every milestone.

        They depend on the trials up to the milestone only, so that it makes no difference at which
        of the later ones somebody asks.
        """
        count = _milestone(len(rows_NP))
        key = (what, count)
        if key not in self._scales:
            rows_NP, bad_NO, excess_NC = rows_NP[:count], bad_NO[:count], excess_NC[:count]
            o = bad_NO.shape[1]
            y_N = targets(bad_NO, np.full(o, 1.0 / o))
            chosen = telling(behind(y_N, excess_NC), MOST_TO_FIT)
            if what == LOST:
                y_N = np.where(np.isnan(bad_NO[:, 0]), 1.0, -1.0)
            elif what != VALUES:
                told, y_N = _beyond(excess_NC[:, what])
                rows_NP = rows_NP[told]
                chosen = np.arange(len(rows_NP))[-MOST_TO_FIT:]
            features = self._shape.features(rows_NP[chosen])
            self._scales[key] = fit(self._shape, features, y_N[chosen])
        return self._scales[key]


class _Known:
    """Rows and values of the trials whose results may be known, by number."""

    def __init__(self, parameters: int, objectives: int, bounds: int) -> None:
        self._numbers: list[int] = []
        self._excess = np.empty((64, bounds))
        self._rows = np.empty((64, parameters))
        self._bad = np.empty((64, objectives))
        self.survivors = 0
        """How many have values."""

    def __len__(self) -> int:
        return len(self._numbers)

    def add(
        self, number: int, row_P: np.ndarray, bad_O: np.ndarray | None, excess: tuple[float, ...]
    ) -> None:
        n = len(self._numbers)
        if n == len(self._rows):
            self._rows = np.concatenate([self._rows, np.empty_like(self._rows)])
            self._bad = np.concatenate([self._bad, np.empty_like(self._bad)])
            self._excess = np.concatenate([self._excess, np.empty_like(self._excess)])
        self._numbers.append(number)
        self._rows[n] = row_P
        self._bad[n] = np.nan if bad_O is None else bad_O
        self._excess[n] = excess or np.nan
        self.survivors += bad_O is not None

    def numbers(self) -> list[int]:
        """Of the trials, in order."""
        return sorted(self._numbers)

    def in_order(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows (N, P), values (N, O), the lower the better, and how far beyond bounds (N, C).

        nan where a trial has none.
        """
        n = len(self._numbers)
        numbers = np.array(self._numbers)
        if (np.diff(numbers) > 0).all():
            return self._rows[:n], self._bad[:n], self._excess[:n]
        order = np.argsort(numbers, kind="stable")
        return self._rows[:n][order], self._bad[:n][order], self._excess[:n][order]


def targets(bad_NO: np.ndarray, weight_O: np.ndarray) -> np.ndarray:
    """What the surrogate learns: a standardised value for each trial, the lower the better.

    Losses blow up by orders of magnitude where training is about to fail; so what is
    worse than usual is brought closer, in order. A lost trial counts as the worst. Several
    objectives become one by a weight for each, and every trial has its own (ParEGO, Knowles 2006).

    Args:
        bad_NO: Values, the lower the better; nan for a lost trial.
        weight_O: They add up to 1.
    """
    survived_N = ~np.isnan(bad_NO[:, 0])
    have_NO = bad_NO[survived_N].clip(-1e150, 1e150)
    low_O, high_O = have_NO.min(axis=0), have_NO.max(axis=0)
    have_NO = (have_NO - low_O) / np.where(high_O > low_O, high_O - low_O, 1.0)
    usual_O = np.quantile(have_NO, 0.5, axis=0, method="lower")
    usual_O = np.maximum(usual_O, np.quantile(have_NO[:FIRST], 0.5, axis=0, method="lower"))
    scale_O = np.where(usual_O > 0, usual_O, 1.0)
    beyond_NO = np.maximum(have_NO - usual_O, 0.0) / scale_O
    have_NO = np.minimum(have_NO, usual_O) + scale_O * 2 * beyond_NO / (2 + beyond_NO)
    have_NO /= np.maximum(have_NO.max(axis=0), np.finfo(float).tiny)
    weighted_NO = have_NO * weight_O
    have_N = weighted_NO.max(axis=1)
    if len(weight_O) > 1:
        have_N += 0.05 * weighted_NO.sum(axis=1)
    y_N = np.full(len(bad_NO), have_N.max())
    y_N[survived_N] = have_N
    y_N -= y_N.mean()
    sd = y_N.std()
    return y_N / sd if sd > 1e-12 else np.zeros(len(y_N))


def _beyond(excess_N: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of which trials it is known how far they are beyond a bound, and how far: 0 is the bound.

    What is far from it, on either side, is brought closer, in order.
    """
    told = ~np.isnan(excess_N)
    off = excess_N[told].clip(-1e150, 1e150)
    usual = np.median(np.abs(off)) if len(off) else 0.0
    return told, np.arcsinh(off / (usual if usual > 0 else 1.0))


def behind(y_N: np.ndarray, excess_NC: np.ndarray) -> np.ndarray:
    """Values of which those beyond a bound come after all others, the least beyond first."""
    beyond_N = np.zeros(len(y_N))
    for excess_N in excess_NC.T:
        told, off = _beyond(excess_N)
        beyond_N[told] += np.maximum(off, 0.0)
    if not beyond_N.any():
        return y_N
    worst = y_N[np.isfinite(y_N)].max()
    return np.where(beyond_N > 0, worst + 1e-9 + beyond_N, y_N)


def telling(y_N: np.ndarray, most: int) -> np.ndarray:
    """Which trials to learn from where there are too many: the better ones, and some others."""
    if len(y_N) <= most:
        return np.arange(len(y_N))
    order = np.argsort(y_N, kind="stable")
    best, rest = order[: most // 2], order[most // 2 :]
    return np.sort(np.r_[best, _spread(rest, most - len(best))])


def _spread(items: np.ndarray, most: int) -> np.ndarray:
    """At most so many, evenly spread."""
    if len(items) <= most:
        return items
    some: np.ndarray = items[np.linspace(0, len(items) - 1, most).astype(int)]
    return some


def _milestone(count: int) -> int:
    """The largest milestone up to a count: every number to 12, from there each a tenth more."""
    last = reached = min(count, 12)
    while reached <= count:
        last, reached = reached, max(reached + 2, math.ceil(reached * 1.1))
    return last


def log_improvement(z_M: np.ndarray) -> np.ndarray:
    """The logarithm of the expected improvement at z standard deviations (Ament et al. 2023)."""
    out = np.empty_like(z_M)
    near = z_M > -5
    z = z_M[near]
    out[near] = np.log(
        np.maximum(np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi) + z * ndtr(z), 1e-300)
    )
    far = z_M[~near]
    # phi(z) / z^2, the first term of the tail.
    out[~near] = -0.5 * far * far - 0.5 * math.log(2 * math.pi) - 2 * np.log(-far)
    return out
