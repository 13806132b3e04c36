"""`homeostat demo`: an ordinary script with three faults, found, repaired and tuned."""

from __future__ import annotations

import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from homeostat.cli.options import JsonOption
from homeostat.cli.output import Output


def demo(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where to write the script and its results.")
    ] = Path("homeostat_demo"),
    open_page: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the study's page in the browser.")
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Watch an ordinary training script being diagnosed, probed, repaired and tuned.

    It needs PyTorch, and takes about a minute and a half on two cores. Every number is measured
    here and now, and is the same each time.
    """
    from homeostat.demo.story import in_words, tell

    out = Output(as_json=as_json)
    result = tell(
        folder,
        say=lambda text: out.line(f"  {text}"),
        title=lambda text: out.heading(f"$ {text}"),
    )
    out.line()
    out.line(in_words(result.verdict), style="bold")
    out.line(f"The script as it is now:  {result.script}")
    if result.page is not None:
        out.line(f"What the study found:     {result.page}")
    out.line("Your own:  homeostat probe train.py")
    out.document(
        {
            "script": str(result.script),
            "cause": result.cause,
            "faults": list(result.faults),
            "verdict": result.verdict.to_json(),
            "page": None if result.page is None else str(result.page),
        }
    )
    if open_page and result.page is not None and sys.stdout.isatty():
        webbrowser.open(result.page.resolve().as_uri())
