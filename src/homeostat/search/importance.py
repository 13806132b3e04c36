"""Importance: how much of the differences between a study's trials each parameter explains.

    found = importance(trials, space, metric="val_loss", goal="minimize")
    found.rows[0].name, found.rows[0].share, found.weak

fANOVA and impurity measure a forest that was fitted to the trials, PED-ANOVA the best tenth of
them. Intervals come from resampling the trials. A forest that cannot predict the trials it was not
shown says nothing about parameters either: then the ranking is called weak.
Source: Hutter, Hoos and Leyton-Brown 2014 (fANOVA); Watanabe, Bansal and Hutter 2023 (PED-ANOVA);
the evaluators are Optuna's.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from homeostat.errors import StudyError, UnknownNameError, did_you_mean
from homeostat.evidence.forest import out_of_bag
from homeostat.record.outcome import Outcome
from homeostat.sample.encoding import Encoding
from homeostat.space import Choice, Space
from homeostat.study.records import TrialRow
from homeostat.workload.goal import Goal

if TYPE_CHECKING:
    import optuna

METHODS = ("fanova", "ped-anova", "mdi")
FEWEST = 10
"""Trials below which there is nothing to fit."""
FEWEST_CONDITIONAL = 20
RESAMPLES = 12
TREES = 24
WEAK = 0.3
"""Out-of-bag R^2 below which a ranking is weak."""
FAR = 5.0
"""Values further from the median than this many interquartile ranges are clipped: otherwise a
single loss of 1e30 would be all there is to explain."""


@dataclass(frozen=True)
class ImportanceRow:
    """One parameter.

    Attributes:
        share: Its share of everything explained, 0 to 1.
        low, high: The 95 % interval of that.
        trials: Among how many trials it was active.
    """

    name: str
    share: float
    low: float
    high: float
    trials: int


@dataclass(frozen=True)
class Importance:
    """The ranking, largest first.

    Attributes:
        r2: Out-of-bag R^2 of a forest over the trials: 1 if it predicts trials it was not shown.
        left_out: Conditional parameters that were active too rarely.
    """

    method: str
    metric: str
    rows: tuple[ImportanceRow, ...]
    trials: int
    r2: float
    left_out: tuple[str, ...] = ()

    @property
    def weak(self) -> bool:
        return self.r2 < WEAK

    @property
    def sentence(self) -> str:
        """How far the ranking can be trusted."""
        seen = f"A forest foresees trials it was not shown with R^2 = {self.r2:.2f}"
        if self.weak:
            return f"{seen}: the ranking is weak, do not drop a parameter by it."
        return f"{seen} ({self.trials} trials)."

    def to_json(self) -> dict[str, Any]:
        return {
            "method": self.method,
            "metric": self.metric,
            "trials": self.trials,
            "r2": self.r2,
            "weak": self.weak,
            "sentence": self.sentence,
            "rows": [vars(row) for row in self.rows],
            "left_out": list(self.left_out),
        }


def importance(
    trials: Sequence[TrialRow],
    space: Space,
    *,
    metric: str,
    goal: str = "minimize",
    method: str = "fanova",
    seed: int = 0,
) -> Importance:
    """Rank the parameters that trials varied.

    Parameters that every trial has are ranked together; a conditional one is ranked with them on
    the trials in which it was active.

    Args:
        trials: Of one study; those that completed with a value count.
        space: The workload's.
        metric, goal: The objective.
        method: One of `METHODS`.

    Raises:
        StudyError: If there are too few trials.
        UnknownNameError: If there is no such method.
    """
    if method not in METHODS:
        raise UnknownNameError(f"No method {method!r}.", hint=did_you_mean(method, METHODS))
    done = [
        t for t in trials
        if t.outcome is Outcome.COMPLETED and np.isfinite(t.values.get(metric, np.nan))
    ]  # fmt: skip
    if len(done) < FEWEST:
        raise StudyError(
            f"{len(done)} completed trials are too few to rank parameters; it takes {FEWEST}.",
            hint="Go on with the study first.",
        )
    y = _drawn_in(np.array([t.values[metric] for t in done]))
    varied = [n for n in dict.fromkeys(n for t in done for n in t.parameters) if _varies(n, done)]
    common = [n for n in varied if all(n in t.parameters for t in done)]
    ranker = _Ranker(space, method, goal, seed)
    rows = ranker.rank(done, y, common)
    left_out = []
    for name in varied:
        if name in common:
            continue
        there = np.array([name in t.parameters for t in done])
        if there.sum() < FEWEST_CONDITIONAL:
            left_out.append(name)
            continue
        among = [t for t in done if name in t.parameters]
        rows += [r for r in ranker.rank(among, y[there], [*common, name]) if r.name == name]
    r2 = out_of_bag(_table(done, space, common), y, seed) if common else 0.0
    ordered = tuple(sorted(rows, key=lambda row: -row.share))
    return Importance(method, metric, ordered, len(done), float(r2), tuple(left_out))


class _Ranker:
    """One method, over whichever trials and parameters it is given."""

    def __init__(self, space: Space, method: str, goal: str, seed: int) -> None:
        self._space, self._method, self._seed = space, method, seed
        self._goal = goal

    def rank(
        self, trials: Sequence[TrialRow], y: np.ndarray, names: Sequence[str]
    ) -> list[ImportanceRow]:
        """Shares with their intervals, by resampling."""
        if not names:
            return []
        whole = self._shares(trials, y, names)
        rng = np.random.default_rng(self._seed)
        drawn = {name: list[float]() for name in names}
        for _ in range(RESAMPLES):
            chosen = rng.integers(len(trials), size=len(trials))
            shares = self._shares([trials[i] for i in chosen], y[chosen], names)
            for name in names:
                drawn[name].append(shares.get(name, 0.0))
        rows = []
        for name in names:
            low, high = np.percentile(drawn[name], [2.5, 97.5])
            share = whole.get(name, 0.0)
            rows.append(
                ImportanceRow(
                    name, share, float(min(low, share)), float(max(high, share)), len(trials)
                )
            )
        return rows

    def _shares(
        self, trials: Sequence[TrialRow], y: np.ndarray, names: Sequence[str]
    ) -> dict[str, float]:
        import optuna
        from optuna.importance import get_param_importances

        if float(np.std(y)) == 0.0:
            return {}
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        encoding = Encoding(self._space.searched(names=names))
        study = optuna.create_study(direction=optuna.study.StudyDirection[Goal(self._goal).upper()])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Optuna's notices about what is new in it
            study.add_trials(
                [
                    optuna.trial.create_trial(
                        params=encoding.encode({n: t.parameters[n] for n in names}),
                        distributions=encoding.distributions,
                        value=float(value),
                    )
                    for t, value in zip(trials, y, strict=True)
                ]
            )
            return dict(get_param_importances(study, evaluator=self._evaluator()))

    def _evaluator(self) -> optuna.importance.BaseImportanceEvaluator:
        from optuna import importance as made

        if self._method == "ped-anova":
            return made.PedAnovaImportanceEvaluator()
        kind = (
            made.FanovaImportanceEvaluator
            if self._method == "fanova"
            else made.MeanDecreaseImpurityImportanceEvaluator
        )
        return kind(n_trees=TREES, seed=self._seed)


def _drawn_in(y: np.ndarray) -> np.ndarray:
    low, middle, high = np.percentile(y, [25, 50, 75])
    reach = FAR * (high - low)
    return np.clip(y, middle - reach, middle + reach) if reach > 0 else y


def _varies(name: str, trials: Sequence[TrialRow]) -> bool:
    return len({str(t.parameters[name]) for t in trials if name in t.parameters}) > 1


def _table(trials: Sequence[TrialRow], space: Space, names: Sequence[str]) -> np.ndarray:
    """Trials x parameters, each on its own scale from 0 to 1."""

    def unit(name: str, parameters: Mapping[str, Any]) -> float:
        parameter, value = space[name], parameters[name]
        if isinstance(parameter, Choice):
            return float(list(parameter.options).index(value))
        if isinstance(value, bool):
            return float(value)
        return float(parameter.to_unit(value))  # type: ignore[union-attr]  # varied ones are ranges

    return np.array([[unit(name, t.parameters) for name in names] for t in trials])
