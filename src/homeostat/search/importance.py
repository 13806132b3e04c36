"""Importance: how much of the differences between a study's trials involves each parameter.

    ranking = importance(trials, space, metric="val_loss")
    ranking.rows[0].name, ranking.rows[0].share, ranking.chance

One model of all trials (a functional ANOVA, see `evidence.anova`), whose shares are of one whole:
the variance of the metric over the space, luck included. Every page shows this one ranking.
Source: Sobol 2001, Math. Comput. Simul. 55:271 (total effects), of a Bayesian model as in Le
Gratiet, Cannamela and Iooss 2014, SIAM/ASA J. Uncertain. Quantif. 2:336.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from homeostat.errors import StudyError
from homeostat.evidence.anova.decompose import Decomposition, decompose
from homeostat.record.outcome import Outcome
from homeostat.space import Space
from homeostat.space.order import SearchSpace
from homeostat.study.records import TrialRow
from homeostat.wording import plural

METHOD = "functional ANOVA"
FEWEST = 10
"""Trials below which there is nothing to fit."""
TRIALS_PER_PARAMETER = 2
"""Fewer than this, and there is no ranking."""
MOST = 2_000
"""Of more trials so many count, evenly spread over the study: the others would change the shares by
less than their intervals, and take half a minute."""
FEWEST_ACTING = 8
"""Trials in which a parameter must have acted to be ranked."""
CONFIGURATIONS = 400
"""Drawn at random, for how often a conditional parameter acts."""
WEAK = 0.3
"""Where less is explained, a ranking is weak."""
FAR = 3.0
"""Values further from the median than this many times the range of nine tenths of them are clipped:
otherwise a single loss of 1e30 would be all there is to explain. (Of half of them would be too
little: late in a good search they lie within a hair's breadth.)"""
TAIL = 2.5
"""Percent of the draws beyond either end of an interval."""
STRETCH, MARGIN = 1.25, 0.01
"""What an interval is stretched by and lengthened by on each side: the functions of the model
follow a cliff only nearly. Calibrated by benchmarks/coverage.py."""


@dataclass(frozen=True)
class ImportanceRow:
    """One parameter.

    Attributes:
        share: Of the variance of the metric, what involves it, 0 to 1. Two parameters that act
            together both have a share in that, so shares may add up to more than 1.
        low, high: The 95 % interval of that.
        trials: In how many trials it acted.
        clear: Whether the interval lies above what chance gives.
    """

    name: str
    share: float
    low: float
    high: float
    trials: int
    clear: bool = True


@dataclass(frozen=True)
class Importance:
    """The ranking, largest first.

    Attributes:
        r2: The part of the variance that the model explains.
        chance: The share that parameters without effect stay below, 95 times in 100.
        luck: The part that no parameter explains, with its interval in `luck_low`, `luck_high`.
        left_out: Parameters that acted in too few trials.
        dead: Parameters that the probe had shown to be without effect.
    """

    method: str
    metric: str
    rows: tuple[ImportanceRow, ...]
    trials: int
    r2: float
    chance: float
    luck: float
    luck_low: float
    luck_high: float
    left_out: tuple[str, ...] = ()
    dead: tuple[str, ...] = ()

    @property
    def weak(self) -> bool:
        return self.r2 < WEAK

    @property
    def bars(self) -> list[tuple[str, float, float, float]]:
        """What a figure shows: name, share and interval."""
        return [(row.name, row.share, row.low, row.high) for row in self.rows]

    @property
    def title(self) -> str:
        """Of a figure or table."""
        weak = " (weak)" if self.weak else ""
        return f"share of the variance of {self.metric}, by {self.method}{weak}"

    @property
    def sentence(self) -> str:
        """What the ranking says as a whole, and how far it can be trusted."""
        explained = (
            f"By {self.method} over {plural(self.trials, 'trial')}, the parameters explain "
            f"{self.r2:.0%} of the variance of {self.metric}; {self.luck:.0%} "
            f"({self.luck_low:.0%} to {self.luck_high:.0%}) is luck, or beyond the model."
        )
        beyond = [row.name for row in self.rows if row.clear]
        below = f"Below {self.chance:.1%} is chance"
        if not beyond:
            return f"{explained} {below}, and no parameter is clear of it: do not drop any by this."
        weak = " The ranking is weak: do not drop a parameter by it." if self.weak else ""
        return f"{explained} {below}; clear of it: {', '.join(beyond)}.{weak}"

    @property
    def remarks(self) -> tuple[str, ...]:
        """What was left out, in sentences."""
        remarks = []
        if self.left_out:
            remarks.append(f"Acted in too few trials to tell: {', '.join(self.left_out)}.")
        if self.dead:
            remarks.append(f"Left out, as the probe saw no effect: {', '.join(self.dead)}.")
        return tuple(remarks)

    def to_json(self) -> dict[str, Any]:
        return {
            "method": self.method,
            "metric": self.metric,
            "trials": self.trials,
            "r2": self.r2,
            "chance": self.chance,
            "luck": self.luck,
            "luck_low": self.luck_low,
            "luck_high": self.luck_high,
            "weak": self.weak,
            "sentence": self.sentence,
            "rows": [vars(row) for row in self.rows],
            "left_out": list(self.left_out),
            "dead": list(self.dead),
        }


def importance(
    trials: Sequence[TrialRow],
    space: Space,
    *,
    metric: str,
    held: Mapping[str, Any] | None = None,
    dead: Collection[str] = (),
    seed: int = 0,
) -> Importance:
    """Rank the parameters that trials varied.

    Args:
        trials: Of one study; those that completed with a value count.
        space: The workload's.
        metric: The objective. Which way is better makes no difference to what explains it.
        held: Values of what was not varied, where they are not the defaults.
        dead: Parameters that are known to be without effect; they are left out.

    Raises:
        StudyError: If there are too few trials.
    """
    done = [
        t for t in trials
        if t.outcome is Outcome.COMPLETED and np.isfinite(t.values.get(metric, np.nan))
    ]  # fmt: skip
    if len(done) < FEWEST:
        raise StudyError(
            f"{len(done)} completed trials are too few to rank parameters; it takes {FEWEST}.",
            hint="Go on with the study first.",
        )
    if len(done) > MOST:
        done = [done[i] for i in np.linspace(0, len(done) - 1, MOST).round().astype(int)]
    varied = [n for n in dict.fromkeys(n for t in done for n in t.parameters) if _varies(n, done)]
    known_dead = tuple(name for name in varied if name in dead)
    counts = {name: sum(name in t.parameters for t in done) for name in varied}
    ranked = [n for n in varied if n not in dead and counts[n] >= FEWEST_ACTING]
    left_out = tuple(n for n in varied if n not in dead and counts[n] < FEWEST_ACTING)
    needed = TRIALS_PER_PARAMETER * len(ranked)
    if len(done) < needed:
        raise StudyError(
            f"{len(done)} completed trials are too few to rank {len(ranked)} parameters; it takes "
            f"{needed}.",
            hint="Go on with the study, or vary fewer parameters.",
        )
    values_N = _drawn_in(np.array([t.values[metric] for t in done]))
    if not ranked or float(np.ptp(values_N)) == 0.0:
        nothing = tuple(ImportanceRow(n, 0.0, 0.0, 0.0, counts[n], False) for n in ranked)
        return Importance(
            METHOD, metric, nothing, len(done), 0.0, 0.0, 0.0, 0.0, 0.0, left_out, known_dead
        )
    split = _decomposed(done, space, ranked, values_N, held or {}, seed)
    rows = _rows(split, ranked, counts)
    low, high = np.percentile(split.noise_T, [TAIL, 100 - TAIL])
    luck = float(split.noise_T.mean())
    return Importance(
        METHOD, metric, rows, len(done), 1.0 - luck, split.chance, luck, float(low), float(high),
        left_out, known_dead,
    )  # fmt: skip


def _decomposed(
    done: Sequence[TrialRow],
    space: Space,
    names: Sequence[str],
    values_N: np.ndarray,
    held: Mapping[str, Any],
    seed: int,
) -> Decomposition:
    searched = space.searched(names=names)
    parameters = [{n: t.parameters[n] for n in names if n in t.parameters} for t in done]
    acting: list[Collection[str]] = []
    if any(len(of_trial) < len(names) for of_trial in parameters):
        rng = np.random.default_rng(seed)
        drawn = SearchSpace(space, searched, {n: v for n, v in held.items() if n not in searched})
        acting = [
            drawn.draw(lambda name: searched[name].from_unit(rng.random()))
            for _ in range(CONFIGURATIONS)
        ]
    above = {name: _above(name, space) for name in names}
    return decompose(searched, parameters, values_N, acting=acting, above=above, seed=seed)


def _above(name: str, space: Space) -> frozenset[str]:
    """What a parameter's acting depends on, all the way up."""
    parents = frozenset(space.conditions.get(name, {}))
    return parents.union(*(_above(parent, space) for parent in parents))


def _rows(
    split: Decomposition, names: Sequence[str], counts: Mapping[str, int]
) -> tuple[ImportanceRow, ...]:
    rows = []
    for name, draws_T in zip(names, split.shares_TD.T, strict=True):
        share = float(draws_T.mean())
        low, high = (float(end) for end in np.percentile(draws_T, [TAIL, 100 - TAIL]))
        clear = low > split.chance
        longer = max(0.0, share - STRETCH * (share - low) - MARGIN)
        rows.append(
            ImportanceRow(
                name, share, longer if clear else 0.0,
                min(1.0, share + STRETCH * (high - share) + MARGIN), counts[name], clear,
            )
        )  # fmt: skip
    return tuple(sorted(rows, key=lambda row: -row.share))


def _drawn_in(y: np.ndarray) -> np.ndarray:
    low, middle, high = np.percentile(y, [5, 50, 95])
    reach = FAR * (high - low)
    return np.clip(y, middle - reach, middle + reach) if reach > 0 else y


def _varies(name: str, trials: Sequence[TrialRow]) -> bool:
    # By type too: 1, 1.0 and True are different options.
    seen = {(type(v), v) for t in trials if (v := t.parameters.get(name, trials)) is not trials}
    return len(seen) > 1
