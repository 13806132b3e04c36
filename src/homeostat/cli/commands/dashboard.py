"""`homeostat dashboard`: pages over what was kept."""

from __future__ import annotations

from typing import Annotated

import typer

from homeostat.cli.options import ResultsOption, StoreOption
from homeostat.cli.output import Output


def dashboard(
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="0 picks a free port.")
    ] = 8750,
    host: Annotated[
        str,
        typer.Option(
            "--host", help="Where to listen; other machines can reach it only with --token."
        ),
    ] = "127.0.0.1",
    token: Annotated[
        str | None,
        typer.Option(
            "--token", envvar="HOMEOSTAT_TOKEN", help="The secret that readers must give."
        ),
    ] = None,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open it in the browser.")
    ] = False,
    results: ResultsOption = "results",
    store: StoreOption = None,
) -> None:
    """Show runs and studies in the browser, live; nothing can be changed without --token."""
    from homeostat.dashboard.serve import serve

    out = Output()
    serve(
        results, store=store, host=host, port=port, token=token, open_browser=open_browser,
        say=out.line,
    )  # fmt: skip
