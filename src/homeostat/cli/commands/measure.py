"""`homeostat lr-find` and `homeostat batch-size`: where to start with the two usual knobs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from homeostat.cli.options import (
    ConfigOption,
    DeviceOption,
    JsonOption,
    SetOption,
    StepsOption,
    TimeOption,
    WorkloadArgument,
)
from homeostat.cli.output import Output
from homeostat.cli.settings import choose

if TYPE_CHECKING:
    from homeostat.design.batch_size import SizeTiming
    from homeostat.design.lr_find import RateRung


def lr_find(
    workload: WorkloadArgument,
    config: ConfigOption = None,
    settings: SetOption = None,
    parameter: Annotated[
        str | None,
        typer.Option("--param", help="The learning rate's parameter, if its name is unusual."),
    ] = None,
    rates: Annotated[int, typer.Option("--rates", min=3, help="How many rates to try.")] = 10,
    steps: StepsOption = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="The seed of every run.")] = 42,
    budget: TimeOption = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Also draw it in this self-contained HTML file.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Train briefly at a range of learning rates and suggest where to start."""
    from homeostat.design.lr_find import lr_find as run_test
    from homeostat.execute.rerun import command, set_options
    from homeostat.plan.budget import parse_duration

    chosen = choose(workload, config, settings)
    out = Output(as_json=as_json)

    def tell(rung: RateRung) -> None:
        saw = f"{rung.outcome}: {rung.reason}" if rung.failed else f"{rung.loss:.4g}"
        out.line(f"   {rung.rate:<10.3g} {saw}")

    given = chosen.config.given
    with out.working(f"training {chosen.name} briefly at {rates} rates"):
        found = run_test(
            chosen.workload, given, parameter=parameter, num_rates=rates, steps=steps, seed=seed,
            engine="local", budget_s=parse_duration(budget) if budget else None, on_rung=tell,
        )  # fmt: skip
    same = [*(["--config", config] if config else [])]
    same += [word for setting in settings or () for word in ("--set", setting)]
    if found.suggested is None:
        out.line(f"No rate to suggest. {found.why}")
        if any(rung.failed for rung in found.rungs):
            out.line(f"See why:  {command('homeostat diagnose', [workload], same)}")
    else:
        out.line(f"Start at {found.parameter}={found.suggested:.3g}. {found.why}")
        change = set_options({found.parameter: found.suggested})
        out.line(f"Use it:  {command('homeostat run', [workload], same, change)}")
    if plot is not None:
        from homeostat.pages.figures import rates as draw
        from homeostat.pages.single import write_figure

        figure = draw(found, chosen.workload.goal)
        write_figure(figure, plot, title=f"{chosen.name}: {found.metric} by {found.parameter}")
        out.line(f"Drawn in {plot}")
    out.document(found)


def batch_size(
    workload: WorkloadArgument,
    config: ConfigOption = None,
    settings: SetOption = None,
    parameter: Annotated[
        str, typer.Option("--param", help="The batch size's parameter, if its name is unusual.")
    ] = "batch_size",
    sizes: Annotated[
        str | None,
        typer.Option("--sizes", help="Sizes to try, like 16,32,64; by default powers of two."),
    ] = None,
    steps: Annotated[
        int, typer.Option("--steps", "-n", min=1, help="Steps (epochs, ...) timed at each size.")
    ] = 3,
    budget: TimeOption = None,
    device: DeviceOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Measure time and memory at each batch size; recommend the smallest that is nearly fastest."""
    from homeostat.design.batch_size import find_batch_size
    from homeostat.execute.device import choose_device
    from homeostat.plan.budget import parse_duration

    chosen = choose(workload, config, settings)
    out = Output(as_json=as_json)

    def tell(one: SizeTiming) -> None:
        out.line(
            f"   {one.size:>6}  {one.seconds:.3g} s per {chosen.workload.unit}" if one.fits
            else f"   {one.size:>6}  does not fit in memory"
        )  # fmt: skip

    found = find_batch_size(
        chosen.workload, chosen.config.given, parameter=parameter, sizes=_sizes(sizes),
        steps=steps, device=choose_device(device), on_size=tell,
        budget_s=parse_duration(budget) if budget else None,
    )  # fmt: skip
    out.line()
    out.table(
        ("size", "throughput", f"s per {chosen.workload.unit}", "utilisation", "memory MB"),
        [
            (one.size, f"{one.throughput:.0%}", one.seconds, f"{one.utilisation:.0%}",
             round(one.memory_mb))
            for one in found.sizes
            if one.fits
        ],
    )  # fmt: skip
    if found.recommended is None:
        out.line(f"No size to recommend. {found.why}")
    else:
        out.line(f"Use {parameter}={found.recommended}. {found.why}")
    out.document(found)


def _sizes(text: str | None) -> tuple[int, ...]:
    try:
        sizes = tuple(int(part) for part in text.split(",")) if text is not None else ()
    except ValueError:
        sizes = (0,)
    if any(size < 1 for size in sizes):
        raise typer.BadParameter("--sizes takes whole numbers from 1, like 16,32,64.")
    return sizes
