"""Report: write down what the phases found."""

from __future__ import annotations

from homeostat.errors import RecordError
from homeostat.extras import missing_extra
from homeostat.pages.study import StudyFacts, write_study_report
from homeostat.plan.context import Context
from homeostat.plan.phase import PhaseResult
from homeostat.record.runs import RunRecord, read_run
from homeostat.search.search import open_store
from homeostat.study.records import TrialRow
from homeostat.study.study import Study


def report(context: Context, allowance_s: float) -> PhaseResult:
    """Write report.md and report.html into the study's folder."""
    trials, ranked = _trials(context)
    number = context.fact("confirm", "number")
    first = ranked[0].number if ranked else None
    facts = StudyFacts(
        workload=context.workload,
        study=context.study,
        phases=[result.to_json() for result in context.done.values()],
        trials=trials,
        ranked=ranked,
        chosen=first if number is None else number,
        default_run=_run(context, 0) or _baseline(context),
        best_run=_run(context, number) if number else None,
        command=next(
            (r.facts["command"] for r in reversed(context.done.values()) if "command" in r.facts),
            "",
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


def _trials(context: Context) -> tuple[list[TrialRow], list[TrialRow]]:
    """Every trial of the study, and the completed ones, best first; none without a search."""
    store = open_store(context.results)
    if store.find(context.study) is None:
        return [], []
    with Study.open(context.workload, context.study, store=store) as study:
        return list(study.trials), study.ranked()


def _run(context: Context, number: int) -> RunRecord | None:
    folder = context.folder / f"confirm_{number:04d}"
    return read_run(folder) if folder.exists() else None


def _baseline(context: Context) -> RunRecord | None:
    folder = context.fact("baseline", "folder")
    try:
        return read_run(folder) if folder else None
    except RecordError:
        return None
