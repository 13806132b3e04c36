"""Forecasting: real series that come with statsmodels, or one's own, at irregular times.

The model is told how much time passes to the next observation and predicts what the target will
be some observations ahead, as a correction of a forecaster that stands below it.

L observations, C columns, I inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from homeostat.errors import DataError, MissingExtraError, UnknownNameError, did_you_mean
from homeostat.workloads.ncp import forecasters
from homeostat.workloads.ncp.forecasters import FITS, Forecaster, KnownValues, find_period, waves
from homeostat.workloads.ncp.own_series import TimeSeries
from homeostat.workloads.ncp.problem import Array, Problem, Scores, SequenceSet, windows

Values = npt.NDArray[np.float64]

SERIES = {
    "sunspots": "yearly sunspots, 1700-2008; time in years",
    "co2": "weekly CO2 above Mauna Loa, 1958-2001, in ppm; time in months",
    "elnino": "monthly sea temperature of the tropical Pacific, 1950-2010; time in months",
}
ANCHORS = {
    "last": forecasters.LAST,
    "harmonics": forecasters.CYCLE,
    "ridge": forecasters.RIDGE,
}
BY_VALIDATION = "validation"
"""What the network's output is added to, by the name of the setting."""

TRAIN_SHARE, VALIDATION_SHARE = 0.7, 0.15
WEEKS_PER_MONTH = 52.1775 / 12


def load(name: str) -> tuple[Values, Values]:
    """Times and values of a series, missing values left out."""
    if name not in SERIES:
        raise UnknownNameError(f"No series {name!r}. {did_you_mean(name, SERIES)}")
    try:
        from statsmodels import datasets
    except ModuleNotFoundError:
        raise MissingExtraError("statsmodels", "models", f"The series {name}") from None
    if name == "sunspots":
        table = datasets.sunspots.load_pandas().data
        return table["YEAR"].to_numpy(float), table["SUNACTIVITY"].to_numpy(float)
    if name == "co2":
        values = datasets.co2.load_pandas().data["co2"].to_numpy(float)
        times = np.arange(len(values)) / WEEKS_PER_MONTH
    else:
        table = datasets.elnino.load_pandas().data
        values = table.drop(columns="YEAR").to_numpy(float).ravel()
        times = np.arange(len(values), dtype=float)
    present = np.isfinite(values)
    return times[present], values[present]


def bundled(name: str, keep: float, rng: np.random.Generator) -> TimeSeries:
    """A series of `SERIES`, thinned at random to the share `keep` of its observations."""
    times, values = load(name)
    kept = np.sort(rng.permutation(len(times))[: max(round(keep * len(times)), 2)])
    return TimeSeries(names=(name,), times=times[kept], values=values[kept, None])


