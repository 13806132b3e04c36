"""`nas replay`: watch evolved creatures."""

from __future__ import annotations

import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from homeostat.cli.output import Output
from homeostat.workloads.evolution.nas.app import (
    FREE,
    ConfigOption,
    GenerationsOption,
    ResultsOption,
    app,
    compile_first,
    evolution,
    inline_settings,
)


@app.command(context_settings=FREE)
def replay(
    context: typer.Context,
    config: ConfigOption = None,
    generations: GenerationsOption = None,
    folder: Annotated[
        Path | None, typer.Option("--run", help="A finished run, in place of a new one.")
    ] = None,
    study: Annotated[
        str | None,
        typer.Option(
            "--study-name", help="A study: of all its trials the best of each way to move."
        ),
    ] = None,
    results: ResultsOption = Path("results"),
    open_page: Annotated[
        bool, typer.Option("--open/--no-open", help="Play it in the browser.")
    ] = True,
) -> None:
    """Film the creatures of a run and play it: bodies, networks, fitness, the winner's path."""
    from homeostat.cli.settings import choose
    from homeostat.study.folder import folder_of
    from homeostat.workloads.evolution import replays
    from homeostat.workloads.evolution.replay_page import write_page

    out = Output()
    compile_first(out)
    if study is not None:
        with out.working(f"judging and filming what the trials of {study} kept"):
            written = replays.replay_study(folder_of(results, study), evolution().space)
    elif folder is not None:
        with out.working(f"filming {folder}"):
            written = replays.replay_run(evolution(), folder)
    else:
        settings = inline_settings(context.args)
        chosen = choose("evolution", config, settings, budget=generations, seeds=1)
        with out.working(f"evolving {chosen.name}, then filming it"):
            written = replays.replay_config(
                chosen.config, chosen.name, generations=chosen.budget, results=results
            )
    page = write_page(written)
    for path in sorted(written.iterdir()):
        out.line(f"{path}  ({path.stat().st_size / 1e6:.1f} MB)")
    if open_page and sys.stdout.isatty():
        webbrowser.open(page.resolve().as_uri())
