"""Learners: how well simple models predict the targets from the inputs, against knowing nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
MOST_ROWS = 1500
MOST_FEATURES = 256
MOST_CLASSES = 50


def load() -> None:
    """Import what the models need: the time that takes is no part of a probe's."""
    _models(True)


def usable(inputs: Array, targets: Array | None) -> bool:
    """Whether this is a table with one target a row."""
    if targets is None or len(inputs) != len(targets) or inputs.shape == targets.shape:
        return False
    flat = column(targets)
    if not np.issubdtype(inputs.dtype, np.number) and inputs.dtype != bool:
        return False
    return bool(np.isfinite(flat).all() and np.isfinite(inputs).all() and flat.std() > 0)


def column(targets: Array) -> Array:
    """Targets as one column: the class of one-hot rows, the first of several outputs."""
    wide = targets.reshape(len(targets), -1)
    one_hot = wide.shape[1] > 1 and bool(np.isin(wide, (0, 1)).all() and (wide.sum(1) == 1).all())
    return wide.argmax(1) if one_hot else wide[:, 0]


def is_classes(targets: Array) -> bool:
    """Whether the targets are few whole numbers, or one-hot rows."""
    flat = column(targets)
    whole = np.array_equal(flat, np.round(flat))
    return whole and len(np.unique(flat)) <= min(MOST_CLASSES, max(2, len(flat) // 4))


def signal(
    train: tuple[Array, Array], test: tuple[Array, Array] | None = None, seed: int = 0
) -> tuple[float, float]:
    """Agreement of truth and the best guess of nearest neighbours, ridge and forest.

    It is Cohen's kappa for classes and the correlation for numbers: 0 if they have nothing to do
    with each other, 1 if they agree, and below 0 if they are opposed, which is a relation too.
    Without `test` it is cross-validated. The second number is its spread under chance.
    """
    x, y = _thinned(*train, seed)
    classes = is_classes(y)
    if test is not None:
        tx, ty = _thinned(*test, seed + 1)
        luck = chance(ty, classes)
        skills = [_agreed(ty, m.fit(x, y).predict(tx), classes) for m in _models(classes)]
        return max(skills, key=abs), luck
    folds = np.arange(len(y)) % 4
    np.random.default_rng(seed).shuffle(folds)
    skills = []
    for model in _models(classes):
        guess = np.empty(len(y), dtype=y.dtype if classes else float)
        for fold in range(4):
            seen = folds != fold
            guess[~seen] = model.fit(x[seen], y[seen]).predict(x[~seen])
            if not classes:  # else the folds' own means would be told from each other
                guess[~seen] -= y[seen].mean()
        skills.append(_agreed(y, guess, classes))
    return max(skills, key=abs), chance(y, classes)


def _thinned(inputs: Array, targets: Array, seed: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    x = inputs.reshape(len(inputs), -1).astype(float)
    y = column(targets)
    if len(x) > MOST_ROWS:
        rows = rng.choice(len(x), MOST_ROWS, replace=False)
        x, y = x[rows], y[rows]
    if x.shape[1] > MOST_FEATURES:
        x = x[:, np.random.default_rng(0).choice(x.shape[1], MOST_FEATURES, replace=False)]
    return x, y.round().astype(int) if is_classes(y) else y.astype(float)


def _models(classes: bool) -> list[Any]:
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
    from sklearn.linear_model import RidgeClassifier, RidgeCV
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if classes:
        trees = ExtraTreesClassifier(40, random_state=0, min_samples_leaf=2)
        near = KNeighborsClassifier(5)
        return [make_pipeline(StandardScaler(), m) for m in (near, RidgeClassifier())] + [trees]
    trees = ExtraTreesRegressor(40, random_state=0, min_samples_leaf=2)
    near = KNeighborsRegressor(5)
    return [make_pipeline(StandardScaler(), m) for m in (near, RidgeCV())] + [trees]


def _agreed(truth: Array, guess: Array, classes: bool) -> float:
    if classes:
        by_luck = sum(float((truth == k).mean() * (guess == k).mean()) for k in np.unique(truth))
        return (float(np.mean(truth == guess)) - by_luck) / max(1 - by_luck, 1e-9)
    if guess.std() == 0 or truth.std() == 0:
        return 0.0
    return float(np.corrcoef(truth, guess)[0, 1])


def chance(truth: Array, classes: bool) -> float:
    n = len(truth)
    if classes:
        by_luck = sum(float((truth == k).mean()) ** 2 for k in np.unique(truth))
        return float(np.sqrt(by_luck / n / max(1 - by_luck, 1e-9)))
    return float(1 / np.sqrt(n))


@dataclass(frozen=True)
class Guesses:
    """What simple models say of rows that they did not see."""

    truth: Array
    """(rows,) classes, or (rows, outputs) numbers."""
    best: Array
    """Of the model that agrees best."""
    usual: Any
    """The commonest class, or the mean of each output, of the training rows."""


def guesses(
    train: tuple[Array, Array], test: tuple[Array, Array] | None, *, classes: bool, seed: int = 0
) -> Guesses:
    """Predict the rows of `test`, or the training rows by cross-validation.

    Args:
        train: (rows, features), and (rows,) or (rows, outputs).
        classes: The targets are classes, and not numbers.
    """
    x, y = _rows(*train, classes, seed)
    if test is None:
        folds = np.arange(len(y)) % 4
        np.random.default_rng(seed).shuffle(folds)
        parts = [(folds != k, folds == k) for k in range(4)]
        tx, ty = x, y
    else:
        tx, ty = _rows(*test, classes, seed + 1)
        parts = [(np.ones(len(x), bool), np.ones(len(tx), bool))]
    best: Array | None = None
    for model in _models(classes):
        said = np.empty(ty.shape, dtype=y.dtype)
        for learnt, asked in parts:
            fitted = model.fit(x[learnt], y[learnt] if classes else np.squeeze(y[learnt]))
            said[asked] = fitted.predict(tx[asked]).reshape(said[asked].shape)
        if best is None or agreement(ty, said, classes) > agreement(ty, best, classes):
            best = said
    assert best is not None
    usual = np.unique(y)[np.argmax(np.unique(y, return_counts=True)[1])] if classes else y.mean(0)
    return Guesses(ty, best, usual)


def _rows(inputs: Array, targets: Array, classes: bool, seed: int) -> tuple[Array, Array]:
    """Few enough rows and features for models that are fitted in a moment."""
    x = inputs.reshape(len(inputs), -1).astype(float)
    y = column(targets).round().astype(int) if classes else targets.reshape(len(x), -1)
    if len(x) > MOST_ROWS:
        rows = np.random.default_rng(seed).choice(len(x), MOST_ROWS, replace=False)
        x, y = x[rows], y[rows]
    if x.shape[1] > MOST_FEATURES:
        x = x[:, np.random.default_rng(0).choice(x.shape[1], MOST_FEATURES, replace=False)]
    return x, y if classes else y.astype(float)


def agreement(truth: Array, guess: Array, classes: bool) -> float:
    """Cohen's kappa of classes; of numbers the share of the variance that is explained."""
    if classes:
        return _agreed(truth, guess, classes=True)
    spread = float(((truth - truth.mean(0)) ** 2).mean())
    return 1 - float(((truth - guess) ** 2).mean()) / max(spread, 1e-12)
