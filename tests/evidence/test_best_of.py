"""The best of m is what drawing m trials again and again gives."""

from __future__ import annotations

import numpy as np
import pytest

from homeostat.evidence.best_of import best_of

VALUES = np.random.default_rng(0).gamma(2.0, size=30)


@pytest.mark.parametrize("m", [1, 7, 30])
@pytest.mark.parametrize("goal", ["minimize", "maximize"])
def test_it_is_the_bootstrap_without_drawing(m, goal):
    drawn = np.random.default_rng(1).choice(VALUES, size=(20_000, m))
    best = drawn.min(axis=1) if goal == "minimize" else drawn.max(axis=1)
    found = best_of(VALUES, m, goal=goal)
    assert found.mean == pytest.approx(best.mean(), abs=5 * best.std() / 20_000**0.5 + 1e-9)
    assert found.low == pytest.approx(np.quantile(best, 0.025), abs=0.05)
    assert found.high == pytest.approx(np.quantile(best, 0.975), abs=0.05)


def test_the_best_of_one_is_the_mean_and_more_are_never_worse():
    assert best_of(VALUES, 1, goal="minimize").mean == pytest.approx(VALUES.mean())
    means = [best_of(VALUES, m, goal="minimize").mean for m in range(1, 60)]
    assert (np.diff(means) < 0).all()
    assert means[-1] > VALUES.min()
