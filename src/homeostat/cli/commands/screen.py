"""`homeostat screen`: which parameters matter."""

from __future__ import annotations

from collections.abc import Mapping
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

if TYPE_CHECKING:
    from homeostat.design.run_design import DesignRow
    from homeostat.design.screen.screen import ScreenResult

_WORDS = {
    "morris": "walks, one parameter at a time (mu* is the mean size of what a step does)",
    "sobol": "Sobol indices (the total share of the variance)",
    "forest": "a forest on a quasi-random design (shares of what it explains)",
}


def screen(
    workload: WorkloadArgument,
    method: Annotated[
        str, typer.Option("--method", help="auto (chosen by the noise), morris, sobol or forest.")
    ] = "auto",
    runs: Annotated[
        int | None, typer.Option("--runs", "--trials", min=1, help="At most this many runs.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", help="Screen only this parameter; may be repeated."),
    ] = None,
    config: ConfigOption = None,
    settings: SetOption = None,
    steps: StepsOption = None,
    name: Annotated[
        str | None,
        typer.Option("--name", help="The results folder's name; an existing one is resumed."),
    ] = None,
    jobs: JobsOption = None,
    engine: EngineOption = "local",
    device: DeviceOption = "auto",
    timeout: TimeoutOption = None,
    budget: TimeOption = None,
    results: ResultsOption = "results",
    as_json: JsonOption = False,
) -> None:
    """Find which parameters matter; --config sets the base, --set holds a value fixed."""
    from homeostat.design.screen.screen import screen as run_screen
    from homeostat.execute.device import choose_device
    from homeostat.plan.budget import parse_duration

    chosen = choose(workload, config, settings, budget=steps)
    out = Output(as_json=as_json)
    result = run_screen(
        chosen.workload, method=method, runs=runs, names=only, start=chosen.overrides,
        pins={name: chosen.overrides[name] for name in chosen.typed}, budget=chosen.budget,
        name=name, results=results, engine=engine, jobs=cores() if jobs is None else jobs,
        device=choose_device(device), timeout_s=parse_duration(timeout) if timeout else None,
        budget_s=parse_duration(budget) if budget else None, on_row=_Teller(out),
    )  # fmt: skip
    out.document(result)
    _conclude(out, result)


def screen_for(
    out: Output,
    chosen: RunRequest,
    *,
    start: Mapping[str, Any],
    pins: Mapping[str, Any],
    **running: Any,
) -> tuple[str, ...]:
    """What a search should vary: the names that a screening keeps, or none if it keeps none."""
    from homeostat.design.screen.screen import screen as run_screen

    result = run_screen(
        chosen.workload, start=start, pins=pins, budget=chosen.budget, on_row=_Teller(out),
        **running,
    )  # fmt: skip
    _conclude(out, result)
    if result.kept:
        out.line("The others stay as they are: moving them made no difference beyond the noise.")
    return result.kept


class _Teller:
    """Prints a line for each run."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self._count = 0

    def __call__(self, row: DesignRow) -> None:
        self._count += 1
        value = f"{row.mean:.4g}" if row.run.values() else row.run.reason
        self._out.line(f"[{self._count}] {row.run.outcome} | {value}")


def _conclude(out: Output, result: ScreenResult) -> None:
    screening = result.screening
    if screening is None:
        out.line("Stopped; the same command goes on.")
        raise typer.Exit(130)
    out.heading(
        f"{result.workload.name}: {len(screening.parameters)} parameters in {screening.runs} runs "
        f"by {_WORDS[screening.method]}"
    )
    more = list(dict.fromkeys(name for p in screening.parameters for name in p.more))
    out.table(
        ("parameter", "importance", "95 % interval", *more, "kept"),
        [
            (
                p.name,
                p.importance if p.importance == p.importance else None,
                f"{p.low:.3g} .. {p.high:.3g}" if p.importance == p.importance else "-",
                *(p.more[name] if p.more[name] == p.more[name] else None for name in more),
                p.kept,
            )
            for p in screening.parameters
        ],
    )
    out.line(
        f"noise between seeds {screening.noise:.3g}, spread over the space {screening.spread:.3g}; "
        f"a parameter without effect would show {screening.floor:.3g}"
    )
    if screening.r2 is not None:
        out.line(f"out of bag the forest explains {screening.r2:.0%} of the variance")
    for note in screening.notes:
        out.line(note)
    kept = ", ".join(result.kept) or "none: nothing stands out from the noise"
    out.line(f"worth searching: {kept}", style="bold")
