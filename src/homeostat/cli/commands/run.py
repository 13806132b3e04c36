"""`homeostat run` and `homeostat resume`: train, seed by seed, and take up what was interrupted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from homeostat.cli import complete
from homeostat.cli.engine import CpusOption, GpusOption, RayAddressOption, cores, where
from homeostat.cli.options import (
    ConfigOption,
    DeviceOption,
    EngineOption,
    JobsOption,
    JsonOption,
    MemoryOption,
    ResultsOption,
    SetOption,
    StepsOption,
    StoreOption,
    TimeoutOption,
    WorkloadArgument,
    WorkloadOption,
)
from homeostat.cli.output import Output
from homeostat.cli.settings import choose

if TYPE_CHECKING:
    from homeostat.record.runs import RunRecord


def run(
    workload: WorkloadArgument,
    config: ConfigOption = None,
    settings: SetOption = None,
    seeds: Annotated[
        int | None, typer.Option("--seeds", min=1, help="How many seeds: 42, 123, 456, 789, ...")
    ] = None,
    seed: Annotated[
        list[int] | None,
        typer.Option("--seed", min=0, help="Train with this seed; may be repeated."),
    ] = None,
    steps: StepsOption = None,
    jobs: JobsOption = None,
    engine: EngineOption = "local",
    ray_address: RayAddressOption = None,
    cpus: CpusOption = None,
    gpus: GpusOption = None,
    device: DeviceOption = "auto",
    timeout: TimeoutOption = None,
    memory: MemoryOption = None,
    results: ResultsOption = "results",
    as_json: JsonOption = False,
) -> None:
    """Train one configuration once per seed, with live output; every curve is kept."""
    from homeostat.cli.progress import RunProgress
    from homeostat.execute import run as execute_run
    from homeostat.plan.budget import parse_duration
    from homeostat.record.seeds import first

    chosen = choose(workload, config, settings, budget=steps, seeds=seeds)
    out = Output(as_json=as_json)
    for sentence in chosen.config.adjustments:
        out.line(f"adjusted  {sentence}")
    if seed and seeds:
        raise typer.BadParameter("Give --seeds or --seed, not both: how many, or which.")
    numbers = list(dict.fromkeys(seed)) if seed else list(first(chosen.seeds))
    limit = parse_duration(timeout) if timeout else None
    place = where(engine, jobs, device, ray_address, cpus, gpus)
    with RunProgress(
        out, seeds=numbers, budget=chosen.budget, unit=chosen.workload.unit
    ) as progress:
        record = execute_run(
            chosen.workload, chosen.config, seeds=numbers, budget=chosen.budget,
            engine=place.engine, jobs=place.jobs, device=place.device, results=results,
            name=chosen.name, timeout_s=limit, memory_mb=memory, on_event=progress,
        )  # fmt: skip
    conclude(out, record)


def resume(
    what: Annotated[
        str,
        typer.Argument(autocompletion=complete.runs, help="A run's folder or name, or a study's."),
    ],
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Resume even if the workload's code has changed since, or if the process that "
            "made it cannot be seen from here and may live.",
        ),
    ] = False,
    workload: WorkloadOption = None,
    jobs: JobsOption = None,
    engine: EngineOption = "local",
    results: ResultsOption = "results",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Resume a run or a study that was interrupted; what is finished stays as it is."""
    from homeostat.cli.commands.search import resume_study
    from homeostat.cli.progress import RunProgress
    from homeostat.execute import resume as execute_resume
    from homeostat.record.index import find_run
    from homeostat.search.search import look_store

    out = Output(as_json=as_json)
    name = Path(what).name
    if not (Path(what) / "run.json").exists() and look_store(results, store).find(name):
        resume_study(out, name, results, store, workload)
        return
    before = find_run(what, results)
    with RunProgress(
        out, seeds=list(before.seeds), budget=before.budget, unit=before.unit
    ) as progress:
        record = execute_resume(
            before.folder,
            workload=workload,
            engine=engine,
            jobs=cores() if jobs is None else jobs,
            force=force,
            on_event=progress,
        )
    conclude(out, record)


def conclude(out: Output, record: RunRecord) -> None:
    """Print the run's table and what to type next; leave with 1 if nothing completed."""
    from homeostat.execute.rerun import command, diagnose_run, near
    from homeostat.record.tested import held_out_scores, in_words
    from homeostat.workload.beside import tables

    rows: list[tuple[Any, ...]] = [
        (a.seed, str(a.outcome), a.last_step, a.values.get(record.metric), a.wall_s, a.reason)
        for a in record.attempts
    ]
    out.heading(f"{record.workload}: {record.name}")
    out.table(("seed", "outcome", "last step", record.metric, "seconds", "why"), rows)
    if len(record.values()) > 1:
        out.line(f"{record.metric}: {record.mean:.4g} ± {record.sd:.2g} over {len(rows)} seeds")
    for name, of_seeds in held_out_scores(record).items():
        out.line(f"{name}: {in_words(of_seeds)}")
    for table in tables(attempt.extra for attempt in record.attempts):
        out.heading(table.title)
        out.table(table.columns, table.rows)
        for note in table.notes:
            out.line(note)
    for sentence in record.facts.get("mixed", ()):
        out.line(f"Mixed code: {sentence}")
    out.line(f"Kept in {record.folder}")
    out.document(record)
    if not record.outcome.final:
        out.line(f"Go on:  {command('homeostat resume', near(record.folder))}")
        raise typer.Exit(130)
    if not any(attempt.values for attempt in record.attempts):
        log = record.attempts[0].folder / "log.txt" if record.attempts else record.folder
        again = diagnose_run(record.folder, str(record.facts.get("reference") or record.workload))
        out.line(f"See:  {log}   or:  {again}")
        raise typer.Exit(1)
