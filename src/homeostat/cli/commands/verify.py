"""`homeostat verify`: expected against measured effect of each claimed change."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from homeostat.cli.engine import cores
from homeostat.cli.options import (
    DeviceOption,
    EngineOption,
    JobsOption,
    JsonOption,
    ResultsOption,
    SetOption,
    WorkloadArgument,
)
from homeostat.cli.output import Output

WATERFALL = (
    "Each bar begins where the one above ends; the pale band is what was claimed, the line the "
    "95 % interval of what was measured"
)


def verify(
    workload: WorkloadArgument,
    claims: Annotated[
        Path | None, typer.Argument(help="A claims file (YAML); the workload's own by default.")
    ] = None,
    group: Annotated[str | None, typer.Option("--group", help="Which group of the file.")] = None,
    only: Annotated[
        list[str] | None, typer.Option("--claim", help="Only this claim; may be repeated.")
    ] = None,
    kinds: Annotated[
        list[str] | None,
        typer.Option("--kind", help="alone, together, without; may be repeated; all by default."),
    ] = None,
    fidelity: Annotated[
        float,
        typer.Option("--fidelity", help="The fraction of the baseline's length to train, up to 1."),
    ] = 1.0,
    match: Annotated[
        str, typer.Option("--match", help="What both arms get the same of: samples, time or steps.")
    ] = "samples",
    retune: Annotated[
        str | None,
        typer.Option("--retune", help="A learning rate that each arm first tunes for itself."),
    ] = None,
    pairs: Annotated[
        int, typer.Option("--pairs", min=2, help="Give up on a claim after this many pairs.")
    ] = 20,
    budget: Annotated[
        str | None, typer.Option("--budget", "-b", help="Wall time, like 30m.")
    ] = None,
    settings: SetOption = None,
    jobs: JobsOption = None,
    engine: EngineOption = "local",
    device: DeviceOption = "auto",
    results: ResultsOption = "results",
    as_json: JsonOption = False,
) -> None:
    """Test each claim alone, all together and each left out, in pairs that share a fresh seed."""
    from homeostat.evidence.contrasts import KINDS
    from homeostat.evidence.verify import verify as run_verify
    from homeostat.execute.device import choose_device
    from homeostat.pages.figures import waterfall
    from homeostat.pages.single import write_figure
    from homeostat.plan.budget import parse_duration
    from homeostat.workload.load import find

    found = find(workload)
    out = Output(as_json=as_json)
    with out.working(f"verifying {found.name}, pair by pair"):
        verification = run_verify(
            found,
            claims,
            group=group,
            names=only or None,
            kinds=kinds or KINDS,
            fidelity=fidelity,
            match=match,
            retune=retune,
            pins=found.space.parse(settings or (), found.name),
            max_pairs=pairs,
            budget_s=parse_duration(budget) if budget else None,
            engine=engine,
            jobs=cores() if jobs is None else jobs,
            device=choose_device(device),
            results=results,
            tell=out.line,
        )
    title = f"{found.name}, {verification.group}: against {verification.baseline}"
    out.heading(title)
    out.table(
        ("claim", "verdict", "claimed", "measured", "note"),
        [
            (f.label, f.verdict.value, _percent(f.expected), f.measured, f.note)
            for f in verification.findings
        ],
    )
    out.line(verification.power)
    picture = verification.folder / "waterfall.html"
    write_figure(waterfall(verification), picture, title=title, caption=WATERFALL)
    out.line(f"Kept in {verification.folder}, with a picture: {picture.name}")
    out.document(verification)
    if verification.interrupted:
        out.line("Stopped before every claim was decided; the same command goes on.")


def _percent(span: tuple[float, float] | None) -> str:
    return "some" if span is None else f"{100 * span[0]:g}-{100 * span[1]:g} %"
