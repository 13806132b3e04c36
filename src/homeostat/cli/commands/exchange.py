"""`homeostat export` to Optuna, and `homeostat import` from Optuna, tables, W&B and Ray."""

from __future__ import annotations

from typing import Annotated

import typer

from homeostat.cli.options import JsonOption, ResultsOption, StoreOption, StudyOption
from homeostat.cli.output import Output
from homeostat.wording import plural

OPTUNA = "optuna"
AsOption = Annotated[
    str | None, typer.Option("--as", help="The name to write it under; its own by default.")
]


def export(
    study: StudyOption,
    to: Annotated[
        str, typer.Option("--to", help="optuna, then the address; or the address alone.")
    ] = OPTUNA,
    address: Annotated[
        str | None, typer.Argument(help="An Optuna storage, such as sqlite:///optuna.db.")
    ] = None,
    as_name: AsOption = None,
    results: ResultsOption = "results",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a study as an Optuna study: for optuna-dashboard, or a script of your own."""
    from homeostat.search.search import look_store
    from homeostat.study.optuna.export_study import export_study

    url = _address(to, address)
    count = export_study(look_store(results, store), study, url, as_name=as_name)
    out = Output(as_json=as_json)
    out.line(f"{study}: {plural(count, 'trial')} written to {url}.")
    out.line(f"Look at it:  optuna-dashboard {url}")
    out.document({"study": as_name or study, "trials": count, "address": url})


def import_(
    source: Annotated[
        str,
        typer.Argument(
            help="A table of trials (CSV, TSV, JSON), a folder of W&B's or Ray's runs, or an "
            "Optuna storage, such as sqlite:///optuna.db.",
        ),
    ],
    metric: Annotated[
        str | None, typer.Option("--metric", help="Of a table: what was searched for.")
    ] = None,
    goal: Annotated[
        str | None, typer.Option("--goal", help="Of a table: minimize or maximize.")
    ] = None,
    parameters: Annotated[
        list[str] | None,
        typer.Option(
            "--parameter",
            metavar="NAME",
            help="Of a table: which column is a parameter, where none is marked; may be repeated.",
        ),
    ] = None,
    study: Annotated[
        str | None,
        typer.Option("--study", help="Of Optuna: which study, if the storage holds several."),
    ] = None,
    workload: Annotated[
        str | None,
        typer.Option(
            "--workload", help="The workload it searched, so that the search can continue here."
        ),
    ] = None,
    as_name: AsOption = None,
    results: ResultsOption = "results",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read trials of another tool as a study, which every command then reads.

    Of a CSV a row is a trial. Columns such as config/lr, config.lr or params_lr are parameters.
    """
    from homeostat.errors import StudyError
    from homeostat.execute.rerun import command
    from homeostat.search.search import open_store
    from homeostat.study.import_results import import_results
    from homeostat.study.optuna.import_study import import_study
    from homeostat.study.trial_command import place_of, search_command
    from homeostat.workload.load import find

    found = find(workload) if workload is not None else None
    opened = open_store(results, store)
    if "://" in source:
        if metric or goal or parameters:
            raise typer.BadParameter("An Optuna study says what its metric and parameters are.")
        row = import_study(opened, source, study, workload=found, as_name=as_name)
    elif source.endswith((".db", ".sqlite", ".sqlite3")):
        raise StudyError(
            f"{source} is a database.",
            hint=f"An Optuna storage has an address:  sqlite:///{source}",
        )
    else:
        row = import_results(
            opened, source, as_name=as_name or study, metric=metric, goal=goal,
            parameters=parameters or (), workload=found,
        )  # fmt: skip
    count = len(opened.trials(row.key))
    out = Output(as_json=as_json)
    out.line(f"{row.name}: {plural(count, 'trial')} read from {source}.")
    place = place_of(opened, results)
    named = ["--study", row.name]
    out.line(f"See:  {command('homeostat best', named, place.for_studies)}")
    if workload is not None:
        further = search_command(row, place, "--trials", str(count + 50))
        out.line(f"Go on:  {further}")
    out.document({"study": row.name, "workload": row.workload, "trials": count})


def _address(to: str, address: str | None) -> str:
    """`--to optuna ADDRESS`, or `--to ADDRESS`."""
    if address is None and "://" in to:
        return to
    if to != OPTUNA or address is None:
        raise typer.BadParameter("give an address, such as:  --to sqlite:///optuna.db")
    return address
