"""Export: a study as an Optuna study, for optuna-dashboard and for people's own scripts."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from homeostat.errors import StudyError
from homeostat.record.outcome import Outcome
from homeostat.study.optuna.terms import DIVERGED, OURS, distribution, encoded, opened
from homeostat.study.records import ReportPoint, StudyRow, TrialRow
from homeostat.study.store import Store

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial, TrialState

CONSTRAINTS = "constraints"
"""Among a trial's attributes: name -> value, violated above 0."""


def export_study(store: Store, name: str, url: str, *, as_name: str | None = None) -> int:
    """Write a study as a new Optuna study; return the number of its trials.

    Distributions, values, states, the main objective's curve (its mean over seeds), reasons and
    constraints go along. Importing it again gives the same study, but for the curves of more than
    one seed.

    Args:
        url: Of an Optuna storage, such as sqlite:///optuna.db; made if absent.
        as_name: The new study's name, if not the same.

    Raises:
        UnknownNameError: If there is no such study.
        StudyError: If there is one of that name in Optuna's storage.
        RecordError: If that cannot be opened.
    """
    import optuna

    row = store.study(name)
    trials, points = store.trials(row.key), store.points(row.key)
    objectives = row.definition["objectives"]
    with opened(url, there=False) as storage:
        try:
            study = optuna.create_study(
                storage=storage,
                study_name=as_name or name,
                directions=list(objectives.values()),
            )
        except optuna.exceptions.DuplicatedStudyError:
            raise StudyError(
                f"{url} has a study {as_name or name!r} already.", hint="Name another with --as."
            ) from None
        study.set_metric_names(list(objectives))
        for key, value in _facts(row).items():
            study.set_user_attr(OURS + key, value)
        searched = row.definition["searched"]
        study.add_trials(
            [_frozen(t, points.get(t.number, []), searched, list(objectives)) for t in trials]
        )
    return len(trials)


def _facts(row: StudyRow) -> dict[str, Any]:
    names = ("workload", "definition", "settings", "confirmation")
    return {name: getattr(row, name) for name in names if getattr(row, name) is not None}


def _frozen(
    trial: TrialRow,
    points: Sequence[ReportPoint],
    searched: Mapping[str, Mapping[str, Any]],
    objectives: Sequence[str],
) -> FrozenTrial:
    from optuna.trial import create_trial

    drawn = {n: v for n, v in trial.parameters.items() if n in searched}
    state = _state(trial, objectives)
    # Optuna keeps what a pruned trial had reached as its value, where there is one objective.
    counts = state.name == "COMPLETE" or (state.name == "PRUNED" and len(objectives) == 1)
    known = all(name in trial.values for name in objectives)
    values = [trial.values[name] for name in objectives] if counts and known else None
    attributes = dict(trial.attributes)
    constraints = dict(attributes.pop(CONSTRAINTS, {}))
    if trial.outcome is Outcome.DIVERGED and not constraints:
        constraints = {DIVERGED: 1.0}
    frozen = create_trial(
        state=state,
        values=values,
        params={name: encoded(value, searched[name]) for name, value in drawn.items()},
        distributions={name: distribution(searched[name]) for name in drawn},
        user_attrs=attributes | _user_attributes(trial),
        intermediate_values=_curve(points, objectives[0]),
        constraints=constraints or None,
    )
    frozen.datetime_start = datetime.fromtimestamp(trial.started)
    if state.is_finished():
        frozen.datetime_complete = datetime.fromtimestamp(trial.finished or trial.started)
    return frozen


def _state(trial: TrialRow, objectives: Sequence[str]) -> TrialState:
    from optuna.trial import TrialState

    if not trial.outcome.final:
        return TrialState.RUNNING
    if trial.outcome is Outcome.PRUNED:
        return TrialState.PRUNED
    has_values = all(name in trial.values for name in objectives)
    counts = trial.outcome in (Outcome.COMPLETED, Outcome.DIVERGED)
    return TrialState.COMPLETE if counts and has_values else TrialState.FAIL


def _user_attributes(trial: TrialRow) -> dict[str, Any]:
    facts = {
        "outcome": trial.outcome.value,
        "reason": trial.reason,
        "per_seed": {name: list(values) for name, values in trial.per_seed.items()},
        "wall_s": trial.wall_s,
    }
    return {OURS + name: value for name, value in facts.items() if value not in ("", {}, None)}


def _curve(points: Sequence[ReportPoint], metric: str) -> dict[int, float]:
    """The mean over seeds at each step."""
    by_step: dict[int, list[float]] = defaultdict(list)
    for point in points:
        if point.name == metric:
            by_step[point.step].append(point.value)
    return {step: statistics.fmean(values) for step, values in by_step.items()}
