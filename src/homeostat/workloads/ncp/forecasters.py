"""Forecasters that any network has to beat: last value, seasonal naive, harmonics, ridge.

Each is fitted on the past and then asked, at every observation k, what the target will be `lead`
later. Nobody looks at what was observed after k.

L observations, C columns, F features.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

HARMONICS = 3
LAGS = (1, 2, 4, 8, 16, 24)
PENALTIES = tuple(10.0**power for power in range(-3, 5))
# Share of the training part on which lags and penalty are chosen.
HELD_OUT = 0.2
# Observations looked at for a period, and the share of the variance that makes one.
MOST_OBSERVATIONS, LEAST_POWER = 2_000, 0.1


@dataclass(frozen=True)
class KnownValues:
    """A scaled series as it is known at each observation.

    Attributes:
        times: When each was made.
        values: (L, C), the last known value of each column; 0, the mean, before the first.
        target: The column that is asked for.
        known_at: When that last value of the target was observed.
        observed: Whether the target was observed there.
        lead: How much later the answer is due.
        truth: The target then; NaN where nobody knows.
    """

    times: Values
    values: Values
    target: int
    known_at: Values
    observed: npt.NDArray[np.bool_]
    lead: Values
    truth: Values

    @property
    def last(self) -> Values:
        """The last known value of the target."""
        return self.values[:, self.target]


@dataclass(frozen=True)
class Forecaster:
    """One of `FITS`, fitted: its name, what it learnt, and how it answers."""

    name: str
    learnt: dict[str, Any] = field(default_factory=dict)

    def __call__(self, seen: KnownValues) -> Values:
        """The target `lead` after each observation, (L,)."""
        return ANSWERS[self.name](seen, self.learnt)


def find_period(seen: KnownValues) -> float:
    """The length of the strongest cycle, in the unit of the times; 0 where there is none.

    The highest inner peak of the Lomb-Scargle periodogram, after a cubic trend is taken out; at
    least three cycles have to be there, and it has to explain a tenth of the variance.
    """
    from scipy.signal import lombscargle

    times, values = seen.times[seen.observed], seen.last[seen.observed]
    times, values = times[-MOST_OBSERVATIONS:], values[-MOST_OBSERVATIONS:]
    if len(times) < 12:
        return 0.0
    span, step = times[-1] - times[0], float(np.median(np.diff(times)))
    centred = (times - times.mean()) / span
    values = values - np.polyval(np.polyfit(centred, values, 3), centred)
    if values.std() < 1e-9:
        return 0.0
    lowest, highest = 3.0 / span, 0.45 / step
    frequencies = np.arange(lowest, highest, 0.2 / span)
    if len(frequencies) < 3:
        return 0.0
    power = lombscargle(times, values, 2 * np.pi * frequencies, normalize=True)
    peaks = np.flatnonzero((power[1:-1] >= power[:-2]) & (power[1:-1] >= power[2:])) + 1
    if not len(peaks):
        return 0.0
    best = peaks[np.argmax(power[peaks])]
    return float(1.0 / frequencies[best]) if power[best] >= LEAST_POWER else 0.0


def waves(times: Values, period: float) -> Values:
    """Sines and cosines of the first harmonics that the sampling can show, (L, 2 H)."""
    if not period:
        return np.zeros((len(times), 0))
    count = min(HARMONICS, max(int(period / 2), 1))
    turns = 2 * np.pi * np.outer(times / period, np.arange(1, count + 1))
    return np.concatenate([np.sin(turns), np.cos(turns)], axis=1)


def _last(seen: KnownValues, learnt: dict[str, Any]) -> Values:
    return seen.last


def _fit_last(seen: KnownValues, period: float) -> dict[str, Any]:
    return {}


def _seasonal(seen: KnownValues, learnt: dict[str, Any]) -> Values:
    """The value whole periods ago: between the observations around that time."""
    period = learnt["period"]
    if not period:
        return seen.last
    ago = np.maximum(np.ceil(seen.lead / period - 1e-9), 1.0) * period
    when = seen.times + seen.lead - ago
    answer = _at(seen, when)
    return np.where(when < seen.times[0], seen.last, answer)


def _at(seen: KnownValues, when: Values) -> Values:
    """The target at moments up to each observation, from what was observed by then."""
    times, values = seen.times[seen.observed], seen.last[seen.observed]
    if not len(times):
        return seen.last
    after = np.searchsorted(times, when, side="left")
    known = np.searchsorted(times, seen.times, side="right")
    between = np.interp(when, times, values)
    # The next observation was not made yet: the one before it stands.
    before = values[np.clip(np.minimum(after, known) - 1, 0, len(values) - 1)]
    return np.where(after < known, between, before)


def _fit_period(seen: KnownValues, period: float) -> dict[str, Any]:
    return {"period": period}


def _harmonics(seen: KnownValues, learnt: dict[str, Any]) -> Values:
    """A fixed cycle, and the last departure from it, which fades."""
    weights = np.asarray(learnt["weights"])
    due = seen.times + seen.lead
    departure = seen.last - _cycle(seen.known_at, learnt["period"], weights)
    fading = learnt["kept"] ** (due - seen.known_at)
    return np.asarray(_cycle(due, learnt["period"], weights) + departure * fading)


def _cycle(times: Values, period: float, weights: Values) -> Values:
    return np.asarray(weights[0] + waves(times, period) @ weights[1:])


def _fit_harmonics(seen: KnownValues, period: float) -> dict[str, Any]:
    times, values = seen.times[seen.observed], seen.last[seen.observed]
    design = np.column_stack([np.ones(len(times)), waves(times, period)])
    weights = np.linalg.lstsq(design, values, rcond=None)[0]
    known = np.isfinite(seen.truth)
    lead = float(np.median(seen.lead[known])) if known.any() else 1.0

    def error(kept: float) -> float:
        learnt = {"period": period, "weights": weights, "kept": kept}
        return float(np.mean((_harmonics(seen, learnt) - seen.truth)[known] ** 2))

    shares = [share ** (1.0 / lead) for share in (*np.linspace(0.0, 1.0, 51),)]
    kept = min(shares, key=error) if known.any() else 1.0
    return {"period": period, "weights": weights.tolist(), "kept": float(kept)}


def _ridge(seen: KnownValues, learnt: dict[str, Any]) -> Values:
    features = _features(seen, learnt["lags"], learnt["period"])
    scaled = (features - np.asarray(learnt["mean"])) / np.asarray(learnt["scale"])
    return np.asarray(seen.last + learnt["offset"] + scaled @ np.asarray(learnt["weights"]))


def _features(seen: KnownValues, lags: int, period: float) -> Values:
    """What the ridge regression sees, (L, F): values so far, the wait, and the cycle when due."""
    past = [_at(seen, seen.times - lag) for lag in range(1, lags)]
    others = [seen.values[:, c] for c in range(seen.values.shape[1]) if c != seen.target]
    due = seen.times + seen.lead
    own = [seen.last, *past, *others, seen.lead, seen.last * seen.lead, due - seen.known_at]
    return np.column_stack([*own, waves(due, period)])


def _fit_ridge(seen: KnownValues, period: float) -> dict[str, Any]:
    known = np.flatnonzero(np.isfinite(seen.truth))
    change = (seen.truth - seen.last)[known]
    split = int((1.0 - HELD_OUT) * len(known))
    best: tuple[float, int, float] = (np.inf, LAGS[0], PENALTIES[-1])
    for lags in LAGS:
        if lags > max(len(known) // 10, 1):
            break
        features = _features(seen, lags, period)[known]
        for penalty in PENALTIES:
            fit = _solve(features[:split], change[:split], penalty)
            guess = fit["offset"] + (features[split:] - fit["mean"]) / fit["scale"] @ fit["weights"]
            error = float(np.mean((guess - change[split:]) ** 2)) if split < len(known) else 0.0
            best = min(best, (error, lags, penalty))
    _, lags, penalty = best
    fit = _solve(_features(seen, lags, period)[known], change, penalty)
    told = {name: np.asarray(value).tolist() for name, value in fit.items()}
    return {"lags": lags, "period": period, "penalty": penalty, **told}


def _solve(features: Values, change: Values, penalty: float) -> dict[str, Any]:
    mean, spread = features.mean(0), features.std(0)
    scale = np.where(spread > 1e-9, spread, 1.0)
    scaled = (features - mean) / scale
    gram = scaled.T @ scaled + penalty * np.eye(scaled.shape[1])
    weights = np.linalg.solve(gram, scaled.T @ (change - change.mean()))
    return {"mean": mean, "scale": scale, "offset": float(change.mean()), "weights": weights}


LAST, SEASONAL, CYCLE, RIDGE = (
    "last value",
    "seasonal naive",
    "harmonics, damped",
    "ridge autoregression",
)
Fit = Callable[[KnownValues, float], dict[str, Any]]
FITS: dict[str, Fit] = {
    LAST: _fit_last,
    SEASONAL: _fit_period,
    CYCLE: _fit_harmonics,
    RIDGE: _fit_ridge,
}
ANSWERS: dict[str, Callable[[KnownValues, dict[str, Any]], Values]] = {
    LAST: _last,
    SEASONAL: _seasonal,
    CYCLE: _harmonics,
    RIDGE: _ridge,
}


def fit(name: str, seen: KnownValues, period: float) -> Forecaster:
    """Fit one of `FITS` on what was seen.

    Args:
        period: The length of the cycle; 0 for none.
    """
    return Forecaster(name, FITS[name](seen, period))
