"""`homeostat tune`: the whole plan within a time budget."""

from __future__ import annotations

from typing import Annotated

import typer

from homeostat.cli.commands.run import cores
from homeostat.cli.options import (
    ConfigOption,
    DeviceOption,
    EngineOption,
    JobsOption,
    JsonOption,
    ResultsOption,
    SetOption,
    StepsOption,
    WorkloadArgument,
)
from homeostat.cli.output import Output
from homeostat.cli.settings import choose


def tune(
    workload: WorkloadArgument,
    budget: Annotated[
        str, typer.Option("--budget", "-b", help="Wall time: 90s, 30m, 1h30m, overnight, weekend.")
    ] = "10m",
    study: Annotated[
        str | None,
        typer.Option("--study", help="The study's name; the configuration's by default."),
    ] = None,
    config: ConfigOption = None,
    settings: SetOption = None,
    steps: StepsOption = None,
    method: Annotated[str, typer.Option("--method", help="Which sampler searches.")] = "auto",
    fix: Annotated[
        bool, typer.Option("--fix", help="Apply the smallest cure when something is wrong.")
    ] = False,
    jobs: JobsOption = None,
    engine: EngineOption = "local",
    device: DeviceOption = "auto",
    results: ResultsOption = "results",
    as_json: JsonOption = False,
) -> None:
    """Probe, run the default, search, confirm, report: everything within one time budget.

    What --config and --set say is held; the rest is searched. The same command again goes on
    where the last one stopped.
    """
    from homeostat.cli.progress import PlanProgress
    from homeostat.execute.device import choose_device
    from homeostat.plan.tune import tune as run_plan

    chosen = choose(workload, config, settings, budget=steps)
    out = Output(as_json=as_json)
    with PlanProgress(out) as progress:
        result = run_plan(
            chosen.workload,
            budget=budget,
            config=chosen.overrides,
            steps=chosen.budget,
            study=study or chosen.name,
            method=method,
            results=results,
            engine=engine,
            jobs=jobs or cores(),
            device=choose_device(device),
            fix=fix,
            say=progress.say,
            on_event=progress,
        )
    out.document(result)
    if result.report:
        out.line(f"Report:  {result.report}", style="bold")
    if result.status == "interrupted":
        out.line("Stopped; everything is kept. Go on with the same command.")
        raise typer.Exit(130)
    if result.status == "stopped":
        raise typer.Exit(1)
