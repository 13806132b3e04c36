"""Workloads that other processes can load: a valley, and everything that can go wrong in one."""

from __future__ import annotations

import os
import time

import homeostat as hs

PLANE = hs.Space(x=hs.Float(0.0, 1.0), y=hs.Float(0.0, 1.0))


@hs.workload(space=PLANE, metric="loss", goal="minimize", budget=4)
def valley(config, trial):
    """Noisy: a seed moves every configuration's loss by the same amount, and each by its own."""
    shared = trial.rng("shared").normal(0.0, 0.1)
    own = 0.02 * trial.rng(f"{config.x:.6f}").normal()
    for step in trial.steps():
        loss = (config.x - 0.7) ** 2 + (config.y - 0.2) ** 2 + shared + own
        yield hs.Report(step, loss=loss + 1.0 / (1 + step))


@hs.workload(space=PLANE, metric="loss", goal="minimize", budget=4)
def unhurried(config, trial):
    """The valley at a pace at which a kill meets it in every state."""
    for report in valley.loop(config, trial):
        time.sleep(0.003)
        yield report


@hs.workload(space=PLANE, metric="loss", goal="minimize", budget=3)
def minefield(config, trial):
    for step in trial.steps():
        if config.x > 0.8:
            raise RuntimeError("too far right")
        if config.x < 0.1:
            time.sleep(60)
        if config.y > 0.9:
            os._exit(3)
        if config.y < 0.1:
            yield hs.Report(step, loss=float("nan"))
        if 0.45 < config.y < 0.55:
            yield hs.Report(step, loss="garbage")
        yield hs.Report(step, loss=config.x + config.y)


@hs.workload(
    space=hs.Space(kind=hs.Choice(["a", "b", "c"])), metric="score", goal="maximize", budget=1
)
def three(config, trial):
    for step in trial.steps():
        yield hs.Report(step, score={"a": 1.0, "b": 3.0, "c": 2.0}[config.kind])


@hs.workload(space=PLANE, metric="loss", goal="minimize", budget=1)
def broken(config, trial):
    raise ValueError("no data")
    yield


@hs.workload(
    space=hs.Space(x=hs.Float(0.0, 1.0)),
    objectives={"up": "maximize", "down": "minimize"},
    budget=1,
)
def two_aims(config, trial):
    for step in trial.steps():
        yield hs.Report(step, up=config.x, down=config.x**2)


@hs.workload(space=PLANE, metric="loss", goal="minimize", budget=40)
def slow(config, trial):
    for step in trial.steps():
        time.sleep(0.005)
        yield hs.Report(step, loss=(config.x - 0.7) ** 2 + 1.0 / (1 + step))


@hs.workload(space=PLANE, metric="loss", goal="minimize", budget=20)
def racing(config, trial):
    """The closer to the middle, the lower it ends; where it is heading shows early."""
    own = 0.01 * trial.rng(f"{config.x:.6f}").normal()
    for step in trial.steps():
        loss = (config.x - 0.5) ** 2 + (config.y - 0.5) ** 2 + own
        yield hs.Report(step, loss=loss + (1.0 + config.y) / (1 + step))


@hs.workload(space=PLANE, objectives={"up": "maximize", "down": "minimize"}, budget=20)
def two_races(config, trial):
    for step in trial.steps():
        progress = 1 - 1 / (1 + step)
        yield hs.Report(step, up=config.x * progress, down=config.x**2 + config.y * progress)


@hs.workload(space=PLANE, metric="loss", goal="minimize", budget=4)
def hanging(config, trial):
    """One step of it may take forever."""
    for step in trial.steps():
        if config.x > 0.55 or config.y > 0.8:
            time.sleep(600)
        yield hs.Report(step, loss=config.x)
