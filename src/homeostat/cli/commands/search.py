"""`homeostat search`: the deep search, new or resumed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from homeostat.cli import complete
from homeostat.cli.commands.screen import screen_for
from homeostat.cli.commands.study import tell_round
from homeostat.cli.engine import CpusOption, GpusOption, RayAddressOption, where
from homeostat.cli.options import (
    ConfigOption,
    DeviceOption,
    EngineOption,
    FromOption,
    JobsOption,
    JsonOption,
    MemoryOption,
    ResultsOption,
    SetOption,
    StepsOption,
    StoreOption,
    TimeoutOption,
    WorkloadArgument,
)
from homeostat.cli.output import Output
from homeostat.cli.settings import choose

if TYPE_CHECKING:
    from homeostat.search.result import SearchResult


def search(
    workload: WorkloadArgument,
    study: Annotated[
        str | None,
        typer.Option(
            "--study",
            autocompletion=complete.studies,
            help="The study's name; an existing study goes on.",
        ),
    ] = None,
    trials: Annotated[int, typer.Option("--trials", min=1, help="How many in total.")] = 50,
    budget: Annotated[
        str | None, typer.Option("--budget", "-b", help="Wall time for this call, like 30m.")
    ] = None,
    enqueue: Annotated[
        list[str] | None,
        typer.Option(
            "--enqueue",
            "--try",
            metavar="NAME=VALUE,...",
            help="Try this configuration first; may be repeated.",
        ),
    ] = None,
    stop_at: Annotated[
        float | None,
        typer.Option("--stop-at", help="End once a trial is as good as this, or better."),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option("--patience", min=1, help="End after so many trials that improve nothing."),
    ] = None,
    enough: Annotated[
        bool,
        typer.Option(
            "--enough",
            help="End once further trials would, with 95 %, gain less than seeds differ.",
        ),
    ] = False,
    method: Annotated[
        str | None,
        typer.Option("--method", help="auto, random, sobol, tpe, gp, cmaes, nsga2 or nsga3."),
    ] = None,
    prune: Annotated[
        str | None,
        typer.Option(
            "--prune", help="Stop bad trials early: auto, median, halving, hyperband, seeds, none."
        ),
    ] = None,
    prune_at: Annotated[
        str | None,
        typer.Option(
            "--prune-at", metavar="STEPS", help="Decide at these steps only, like 10,20,50."
        ),
    ] = None,
    constraints: Annotated[
        list[str] | None,
        typer.Option(
            "--constraint",
            metavar="'METRIC<=NUMBER'",
            help="A trial beyond this bound (<= or >=) cannot win; may be repeated.",
        ),
    ] = None,
    carry_from: FromOption = None,
    scientific: Annotated[
        list[str] | None,
        typer.Option(
            "--scientific",
            metavar="NAME",
            help="Compare this parameter's values, all else tuned for each; may be repeated.",
        ),
    ] = None,
    goal: Annotated[
        str | None, typer.Option("--goal", help="What the study is to find out, in words.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="Vary only this parameter; may be repeated.")
    ] = None,
    screen_first: Annotated[
        bool,
        typer.Option(
            "--screen-first", help="First screen the parameters, then search those that matter."
        ),
    ] = False,
    seeds: Annotated[
        int | None, typer.Option("--seeds", min=1, help="Seeds per trial; its value is their mean.")
    ] = None,
    config: ConfigOption = None,
    settings: SetOption = None,
    steps: StepsOption = None,
    confirm: Annotated[
        bool, typer.Option(help="Run the best and the default again on fresh seeds.")
    ] = True,
    fresh_seeds: Annotated[
        int | None,
        typer.Option(
            "--fresh-seeds", min=2, help="How many fresh seeds; 5, or 6 from 200 trials on."
        ),
    ] = None,
    deterministic: Annotated[
        bool,
        typer.Option("--deterministic", help="Make the sequence of trials independent of timing."),
    ] = False,
    jobs: JobsOption = None,
    engine: EngineOption = "local",
    ray_address: RayAddressOption = None,
    cpus: CpusOption = None,
    gpus: GpusOption = None,
    device: DeviceOption = "auto",
    timeout: TimeoutOption = None,
    memory: MemoryOption = None,
    results: ResultsOption = "results",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Search for the best setting; --config sets the start, --set holds a value fixed.

    At the end the best is run again beside the default, on fresh seeds. From 100 trials on, the
    best eight first qualify on one more seed, and the best two of these go on.
    """
    from homeostat.cli.progress import PlanProgress
    from homeostat.plan.budget import parse_duration
    from homeostat.search.search import open_store
    from homeostat.search.search import search as run_search

    chosen = choose(workload, config, settings, budget=steps)
    held = {name: value for name, value in chosen.overrides.items() if name in chosen.typed}
    start = {name: value for name, value in chosen.overrides.items() if name not in held}
    out = Output(as_json=as_json)
    place = where(engine, jobs, device, ray_address, cpus, gpus)
    budget_s = parse_duration(budget) if budget else None
    names: Sequence[str] = only or ()
    if only and screen_first:
        raise typer.BadParameter(
            "Give --only or --screen-first, not both: each decides what to vary."
        )
    if screen_first and (study is None or open_store(results, store).find(study) is None):
        begun = time.monotonic()
        names = screen_for(
            out, chosen, start=start, pins=held, results=results, engine=place.engine,
            jobs=place.jobs, device=place.device,
            timeout_s=parse_duration(timeout) if timeout else None,
        )  # fmt: skip
        if budget_s is not None:
            budget_s = max(1.0, budget_s - (time.monotonic() - begun))
    with PlanProgress(out, trials=trials, budget_s=budget_s) as progress:
        result = run_search(
            chosen.workload,
            trials,
            study=study,
            method=method,
            results=results,
            store=store,
            seeds=seeds,
            budget=chosen.budget if steps is not None or config else None,
            budget_s=budget_s,
            enqueue=[chosen.workload.space.parse(text.split(",")) for text in enqueue or ()],
            stop_at=stop_at,
            patience=patience,
            enough=enough,
            names=names or None,
            start=start or None,
            pins=held or None,
            prune=prune,
            prune_at=_steps(prune_at) if prune_at else None,
            constraints=constraints,
            carry_from=carry_from or (),
            goal=goal,
            scientific=scientific,
            confirm=fresh_seeds if confirm and fresh_seeds else confirm,
            deterministic=deterministic,
            engine=place.engine,
            jobs=place.jobs,
            timeout_s=parse_duration(timeout) if timeout else None,
            memory_mb=memory,
            device=place.device,
            on_event=progress,
        )
    _conclude(out, result)


def _steps(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter("--prune-at takes steps, like 10,20,50.") from None


def resume_study(
    out: Output, study: str, results: str, store: str | None, workload: str | None = None
) -> None:
    """Go on with a study as it was last driven."""
    from homeostat.cli.progress import PlanProgress
    from homeostat.search.search import resume

    with PlanProgress(out) as progress:
        result = resume(study, workload=workload, results=results, store=store, on_event=progress)
    _conclude(out, result)


def _conclude(out: Output, result: SearchResult) -> None:
    out.verdict(result.verdict)
    best = result.best
    if best is not None:
        out.line(f"Rerun it:  {best.command}")
    for note in result.notes:
        out.line(note)
    out.document(result)
    if best is not None:
        tell_round(out, result)
    if result.interrupted:
        out.line(f"Stopped; everything is kept. Go on with:  --study {result.study}")
        raise typer.Exit(130)
    if not result.verdict.completed:
        raise typer.Exit(1)
