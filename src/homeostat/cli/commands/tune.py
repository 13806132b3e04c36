"""`homeostat tune`: the whole plan within a time budget."""

from __future__ import annotations

from typing import Annotated

import typer

from homeostat.cli import complete
from homeostat.cli.engine import CpusOption, GpusOption, RayAddressOption, cores, where
from homeostat.cli.options import (
    ConfigOption,
    DeviceOption,
    EngineOption,
    FromOption,
    JobsOption,
    JsonOption,
    ResultsOption,
    SetOption,
    StepsOption,
    WorkloadArgument,
)
from homeostat.cli.output import Output
from homeostat.cli.settings import choose

PlanOption = Annotated[
    str, typer.Option("--plan", help="own (the workload's phases, if it has any) or generic.")
]


def tune(
    workload: WorkloadArgument,
    budget: Annotated[
        str, typer.Option("--budget", "-b", help="Wall time: 90s, 30m, 1h30m, overnight, weekend.")
    ] = "10m",
    study: Annotated[
        str | None,
        typer.Option(
            "--study",
            autocompletion=complete.studies,
            help="The study's name; the configuration's by default.",
        ),
    ] = None,
    config: ConfigOption = None,
    settings: SetOption = None,
    steps: StepsOption = None,
    method: Annotated[str, typer.Option("--method", help="The sampler of the search.")] = "auto",
    carry_from: FromOption = None,
    fix: Annotated[
        bool, typer.Option("--fix", help="Apply the smallest cure when something is wrong.")
    ] = False,
    anyway: Annotated[
        bool,
        typer.Option("--anyway", help="Search although the probe found a fault that spoils it."),
    ] = False,
    plan: PlanOption = "own",
    jobs: JobsOption = None,
    engine: EngineOption = "local",
    ray_address: RayAddressOption = None,
    cpus: CpusOption = None,
    gpus: GpusOption = None,
    device: DeviceOption = "auto",
    results: ResultsOption = "results",
    as_json: JsonOption = False,
) -> None:
    """Probe, run the default, search, confirm, report: everything within one time budget.

    What --config and --set give is held fixed; the rest is searched. Run the same command again
    to go on where the last one stopped.
    """
    from homeostat.cli.progress import PlanProgress
    from homeostat.plan.budget import parse_duration
    from homeostat.plan.tune import tune as run_plan

    chosen = choose(workload, config, settings, budget=steps)
    out = Output(as_json=as_json)
    place = where(engine, jobs, device, ray_address, cpus, gpus)
    with PlanProgress(out, budget_s=parse_duration(budget)) as progress:
        result = run_plan(
            chosen.workload,
            budget=budget,
            config=chosen.overrides,
            steps=chosen.budget,
            study=study or chosen.name,
            method=method,
            carry_from=carry_from or (),
            results=results,
            engine=place.engine,
            jobs=place.jobs,
            device=place.device,
            fix=fix,
            anyway=anyway,
            plan=plan,
            say=progress.say,
            on_event=progress,
        )
    if result.verdict is not None:
        out.line()
        out.verdict(result.verdict)
    out.document(result)
    if result.report:
        out.line(f"Report:  {result.report}", style="bold")
    if result.status == "interrupted":
        out.line("Stopped; everything is kept. Go on with the same command.")
        raise typer.Exit(130)
    if result.status == "stopped":
        raise typer.Exit(1)


def plan(
    workload: WorkloadArgument,
    budget: Annotated[
        str, typer.Option("--budget", "-b", help="Wall time: 90s, 30m, 1h30m, overnight, weekend.")
    ] = "10m",
    config: ConfigOption = None,
    settings: SetOption = None,
    steps: StepsOption = None,
    which: PlanOption = "own",
    jobs: JobsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what `tune` would do with a budget: each phase with its time here, risk and payoff.

    A few steps are run first, to measure how long one takes on this machine.
    """
    from homeostat.execute.rerun import command
    from homeostat.plan.outline import outline
    from homeostat.wording import format_duration

    chosen = choose(workload, config, settings, budget=steps)
    drawn = outline(
        chosen.workload, budget=budget, config=chosen.overrides, steps=chosen.budget, plan=which,
        jobs=cores() if jobs is None else jobs,
    )  # fmt: skip
    out = Output(as_json=as_json)
    unit = chosen.workload.unit
    out.line(
        f"{chosen.workload.name}: one {unit} takes {drawn.step_s:.3g} s on this machine, "
        f"an attempt of {chosen.budget} {unit}s {format_duration(drawn.attempt_s)}."
    )
    out.table(
        ("phase", "purpose", "up to", "whole attempts", "risk", "payoff"),
        [
            (e.name, e.purpose, format_duration(e.seconds), e.attempts, e.risk, e.payoff)
            for e in drawn.entries
        ],
    )
    asked = [
        *(["--config", config] if config else []),
        *(word for setting in settings or () for word in ("--set", setting)),
        *(["--steps", str(steps)] if steps else []),
        *(["--plan", which] if which != "own" else []),
        *(["--jobs", str(jobs)] if jobs else []),
    ]
    out.line(f"Do it:  {command('homeostat tune', [workload, '--budget', budget], asked)}")
    out.document(drawn)
