"""`nas search`, `nas status`, `nas best`: better parameters, as the guide looks for them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from homeostat.cli.options import JsonOption, StoreOption
from homeostat.cli.output import Output
from homeostat.errors import SpaceError
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
from homeostat.workloads.evolution.world import MODES

if TYPE_CHECKING:
    from homeostat.cli.settings import RunRequest

FOCUS: dict[str, tuple[str, ...]] = {
    "fixed-arch": ("neural_hidden_size", "neural_activation", "time_encoding", "mutation_rate"),
    "neat-explore": (
        "neat_initial_connectivity",
        "neat_add_connection_rate",
        "neat_add_node_rate",
        "compatibility_threshold",
    ),
    "full-compare": ("neural_mode", "mutation_rate", "population_size"),
}
"""The guide's three strategies: what each study varies. (The guide also lists
simulation_duration, which it declares constant elsewhere.)"""
FOCUS_MODES = {"fixed-arch": "pure,hybrid", "neat-explore": "neat"}
"""The modes of those strategies that are not about all of them."""

PRUNED_AFTER = (10, 20, 50)
"""Generations after which the guide has a trial stopped that is worse than the median."""

BUDGETS = {"overnight": (50, 100), "weekend": (100, 300), "week": (100, 500)}
"""The guide's budgets: trials of its screening and of its deep search. The time is by name, too."""
SCREENING: dict[str, Any] = {"population_size": 200, "eval_layouts": 1}
SCREENING_GENERATIONS = 20
FULL: dict[str, Any] = {"population_size": 1000}
FULL_GENERATIONS, FULL_SEEDS = 100, 5
"""The guide's two fidelities; the screening has one seed."""


@dataclass(frozen=True, kw_only=True)
class SearchRequest:
    """What was asked of a search."""

    study: str
    trials: int | None = None
    modes: tuple[str, ...] = ()
    config: str | None = None
    settings: tuple[str, ...] = ()
    generations: int | None = None
    seeds: int | None = None
    method: str | None = None
    jobs: int | None = None
    prune: str = "median"
    budget: str | None = None
    screen_first: bool = False
    results: Path = Path("results")
    store: str | None = None


@app.command(context_settings=FREE)
def search(
    context: typer.Context,
    study_name: StudyOption,
    trials: Annotated[
        int | None, typer.Option("--n-trials", min=1, help="How many altogether; default: 50.")
    ] = None,
    mode: ModeOption = None,
    config: ConfigOption = None,
    generations: GenerationsOption = None,
    seeds: Annotated[
        int | None, typer.Option("--seeds", "-s", min=1, help="Seeds a trial; its value: the mean.")
    ] = None,
    method: Annotated[
        str | None,
        typer.Option("--method", help="auto, random, sobol, tpe, gp, cmaes, nsga2 or nsga3."),
    ] = None,
    screen_first: Annotated[
        bool,
        typer.Option(
            "--screen-first",
            help="The guide's two phases: screen at 20 generations of 200 creatures, then search "
            "what matters at 100 of 1000 on 5 seeds.",
        ),
    ] = False,
    prune: Annotated[
        str,
        typer.Option("--prune", help="Stop bad trials early: median, auto, halving, ..., none."),
    ] = "median",
    budget: Annotated[
        str | None,
        typer.Option(
            "--budget",
            "-b",
            help="Wall time, like 30m; overnight, weekend and week are the guide's budgets, with "
            "their numbers of trials and both phases.",
        ),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, help="Trials at a time; one per core.")
    ] = None,
    store: StoreOption = None,
    results: ResultsOption = Path("results"),
) -> None:
    """Search for better parameters; the study goes on if it exists.

    Trial 0, which is to be beaten, is MODE_baseline; --config names another start, such as guide.
    A trial that is worse than the median after 10, 20 or 50 generations is stopped there.
    """
    run_search(
        SearchRequest(
            study=study_name, trials=trials, modes=modes_of(mode), config=config,
            settings=tuple(inline_settings(context.args)), generations=generations, seeds=seeds,
            method=method, jobs=jobs, prune=prune, budget=budget, screen_first=screen_first,
            results=results, store=store,
        )
    )  # fmt: skip


