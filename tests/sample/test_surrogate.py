"""The surrogate against what it must equal: textbook conditioning, and slopes by differences."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr
from tests.search.problems import MIXED

import homeostat as hs
from homeostat.sample import surrogate
from homeostat.sample.coordinates import Coordinates
from homeostat.sample.portfolio import log_improvement, targets
from homeostat.sample.surrogate import Posterior, Scales, Shape
from homeostat.space.order import SearchSpace


def rows_of(space, n, seed=0):
    coordinates = Coordinates(SearchSpace(space, space.searched(), {}))
    rng = np.random.default_rng(seed)
    return coordinates, coordinates.acting(coordinates.random(rng, n)), rng


def test_the_slope_of_the_likelihood_is_that_of_differences(monkeypatch):
    coordinates, rows, rng = rows_of(MIXED, 30)
    shape, kept = Shape(coordinates), []

    def keep(loss, start, **others):
        kept.append((loss, start))
        raise StopIteration

    monkeypatch.setattr(surrogate, "minimize", keep)
    with pytest.raises(StopIteration):
        surrogate.fit(shape, shape.features(rows), rng.normal(size=30))
    [(loss, start)] = kept
    at = start + 0.3 * rng.normal(size=len(start))
    steps = 1e-5 * np.eye(len(at))
    differences = [(loss(at + s)[0] - loss(at - s)[0]) / 2e-5 for s in steps]
    assert loss(at)[1] == pytest.approx(differences, abs=1e-5)


def test_the_posterior_is_the_conditional_normal_of_its_own_kernel():
    """Scalar by scalar, from the formulas of the first page; parameters that do not act too."""
    coordinates, rows, rng = rows_of(MIXED, 12)
    p = len(coordinates.names)
    scales = Scales(rng.normal(size=p), rng.normal(size=p) - 1, 0.2, -2.0)

    def kernel(a, b):
        distance, added = 0.0, 0.0
        for i, k in enumerate(coordinates.options_P):
            near, add = np.exp(scales.near_P[i]), np.exp(scales.add_P[i])
            if k:
                hot = [(np.arange(k) == x[i]).astype(float) for x in (a, b)]
                distance += near * ((hot[0] - hot[1]) ** 2).sum() / 2
                added += add * (hot[0] @ hot[1])
            else:
                x, y = (0.5 if np.isnan(v[i]) else v[i] for v in (a, b))
                distance += near * (x - y) ** 2
                if not (np.isnan(a[i]) or np.isnan(b[i])):
                    added += add * sum(
                        np.cos(np.pi * j * x) * np.cos(np.pi * j * y) / j**2 for j in range(1, 6)
                    )
        r = np.sqrt(5 * distance)
        return np.exp(0.2) * (1 + r + r * r / 3) * np.exp(-r) + added

    known, asked, y = rows[:8], rows[8:], rng.normal(size=8)
    k = np.array([[kernel(a, b) for b in known] for a in known])
    k += (np.exp(-2.0) + surrogate.TINY) * np.eye(8)
    cross = np.array([[kernel(a, b) for b in known] for a in asked])
    own = np.array([kernel(a, a) for a in asked])
    mean, sd = Posterior(Shape(coordinates), scales, known, y)(asked)
    assert mean == pytest.approx(cross @ np.linalg.solve(k, y))
    assert sd**2 == pytest.approx(own - (cross * np.linalg.solve(k, cross.T).T).sum(axis=1))


def test_a_fit_finds_what_matters():
    """Of six parameters one number and one choice do; new values are foretold almost exactly."""
    space = hs.Space(
        **{f"x{i}": hs.Float(0, 1) for i in range(3)},
        **{f"c{i}": hs.Choice(["a", "b", "c"]) for i in range(3)},
    )
    coordinates, rows, rng = rows_of(space, 80)
    shape = Shape(coordinates)
    i, j = coordinates.names.index("x1"), coordinates.names.index("c2")
    truth = np.sin(5 * rows[:, i]) + np.array([0.0, 1.0, -1.0])[rows[:, j].astype(int)]
    y = truth + 0.05 * rng.normal(size=80)
    scales = surrogate.fit(shape, shape.features(rows[:50]), y[:50])
    posterior = Posterior(shape, scales, rows[:50], y[:50])
    assert np.abs(posterior.mean(rows[50:]) - truth[50:]).mean() < 0.06
    assert np.exp(scales.noise / 2) == pytest.approx(0.05, rel=0.6)


def test_the_expected_improvement_and_its_logarithm_agree_far_into_the_tail():
    z = np.linspace(-4.9, 5, 50)
    density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    assert log_improvement(z) == pytest.approx(np.log(density + z * ndtr(z)))
    far = log_improvement(np.array([-1e3, -50.0, -5.01, -4.99]))
    assert np.isfinite(far).all() and (np.diff(far) > 0).all()


@pytest.mark.parametrize("worst", [1.0, 1e6, 1e300])
def test_targets_keep_the_order_and_bring_what_is_bad_closer(worst):
    bad = np.r_[np.linspace(0, 1, 20), worst * np.linspace(1.5, 2, 20), np.nan][:, None]
    y = targets(bad, np.ones(1))
    assert (np.diff(y[:40]) >= 0).all() and (np.diff(y[:20]) > 0).all()
    assert y[40] == y[39]
    assert np.ptp(y[:20]) > 0.1 * np.ptp(y)


def test_targets_of_equal_values_are_equal():
    assert (targets(np.zeros((5, 1)), np.ones(1)) == 0).all()
