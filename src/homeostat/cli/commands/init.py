"""`homeostat init`: a first workload of your own, that runs as it is."""

from __future__ import annotations

from typing import Annotated

import typer

from homeostat.cli.options import JsonOption
from homeostat.cli.output import Output


def init(
    target: Annotated[
        str, typer.Argument(metavar="NAME", help="A new folder, or a file such as my_model.py.")
    ],
    kind: Annotated[
        str, typer.Option("--kind", "-k", help="torch, lightning, sklearn, or command.")
    ] = "torch",
    as_json: JsonOption = False,
) -> None:
    """Write a commented workload that runs as it is, to put your own model into.

    Nothing is overwritten. `command` is a program in any language that prints its loss.
    """
    from homeostat.starters import start

    started = start(target, kind)
    out = Output(as_json=as_json)
    for path in started.files:
        out.line(f"Wrote {path}")
    out.line("It runs as it is; try, in this order:")
    for command in ("probe", "run", "tune"):
        more = " --budget 3m" if command == "tune" else ""
        out.line(f"  homeostat {command} {started.workload}{more}")
    out.line("Then replace what is marked YOURS by what you train.")
    out.document({"kind": started.kind, "files": [str(path) for path in started.files]})
