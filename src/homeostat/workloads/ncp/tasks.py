"""The tasks by name: what a configuration asks to be trained on."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from homeostat.errors import DataError
from homeostat.space import Config
from homeostat.workloads.ncp.anomalies import TRAIN_SHARE as ANOMALY_SHARE
from homeostat.workloads.ncp.anomalies import anomaly, planted
from homeostat.workloads.ncp.event_xor import event_xor
from homeostat.workloads.ncp.half_cheetah import half_cheetah
from homeostat.workloads.ncp.own_series import TimeSeries, read_series
from homeostat.workloads.ncp.problem import Problem, SequenceSet, folds
from homeostat.workloads.ncp.series import TRAIN_SHARE, bundled, forecasting
from homeostat.workloads.ncp.timesteps import TimeScaling


def prepare(config: Config) -> Problem:
    """The configured task, its time steps scaled as configured.

    The data is the same for every seed of a run: only `data_seed` changes it.
    """
    return _scaled(config, _made(config))


def prepare_folds(config: Config, whole: Problem) -> list[Problem]:
    """The task once for each fold of its training data.

    A series is framed anew for each: its trend, its scale, its period and the forecasters beside
    it come from the fold's own past.
    """
    count = config.folds
    if config.task in SERIES_TASKS:
        series = _series(config, _rng(config))
        frame, share = SERIES_TASKS[config.task]
        past = round(share * len(series))
        # As many blocks of time and one more; each but the first is validated on in its turn.
        edges = [round(past * (k + 1) / (count + 1)) for k in range(count + 1)]
        try:
            made = [frame(config, series, (a, b, 2 * b - a)) for a, b in pairwise(edges)]
        except DataError as error:
            raise DataError(
                f"{len(series)} observations are too few for {count} folds: {error.message}",
                hint=f"Use fewer folds:  --set folds={max(count // 2, 2)}",
            ) from None
        return [_scaled(config, replace(problem, score=None)) for problem in made]
    return folds(whole, count)


def _scaled(config: Config, problem: Problem) -> Problem:
    scaling = TimeScaling.fit(config.time_scaling, problem.train.dt_ST, config.time_unit)

    def scaled(part: SequenceSet) -> SequenceSet:
        return replace(part, dt_ST=scaling(part.dt_ST))

    return replace(
        problem,
        train=scaled(problem.train),
        validation=scaled(problem.validation),
        test=scaled(problem.test),
        scaling=scaling,
    )


def _rng(config: Config) -> np.random.Generator:
    return np.random.default_rng(config.data_seed)


def _series(config: Config, rng: np.random.Generator) -> TimeSeries:
    if config.file:
        return read_series(Path(config.file))
    if config.task == "anomaly":
        return planted(config.num_points, rng, kinds=config.anomalies)
    return bundled(config.series, config.keep, rng)


def configured_series(config: Config) -> TimeSeries:
    """The whole series that a forecasting or anomaly task is trained on."""
    return _series(config, _rng(config))


Cuts = tuple[int, int, int]


def _forecasting(config: Config, series: TimeSeries, cuts: Cuts | None = None) -> Problem:
    return forecasting(
        series,
        window=config.window,
        target=config.target,
        horizon=config.horizon,
        anchor=config.anchor,
        period=config.period,
        cuts=cuts,
    )


def _anomaly(config: Config, series: TimeSeries, cuts: Cuts | None = None) -> Problem:
    return anomaly(series, window=config.window, cuts=cuts)


def _made(config: Config) -> Problem:
    if config.task in SERIES_TASKS:
        frame, _ = SERIES_TASKS[config.task]
        return frame(config, _series(config, _rng(config)))
    return event_xor(config.num_streams) if config.task == "event_xor" else half_cheetah()


SERIES_TASKS = {
    "forecasting": (_forecasting, TRAIN_SHARE),
    "anomaly": (_anomaly, ANOMALY_SHARE),
}
"""How a series becomes each of them, and the share of it to train on."""
