"""Write a study's findings: `findings.ipynb`, executed, and `findings.html`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from homeostat.errors import RecordError
from homeostat.pages.document import write_page
from homeostat.pages.findings import notebook, page
from homeostat.pages.findings.facts import gather
from homeostat.pages.findings.sections import all_sections
from homeostat.record.files import make_folder
from homeostat.study.store import Store
from homeostat.workload.workload import Workload


@dataclass(frozen=True)
class Written:
    """Where the findings are."""

    page: Path
    notebook: Path


def write_findings(
    study: str,
    *,
    store: Store,
    results: str | Path = "results",
    folder: str | Path | None = None,
    execute: bool = True,
    workload: Workload | str | Path | None = None,
) -> Written:
    """Both files, in the study's folder unless another is given.

    Args:
        study: Its name.
        store: Where it is kept.
        results: Where its runs are.
        folder: Where to write.
        execute: Run the notebook, so that it shows its figures wherever it is opened.
        workload: The study's workload, for what only it knows; an installed one is known.

    Raises:
        UnknownNameError: If there is no such study.
        RecordError: If the folder cannot be written.
    """
    facts = gather(study, store=store, results=results, workload=workload)
    blocks = all_sections(facts)
    made = notebook.build(facts, blocks)
    if execute:
        notebook.execute(made)
    place = Path(folder) if folder is not None else facts.folder
    make_folder(place)
    written = Written(place / "findings.html", place / "findings.ipynb")
    try:
        write_page(written.page, page.render(f"{facts.row.workload}: {study}", blocks))
        write_page(written.notebook, notebook.text(made))
    except OSError as error:
        raise RecordError(
            f"The findings cannot be written to {place}: {error.strerror}.",
            hint="Choose another folder with --out.",
        ) from error
    return written
