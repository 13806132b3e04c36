"""`nas benchmark`: how fast creatures are evaluated here."""

from __future__ import annotations

from typing import Annotated

import typer

from homeostat.cli.output import Output
from homeostat.errors import HomeostatError
from homeostat.workloads.evolution.nas.app import (
    FREE,
    ConfigOption,
    app,
    evolution,
    inline_settings,
)


@app.command(context_settings=FREE)
def benchmark(
    context: typer.Context,
    config: ConfigOption = None,
    population: Annotated[
        int | None, typer.Option("--population", "-p", min=100, help="How many creatures.")
    ] = None,
    generations: Annotated[int, typer.Option("--generations", "-g", min=1)] = 10,
    device: Annotated[str, typer.Option("--device", "-d", help="cpu.")] = "cpu",
) -> None:
    """Measure creatures per second, next to the guide's own table."""
    from homeostat.cli.settings import choose
    from homeostat.workloads.evolution.speed import GUIDE, measure

    if device != "cpu":
        raise HomeostatError(
            f"nas benchmark runs on cpu, not on {device!r}: two cores outrun a graphics card "
            "below some 20,000 creatures.",
            hint="Leave --device out.",
        )
    out = Output()
    settings = inline_settings(context.args)
    if config is not None or population is not None or settings:
        more = [f"population_size={population}"] if population else []
        chosen = choose("evolution", config, [*settings, *more])
        out.table(*measure([(chosen.name, chosen.config)], generations))
        return
    space = evolution().space
    cases = [
        (mode, space.resolve({"neural_mode": mode, "population_size": size}))
        for mode, size in GUIDE
    ]
    out.table(*measure(cases, generations))