@dataclass(frozen=True)
class Framing:
    """How a series becomes inputs and targets: fitted on the past, applied to all of it.

    A straight line and the scale of each column are taken out; a gap repeats the last value, and
    a column that has gaps has a flag beside it.

    Attributes:
        lines: Slope and intercept of each column, (C, 2).
        scales: Standard deviation of each column about its line.
        gaps: Columns with gaps, by their place.
        anchor: The forecaster whose answer the network corrects.
    """

    names: tuple[str, ...]
    target: int
    horizon: int
    lines: tuple[tuple[float, float], ...]
    scales: tuple[float, ...]
    gaps: tuple[int, ...]
    period: float
    anchor: Forecaster
    origin: float
    unit: float

    @classmethod
    def fit(
        cls, series: TimeSeries, *, stop: int, target: int, horizon: int, anchor: str, period: float
    ) -> Framing:
        """Learn all of it from the first `stop` observations.

        Raises:
            DataError: If a column was not observed often enough there.
        """
        lines, scales = [], []
        for name, values in zip(series.names, series.values[:stop].T, strict=True):
            there = np.isfinite(values)
            if there.sum() < 3:
                raise DataError(
                    f"{name} was observed {int(there.sum())} times in the training part, the "
                    f"first {stop} of {len(series)} rows.",
                    hint="Leave the column out, or give a longer series.",
                )
            times = series.times[:stop][there]
            line = np.polyfit(times, values[there], 1)
            spread = float((values[there] - np.polyval(line, times)).std())
            lines.append((float(line[0]), float(line[1])))
            scales.append(spread if spread > 1e-9 * max(abs(line[1]), 1e-300) else 1.0)
        gaps = tuple(int(c) for c in np.flatnonzero(~np.isfinite(series.values).all(axis=0)))
        bare = cls(
            names=series.names, target=target, horizon=horizon, lines=tuple(lines),
            scales=tuple(scales), gaps=gaps, period=period, anchor=Forecaster(forecasters.LAST),
            origin=series.origin, unit=series.unit,
        )  # fmt: skip
        # What is known within the past only: the last targets of it lie in what is to come.
        past = bare.seen(series.until(stop))
        found = period or find_period(past)
        return replace(bare, period=found, anchor=forecasters.fit(ANCHORS[anchor], past, found))

    @property
    def scale(self) -> float:
        """Of the target, in the data's unit."""
        return self.scales[self.target]

    def seen(self, series: TimeSeries) -> KnownValues:
        """The scaled series as it is known at each of its observations."""
        lines = np.asarray(self.lines)
        trend = series.times[:, None] * lines[:, 0] + lines[:, 1]
        scaled = (series.values - trend) / np.asarray(self.scales)
        there = np.isfinite(scaled)
        # The row of the last observation at or before each, by column; -1 before the first.
        rows = np.where(there, np.arange(len(series))[:, None], -1)
        rows = np.maximum.accumulate(rows, axis=0)
        filled = np.take_along_axis(scaled, np.maximum(rows, 0), axis=0)
        filled = np.where(rows >= 0, filled, 0.0)
        due = self.due(series)
        own = rows[:, self.target]
        truth = np.full(len(series), np.nan)
        truth[: -self.horizon] = scaled[self.horizon :, self.target]
        truth[own < 0] = np.nan
        return KnownValues(
            times=series.times,
            values=filled,
            target=self.target,
            known_at=series.times[np.maximum(own, 0)],
            observed=there[:, self.target],
            lead=due - series.times,
            truth=truth,
        )

    def due(self, series: TimeSeries) -> Values:
        """When the answer at each observation is due: later ones follow at the usual distance."""
        usual = float(np.median(np.diff(series.times))) if len(series) > 1 else 1.0
        beyond = series.times[-1] + usual * np.arange(1, self.horizon + 1)
        return np.concatenate([series.times, beyond])[self.horizon :]

    def inputs(self, series: TimeSeries, seen: KnownValues) -> tuple[Array, Array, Values]:
        """Inputs (L, I), steps (L,), and the anchor's answers (L,), scaled."""
        answer = self.anchor(seen)
        parts = [seen.values]
        if self.gaps:
            parts.append(np.isfinite(series.values[:, list(self.gaps)]).astype(float))
        if self.horizon > 1:
            parts.append(seen.lead[:, None] / self.horizon)
        if self.anchor.name != forecasters.LAST:
            due = seen.times + seen.lead
            parts += [(answer - seen.last)[:, None], waves(due, self.period)[:, :2]]
        usual = float(np.median(np.diff(series.times))) if len(series) > 1 else 1.0
        steps = np.diff(series.times, append=series.times[-1] + usual)
        x_LI = np.concatenate(parts, axis=1).astype(np.float32)
        return x_LI, steps.astype(np.float32), answer

    def unscaled(self, values: Values, times: Values) -> Values:
        """Scaled values of the target at some times, in the data's unit."""
        slope, intercept = self.lines[self.target]
        return np.asarray(values * self.scale + slope * times + intercept)

    def facts(self) -> dict[str, Any]:
        """All of it as JSON."""
        return vars(self) | {"anchor": [self.anchor.name, self.anchor.learnt]}

    @classmethod
    def of_facts(cls, facts: Mapping[str, Any]) -> Framing:
        """What `facts` wrote."""
        told = dict(facts)
        name, learnt = told.pop("anchor")
        for key in ("names", "scales", "gaps"):
            told[key] = tuple(told[key])
        told["lines"] = tuple(tuple(line) for line in told["lines"])
        return cls(anchor=Forecaster(name, learnt), **told)


