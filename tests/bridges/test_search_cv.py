"""HomeostatSearchCV in RandomizedSearchCV's place, and what it adds: a verdict on fresh splits."""

import pickle

import numpy as np
import pytest
from scipy.stats import loguniform, norm, randint, uniform
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    KFold,
    RandomizedSearchCV,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import check_estimator

import homeostat as hs
from homeostat.bridges.distributions import Distributions
from homeostat.bridges.search_cv import HomeostatSearchCV
from homeostat.errors import SpaceError, StudyError
from homeostat.search.search import look_store

X, y = make_classification(120, 6, n_informative=3, flip_y=0.1, random_state=0)
TREE = DecisionTreeClassifier(random_state=0)
DEPTHS = {"max_depth": randint(1, 9), "min_samples_leaf": [1, 5, 20]}


@pytest.fixture(scope="module")
def fitted():
    return HomeostatSearchCV(TREE, DEPTHS, n_iter=8, cv=3, random_state=0).fit(X, y)


def test_it_has_what_randomized_search_has(fitted):
    theirs = RandomizedSearchCV(TREE, DEPTHS, n_iter=8, cv=3, random_state=0).fit(X, y)
    public = {name for name in vars(theirs) if name.endswith("_") and not name.startswith("_")}
    assert public <= set(vars(fitted)) | {"n_features_in_", "classes_"}
    assert set(fitted.cv_results_) == set(theirs.cv_results_)
    assert all(len(column) == 8 for column in fitted.cv_results_.values())
    assert fitted.best_params_ == fitted.cv_results_["params"][fitted.best_index_]
    assert fitted.best_estimator_.get_params()["max_depth"] == fitted.best_params_["max_depth"]
    assert fitted.predict(X).shape == y.shape
    assert fitted.score(X, y) > 0.8


def test_a_candidate_scores_what_cross_validation_says(fitted):
    for params, mean in zip(
        fitted.cv_results_["params"], fitted.cv_results_["mean_test_score"], strict=True
    ):
        assert mean == cross_val_score(clone(TREE).set_params(**params), X, y, cv=3).mean()


def test_the_winner_is_decided_on_splits_that_had_no_part_in_the_choice(fitted):
    verdict = fitted.verdict_
    assert verdict.status == "confirmed"
    assert fitted.best_index_ == verdict.winner.number
    score = verdict.on_fresh_seeds(verdict.winner)
    model = clone(TREE).set_params(**fitted.best_params_)
    for seed, value in score.values.items():
        splits = StratifiedKFold(3, shuffle=True, random_state=seed)
        assert value == pytest.approx(cross_val_score(model, X, y, cv=splits).mean())


def test_the_same_random_state_gives_the_same_search(fitted):
    again = clone(fitted).fit(X, y)
    assert again.cv_results_["params"] == fitted.cv_results_["params"]
    assert again.best_params_ == fitted.best_params_
    assert pickle.loads(pickle.dumps(again)).predict(X).tolist() == fitted.predict(X).tolist()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # they give it data that cannot be fitted
def test_scikit_learns_own_checks_pass():
    check_estimator(
        HomeostatSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, n_iter=2, cv=2, confirm=2)
    )


def test_a_pipeline_with_steps_to_choose_from_is_searched():
    pipeline = make_pipeline(StandardScaler(), Ridge())
    ranges = {
        "standardscaler": [StandardScaler(), MinMaxScaler(), "passthrough"],
        "ridge__alpha": loguniform(1e-3, 1e3),
    }
    search = HomeostatSearchCV(
        pipeline, ranges, n_iter=5, cv=KFold(3), scoring="neg_mean_squared_error", random_state=1
    )
    search.fit(X, y.astype(float))
    assert search.verdict_.metric == "neg_mean_squared_error"
    assert np.isfinite(search.predict(X)).all()
    assert cross_val_score(search, X, y.astype(float), cv=2).shape == (2,)  # inside another one


