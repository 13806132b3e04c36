"""Report: write down what the phases found."""

from __future__ import annotations

from homeostat.errors import RecordError
from homeostat.execute.rerun import Place
from homeostat.extras import missing_extra
from homeostat.pages.study import StudyFacts, write_study_report
from homeostat.plan.context import Context
from homeostat.plan.phase import PhaseResult
from homeostat.record.runs import RunRecord, read_run
from homeostat.search.decide import verdict_of
from homeostat.search.search import open_store
from homeostat.study.records import StudyRow, TrialRow
from homeostat.study.trial_command import place_of, trial_command


def report(context: Context, allowance_s: float) -> PhaseResult:
    """Write report.md and report.html into the study's folder."""
    row, trials, place = _study(context)
    verdict = verdict_of(row, trials) if row is not None else None
    number = verdict.winner.number if verdict is not None and verdict.winner is not None else None
    trial = verdict.trial if verdict is not None else None
    facts = StudyFacts(
        workload=context.workload,
        study=context.study,
        phases=[result.to_json() for result in context.done.values()],
        trials=trials,
        verdict=verdict,
        default_run=_run(context, 0) or _baseline(context),
        winner_run=_run(context, number) if number else None,
        command=(
            trial_command(row, trial, place, context.folder)
            if row is not None and trial is not None
            else _command_of_a_phase(context)
        ),
    )
    try:
        page = write_study_report(facts, context.folder)
    except ModuleNotFoundError as error:
        # The search is done and kept: a page that cannot be drawn here takes nothing away.
        extra = missing_extra(error, "The report")
        if extra is None:
            raise
        return PhaseResult("report", "skipped", (str(extra),), (), {})
    return PhaseResult("report", "done", (f"Written to {page}.",), (), {"page": str(page)})


def _study(context: Context) -> tuple[StudyRow | None, list[TrialRow], Place]:
    """The plan's study with its trials; none without a search."""
    store = open_store(context.results)
    row = store.find(context.study)
    trials = store.trials(row.key) if row is not None else []
    return row, trials, place_of(store, context.results)


def _command_of_a_phase(context: Context) -> str:
    """What a plan without a search chose."""
    done = reversed(context.done.values())
    return next((str(r.facts["command"]) for r in done if "command" in r.facts), "")


def _run(context: Context, number: int) -> RunRecord | None:
    folder = context.folder / f"confirm_{number:04d}"
    return read_run(folder) if folder.exists() else None


def _baseline(context: Context) -> RunRecord | None:
    folder = context.fact("baseline", "folder")
    try:
        return read_run(folder) if folder else None
    except RecordError:
        return None
