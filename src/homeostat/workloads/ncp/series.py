"""Forecasting: real series that come with statsmodels, observed at irregular times.

Observations are dropped at random (with a seed), so that the time to the next one varies; the
model is told that time and predicts how much the value will have changed by then.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from homeostat.errors import MissingExtraError, UnknownNameError, did_you_mean
from homeostat.workloads.ncp.problem import Array, Part, Problem, windows

Values = npt.NDArray[np.float64]

SERIES = {
    "sunspots": "yearly sunspots, 1700-2008; time in years",
    "co2": "weekly CO2 above Mauna Loa, 1958-2001, in ppm; time in months",
    "elnino": "monthly sea temperature of the tropical Pacific, 1950-2010; time in months",
}

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


def forecasting(name: str, *, keep: float, window: int, rng: np.random.Generator) -> Problem:
    """Next-value prediction on a thinned series, split in time: 70 % train, 15 % each to come.

    A straight line and the scale are fitted to the training part and taken out of the whole.

    Args:
        name: A key of `SERIES`.
        keep: Share of observations kept, in (0, 1].
        window: Steps per sequence; half of a validation window is context.
        rng: Decides which observations are kept.
    """
    times, values = load(name)
    kept = np.sort(rng.permutation(len(times))[: max(round(keep * len(times)), 2)])
    times, values = times[kept], values[kept]
    num_train = round(TRAIN_SHARE * len(times))
    line = np.polyfit(times[:num_train], values[:num_train], 1)
    values = values - np.polyval(line, times)
    values = values / values[:num_train].std()

    x_L1 = values[:-1, None].astype(np.float32)
    change_L1 = np.diff(values)[:, None].astype(np.float32)
    dt_L = np.diff(times).astype(np.float32)
    end = round((TRAIN_SHARE + VALIDATION_SHARE) * len(times))
    context, stride = window // 2, max(window // 8, 1)

    def part(start: int, stop: int, stride: int, context: int) -> Part:
        rows = slice(start, stop)
        return windows(x_L1[rows], dt_L[rows], change_L1[rows], window, stride, context=context)

    # The change at step k is known at k + 1: the last training target is the last training value.
    train = part(0, num_train - 1, stride, 0)
    # Later windows may look back into the part before them, at inputs and never at targets.
    validation = part(num_train - 1 - context, end - 1, context, context)
    test = part(end - 1 - context, len(x_L1), context, context)
    return Problem(
        train=train,
        validation=validation,
        test=test,
        ordered=True,
        overlap=-(-window // stride) - 1,
        baselines={"no change": _mean_square(validation, 0.0)}
        | {"mean change": _mean_square(validation, float(train.target_STO.mean()))},
    )


def _mean_square(part: Part, guess: float) -> float:
    each: Array = (part.target_STO[..., 0] - guess) ** 2
    return float(np.average(each, weights=part.weight_ST))
