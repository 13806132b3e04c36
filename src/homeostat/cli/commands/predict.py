"""`homeostat predict`: what the weights that a run kept say of new data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from homeostat.cli import complete
from homeostat.cli.options import JsonOption, ResultsOption, WorkloadOption
from homeostat.cli.output import Output

if TYPE_CHECKING:
    from homeostat.workload.prediction import Prediction

# Rows printed of a table that is longer; what comes last is what is still to come.
FIRST, LAST = 4, 12


def predict(
    run: Annotated[
        str,
        typer.Argument(
            autocompletion=complete.runs, help="A run's folder, or the start of its name."
        ),
    ],
    file: Annotated[
        Path | None,
        typer.Argument(help="New data, as the workload's page says; without it, its own data."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Whose weights; the best seed's by default.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write the whole table there, as CSV.")
    ] = None,
    workload: WorkloadOption = None,
    results: ResultsOption = "results",
    as_json: JsonOption = False,
) -> None:
    """Predict with the weights that a run kept; with intervals where the workload has them."""
    from homeostat.execute.predict import predict as run_prediction

    found = run_prediction(run, file, seed=seed, workload=workload, results=results)
    made = found.prediction
    printed = Output(as_json=as_json)
    printed.heading(f"{found.run.workload}: {found.run.name}, seed {found.seed}")
    for remark in made.remarks:
        printed.line(remark)
    for name, value in made.scores.items():
        printed.line(f"{name}: {value:.4g}")
    rows = made.rows
    if len(rows) > FIRST + LAST:
        blank = ("...",) * len(made.columns)
        rows = [*rows[:FIRST], blank, *rows[-LAST:]]
    printed.table(tuple(made.columns), rows)
    if out is not None:
        _write(out, made)
        printed.line(f"{len(made.rows)} rows in {out}")
    elif len(made.rows) > FIRST + LAST:
        printed.line(f"{len(made.rows)} rows; all of them with  --out predictions.csv")
    printed.line(f"Weights: {found.weights}")
    printed.document(
        {
            "run": found.run.name,
            "seed": found.seed,
            "weights": str(found.weights),
            "remarks": made.remarks,
            "scores": made.scores,
            "columns": {name: [row[i] for row in made.rows] for i, name in enumerate(made.columns)},
        }
    )


def _write(path: Path, made: Prediction) -> None:
    import csv
    import io

    from homeostat.record.files import write_bytes

    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(made.columns)
    table.writerows(["" if cell is None else cell for cell in row] for row in made.rows)
    write_bytes(path, text.getvalue().encode())