def test_a_small_grid_is_tried_whole_and_no_candidate_twice():
    search = HomeostatSearchCV(TREE, {"max_depth": [1, 2, 3]}, n_iter=10, cv=3).fit(X, y)
    assert sorted(p["max_depth"] for p in search.cv_results_["params"]) == [1, 2, 3]


def test_several_metrics_and_the_one_that_refits():
    search = HomeostatSearchCV(
        TREE, DEPTHS, n_iter=3, cv=3, scoring=["accuracy", "roc_auc"], refit="roc_auc"
    ).fit(X, y)
    assert search.verdict_.metric == "roc_auc"
    assert "mean_test_accuracy" in search.cv_results_
    with_function = HomeostatSearchCV(TREE, DEPTHS, n_iter=3, cv=3, refit=lambda results: 2)
    assert with_function.fit(X, y).best_index_ == 2


def test_without_refit_or_confirmation_the_best_in_the_search_is_named():
    search = HomeostatSearchCV(TREE, DEPTHS, n_iter=4, cv=3, refit=False, confirm=False).fit(X, y)
    assert search.best_index_ == search.cv_results_["rank_test_score"].argmin()
    assert search.verdict_.winner is None
    assert not hasattr(search, "best_estimator_")


def test_splits_that_cannot_be_drawn_anew_leave_it_unconfirmed_and_say_so():
    search = HomeostatSearchCV(TREE, DEPTHS, n_iter=3, cv=TimeSeriesSplit(3)).fit(X, y)
    assert search.verdict_.winner is None
    assert "TimeSeriesSplit has no other splits" in " ".join(search.verdict_.lines)


def test_a_candidate_that_cannot_be_fitted_is_told_as_failed():
    ranges = {"max_depth": [3, -1]}
    search = HomeostatSearchCV(TREE, ranges, n_iter=2, cv=3).fit(X, y)
    assert search.best_params_ == {"max_depth": 3}
    assert (search.verdict_.trials, search.verdict_.completed) == (2, 1)
    with pytest.raises(ValueError, match="Got -1 instead"):
        HomeostatSearchCV(TREE, ranges, n_iter=2, cv=3, error_score="raise").fit(X, y)


def test_a_kept_study_is_read_by_the_commands(tmp_path):
    search = HomeostatSearchCV(TREE, DEPTHS, n_iter=3, cv=3, study="trees", results=tmp_path)
    search.fit(X, y)
    row = look_store(tmp_path).study("trees")
    assert [t.per_seed["score"] for t in look_store(tmp_path).trials(row.key)] == [
        tuple(search.cv_results_[f"split{i}_test_score"][n] for i in range(3)) for n in range(3)
    ]
    with pytest.raises(StudyError, match="has a study 'trees' already"):
        search.fit(X, y)


def test_distributions_become_ranges_and_draw_what_they_should():
    ranges = {
        "a": uniform(2, 3), "b": loguniform(0.1, 10), "c": randint(1, 5), "d": norm(5, 2),
        "e": (1, None), "f": hs.Int(0, 3),
    }  # fmt: skip

    class Anything:
        def get_params(self):
            return {"a": 4.5, "c": 99}

    space = Distributions(ranges, Anything()).space
    assert (space["a"].low, space["a"].high, space["a"].default) == (2.0, 5.0, 4.5)
    assert space["b"].log
    assert (space["c"].low, space["c"].high) == (1, 4)
    made = Distributions(ranges, Anything())
    middle = made.values(made.space.resolve())
    assert middle["d"] == pytest.approx(5.0)
    assert made.values(made.space.resolve({"d": 0.975}))["d"] == pytest.approx(
        5 + 2 * 1.96, abs=0.01
    )
    with pytest.raises(SpaceError, match="x: 3 is no list of values and no distribution"):
        Distributions({"x": 3}, Anything())
    with pytest.raises(SpaceError, match="must be a dictionary, got list"):
        Distributions([{"x": [3]}], Anything())
