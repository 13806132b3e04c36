"""Write a study's page: `report.html`, and the same as a notebook, `report.ipynb`, executed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from homeostat.pages.study import html, notebook
from homeostat.pages.study.facts import gather
from homeostat.pages.study.sections import sections_of
from homeostat.record.files import make_folder, write_bytes
from homeostat.study.store import Store
from homeostat.workload.workload import Workload


@dataclass(frozen=True)
class Written:
    """Where the page is, and its notebook, if one was asked for."""

    page: Path
    notebook: Path | None


def write_report(
    study: str,
    *,
    store: Store,
    results: str | Path = "results",
    folder: str | Path | None = None,
    with_notebook: bool = True,
    execute: bool = True,
    workload: Workload | str | Path | None = None,
) -> Written:
    """Both files, in the study's folder unless another is given.

    Args:
        study: Its name; that of a plan which has not searched yet will do.
        store: Where it is kept.
        results: Where its runs are.
        folder: Where to write.
        with_notebook: Write the notebook too.
        execute: Run the notebook, so that it shows its figures wherever it is opened.
        workload: The study's workload, for what only it knows; an installed one is known.

    Raises:
        UnknownNameError: If there is no such study.
        RecordError: If the folder cannot be written.
    """
    facts = gather(study, store=store, results=results, workload=workload)
    sections = sections_of(facts)
    place = Path(folder) if folder is not None else facts.folder
    make_folder(place)
    written = Written(place / "report.html", place / "report.ipynb" if with_notebook else None)
    title = f"{facts.workload.name}: {study}"
    write_bytes(written.page, html.render(title, sections).encode())
    if written.notebook is not None:
        made = notebook.build(facts, [block for _, blocks in sections for block in blocks])
        if execute:
            notebook.execute(made)
        write_bytes(written.notebook, notebook.text(made).encode())
    return written
