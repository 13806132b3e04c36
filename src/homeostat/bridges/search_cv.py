"""HomeostatSearchCV: RandomizedSearchCV's place taken by a search that ends on fresh splits."""

from __future__ import annotations

import copy
import math
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from inspect import signature
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.model_selection import check_cv, cross_validate
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils import check_random_state

from homeostat.bridges.again import Pair, run_again
from homeostat.bridges.distributions import Distributions
from homeostat.errors import StudyError
from homeostat.record.outcome import Outcome
from homeostat.search.confirm import leave_unconfirmed
from homeostat.search.decide import verdict_of
from homeostat.search.search import open_store
from homeostat.study.records import TrialRow
from homeostat.study.study import Study, TrialSpec
from homeostat.workload.goal import Goal
from homeostat.workload.workload import Workload

Evaluate = Callable[[Sequence[Mapping[str, Any]]], dict[str, Any]]


class HomeostatSearchCV(BaseSearchCV):  # type: ignore[misc]  # scikit-learn has no types
    """Search an estimator's parameters, and run the best and the default again on fresh splits.

    Used as `RandomizedSearchCV` is: the same arguments, methods and attributes. Each candidate is a
    trial, each fold of its cross-validation one of its seeds; the first is the estimator as it is.
    At the end the best candidates and the first are cross-validated on splits that had no part in
    the choice, and `best_params_` are those of the winner there; `verdict_` says how sure that is.

    Args:
        estimator: What is to be tuned.
        param_distributions: Parameter -> a list, a frozen distribution of SciPy, or `hs.Float`,
            `hs.Int`, `hs.Choice`, `hs.Bool`.
        n_iter: How many candidates.
        method: auto, random, sobol, tpe, gp, cmaes or nsga2.
        confirm: Whether the best run on fresh splits, or on how many.
        study: The study's name; made from the time by default.
        results: Where the study is kept, for `homeostat report` and `homeostat dashboard`; without
            it nothing is.
        scoring, n_jobs, refit, cv, verbose, pre_dispatch, random_state, error_score,
            return_train_score: As in `RandomizedSearchCV`.

    Attributes:
        cv_results_: As there; a candidate of which no fold can be fitted has a trial and no row.
        verdict_: Which candidate won on fresh splits, by how much, or why none has.
        study_: The study's name.

    Example:
        >>> import homeostat as hs
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.tree import DecisionTreeClassifier
        >>> X, y = load_iris(return_X_y=True)
        >>> ranges = {"max_depth": hs.Int(1, 8), "criterion": ["gini", "entropy"]}
        >>> tree = DecisionTreeClassifier(random_state=0)
        >>> found = hs.HomeostatSearchCV(tree, ranges, n_iter=5, random_state=0).fit(X, y)
        >>> found.verdict_.status, found.predict(X[:1]).item()
        ('confirmed', 0)
    """

    def __init__(
        self,
        estimator: Any,
        param_distributions: Mapping[str, Any],
        *,
        n_iter: int = 10,
        method: str = "auto",
        confirm: bool | int = True,
        study: str | None = None,
        results: str | Path | None = None,
        scoring: Any = None,
        n_jobs: int | None = None,
        refit: Any = True,
        cv: Any = None,
        verbose: int = 0,
        pre_dispatch: Any = "2*n_jobs",
        random_state: Any = None,
        error_score: Any = np.nan,
        return_train_score: bool = False,
    ) -> None:
        self.param_distributions = param_distributions
        self.n_iter = n_iter
        self.method = method
        self.confirm = confirm
        self.study = study
        self.results = results
        self.random_state = random_state
        super().__init__(
            estimator=estimator, scoring=scoring, n_jobs=n_jobs, refit=refit, cv=cv,
            verbose=verbose, pre_dispatch=pre_dispatch, error_score=error_score,
            return_train_score=return_train_score,
        )  # fmt: skip

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Search, decide on fresh splits, and refit the winner on all data.

        Raises:
            SpaceError: If a distribution is none.
            StudyError: If a study of that name exists.
        """
        self._given = (X, y, params)
        try:
            super().fit(X, y, **params)
        finally:
            self.__dict__.pop("_rows", None)
            del self._given
        return self

    def _run_search(self, evaluate_candidates: Evaluate) -> None:
        """Called by scikit-learn's `fit`."""
        distributions = Distributions(self.param_distributions, self.estimator)
        default = distributions.values(distributions.space.resolve())
        results = evaluate_candidates([default])
        metric = self._metric(results)
        goals = {metric: Goal.MAXIMIZE}
        workload = Workload(
            name=type(self.estimator).__name__, loop=_no_loop, space=distributions.space,
            objectives=goals, budget=1, unit="fit",
        )  # fmt: skip
        self.study_ = self.study or f"{workload.name}_{time.strftime('%Y%m%d_%H%M%S')}"
        folds = len(_scores(results, metric, 0))
        with ExitStack() as stack:
            folder = self.results or stack.enter_context(tempfile.TemporaryDirectory())
            store = (
                open_store(folder) if self.results else open_store(folder, Path(folder) / "s.db")
            )
            stack.callback(store.close)
            if store.find(self.study_) is not None:
                raise StudyError(
                    f"{store.place} has a study {self.study_!r} already.",
                    hint="A fit begins a new one: give another name, or none.",
                )
            seed = int(check_random_state(self.random_state).randint(2**31 - 1))
            at_once = math.ceil(_processes(self.n_jobs) / folds)
            study = stack.enter_context(
                Study.open(
                    workload,
                    self.study_,
                    store=store,
                    method=self.method,
                    seed=seed,
                    seeds=folds,
                    wave=at_once,
                )
            )
            _tell(study, study.ask(), results, metric, 0)
            self._rows = [0]
            self._search(study, distributions, evaluate_candidates, metric, at_once)
            self._run_on_fresh_splits(study, distributions, metric)
            self.verdict_ = verdict_of(store.study(self.study_), study.trials)

    def _search(
        self,
        study: Study,
        distributions: Distributions,
        evaluate: Evaluate,
        metric: str,
        at_once: int,
    ) -> None:
        grid = distributions.grid
        count = self.n_iter if grid is None else min(self.n_iter, len(grid))
        if grid is not None and count == len(grid):  # then no sampler is needed
            for values in grid:
                study.enqueue(values)
        while len(study.trials) < count or study.has_unfinished:
            left = count - sum(trial.outcome.final for trial in study.trials)
            specs = [study.ask() for _ in range(min(at_once, left))]
            try:
                results = evaluate([distributions.values(spec.config) for spec in specs])
            except ValueError as error:
                if "All the" not in str(error) or self.error_score == "raise":
                    raise
                # scikit-learn stops here, and keeps no row of them; a search goes on.
                for spec in specs:
                    study.tell(spec.number, Outcome.FAILED, reason=_last_line(error))
                continue
            for spec in specs:
                self._rows.append(spec.number)
                _tell(study, spec, results, metric, self._rows.index(spec.number))

    def _run_on_fresh_splits(self, study: Study, distributions: Distributions, metric: str) -> None:
        """What a search does with fresh seeds, with splits."""
        X, y, params = self._given
        splitter = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        # Not by its attributes: TimeSeriesSplit inherits a random_state that it has no use for.
        if "random_state" not in signature(type(splitter).__init__).parameters:
            leave_unconfirmed(study, f"{type(splitter).__name__} has no other splits to try it on")
            return
        groups, others = params.get("groups"), {k: v for k, v in params.items() if k != "groups"}

        def measure(pairs: Sequence[Pair]) -> list[dict[str, float]]:
            means = []
            for trial, seed in pairs:
                values = clone(distributions.values(study.config(trial)), safe=False)
                scores = cross_validate(
                    clone(self.estimator).set_params(**values), X, y, groups=groups,
                    cv=_other_splits(splitter, seed), scoring=self.scoring, n_jobs=self.n_jobs,
                    params=others, pre_dispatch=self.pre_dispatch, error_score=self.error_score,
                )  # fmt: skip
                means.append({metric: float(np.mean(scores[self._key(metric, scores)]))})
            return means

        run_again(study, self.confirm, measure)

    def _metric(self, results: Mapping[str, Any]) -> str:
        """The objective: the metric that refits, or the only one."""
        if isinstance(self.refit, str):
            return self.refit
        if isinstance(self.scoring, str) and "mean_test_score" in results:
            return self.scoring
        names = [name.removeprefix("mean_test_") for name in results if "mean_test_" in name]
        return "score" if "score" in names else names[0]

    @staticmethod
    def _key(metric: str, scores: Mapping[str, Any]) -> str:
        return f"test_{metric}" if f"test_{metric}" in scores else "test_score"

    def _select_best_index(self, refit: Any, refit_metric: str, results: Mapping[str, Any]) -> int:
        """The winner on fresh splits; without one, the best in the search."""
        winner = self.verdict_.winner
        if callable(refit) or winner is None:
            chosen: int = BaseSearchCV._select_best_index(refit, refit_metric, results)
            return chosen
        return self._rows.index(winner.number)