@app.command()
def status(
    study_name: Annotated[str | None, typer.Option("--study-name")] = None,
    results: ResultsOption = Path("results"),
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show where studies stand."""
    from homeostat.cli.commands.study import status as homeostat_status

    homeostat_status(study=study_name, results=str(results), store=store, as_json=as_json)


@app.command()
def best(
    study_name: StudyOption,
    top: Annotated[int, typer.Option("--n-top", min=1, help="How many.")] = 5,
    results: ResultsOption = Path("results"),
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a study's best trials, and the command that reruns each."""
    from homeostat.cli.commands.study import best as homeostat_best

    homeostat_best(study=study_name, top=top, results=str(results), store=store, as_json=as_json)


def modes_of(text: str | None) -> tuple[str, ...]:
    """The modes of `--mode pure,hybrid`.

    Raises:
        SpaceError: If one does not exist.
    """
    modes = tuple(dict.fromkeys(part.strip() for part in (text or "").split(",") if part.strip()))
    for mode in modes:
        if mode not in MODES:
            raise SpaceError(f"--mode: {mode!r} is not one of {', '.join(MODES)}.")
    return modes


def run_search(asked: SearchRequest) -> None:
    """One study over all the modes, or over what the study's strategy varies."""
    from homeostat.cli.engine import cores
    from homeostat.execute.rerun import Place, command
    from homeostat.plan.budget import parse_duration
    from homeostat.search.search import open_store
    from homeostat.search.search import search as search_study
    from homeostat.workloads.evolution.nas.app import compile_first
    from homeostat.workloads.evolution.nas.progress import TrialProgress

    out = Output()
    modes = asked.modes or modes_of(FOCUS_MODES.get(asked.study))
    screening_runs, trials = (None, 50) if asked.budget is None else _means(asked.budget)
    two_phases = asked.screen_first or screening_runs is not None
    chosen = _start(asked, modes)
    pins = {name: chosen.overrides[name] for name in chosen.typed}
    if len(modes) == 1:
        pins["neural_mode"] = modes[0]
    start = {name: value for name, value in chosen.overrides.items() if name not in pins}
    names = FOCUS.get(asked.study)
    if names is not None:
        among_modes = modes or MODES
        names = tuple(n for n in names if n != "time_encoding" or "hybrid" in among_modes)
        if "compatibility_threshold" in names:
            start["target_species"] = 0  # it would set the threshold itself
    if names is not None and len(modes) > 1 and "neural_mode" not in names:
        names = ("neural_mode", *names)
    generations, seeds = chosen.budget, asked.seeds
    jobs = cores() if asked.jobs is None else asked.jobs
    compile_first(out)
    new = open_store(asked.results, asked.store).find(asked.study) is None
    if two_phases:
        if new and names is None:
            names = _screen(out, asked, chosen, start, pins, screening_runs, jobs) or None
        pins = {**FULL, **pins}
        start = {name: value for name, value in start.items() if name not in pins}
        generations = FULL_GENERATIONS if asked.generations is None else asked.generations
        seeds = FULL_SEEDS if asked.seeds is None else asked.seeds
    rungs = [after - 1 for after in PRUNED_AFTER if after < generations]
    count = trials if asked.trials is None else asked.trials
    with TrialProgress(out, trials=count, start=chosen.config) as progress:
        result = search_study(
            chosen.workload,
            count,
            study=asked.study,
            results=asked.results,
            store=asked.store,
            method=asked.method,
            seeds=seeds,
            budget=generations,
            budget_s=parse_duration(asked.budget) if asked.budget is not None else None,
            names=names if new else None,
            among={"neural_mode": modes} if len(modes) > 1 and new else None,
            start=start or None,
            pins=pins or None,
            prune=asked.prune if rungs else None,
            prune_at=rungs or None,
            engine="local",
            jobs=jobs,
            on_event=progress,
        )
    out.verdict(result.verdict)
    for note in result.notes:
        out.line(note)
    place = Place.of(asked.results, asked.store).for_studies
    out.line(f"See:  {command('nas best', ['--study-name', asked.study], place)}")
    if result.best is not None:
        out.line(f"Rerun it:  {result.best.command}")
        out.checks(result.checklist)


def _means(budget: str) -> tuple[int | None, int]:
    """How many trials a budget is for: of the screening, if there is one, and of the search."""
    return BUDGETS.get(budget, (None, 50))


def _start(asked: SearchRequest, modes: tuple[str, ...]) -> RunRequest:
    """The configuration a search starts from: the one asked for, else the first mode's baseline."""
    from homeostat.cli.settings import choose
    from homeostat.workloads.evolution.nas.app import evolution

    config = asked.config or f"{modes[0] if modes else 'neat'}_baseline"
    # A baseline's own length is for a run; a trial has the guide's.
    length = asked.generations
    if length is None and asked.config is None:
        length = evolution().budget
    settings = list(asked.settings)
    if len(modes) == 1 and not any(text.startswith("neural_mode=") for text in settings):
        settings.append(f"neural_mode={modes[0]}")
    return choose("evolution", config, settings, budget=length)


def _screen(
    out: Output,
    asked: SearchRequest,
    chosen: RunRequest,
    start: dict[str, Any],
    pins: dict[str, Any],
    runs: int | None,
    jobs: int,
) -> tuple[str, ...]:
    """The guide's first phase: what matters at 20 generations of 200 creatures."""
    from dataclasses import replace

    from homeostat.cli.commands.screen import screen_for

    held = {**SCREENING, **pins}
    begin = {name: value for name, value in start.items() if name not in held}
    return screen_for(
        out, replace(chosen, budget=SCREENING_GENERATIONS), start=begin, pins=held, runs=runs,
        name=f"{asked.study}-screening", results=asked.results, engine="local", jobs=jobs,
    )  # fmt: skip