def forecasting(
    series: TimeSeries,
    *,
    window: int,
    target: str = "",
    horizon: int = 1,
    anchor: str = "last",
    period: float = 0.0,
    cuts: tuple[int, int, int] | None = None,
) -> Problem:
    """Prediction some observations ahead, split in time: 70 % train, 15 % each to come.

    Args:
        window: Steps per sequence; half of a validation window is context.
        target: The column to forecast; the first one for "".
        horizon: How many observations ahead.
        anchor: A key of `ANCHORS`, or "validation" for the one with the least error there.
        period: Length of the cycle, in the unit of the times; found where 0.
        cuts: Where training, validation and test end, in place of those shares.

    Raises:
        DataError: If the series is too short for that, with what would fit.
    """
    total = len(series)
    usual = (round(TRAIN_SHARE * total), round((TRAIN_SHARE + VALIDATION_SHARE) * total), total)
    num_train, end, stop = cuts or usual
    _check_length(num_train, end, stop, window, horizon)
    own = series.column(target)

    def framed(anchor: str) -> Framing:
        return Framing.fit(
            series, stop=num_train, target=own, horizon=horizon, anchor=anchor, period=period
        )

    if anchor == BY_VALIDATION:
        rows = slice(num_train - horizon, end - horizon)
        anchor = min(ANCHORS, key=lambda name: _squares(framed(name), series, rows))
    framing = framed(anchor)
    seen = framing.seen(series)
    x_LI, dt_L, answer = framing.inputs(series, seen)
    known = np.isfinite(seen.truth)
    target_L1 = np.where(known, seen.truth - answer, 0.0)[:, None].astype(np.float32)
    weight_L = known.astype(np.float32)
    context, stride = window // 2, max(window // 8, 1)

    def part(start: int, stop: int, context: int, stride: int) -> SequenceSet:
        rows = slice(start - context, stop)
        own = (x_LI[rows], dt_L[rows], target_L1[rows], window, stride)
        return windows(*own, context=context, weight_L=weight_L[rows])

    # The target at row k is known at k + horizon: the last one of training is its last value.
    train = part(0, num_train - horizon, 0, stride)
    bounds = {"val": (num_train - horizon, end - horizon), "test": (end - horizon, stop - horizon)}
    parts = {}
    for name, (first, last) in bounds.items():
        # Later windows may look back into the part before them, at inputs and never at targets; a
        # part that is shorter than the rest of a window looks back further.
        back = max(context, window - (last - first))
        parts[name] = part(first, last, back, window - back)
    past = framing.seen(series.until(num_train))
    answers = {name: forecasters.fit(name, past, framing.period)(seen) for name in FITS}
    wrong = {
        name: {at: (answer - seen.truth)[slice(*ends)] for at, ends in bounds.items()}
        for name, answer in answers.items()
    }
    naive = np.abs(past.last - past.truth)
    unit = framing.scale
    mase_scale = float(np.nanmean(naive)) * unit

    def errors(name: str, outputs_STO: Array) -> Values:
        wrong_STO = (outputs_STO - parts[name].target_STO).astype(float)
        return np.asarray(wrong_STO[parts[name].weight_ST > 0][:, 0] * unit)

    def score(name: str, outputs_STO: Array) -> Scores:
        return in_units(errors(name, outputs_STO), mase_scale)

    def against(name: str) -> dict[str, Values]:
        ends = slice(*bounds[name])
        there = known[ends]
        return {other: own[name][there] * unit for other, own in wrong.items()}

    if not all(weight.weight_ST.any() for weight in parts.values()):
        raise DataError(f"{series.names[framing.target]} has no value in a part to be judged by.")
    return Problem(
        train=train,
        validation=parts["val"],
        test=parts["test"],
        ordered=True,
        overlap=-(-window // stride) - 1,
        score=score,
        errors=errors,
        rivals=against,
        mase_scale=mase_scale,
        framing=framing,
        zero_start=anchor != "last",
        baselines={
            ("no change" if name == forecasters.LAST else name): float(np.nanmean(own["val"] ** 2))
            for name, own in wrong.items()
        }
        | {"mean change": _mean_change(past, seen, slice(*bounds["val"]))},
    )


def _squares(framing: Framing, series: TimeSeries, rows: slice) -> float:
    """Mean squared error of a framing's anchor alone, on some rows."""
    seen = framing.seen(series)
    return float(np.nanmean((framing.anchor(seen) - seen.truth)[rows] ** 2))


def _mean_change(past: KnownValues, seen: KnownValues, rows: slice) -> float:
    mean = float(np.nanmean(past.truth - past.last))
    return float(np.nanmean((seen.truth - seen.last - mean)[rows] ** 2))


def in_units(wrong: Values, mase_scale: float) -> Scores:
    """Root mean square and mean absolute error in the data's unit, and the latter as MASE."""
    absolute = float(np.mean(np.abs(wrong)))
    return {
        "rmse": float(np.sqrt(np.mean(wrong**2))),
        "mae": absolute,
        "mase": absolute / mase_scale if mase_scale > 0 else float("nan"),
    }


def _check_length(num_train: int, end: int, stop: int, window: int, horizon: int) -> None:
    """Each part must hold something to be judged by, and the first one a window."""
    if num_train - horizon < window:
        raise DataError(
            f"{stop} observations are too few: {max(num_train - horizon, 0)} to train on do not "
            f"fill one window of {window}.",
            hint="Shorten the window (--set window=16), or give a longer series.",
        )
    if min(end - num_train, stop - end) < 1:
        raise DataError(
            f"{stop} observations leave nothing to validate or to test on.",
            hint="Give a longer series.",
        )
