"""Summary: from a study to what it recommends."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from homeostat.execute.rerun import Place
from homeostat.search.decide import verdict_of
from homeostat.search.result import Best, SearchResult
from homeostat.search.review.checklist import checklist
from homeostat.search.review.roles import conclude
from homeostat.search.review.round import Round
from homeostat.search.verdict import StudyVerdict
from homeostat.study.study import Study
from homeostat.study.trial_command import place_of, trial_command


def summarise(
    study: Study, folder: Path, *, interrupted: bool = False, notes: Sequence[str] = ()
) -> SearchResult:
    """What a study has found so far, as its store has it.

    Args:
        folder: Where its runs are.
    """
    row = study.store.study(study.name)
    verdict = verdict_of(row, study.store.trials(row.key))
    place = place_of(study.store, folder.parent.parent)
    now = _round(study, verdict, folder, place)
    return SearchResult(
        study=study.name,
        workload=study.workload.name,
        metric=verdict.metric,
        goal=verdict.goal,
        verdict=verdict,
        best=_best(study, verdict, folder, place),
        trials=tuple(study.trials),
        carried=study.definition.carried,
        conclusion=conclude(now) if now is not None else None,
        checklist=checklist(now) if now is not None else (),
        interrupted=interrupted,
        notes=tuple(notes),
    )


def _round(study: Study, verdict: StudyVerdict, folder: Path, place: Place) -> Round | None:
    if verdict.trial is None:
        return None
    return Round(
        row=study.row,
        workload=study.workload,
        definition=study.definition,
        trials=study.trials,
        best=study.trials[verdict.trial.number],
        folder=folder,
        place=place,
    )


def _best(study: Study, verdict: StudyVerdict, folder: Path, place: Place) -> Best | None:
    trial = verdict.trial
    if trial is None:
        return None
    config = study.config(trial)
    return Best(
        number=trial.number,
        config=config,
        overrides=dict(config.given),
        value=trial.values[verdict.metric],
        sd=trial.sds[verdict.metric],
        confirmed=verdict.on_fresh_seeds(verdict.winner),
        default=verdict.on_fresh_seeds(verdict.default),
        gain=verdict.gain,
        command=trial_command(study.row, trial, place, folder),
    )
