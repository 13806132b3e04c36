"""`nas compare`, `nas configs`, `nas show`: what there is, and what it scored."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from homeostat.cli.output import Output
from homeostat.workloads.evolution.nas.app import ResultsOption, app, evolution


@app.command()
def compare(
    names: Annotated[list[str], typer.Argument(help="Configurations that have been run.")],
    results: ResultsOption = Path("results"),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Compare the latest results of configurations, best first."""
    from homeostat.workloads.evolution.compared import comparison, unlike

    out = Output(as_json=as_json)
    rows = comparison(names, results)
    out.table(
        (
            "config",
            "seeds",
            "evaluations",
            "final",
            "in-sample",
            "pellets",
            "diversity",
            "beats next",
            "note",
        ),
        [
            (
                row["config"],
                row["seeds"],
                f"{row['evaluations']:,}",
                f"{row['fitness']['mean']:.1f} ± {row['fitness']['std']:.1f}",
                f"{row['fitness_in_sample']['mean']:.1f}",
                round(row["pellets"]["mean"], 2),
                row["diversity"]["mean"],
                "-" if row["beats_next"] is None else f"{row['beats_next']:.0%}",
                row["note"],
            )
            for row in rows
        ],
    )
    for sentence in unlike(rows):
        out.line(sentence)
    out.document(rows)


@app.command()
def configs(
    everything: Annotated[
        bool, typer.Option("--all", help="Also every parameter, its range and default.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """List the named configurations."""
    from homeostat.space.configs import load, names

    workload, out = evolution(), Output(as_json=as_json)
    rows = [load(name, workload) for name in names(workload)]
    out.table(("config", "what it is"), [(row.name, row.description) for row in rows])
    if everything:
        out.heading("parameters")
        out.table(
            ("option", "range", "default", "tier", "why it is constant"),
            [
                (
                    "--" + row["name"].replace("_", "-"),
                    row["range"],
                    row["default"],
                    row["tier"],
                    row["why"],
                )
                for row in workload.space.rows()
            ],
        )
    out.document([{"name": r.name, "description": r.description} for r in rows])


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A configuration, or a results file or folder.")],
    results: ResultsOption = Path("results"),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Show what a configuration sets and what it last scored."""
    from homeostat.space.configs import load
    from homeostat.workloads.evolution.compared import latest, read

    out = Output(as_json=as_json)
    path, found = Path(name), None
    if path.exists() or path.with_suffix(".json").exists():
        found = read(path if path.suffix == ".json" else path.with_suffix(".json"))
        parameters = found["given"]
    else:
        named = load(name, evolution())
        parameters, found = dict(named.parameters), latest(name, results)
        out.line(f"{named.name}: {named.description}")
    out.table(("parameter", "value"), sorted(parameters.items()))
    if found is None:
        out.line(f"Not run yet. Run it:  nas run --config {name}")
    else:
        out.heading(f"{found['run']}: {found['status']}")
        out.table(
            ("metric", "mean", "s.d.", "min", "max"),
            [
                (metric, final["mean"], final["std"], final["min"], final["max"])
                for metric, final in found["final"].items()
            ],
        )
    out.document({"parameters": parameters, "results": found})
