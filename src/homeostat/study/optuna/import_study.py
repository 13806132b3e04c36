"""Import: an Optuna study as one of ours, to look at or to go on with."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from homeostat.errors import SpaceError, StudyError, UnknownNameError, did_you_mean
from homeostat.record.outcome import Outcome
from homeostat.record.seeds import SEEDS
from homeostat.study.definition import Definition, define
from homeostat.study.optuna.export_study import CONSTRAINTS
from homeostat.study.optuna.terms import DIVERGED, OURS, decoded, described, opened, united
from homeostat.study.records import ReportPoint, StudyRow, TrialRow
from homeostat.study.store import Store
from homeostat.workload.goal import Goal
from homeostat.workload.load import reference_or_name
from homeostat.workload.workload import Workload

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial


def import_study(
    store: Store,
    url: str,
    name: str | None = None,
    *,
    workload: Workload | None = None,
    as_name: str | None = None,
) -> StudyRow:
    """Read an Optuna study into the store.

    Trials that were waiting or running are left out; a trial that violates a constraint counts as
    diverged. What we exported comes back as it was.

    Args:
        url: Of an Optuna storage, such as sqlite:///optuna.db.
        name: Which study of the storage; needed if it holds several.
        workload: What it searched, so that the search can go on here; its parameters and objectives
            must have the workload's names.
        as_name: The new study's name, if not the same.

    Raises:
        UnknownNameError: If there is no such study, or the workload lacks one of its parameters.
        StudyError: If we have a study of that name, or it does not fit the workload.
        RecordError: If Optuna's storage cannot be opened.
    """
    import optuna

    with opened(url, there=True) as storage:
        names = optuna.get_all_study_names(storage)
        chosen = _choose(names, name, url)
        if store.find(as_name or chosen) is not None:
            raise StudyError(
                f"There is a study {as_name or chosen!r} in {store.place} already.",
                hint="Name another with --as.",
            )
        study = optuna.load_study(study_name=chosen, storage=storage)
        trials = [t for t in study.get_trials(deepcopy=False) if t.state.is_finished()]
        attributes = study.user_attrs
        definition = _definition(study, trials, workload)
    rows = [_row(n, t, definition) for n, t in enumerate(trials)]
    if workload is not None:
        _refuse_what_does_not_fit(workload, rows)
    title = workload.name if workload is not None else attributes.get(f"{OURS}workload", chosen)
    settings = dict(attributes.get(f"{OURS}settings", {"trials": max(1, len(rows))}))
    if f"{OURS}definition" not in attributes:
        settings["default_trial"] = None  # its first trial is no starting configuration of ours
    if workload is not None:
        settings["reference"] = reference_or_name(workload)
    settings.setdefault("reference", "")  # of a study of theirs: nothing that a command could find
    curves = [_points(trial, definition) for trial in trials]
    confirmation = attributes.get(f"{OURS}confirmation")
    return store.add_study(
        as_name or chosen, title, definition.to_json(), settings, rows, curves, confirmation
    )


def _choose(names: list[str], wanted: str | None, url: str) -> str:
    if wanted is None and len(names) == 1:
        return names[0]
    if wanted is None or wanted not in names:
        which = f"No study {wanted!r}" if wanted else "Which study" if names else "No study at all"
        raise UnknownNameError(
            f"{which} in {url}{'?' if wanted is None and names else '.'}",
            hint=did_you_mean(wanted or "", names),
        )
    return wanted


def _definition(
    study: optuna.Study, trials: list[FrozenTrial], workload: Workload | None
) -> Definition:
    kept = study.user_attrs.get(f"{OURS}definition")
    if kept is not None and workload is None:
        return Definition.from_json(kept)
    searched: dict[str, dict[str, Any]] = {}
    for trial in trials:
        for name, distribution in trial.distributions.items():
            now = described(distribution)
            searched[name] = united(searched[name], now) if name in searched else now
    names = study.metric_names or (
        ["value"]
        if len(study.directions) == 1
        else [f"value_{i}" for i in range(len(study.directions))]
    )
    goals = [Goal(direction.name.lower()) for direction in study.directions]
    if workload is None:
        return Definition(
            method="auto", seed=0, seeds=(SEEDS[0],), budget=1, wave=1, start={}, pins={},
            objectives=dict(zip(names, goals, strict=True)), searched=searched,
        )  # fmt: skip
    if goals != list(workload.objectives.values()):
        raise StudyError(
            f"Study {study.study_name!r} aims to {' and '.join(goals)}; {workload.name} to "
            f"{' and '.join(workload.objectives.values())}."
        )
    strange = [name for name in searched if name not in workload.space]
    if strange:
        raise StudyError(
            f"Study {study.study_name!r} varied {strange[0]}, which {workload.name} has not.",
            hint=f"See:  homeostat space {reference_or_name(workload)}",
        )
    before = Definition.from_json(kept) if kept is not None else None
    found = None if before is not None else list(searched)
    return define(workload, before, seeds=None, tiers=None, names=found, start=None, pins=None)


def _row(number: int, trial: FrozenTrial, definition: Definition) -> TrialRow:
    """A finished trial, without a key yet."""
    facts = {n.removeprefix(OURS): v for n, v in trial.user_attrs.items() if n.startswith(OURS)}
    attributes = {n: v for n, v in trial.user_attrs.items() if not n.startswith(OURS)}
    constraints = dict(trial.constraints)
    if constraints and constraints != {DIVERGED: 1.0}:
        attributes[CONSTRAINTS] = constraints
    outcome, reason = _outcome(trial, constraints)
    values = dict(zip(definition.objectives, trial.values or (), strict=False))
    per_seed = facts.get("per_seed") or {name: [value] for name, value in values.items()}
    started = trial.datetime_start.timestamp() if trial.datetime_start else 0.0
    ended = trial.datetime_complete.timestamp() if trial.datetime_complete else started
    return TrialRow(
        key=0,
        number=number,
        outcome=Outcome(facts.get("outcome", outcome)),
        reason=facts.get("reason", "" if "outcome" in facts else reason),
        parameters={n: decoded(v, definition.searched[n]) for n, v in trial.params.items()},
        per_seed={name: tuple(seeds) for name, seeds in per_seed.items()},
        values={name: statistics.fmean(seeds) for name, seeds in per_seed.items()},
        sds={n: statistics.stdev(s) if len(s) > 1 else None for n, s in per_seed.items()},
        started=started,
        finished=ended,
        wall_s=facts.get("wall_s", None if "outcome" in facts else ended - started),
        attributes=attributes,
    )


def _outcome(trial: FrozenTrial, constraints: Mapping[str, float]) -> tuple[Outcome, str]:
    violated = [f"{name} = {value:g}" for name, value in constraints.items() if value > 0]
    if trial.state.name == "PRUNED":
        return Outcome.PRUNED, "pruned in Optuna"
    if trial.state.name == "FAIL":
        return Outcome.FAILED, "failed in Optuna"
    if violated:
        return Outcome.DIVERGED, f"a constraint is violated: {', '.join(violated)}"
    return Outcome.COMPLETED, ""


def _refuse_what_does_not_fit(workload: Workload, rows: list[TrialRow]) -> None:
    for row in rows:
        try:
            workload.space.resolve(row.parameters, inherited=row.parameters)
        except SpaceError as error:
            raise StudyError(
                f"Trial {row.number} does not fit {workload.name}: {error.message}"
            ) from None


def _points(trial: FrozenTrial, definition: Definition) -> list[ReportPoint]:
    metric = next(iter(definition.objectives))
    seed = definition.seeds[0]
    return [ReportPoint(seed, metric, step, v) for step, v in trial.intermediate_values.items()]
