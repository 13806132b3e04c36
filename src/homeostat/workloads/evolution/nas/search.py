"""`nas search`, `nas status`, `nas best`: better parameters, as the guide looks for them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from homeostat.cli.options import JsonOption, TimeOption
from homeostat.cli.output import Output
from homeostat.workloads.evolution.nas.app import (
    FREE,
    ConfigOption,
    GenerationsOption,
    ModeOption,
    ResultsOption,
    StudyOption,
    app,
    inline_settings,
)

FOCUS: dict[str, tuple[str, ...]] = {
    "fixed-arch": ("neural_hidden_size", "neural_activation", "mutation_rate"),
    "neat-explore": (
        "neat_initial_connectivity",
        "neat_add_connection_rate",
        "neat_add_node_rate",
        "compatibility_threshold",
    ),
    "full-compare": ("neural_mode", "mutation_rate", "population_size"),
}
"""The guide's three strategies: what each study varies. (The guide also lists
simulation_duration, which it declares constant elsewhere; and time_encoding, which only hybrid
brains have, is added for them.)"""

PRUNED_AFTER = (10, 20, 50)
"""Generations after which the guide has a trial stopped that is worse than the median."""


@app.command(context_settings=FREE)
def search(
    context: typer.Context,
    study_name: StudyOption,
    trials: Annotated[int, typer.Option("--n-trials", min=1, help="How many altogether.")] = 50,
    mode: ModeOption = None,
    config: ConfigOption = None,
    generations: GenerationsOption = None,
    prune: Annotated[
        str,
        typer.Option("--prune", help="Stop bad trials early: median, auto, halving, ..., none."),
    ] = "median",
    budget: TimeOption = None,
    results: ResultsOption = Path("results"),
) -> None:
    """Search for better parameters; the study goes on if it exists.

    A trial that is worse than the median after 10, 20 or 50 generations is stopped there.
    """
    settings = inline_settings(context.args)
    search_modes(study_name, trials, mode, results, settings, config, generations, prune, budget)


@app.command()
def status(
    study_name: Annotated[str | None, typer.Option("--study-name")] = None,
    results: ResultsOption = Path("results"),
    as_json: JsonOption = False,
) -> None:
    """Show where studies stand."""
    from homeostat.cli.commands.study import status as homeostat_status

    homeostat_status(study=study_name, results=str(results), as_json=as_json)


@app.command()
def best(
    study_name: StudyOption,
    top: Annotated[int, typer.Option("--n-top", min=1, help="How many.")] = 5,
    results: ResultsOption = Path("results"),
    as_json: JsonOption = False,
) -> None:
    """Show a study's best trials, and the command that reruns each."""
    from homeostat.cli.commands.study import best as homeostat_best

    homeostat_best(study=study_name, top=top, results=str(results), as_json=as_json)


def search_modes(
    study: str,
    trials: int,
    mode: str | None,
    results: Path,
    settings: list[str],
    config: str | None,
    generations: int | None = None,
    prune: str = "median",
    budget: str | None = None,
) -> None:
    """A search in each of the modes, or over what the study's strategy varies."""
    from homeostat.cli.engine import cores
    from homeostat.cli.progress import PlanProgress
    from homeostat.cli.settings import choose
    from homeostat.execute.rerun import RESULTS, command
    from homeostat.plan.budget import parse_duration
    from homeostat.search.search import search as run_search

    modes = mode.split(",") if mode else [None]
    out = Output()
    for wanted in modes:
        chosen = choose("evolution", config, settings, budget=generations)
        pins = {name: chosen.overrides[name] for name in chosen.typed}
        names = FOCUS.get(study)
        if wanted is not None:
            pins["neural_mode"] = wanted
            chosen.workload.space.resolve(pins)
        if names is not None and wanted == "hybrid":
            names = (*names, "time_encoding")
        rungs = [after - 1 for after in PRUNED_AFTER if after < chosen.budget]
        label = f"{study}-{wanted}" if len(modes) > 1 else study
        with PlanProgress(out) as progress:
            result = run_search(
                chosen.workload,
                trials,
                study=label,
                results=results,
                budget=chosen.budget,
                budget_s=parse_duration(budget) if budget else None,
                names=names,
                start={k: v for k, v in chosen.overrides.items() if k not in pins} or None,
                pins=pins or None,
                prune=prune if rungs else None,
                prune_at=rungs or None,
                engine="local",
                jobs=cores(),
                on_event=progress,
            )
        if len(modes) > 1:
            out.heading(label)
        out.verdict(result.verdict)
        place = ["--results", str(results)] if str(results) != RESULTS else []
        out.line(f"See:  {command('nas best', ['--study-name', label], place)}")
        if result.best is not None:
            out.line(f"Rerun it:  {result.best.command}")
            out.checks(result.checklist)
