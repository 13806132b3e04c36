"""Anomaly detection: a labelled series with planted anomalies, or one's own, labelled or not.

A model learns to predict the next observation; where it errs most, something is odd. Anomalies are
rare in the training part, as in life, and nothing tells the model where they are: labels serve
the scores only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from homeostat.errors import DataError
from homeostat.wording import some
from homeostat.workloads.ncp.alarms import TRIED, Curve, Curves, calibrated, combined, curves
from homeostat.workloads.ncp.own_series import TimeSeries
from homeostat.workloads.ncp.problem import Array, Problem, Scores, windows
from homeostat.workloads.ncp.scores import event_f1, vus_pr

KINDS = ("spike", "level shift", "frequency change")
TRAIN_SHARE, VALIDATION_SHARE = 0.5, 0.25
WINDOW_CONTEXT = 0.5
# Share of time inside anomalies, per part: training is not clean, and the rest is mostly normal.
TRAIN_RATE, LATER_RATE = 0.01, 0.08
KIND_SHARES = {
    "mixed": (0.6, 0.2, 0.2),
    "dynamics": (0.0, 0.0, 1.0),
    "amplitude": (0.75, 0.25, 0.0),
}
LINEAR, LAGS = "linear autoregression", 6


def planted(
    num_points: int, rng: np.random.Generator, *, channels: int = 2, kinds: str = "mixed"
) -> TimeSeries:
    """A noisy quasi-periodic series at irregular times, with anomalies of every kind.

    Each channel is three sines and a little autocorrelated noise. A spike is one to three points
    off by three to six s.d.; a level shift lasts 20-60 points; in a frequency change the sines run
    1.5-2.5 times as fast for as long.

    Args:
        kinds: mixed; dynamics, changes of frequency only, which no single value shows; or
            amplitude, the others.
    """
    times = np.cumsum(rng.gamma(4.0, 0.25, num_points))
    labels = np.zeros(num_points, dtype=np.int64)
    speed = np.ones(num_points)
    offset = np.zeros((num_points, channels))
    split = int(TRAIN_SHARE * num_points)
    for start, stop, rate in ((0, split, TRAIN_RATE), (split, num_points, LATER_RATE)):
        marked = 0
        while marked < rate * (stop - start):
            kind = rng.choice(KINDS, p=KIND_SHARES[kinds])
            length = int(rng.integers(1, 4) if kind == "spike" else rng.integers(20, 61))
            where = int(rng.integers(start + 10, stop - length - 10))
            here = slice(where, where + length)
            if labels[max(where - 10, 0) : where + length + 10].any():
                continue  # apart from each other, so that each is an event of its own
            labels[here] = 1
            marked += length
            channel, sign = int(rng.integers(channels)), rng.choice([-1.0, 1.0])
            if kind == "spike":
                offset[here, channel] = sign * rng.uniform(3.0, 6.0)
            elif kind == "level shift":
                offset[here, channel] = sign * rng.uniform(1.0, 2.0)
            else:
                speed[here] = rng.uniform(1.5, 2.5)
    phase = np.cumsum(np.diff(times, prepend=0.0) * speed)
    values = np.empty((num_points, channels))
    for channel in range(channels):
        periods = rng.uniform(10.0, 60.0, 3)
        turns = phase[:, None] / periods + rng.uniform(0.0, 1.0, 3)
        values[:, channel] = np.sin(2 * np.pi * turns).sum(1) / np.sqrt(1.5)
        noise = rng.normal(0.0, 0.1, num_points)
        for k in range(1, num_points):
            noise[k] += 0.7 * noise[k - 1]
        values[:, channel] += noise
    names = tuple(f"channel {channel}" for channel in range(channels))
    return TimeSeries(names=names, times=times, values=values + offset, labels=labels)


def anomaly(
    series: TimeSeries, *, window: int, cuts: tuple[int, int, int] | None = None
) -> Problem:
    """Next-value prediction with anomaly scores: half the series to train, a quarter each to come.

    The loss counts normal targets only, where labels tell. `alarms.curves` has the ways in which a
    row may be odd; the validation part's labels choose among them.

    Scores: `vus_pr` and `event_f1`; the threshold of the F1 is the best one of the validation part,
    on both parts. Without labels, or where a part has no anomaly, only the loss is told.

    Args:
        cuts: Where training, validation and test end, in place of those shares.
    """
    total = len(series)
    usual = (int(TRAIN_SHARE * total), int((TRAIN_SHARE + VALIDATION_SHARE) * total), total)
    num_train, end, stop = cuts or usual
    frame = Frame.fit(series, num_train)
    values, there = frame.filled(series)
    x_LC = values[:-1].astype(np.float32)
    target_LC = np.diff(values, axis=0).astype(np.float32)
    dt_L = np.diff(series.times).astype(np.float32)
    labels = np.zeros(total, np.int64) if series.labels is None else series.labels
    labels, there = labels[1:], there[1:]
    context, stride = int(WINDOW_CONTEXT * window), max(window // 8, 1)
    seen = there.astype(np.float32)

    past = slice(0, num_train - 1)
    own = (x_LC[past], dt_L[past], target_LC[past], window, stride)
    train = windows(*own, weight_L=seen[past])
    # Every later row is judged; only the normal ones count in the loss.
    judged, parts, truths = {}, {}, {}
    later = {"val": (num_train - 1, end - 1), "test": (end - 1, stop - 1)}
    for name, (start, last) in later.items():
        back = max(context, window - (last - start))
        rows = slice(start - back, last)
        own = (x_LC[rows], dt_L[rows], target_LC[rows], window, window - back)
        judged[name] = windows(*own, context=back)
        normal = _windowed(seen[rows] * (labels[rows] == 0), window, window - back)
        weight = (judged[name].weight_ST * normal).astype(np.float32)
        parts[name] = replace(judged[name], weight_ST=weight)
        truths[name] = labels[start:last]

    def rows_of(name: str, outputs_STC: Array) -> tuple[Curve, Curve]:
        """Errors and values of every row (L, C), in order of time."""
        part = judged[name]
        here = part.weight_ST > 0
        wrong = (part.target_STO - outputs_STC)[here].astype(float)
        return wrong, (part.x_STI + part.target_STO)[here].astype(float)

    def oddness(name: str, outputs_STC: Array) -> Curves:
        return curves(*rows_of(name, outputs_STC))

    chosen: dict[str, Any] = {}

    def scored(name: str, found: Curves, by: Mapping[str, Any]) -> Scores:
        odd = combined(found, by)
        return {
            "vus_pr": vus_pr(odd, truths[name], max_buffer=context),
            "event_f1": event_f1(odd >= by["threshold"], truths[name]),
        }

    def score(name: str, outputs_STC: Array) -> Scores:
        found = oddness(name, outputs_STC)
        if name == "val":
            chosen.clear()
            chosen.update(calibrated(found, truths["val"]))
        return scored(name, found, chosen)

    passed_L = np.diff(series.times)
    linear = Linear.fit(values[:num_train], passed_L[: num_train - 1])
    linear_LC = linear.steps(values, passed_L)

    def beside(name: str) -> dict[str, Scores]:
        """What simple detectors score: each has all the ways of being odd, but `|value|` one."""
        found = {}
        for rival, by in (("|value|", (("level",),)), ("|step|", TRIED), (LINEAR, TRIED)):
            both = {}
            for part, (start, last) in later.items():
                rows = slice(start, last)
                said_LC = linear_LC[rows] if rival == LINEAR else np.zeros_like(linear_LC[rows])
                own = there[rows] > 0
                wrong = (np.diff(values, axis=0)[rows] - said_LC)[own]
                both[part] = curves(wrong, values[1:][rows][own])
            found[rival] = scored(name, both[name], calibrated(both["val"], truths["val"], by))
        return found

    labelled = truths["val"].any() and truths["test"].any()
    squares = parts["val"].target_STO.astype(float) ** 2
    return Problem(
        train=train,
        validation=parts["val"],
        test=parts["test"],
        ordered=True,
        overlap=-(-window // stride) - 1,
        score=score if labelled else None,
        oddness=oddness,
        truths=truths if labelled else None,
        beside=beside if labelled else None,
        framing=frame,
        baselines={"no change": float(np.average(squares.mean(2), weights=parts["val"].weight_ST))},
    )


def _windowed(weight_L: Array, window: int, stride: int) -> Array:
    """Weights of rows, cut as `windows` cuts them."""
    total = len(weight_L)
    starts = np.arange(0, total - window + 1, stride)
    if total - window - int(starts[-1]):
        starts = np.append(starts, total - window)
    return np.asarray(weight_L[starts[:, None] + np.arange(window)])


@dataclass(frozen=True)
class Linear:
    """The next step by ridge regression on the last steps, their rates and the time that passes."""

    weights_IC: Curve

    @classmethod
    def fit(cls, values_LC: Curve, dt_L: Curve) -> Linear:
        """From the training part: values (L + 1, C) and the times between them."""
        known_LI = cls._known(values_LC, dt_L)[LAGS:]
        steps_LC = np.diff(values_LC, axis=0)[LAGS:]
        square = known_LI.T @ known_LI + 1e-4 * len(known_LI) * np.eye(known_LI.shape[1])
        return cls(np.asarray(np.linalg.solve(square, known_LI.T @ steps_LC), dtype=np.float64))

    def steps(self, values_LC: Curve, dt_L: Curve) -> Curve:
        """The step foreseen at each row but the last, (L, C)."""
        return np.asarray(self._known(values_LC, dt_L) @ self.weights_IC)

    @staticmethod
    def _known(values_LC: Curve, dt_L: Curve) -> Curve:
        """A line goes on by its slope times the time that passes: it sees such products."""
        steps_LC = np.diff(values_LC, axis=0)
        slopes_LC = steps_LC / np.maximum(dt_L, 1e-6)[:, None]
        passed_L1 = dt_L[:, None]
        found = [np.ones_like(passed_L1), passed_L1, values_LC[:-1], values_LC[:-1] * passed_L1]
        for lag in range(1, LAGS):
            before_LC = np.zeros_like(slopes_LC)
            before_LC[lag:] = slopes_LC[:-lag]
            found += [before_LC, before_LC * passed_L1]
        return np.concatenate(found, axis=1)


@dataclass(frozen=True)
class Frame:
    """Mean and scale of each column, from the training part."""

    names: Sequence[str]
    means: Sequence[float]
    scales: Sequence[float]
    origin: float
    unit: float

    @classmethod
    def fit(cls, series: TimeSeries, stop: int) -> Frame:
        """From the first `stop` rows.

        Raises:
            DataError: If a column was not observed there.
        """
        past = series.values[:stop]
        empty = [n for n, c in zip(series.names, past.T, strict=True) if not np.isfinite(c).any()]
        if empty:
            raise DataError(f"{some(empty)}: never observed in the training part.")
        means, scales = np.nanmean(past, axis=0), np.maximum(np.nanstd(past, axis=0), 1e-9)
        fitted = (tuple(means.tolist()), tuple(scales.tolist()))
        return cls(series.names, *fitted, series.origin, series.unit)

    def filled(self, series: TimeSeries) -> tuple[Curve, npt.NDArray[np.bool_]]:
        """Scaled values (L, C), the last one where there is a gap; and which rows are whole."""
        scaled = (series.values - np.array(self.means)) / np.array(self.scales)
        there = np.isfinite(scaled)
        rows = np.maximum.accumulate(np.where(there, np.arange(len(series))[:, None], -1), axis=0)
        filled = np.take_along_axis(scaled, np.maximum(rows, 0), axis=0)
        return np.where(rows >= 0, filled, 0.0), there.all(axis=1)
