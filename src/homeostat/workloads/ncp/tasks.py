"""The tasks by name: what a configuration asks to be trained on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from homeostat.space import Config
from homeostat.workloads.ncp.anomalies import anomaly, planted, read_csv
from homeostat.workloads.ncp.event_xor import event_xor
from homeostat.workloads.ncp.half_cheetah import half_cheetah
from homeostat.workloads.ncp.problem import Part, Problem
from homeostat.workloads.ncp.series import forecasting
from homeostat.workloads.ncp.timesteps import TimeScaling


def prepare(config: Config) -> Problem:
    """The configured task, its time steps scaled as configured.

    The data is the same for every seed of a run: only `data_seed` changes it.
    """
    problem = MAKERS[config.task](config, np.random.default_rng(config.data_seed))
    scaling = TimeScaling.fit(config.time_scaling, problem.train.dt_ST, config.time_unit)

    def scaled(part: Part) -> Part:
        return replace(part, dt_ST=scaling(part.dt_ST))

    return replace(
        problem,
        train=scaled(problem.train),
        validation=scaled(problem.validation),
        test=scaled(problem.test),
    )


def _forecasting(config: Config, rng: np.random.Generator) -> Problem:
    return forecasting(config.series, keep=config.keep, window=config.window, rng=rng)


def _anomaly(config: Config, rng: np.random.Generator) -> Problem:
    series = read_csv(Path(config.file)) if config.file else planted(config.num_points, rng)
    return anomaly(series, window=config.window)


def _event_xor(config: Config, rng: np.random.Generator) -> Problem:
    return event_xor(config.num_streams)


def _half_cheetah(config: Config, rng: np.random.Generator) -> Problem:
    return half_cheetah()


MAKERS = {
    "forecasting": _forecasting,
    "anomaly": _anomaly,
    "event_xor": _event_xor,
    "half_cheetah": _half_cheetah,
}
