"""`homeostat sweep`, `grid`, `random`, `ablate` and `bisect`: planned runs in place of a search."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from homeostat.cli.engine import cores
from homeostat.cli.options import (
    ConfigOption,
    DeviceOption,
    EngineOption,
    JobsOption,
    JsonOption,
    ResultsOption,
    SetOption,
    StepsOption,
    TimeOption,
    TimeoutOption,
    WorkloadArgument,
)
from homeostat.cli.output import Output
from homeostat.cli.settings import RunRequest, choose
from homeostat.errors import SpaceError
from homeostat.wording import plural

if TYPE_CHECKING:
    from homeostat.design.bisect import MetricReading
    from homeostat.design.designs import DesignPoint
    from homeostat.design.run_design import DesignResult, DesignRow

OverOption = Annotated[
    list[str],
    typer.Option(
        "--over", metavar="NAME=A,B,C", help="A parameter and its values; may be repeated."
    ),
]
SeedsOption = Annotated[int | None, typer.Option("--seeds", min=1, help="Seeds per configuration.")]
NameOption = Annotated[
    str | None,
    typer.Option("--name", help="The results folder's name; an existing one is resumed."),
]
ShowOption = Annotated[
    str | None, typer.Option("--show", help="Further metrics to show, like events,gap.")
]


def _over(kind: str, doc: str) -> Callable[..., None]:
    """A command that runs a design over listed values: the two differ in how they combine them."""

    def command(
        workload: WorkloadArgument,
        over: OverOption,
        config: ConfigOption = None,
        settings: SetOption = None,
        seeds: SeedsOption = None,
        steps: StepsOption = None,
        show: ShowOption = None,
        name: NameOption = None,
        jobs: JobsOption = None,
        engine: EngineOption = "local",
        device: DeviceOption = "auto",
        timeout: TimeoutOption = None,
        budget: TimeOption = None,
        results: ResultsOption = "results",
        as_json: JsonOption = False,
    ) -> None:
        from homeostat.design import designs

        chosen = choose(workload, config, settings, budget=steps, seeds=seeds)
        combine = {"sweep": designs.sweep, "grid": designs.grid}[kind]
        design, notes = designs.acting_points(
            combine(_values(chosen, over)), chosen.workload.space, chosen.overrides
        )
        running = _running(name, jobs, engine, device, timeout, results, budget)
        _run(chosen, design, kind, running, show, as_json, notes)

    command.__doc__ = doc
    return command


sweep = _over(
    "sweep", "Vary one parameter at a time; `--over lr` alone takes five values across its range."
)
grid = _over(
    "grid", "Run every combination of the values given; with more values later, only what is new."
)


def random(
    workload: WorkloadArgument,
    trials: Annotated[int, typer.Option("--trials", min=1, help="How many.")] = 20,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="Vary only this parameter; may be repeated.")
    ] = None,
    config: ConfigOption = None,
    settings: SetOption = None,
    seeds: SeedsOption = None,
    steps: StepsOption = None,
    show: ShowOption = None,
    name: NameOption = None,
    jobs: JobsOption = None,
    engine: EngineOption = "local",
    device: DeviceOption = "auto",
    timeout: TimeoutOption = None,
    budget: TimeOption = None,
    results: ResultsOption = "results",
    as_json: JsonOption = False,
) -> None:
    """Run configurations drawn at random, each parameter uniformly on its own scale."""
    from homeostat.design.designs import sample

    chosen = choose(workload, config, settings, budget=steps, seeds=seeds)
    held = chosen.overrides
    names = only or [n for n in chosen.workload.space.searched() if n not in held]
    design = sample(chosen.workload.space, trials, names=names, held=held)
    running = _running(name, jobs, engine, device, timeout, results, budget)
    _run(chosen, design, "random", running, show, as_json)


def ablate(
    workload: WorkloadArgument,
    mechanisms: Annotated[
        list[str],
        typer.Option("--mechanism", "-m", help="A switch of the workload; may be repeated."),
    ],
    how: Annotated[
        str, typer.Option("--how", help="alone, leave-one-out or factorial.")
    ] = "leave-one-out",
    config: ConfigOption = None,
    settings: SetOption = None,
    seeds: SeedsOption = None,
    steps: StepsOption = None,
    show: ShowOption = None,
    name: NameOption = None,
    jobs: JobsOption = None,
    engine: EngineOption = "local",
    device: DeviceOption = "auto",
    timeout: TimeoutOption = None,
    budget: TimeOption = None,
    results: ResultsOption = "results",
    as_json: JsonOption = False,
) -> None:
    """Switch mechanisms on and off; --how factorial separates effects from interactions."""
    from homeostat.design.designs import ablation

    chosen = choose(workload, config, settings, budget=steps, seeds=seeds)
    design = ablation(chosen.workload.space, mechanisms, how)
    running = _running(name, jobs, engine, device, timeout, results, budget)
    _run(chosen, design, "ablate", running, show, as_json)


def bisect(
    workload: WorkloadArgument,
    param: Annotated[str, typer.Option("--param", "-p", help="The parameter to set.")],
    target: Annotated[str, typer.Option("--target", "-t", help="Like deaths=10..15.")],
    low: Annotated[float | None, typer.Option("--low", help="The lowest value to try.")] = None,
    high: Annotated[float | None, typer.Option("--high", help="The highest value to try.")] = None,
    config: ConfigOption = None,
    settings: SetOption = None,
    seeds: SeedsOption = None,
    steps: StepsOption = None,
    name: NameOption = None,
    jobs: JobsOption = None,
    engine: EngineOption = "local",
    device: DeviceOption = "auto",
    timeout: TimeoutOption = None,
    budget: TimeOption = None,
    results: ResultsOption = "results",
    as_json: JsonOption = False,
) -> None:
    """Set one parameter so that a metric lands in a range, if that range can be reached."""
    from homeostat.design.bisect import bisect as run_bisect

    chosen = choose(workload, config, settings, budget=steps, seeds=seeds)
    out = Output(as_json=as_json)

    def tell(point: MetricReading) -> None:
        out.line(f"{param} = {point.value:g}: {point.mean:.4g}")

    found = run_bisect(
        chosen.workload, param, target, low=low, high=high, pins=chosen.overrides,
        seeds=chosen.seeds, budget=chosen.budget, on_point=tell,
        **_running(name, jobs, engine, device, timeout, results, budget),
    )  # fmt: skip
    out.line(f"{found.target} at {param} = {found.value:g}", style="bold")
    out.line(f"Rerun it:  {found.command}")
    out.document(found)


def _values(chosen: RunRequest, over: Sequence[str]) -> dict[str, list[Any]]:
    """Read `lr=1e-3,1e-2`; a name alone stands for values across its range."""
    from homeostat.design.designs import spread

    space = chosen.workload.space
    values: dict[str, list[Any]] = {}
    for text in over:
        name, equals, listed = text.partition("=")
        if not equals:
            values[name] = spread(space.searched(names=[name])[name])
            continue
        words = [word for word in listed.split(",") if word.strip()]
        if not words:
            raise SpaceError(f"{text!r} gives no values.", hint="Write it like lr=1e-3,1e-2.")
        values[name] = [
            space.parse([f"{name}={word}"], chosen.workload.name)[name] for word in words
        ]
    return values


def _running(
    name: str | None,
    jobs: int | None,
    engine: str,
    device: str,
    timeout: str | None,
    results: str,
    budget: str | None,
) -> dict[str, Any]:
    from homeostat.execute.device import choose_device
    from homeostat.plan.budget import parse_duration

    return {
        "name": name,
        "jobs": cores() if jobs is None else jobs,
        "engine": engine,
        "device": choose_device(device),
        "timeout_s": parse_duration(timeout) if timeout else None,
        "budget_s": parse_duration(budget) if budget else None,
        "results": results,
    }


def _run(
    chosen: RunRequest,
    design: Sequence[DesignPoint],
    kind: str,
    running: Mapping[str, Any],
    show: str | None,
    as_json: bool,
    notes: Sequence[str] = (),
) -> None:
    from homeostat.design.conclusions import conclude
    from homeostat.design.run_design import run_design

    out = Output(as_json=as_json)
    metric = chosen.workload.metric
    number = iter(range(1, len(design) + 1))
    for note in notes:
        out.line(note)

    def tell(row: DesignRow) -> None:
        value = f"{metric} {row.mean:.4g}" if row.run.values() else row.run.reason
        out.line(f"[{next(number)}/{len(design)}] {row.point.name}: {row.run.outcome} | {value}")

    result = run_design(
        chosen.workload, design, kind=kind, pins=chosen.overrides, seeds=chosen.seeds,
        budget=chosen.budget, on_row=tell, **running,
    )  # fmt: skip
    extra = [word.strip() for word in show.split(",")] if show else []
    out.heading(f"{kind} of {chosen.workload.name}: {plural(len(result.rows), 'configuration')}")
    out.table(
        ("configuration", "outcome", metric, "s.d.", *extra),
        [_cells(row, extra) for row in result.rows],
    )
    for effect in result.effects:
        out.line(f"effect of {effect.label}: {effect.value:+.4g}")
    for sentence in conclude(result, chosen.workload.conclusions):
        out.line(sentence)
    _best(out, result, extra)
    out.document(result)
    if result.time_was_up:
        left = len(design) - len(result.rows)
        out.line(
            f"The time was up before {plural(left, 'configuration')}; the same command goes on."
        )
    if result.interrupted:
        out.line("Stopped; the same command goes on.")
        raise typer.Exit(130)


def _cells(row: DesignRow, extra: Sequence[str]) -> tuple[object, ...]:
    values = row.run.values()
    mean = row.mean if values else None
    sd = row.run.sd if len(values) > 1 else None
    return (row.point.name, str(row.run.outcome), mean, sd, *(row.metric(name) for name in extra))


def _best(out: Output, result: DesignResult, extra: Sequence[str]) -> None:
    best = result.best
    if best is None:
        out.line("None completed.", style="red")
        return
    more = "".join(
        f", {name} {best.metric(name):.4g}" for name in extra if best.metric(name) is not None
    )
    out.line(
        f"best: {best.point.name}, {result.workload.metric} {best.mean:.5g}{more}", style="bold"
    )
    out.line(f"Rerun it:  {result.rerun(best)}")
