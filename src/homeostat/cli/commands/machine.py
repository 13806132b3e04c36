"""`homeostat doctor` and `homeostat data`: the machine, and data sets on it."""

from __future__ import annotations

from typing import Annotated

import typer

from homeostat.cli.options import JsonOption, ResultsOption
from homeostat.cli.output import Output


def doctor(results: ResultsOption = "results", as_json: JsonOption = False) -> None:
    """Show versions, cores, devices, and which optional parts are missing."""
    from homeostat.doctor import PURPOSE, examine

    found = examine(results)
    out = Output(as_json=as_json)
    out.line(f"homeostat {found.homeostat} on Python {found.python}, {found.system}")
    out.line(
        f"{found.cores} cores, {found.memory_gb:g} GB of memory, {found.disk_free_gb:g} GB free; "
        f"devices: {', '.join(found.devices)}"
    )
    out.line("  ".join(f"{name} {version}" for name, version in found.versions.items()))
    if not found.results_writable:
        out.line(
            f"The results folder {found.results} cannot be written; use --results.", style="red"
        )
    for extra, modules in found.missing.items():
        out.line(f"Without {', '.join(modules)} there is no support for {PURPOSE[extra]}.")
        out.line(f"  Add it:  pip install 'homeostat[{extra}]'")
    if not found.missing:
        out.line("Every optional part is installed.")
    out.document(found)


data_app = typer.Typer(help="Fetch public data sets, or list them.", no_args_is_help=True)


@data_app.command("list")
def data_list(as_json: JsonOption = False) -> None:
    """Show the data sets that can be fetched, and which are here."""
    from homeostat.data import CATALOG, folder, have

    out = Output(as_json=as_json)
    rows = [
        (entry.name, f"{entry.num_bytes / 1e6:.1f} MB", "here" if have(name) else "not here",
         entry.licence, entry.title)
        for name, entry in CATALOG.items()
    ]  # fmt: skip
    out.table(("name", "size", "state", "licence", "what"), rows)
    out.line(f"Folder: {folder()}")
    keys = ("name", "size", "state", "licence", "title")
    out.document([dict(zip(keys, row, strict=True)) for row in rows])


@data_app.command("get")
def data_get(
    name: Annotated[str, typer.Argument(help="A name that `homeostat data list` shows.")],
    as_json: JsonOption = False,
) -> None:
    """Download one data set and check its SHA-256."""
    from homeostat.data import get

    out = Output(as_json=as_json)
    with out.working(f"fetching {name}"):
        path = get(name)
    out.line(f"{name}: {path}")
    out.document({"name": name, "path": str(path)})
