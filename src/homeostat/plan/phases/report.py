"""Report: write down what the phases found."""

from __future__ import annotations

from homeostat.extras import missing_extra
from homeostat.pages.study import write_report
from homeostat.plan.context import Context
from homeostat.plan.phase import PhaseResult
from homeostat.search.search import open_store


def report(context: Context, allowance_s: float) -> PhaseResult:
    """Write the page of the plan's study into its folder."""
    try:
        written = write_report(
            context.study, store=open_store(context.results), results=context.results,
            workload=context.workload, with_notebook=False,
        )  # fmt: skip
    except ModuleNotFoundError as error:
        # The search is done and kept: a page that cannot be drawn here takes nothing away.
        extra = missing_extra(error, "The report")
        if extra is None:
            raise
        return PhaseResult("report", "skipped", (str(extra),), (), {})
    page = str(written.page)
    return PhaseResult("report", "done", (f"Written to {page}.",), (), {"page": page})
