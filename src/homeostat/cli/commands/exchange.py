"""`homeostat export`, for other tools; `homeostat import`, from them."""

from __future__ import annotations

from typing import Annotated

import typer

from homeostat.cli import complete
from homeostat.cli.options import JsonOption, ResultsOption, StoreOption
from homeostat.cli.output import Output
from homeostat.wording import plural

OPTUNA = "optuna"
AsOption = Annotated[
    str | None, typer.Option("--as", help="The name to write it under; its own by default.")
]


def export(
    what: Annotated[
        list[str] | None,
        typer.Argument(metavar="STUDY|RUN", help="Which; for Optuna the address may follow."),
    ] = None,
    to: Annotated[
        str, typer.Option("--to", help="tensorboard, mlflow, wandb or optuna; or its address.")
    ] = OPTUNA,
    out: Annotated[
        str | None,
        typer.Option("--out", help="The folder to write into; for Optuna the address."),
    ] = None,
    study: Annotated[
        str | None,
        typer.Option("--study", autocompletion=complete.studies, help="The same as STUDY."),
    ] = None,
    as_name: AsOption = None,
    results: ResultsOption = "results",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a study or a run, with the verdict, for TensorBoard, MLflow, W&B or Optuna.

    Files only: nothing is sent anywhere. Every trial becomes a run with its settings, curves,
    outcome and reason; the winner, the default and what ran on fresh seeds carry those words.
    """
    from homeostat.export.export import export as written

    words = [to, out or "", *(what or ())]
    address = next((word for word in words if "://" in word), None)
    name = study or next((word for word in what or () if "://" not in word), None)
    if name is None:
        raise typer.BadParameter(
            "which study or run?  Such as:  homeostat export first --to mlflow"
        )
    if "://" in to:
        to = OPTUNA
    if to == OPTUNA and address is None:
        raise typer.BadParameter("give an address, such as:  --to sqlite:///optuna.db")
    place = address if to == OPTUNA else out
    made = written(
        name, to=to, out=place or f"{to}_export", results=results, store=store, as_name=as_name
    )
    told = Output(as_json=as_json)
    what_it_is = "trial" if to == OPTUNA else "run"
    told.line(f"{name}: {plural(made.count, what_it_is)} written to {made.place}.")
    told.line(f"Look at it:  {made.look}")
    told.document(
        {"study": made.name, "trials": made.count, "address": made.place, "look": made.look}
    )


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
