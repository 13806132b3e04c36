"""`homeostat adopt`: what was found out about a script, as a file to edit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from homeostat.cli.options import JsonOption
from homeostat.cli.output import Output


def adopt(
    workload: Annotated[
        str,
        typer.Argument(metavar="SCRIPT", help="A training script; its own arguments follow --."),
    ],
    file: Annotated[
        Path | None,
        typer.Option("--file", "-o", help="What to write; SCRIPT.homeostat.yaml beside it."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file that is there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write down how a script is tuned: knobs, ranges, metric, budget and seed, to be edited.

    The file is a workload too: homeostat tune train.homeostat.yaml.
    """
    from homeostat.script.adopt import adopt as write
    from homeostat.workload.load import split_arguments

    out = Output(as_json=as_json)
    path, arguments = split_arguments(workload)
    with out.working(f"looking at {path}"):
        target = write(path, arguments, file=file, force=force)
    out.line(f"Written to {target}.")
    out.line(f"Use it:  homeostat tune {target}")
    out.document({"file": str(target)})
