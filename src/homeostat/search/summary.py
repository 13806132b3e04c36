"""Summary: from a study to what it recommends."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from homeostat.search.confirm import DEFAULT, winner
from homeostat.search.result import Best, Confirmed, Gain, SearchResult, command
from homeostat.search.review.checklist import checklist
from homeostat.search.review.roles import conclude
from homeostat.search.review.round import Round
from homeostat.study.study import Study
from homeostat.workload.goal import Goal


def summarise(
    study: Study, folder: Path, *, interrupted: bool = False, notes: Sequence[str] = ()
) -> SearchResult:
    """What a study has found so far.

    Args:
        folder: Where its runs are.
    """
    metric, goal = next(iter(study.definition.objectives.items()))
    best = _best(study, goal)
    now = _round(study, best, folder) if best is not None else None
    told = list(notes)
    if best is None and study.trials:
        told.append("No trial completed, so there is no best.")
    elif best is not None and best.number == DEFAULT and best.confirmed is not None:
        told.append("Nothing held up better on fresh seeds than the default configuration.")
    return SearchResult(
        study=study.name,
        workload=study.workload.name,
        metric=metric,
        goal=goal,
        best=best,
        trials=tuple(study.trials),
        carried=study.definition.carried,
        conclusion=conclude(now) if now is not None else None,
        checklist=checklist(now) if now is not None else (),
        interrupted=interrupted,
        notes=tuple(told),
    )


def _round(study: Study, best: Best, folder: Path) -> Round:
    return Round(
        row=study.row,
        workload=study.workload,
        definition=study.definition,
        trials=study.trials,
        best=study.trials[best.number],
        folder=folder,
    )


def _best(study: Study, goal: Goal) -> Best | None:
    ranked = study.ranked()
    if not ranked:
        return None
    confirmation = study.row.confirmation
    trial, confirmed, default = ranked[0], None, None
    # One that is older than the newest trials has compared the best with too few.
    if confirmation is not None and confirmation["after"] == len(study.trials):
        trial = study.trials[winner(confirmation, goal)]
        confirmed = _confirmed(confirmation, trial.number)
        default = _confirmed(confirmation, DEFAULT)
    config = study.config(trial)
    metric = next(iter(study.definition.objectives))
    return Best(
        number=trial.number,
        config=config,
        overrides=dict(config.given),
        value=trial.values[metric],
        sd=trial.sds[metric],
        confirmed=confirmed,
        default=default,
        gain=_gain(confirmed, default, goal),
        command=command(study.row.settings.get("reference") or study.workload.name, config.given),
    )


def _confirmed(confirmation: Any, number: int) -> Confirmed:
    values = confirmation["values"][str(number)]
    return Confirmed({int(s): v for s, v in values.items()}, len(confirmation["seeds"]))


def _gain(best: Confirmed | None, default: Confirmed | None, goal: Goal) -> Gain | None:
    """The difference over the seeds that both completed."""
    if best is None or default is None:
        return None
    common = [seed for seed in best.values if seed in default.values]
    if not common:
        return None
    # SciPy's statistics take half a second to import, which only a confirmed search needs.
    from homeostat.evidence.statistics import paired_difference

    before, after = ([goal.sign * arm.values[s] for s in common] for arm in (default, best))
    difference = paired_difference(after, before)
    interval = difference.interval
    return Gain(difference.n, difference.mean, interval.low, interval.high)
