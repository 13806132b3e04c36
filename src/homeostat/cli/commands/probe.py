"""`homeostat probe`: the audit before tuning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from homeostat.cli.options import (
    ConfigOption,
    JsonOption,
    SetOption,
    StepsOption,
    WorkloadArgument,
)
from homeostat.cli.output import Output
from homeostat.cli.settings import choose
from homeostat.plan.budget import format_duration, parse_duration
from homeostat.wording import plural

if TYPE_CHECKING:
    pass


def probe(
    workload: WorkloadArgument,
    config: ConfigOption = None,
    settings: SetOption = None,
    steps: StepsOption = None,
    seconds: Annotated[
        str, typer.Option("--seconds", "--budget", "-b", help="About how long to spend, like 30s.")
    ] = "25s",
    as_json: JsonOption = False,
) -> None:
    """Audit before tuning: is every knob connected, is every parameter trained, does data leak?

    The exit code is 1 if there is a fault, 0 otherwise.
    """
    from homeostat.inspect.probe.audit import probe as run_probe

    chosen = choose(workload, config, settings)
    out = Output(as_json=as_json)

    with out.working(f"probing {chosen.name}, about {seconds}"):
        found = run_probe(
            chosen.workload,
            config=chosen.config,
            steps=steps,
            seconds=parse_duration(seconds),
            on_check=lambda check: out.checks([check]),
        )
    out.line(
        f"{plural(len(found.faults), 'fault')}, {plural(len(found.warnings), 'warning')} in "
        f"{len(found.checks)} findings; {found.steps} {chosen.workload.unit}s a run, "
        f"{format_duration(found.seconds)}."
    )
    out.document(found)
    if not found.ok:
        raise typer.Exit(1)