def _tell(
    study: Study, spec: TrialSpec, results: Mapping[str, Any], metric: str, row: int
) -> TrialRow:
    """A candidate's folds; one that could not be fitted or scored has failed."""
    scores = _scores(results, metric, row)
    if not all(math.isfinite(score) for score in scores):
        return study.tell(spec.number, Outcome.FAILED, reason="a fold has no finite score")
    wall_s = results["mean_fit_time"][row] + results["mean_score_time"][row]
    return study.tell(
        spec.number, Outcome.COMPLETED, {metric: scores}, wall_s=float(wall_s * len(scores))
    )


def _scores(results: Mapping[str, Any], metric: str, row: int) -> list[float]:
    """A candidate's score in each fold."""
    known = f"split0_test_{metric}" in results
    ending = f"_test_{metric}" if known else "_test_score"
    names = [name for name in results if name.startswith("split") and name.endswith(ending)]
    return [float(results[name][row]) for name in names]


def _processes(n_jobs: int | None) -> int:
    """As joblib counts them, but for what a context of its sets."""
    cores = os.cpu_count() or 1
    return max(1, cores + 1 + n_jobs if n_jobs is not None and n_jobs < 0 else n_jobs or 1)


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1]


def _other_splits(splitter: Any, seed: int) -> Any:
    """The same way of splitting, drawn anew."""
    other = copy.copy(splitter)
    other.random_state = seed
    if hasattr(other, "shuffle"):
        other.shuffle = True
    return other


def _no_loop(config: Any, trial: Any) -> Any:
    """A candidate is fitted by scikit-learn, not by a loop."""
    raise StudyError("A study of HomeostatSearchCV is gone on with by fitting it again.")
