"""Anomaly detection: a labelled series with planted anomalies, or a CSV file of one.

A model learns to predict the next observation; where it errs most, something is odd. Anomalies are
rare in the training part, as in life, and nothing tells the model where they are: labels serve
the scores only.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from homeostat.errors import DataError
from homeostat.workloads.ncp.problem import Array, Part, Problem, Scores, windows
from homeostat.workloads.ncp.scores import best_threshold, event_f1, vus_pr

KINDS = ("spike", "level shift", "frequency change")
TRAIN_SHARE, VALIDATION_SHARE = 0.5, 0.25
WINDOW_CONTEXT = 0.5
# Share of time inside anomalies, per part: training is not clean, and the rest is mostly normal.
TRAIN_RATE, LATER_RATE = 0.01, 0.08
KIND_SHARES = (0.6, 0.2, 0.2)


@dataclass(frozen=True)
class Labelled:
    """A series with its anomalies: times (L,), values (L, C), labels (L,) of 0 and 1."""

    times: npt.NDArray[np.float64]
    values: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]


def planted(num_points: int, rng: np.random.Generator, *, channels: int = 2) -> Labelled:
    """A noisy quasi-periodic series at irregular times, with anomalies of every kind.

    Each channel is three sines and a little autocorrelated noise. A spike is one to three points
    off by three to six s.d.; a level shift lasts 20-60 points; in a frequency change the sines run
    1.5-2.5 times as fast for as long.
    """
    times = np.cumsum(rng.gamma(4.0, 0.25, num_points))
    labels = np.zeros(num_points, dtype=np.int64)
    speed = np.ones(num_points)
    offset = np.zeros((num_points, channels))
    split = int(TRAIN_SHARE * num_points)
    for start, stop, rate in ((0, split, TRAIN_RATE), (split, num_points, LATER_RATE)):
        marked = 0
        while marked < rate * (stop - start):
            kind = rng.choice(KINDS, p=KIND_SHARES)
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
    return Labelled(times, values + offset, labels)


def read_csv(path: Path) -> Labelled:
    """A labelled series from a CSV file: time, one or more values, and last a label of 0 or 1.

    Raises:
        DataError: If the file is missing or a line is not of that form, naming the line.
    """
    try:
        lines = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    except OSError as error:
        raise DataError(
            f"Cannot read {path}: {error.strerror}.", hint="Name it:  --set file=FILE.csv"
        ) from error
    form = "The first line names the columns: time, values..., label; the rest are numbers."
    if len(lines) < 2 or len(lines[0]) < 3:
        raise DataError(f"{path} has no series in it.", hint=form)
    rows: list[list[float]] = []
    for number, line in enumerate(lines[1:], start=2):
        try:
            row = [float(cell) for cell in line]
        except ValueError:
            row = []
        if len(row) != len(lines[0]) or not np.isfinite(row).all():
            raise DataError(
                f"{path}, line {number}: expected {len(lines[0])} numbers, got {','.join(line)!r}.",
                hint=form,
            )
        if row[-1] not in (0.0, 1.0):
            raise DataError(f"{path}, line {number}: the label must be 0 or 1, got {line[-1]}.")
        if rows and row[0] <= rows[-1][0]:
            raise DataError(
                f"{path}, line {number}: time {row[0]:g} does not come after {rows[-1][0]:g}.",
                hint="Sort the observations by time and merge those at the same time.",
            )
        rows.append(row)
    table = np.array(rows)
    return Labelled(table[:, 0], table[:, 1:-1], table[:, -1].astype(np.int64))


def anomaly(series: Labelled, *, window: int) -> Problem:
    """Next-value prediction with anomaly scores: half the series to train, a quarter each to come.

    The loss counts normal targets only. Scores: `vus_pr` and `event_f1` of the squared prediction
    errors; the threshold of the F1 is the best one of the validation part, on both parts.
    """
    num_train = int(TRAIN_SHARE * len(series.times))
    end = int((TRAIN_SHARE + VALIDATION_SHARE) * len(series.times))
    values = series.values - series.values[:num_train].mean(0)
    values = values / np.maximum(values[:num_train].std(0), 1e-9)
    x_LC = values[:-1].astype(np.float32)
    target_LC = np.diff(values, axis=0).astype(np.float32)
    dt_L = np.diff(series.times).astype(np.float32)
    labels = series.labels[1:]
    context, stride = int(WINDOW_CONTEXT * window), max(window // 8, 1)

    train = windows(
        x_LC[: num_train - 1], dt_L[: num_train - 1], target_LC[: num_train - 1], window, stride
    )
    later = {"val": (num_train - 1, end - 1), "test": (end - 1, len(x_LC))}
    parts, truths = {}, {}
    for name, (start, stop) in later.items():
        rows = slice(start - context, stop)
        step = window - context
        part = windows(x_LC[rows], dt_L[rows], target_LC[rows], window, step, context=context)
        # Every point is the counting half of one window; those that fill none are left off.
        truth = labels[start : start + len(part) * step]
        if not truth.any():
            raise DataError(f"The {name} part of the series has no anomaly to be found.")
        weight = part.weight_ST.copy()
        weight[:, context:][truth.reshape(len(part), step) == 1] = 0.0
        parts[name] = Part(part.x_STI, part.dt_ST, part.target_STO, weight)
        truths[name] = truth

    def errors(name: str, outputs_STC: Array) -> npt.NDArray[np.float64]:
        wrong = (outputs_STC - parts[name].target_STO)[:, context:].astype(float)
        return np.asarray((wrong**2).mean(2)).ravel()

    chosen: dict[str, float] = {}

    def score(name: str, outputs_STC: Array) -> Scores:
        odd = errors(name, outputs_STC)
        if name == "val":
            chosen["threshold"] = best_threshold(odd, truths["val"])
        return {
            "vus_pr": vus_pr(odd, truths[name], max_buffer=context),
            "event_f1": event_f1(odd >= chosen["threshold"], truths[name]),
        }

    squares = parts["val"].target_STO.astype(float) ** 2
    return Problem(
        train=train,
        validation=parts["val"],
        test=parts["test"],
        ordered=True,
        overlap=-(-window // stride) - 1,
        score=score,
        baselines={"no change": float(np.average(squares.mean(2), weights=parts["val"].weight_ST))},
    )
