"""Learners: how much of the targets simple models find in the inputs, against knowing nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
MOST_ROWS = 1500
MOST_FEATURES = 256
MOST_CLASSES = 50


def usable(inputs: Array, targets: Array | None) -> bool:
    """Whether this is a table with one target a row."""
    if targets is None or len(inputs) != len(targets):
        return False
    if targets.ndim > 1 and targets.reshape(len(targets), -1).shape[1] != 1:
        return False
    flat = targets.reshape(-1)
    if not np.issubdtype(inputs.dtype, np.number) and inputs.dtype != bool:
        return False
    return bool(np.isfinite(flat).all() and np.isfinite(inputs).all() and flat.std() > 0)


def is_classes(targets: Array) -> bool:
    flat = targets.reshape(-1)
    whole = np.array_equal(flat, np.round(flat))
    return whole and len(np.unique(flat)) <= min(MOST_CLASSES, max(2, len(flat) // 4))


def signal(
    train: tuple[Array, Array], test: tuple[Array, Array] | None = None, seed: int = 0
) -> tuple[float, float]:
    """Skill of the best of nearest neighbours, ridge and forest; 0 is a constant, 1 is perfect.

    Without `test` it is cross-validated. The second number is the spread of that skill under
    chance: a skill above three of it is found signal.
    """
    x, y = _thinned(*train, seed)
    classes = is_classes(y)
    if test is not None:
        tx, ty = _thinned(*test, seed + 1)
        chance = _chance(ty, classes)
        skills = [_skill(ty, m.fit(x, y).predict(tx), classes) for m in _models(classes)]
        return max(skills), chance
    folds = np.arange(len(y)) % 4
    np.random.default_rng(seed).shuffle(folds)
    skills = []
    for model in _models(classes):
        guess = np.empty(len(y), dtype=y.dtype if classes else float)
        for fold in range(4):
            guess[folds == fold] = model.fit(x[folds != fold], y[folds != fold]).predict(
                x[folds == fold]
            )
        skills.append(_skill(y, guess, classes))
    return max(skills), _chance(y, classes)


def _thinned(inputs: Array, targets: Array, seed: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    x = inputs.reshape(len(inputs), -1).astype(float)
    y = targets.reshape(-1)
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


def _skill(truth: Array, guess: Array, classes: bool) -> float:
    if classes:
        most = float(np.mean(truth == _mode(truth)))
        return (float(np.mean(truth == guess)) - most) / max(1 - most, 1e-9)
    spread = float(np.var(truth))
    return 1 - float(np.mean((truth - guess) ** 2)) / max(spread, 1e-30)


def _chance(truth: Array, classes: bool) -> float:
    """How far skill strays from 0 by luck, over the three models."""
    n = len(truth)
    if classes:
        most = float(np.mean(truth == _mode(truth)))
        return float(np.sqrt(most * (1 - most) / n) / max(1 - most, 1e-9))
    return float(1 / np.sqrt(n))


def _mode(values: Array) -> Any:
    found, counts = np.unique(values, return_counts=True)
    return found[np.argmax(counts)]
