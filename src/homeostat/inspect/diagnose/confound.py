"""Confounds: a mechanism that also changes how weights are updated, and what each of the two does.

At its neutral setting a mechanism should leave the first update as it is without it. Where it does
not, two effects were measured as one. Four runs tell them apart: with and without the mechanism,
each under the update as it is without the mechanism and as it is with it.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from homeostat.errors import HomeostatError
from homeostat.execute.loop.drive import Watcher
from homeostat.inspect.checks.update_rule import TOLERANCE, at_neutral
from homeostat.inspect.diagnose.ladder import changed
from homeostat.inspect.diagnose.replay import Case, replay
from homeostat.inspect.probe.bench import ShortRuns
from homeostat.own_time import own_time
from homeostat.record.seeds import SEEDS
from homeostat.space import Bool, Choice, Config
from homeostat.space.moves import made
from homeostat.workload.report import Report
from homeostat.workload.trial import Trial

MOST_SEEDS = 3
# A step computed by hand differs from the optimiser's in rounding.
SAME_RULE = 1e-4


@dataclass(frozen=True)
class Confound:
    """A mechanism whose effect was measured together with that of another update rule.

    Attributes:
        mechanism: Its name among the workload's neutral settings.
        saw: What gave it away, in a sentence.
        cure: The remedy under which the mechanism leaves the update alone; empty if none does.
        changes: That remedy's changes.
        swap: What gives a network without the mechanism the update of one with it.
        metric, steps, seeds: What the four runs are compared by, and their length and seeds.
        cells: (mechanism on, update as it is with it) -> the metric's last value, seed by seed;
            nan where a run had none.
    """

    mechanism: str
    saw: str
    cure: str
    changes: Mapping[str, Any]
    swap: Mapping[str, Any]
    metric: str
    steps: int
    seeds: tuple[int, ...]
    cells: Mapping[tuple[bool, bool], tuple[float, ...]]

    def mean(self, mechanism: bool, swapped: bool) -> float:
        """The mean over seeds of one cell."""
        values = self.cells.get((mechanism, swapped), ())
        return statistics.fmean(values) if values else math.nan

    @property
    def of_update(self) -> float:
        """Main effect of the update rule."""
        return 0.5 * sum(self.mean(on, True) - self.mean(on, False) for on in (False, True))

    @property
    def of_mechanism(self) -> float:
        """Main effect of the mechanism."""
        return 0.5 * sum(self.mean(True, rule) - self.mean(False, rule) for rule in (False, True))

    def to_json(self) -> dict[str, Any]:
        return vars(self) | {
            "cells": [
                {"mechanism": on, "update_swapped": swapped, "values": list(values)}
                for (on, swapped), values in self.cells.items()
            ],
            "of_update": self.of_update,
            "of_mechanism": self.of_mechanism,
        }


def find_confounds(
    case: Case, *, seconds: float, say: Callable[[str], None] = lambda sentence: None
) -> tuple[Confound, ...]:
    """Every mechanism of the workload that is on and changes the update, with its four runs.

    Args:
        seconds: About how long all of it may take; it is spent on more seeds.
    """
    began, found = own_time(), []
    for name, neutral in case.workload.neutral.items():
        switches = {key: False for key, value in neutral.items() if value is True}
        if not switches or not all(case.config[key] is True for key in switches):
            continue
        bench = ShortRuns(case.workload, case.config, seed=case.seed, steps=1, seconds=seconds)
        check = at_neutral(bench, name, neutral)
        if check.status == "fault":
            say(f"Telling {name} and the update of the weights apart, by four runs a seed.")
            left = seconds - (own_time() - began)
            found.append(_told_apart(case, name, check.saw, neutral, switches, left))
    return tuple(found)


def _told_apart(
    case: Case,
    name: str,
    saw: str,
    neutral: Mapping[str, Any],
    switches: Mapping[str, bool],
    seconds: float,
) -> Confound:
    cure, changes = _cure(case, neutral, switches)
    without = changed(case.workload, case.config, switches)
    swap = _swap(case, changes, neutral, without)
    settings: dict[tuple[bool, bool], Config] = {(False, False): without, (True, True): case.config}
    if changes:
        settings[True, False] = changed(case.workload, case.config, changes)
    if swap:
        settings[False, True] = changed(case.workload, without, swap)
    seeds, cells = _measured(case, settings, seconds)
    return Confound(name, saw, cure, changes, swap, case.workload.metric, case.budget, seeds, cells)


def _cure(
    case: Case, neutral: Mapping[str, Any], switches: Mapping[str, bool]
) -> tuple[str, dict[str, Any]]:
    """The first remedy under which the neutral mechanism leaves the first step as it is."""
    for label, wanted in case.workload.remedies.items():
        changes = made(case.config, case.workload.space, wanted, steps=case.budget)
        if changes.keys() & switches.keys():  # taking the mechanism away is no comparison
            continue
        try:
            on = changed(case.workload, case.config, {**changes, **neutral})
            off = changed(case.workload, on, switches)
        except HomeostatError:
            continue
        if _apart(_first_move(case, off), _first_move(case, on)) <= TOLERANCE:
            return label, dict(changes)
    return "", {}


def _swap(
    case: Case, changes: Mapping[str, Any], neutral: Mapping[str, Any], without: Config
) -> dict[str, Any]:
    """Of what the cure changes, the value that brings the swapped update without the mechanism."""
    wanted = _first_move(case, changed(case.workload, case.config, neutral))
    for name in changes:
        parameter = case.workload.space[name]
        options = parameter.options if isinstance(parameter, Choice | Bool) else ()
        for value in options:
            if value in (changes[name], without[name]):
                continue
            config = changed(case.workload, without, {name: value})
            if _apart(_first_move(case, config), wanted) <= SAME_RULE:
                return {name: value}
    return {}


def _measured(
    case: Case, settings: Mapping[tuple[bool, bool], Config], seconds: float
) -> tuple[tuple[int, ...], dict[tuple[bool, bool], tuple[float, ...]]]:
    """The metric at the end of every cell's run, for as many seeds as there is time."""
    began, seeds = own_time(), list[int]()
    values: dict[tuple[bool, bool], tuple[float, ...]] = dict.fromkeys(settings, ())
    for seed in _seeds(case.seed):
        spent = own_time() - began
        if seeds and spent + spent / len(seeds) > seconds:
            break
        for cell, config in settings.items():
            ending = replay(replace(case, config=config, seed=seed, state=None)).ending
            values[cell] += (ending.last.get(case.workload.metric, math.nan),)
        seeds.append(seed)
    return tuple(seeds), values


