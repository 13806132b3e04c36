"""`homeostat notes`: the running log, in Markdown."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from homeostat.cli.options import JsonOption, ResultsOption
from homeostat.cli.output import Output

NotesFile = Annotated[Path, typer.Option("--file", help="The log.")]

notes_app = typer.Typer(help="Keep the running log in Markdown, one entry per run.")


@notes_app.callback(invoke_without_command=True)
def show(
    context: typer.Context, file: NotesFile = Path("NOTES.md"), as_json: JsonOption = False
) -> None:
    """Show the log's entries and what they add up to."""
    if context.invoked_subcommand is not None:
        return
    from homeostat.notes import assess, read

    entries = read(file)
    out = Output(as_json=as_json)
    out.table(
        ("run", "title", "learning rate", "behaviour"),
        [(e.number, e.title, e.learning_rate, " ".join(e.behaviour)) for e in entries],
    )
    together = assess(entries)
    if together:
        out.line(together)
    if not entries:
        out.line(f"No entries in {file}.  Add one:  homeostat notes add RUN or a LOG file")
    out.document({"entries": [vars(entry) for entry in entries], "together": together})


@notes_app.command("add")
def add(
    what: Annotated[str, typer.Argument(help="A run's folder or name, or a log of another tool.")],
    remark: Annotated[str, typer.Option("--remark", help="A remark of your own.")] = "",
    file: NotesFile = Path("NOTES.md"),
    results: ResultsOption = "results",
    as_json: JsonOption = False,
) -> None:
    """Append an entry for a run, or for each run in a log: printed text, CSV, JSON, TensorBoard."""
    from homeostat.notes import add_log_runs, add_run, render
    from homeostat.record.index import find_run

    is_log = Path(what).exists() and not (Path(what) / "run.json").exists()
    entries = (
        add_log_runs(file, Path(what), remark=remark)
        if is_log
        else [add_run(file, find_run(what, results), remark=remark)]
    )
    out = Output(as_json=as_json)
    for entry in entries:
        out.line(render(entry))
    out.line(f"Appended to {file}")
    # The last entry's own keys, as where there is one alone, and all of them.
    out.document({**vars(entries[-1]), "entries": [vars(entry) for entry in entries]})
