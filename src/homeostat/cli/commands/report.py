"""`homeostat report`: the page of a study, and the same as a notebook."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from homeostat.cli.options import (
    JsonOption,
    ResultsOption,
    StoreOption,
    StudyOption,
    WorkloadOption,
)
from homeostat.cli.output import Output


def report(
    study: StudyOption,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Where to write it; by default the study's own folder."),
    ] = None,
    execute: Annotated[
        bool, typer.Option(help="Run the notebook, so that it shows its figures when opened.")
    ] = True,
    workload: WorkloadOption = None,
    results: ResultsOption = "results",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write what a study found: one page, report.html, and the same as a notebook, executed."""
    from homeostat.pages.study import write_report
    from homeostat.search.search import look_store

    told = Output(as_json=as_json)
    with told.working(f"writing what {study} found" + (", and running the notebook" * execute)):
        written = write_report(
            study, store=look_store(results, store), results=results, folder=out, execute=execute,
            workload=workload,
        )  # fmt: skip
    told.line(f"Page:      {written.page}")
    told.line(f"Notebook:  {written.notebook}")
    told.document(written)