def _seeds(first: int) -> Iterator[int]:
    yield first
    yield from [seed for seed in SEEDS if seed != first][: MOST_SEEDS - 1]


class _FirstMove(Watcher):
    """How far every trained weight went until the first report."""

    def __init__(self) -> None:
        self._start: dict[str, tuple[Any, Any]] = {}
        self.moved: dict[str, Any] = {}

    def on_watch(self, trial: Trial) -> None:
        for label, module in trial.modules.items():
            for name, weight in module.named_parameters():
                key = f"{label}.{name}"
                if weight.requires_grad and key not in self._start:
                    self._start[key] = (weight, weight.detach().clone())

    def after_report(self, step: int, report: Report) -> None:
        if not self.moved:
            self.moved = {
                key: (weight.detach() - start).double().cpu()
                for key, (weight, start) in self._start.items()
            }


def _first_move(case: Case, config: Config) -> dict[str, Any]:
    watcher = _FirstMove()
    replay(replace(case, config=config, state=None), [watcher], stop=lambda: bool(watcher.moved))
    return watcher.moved


def _apart(one: Mapping[str, Any], two: Mapping[str, Any]) -> float:
    """The distance between two moves, relative to the first; infinite if they cannot be
    compared."""
    names = [n for n in one if n in two and one[n].shape == two[n].shape]
    size = sum(float(one[n].square().sum()) for n in names)
    if not names or len(names) < 0.5 * len(one) or size == 0.0:
        return math.inf
    return math.sqrt(sum(float((one[n] - two[n]).square().sum()) for n in names) / size)
