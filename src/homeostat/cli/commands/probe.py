"""`homeostat probe`: the audit before tuning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from homeostat.cli.options import (
    ConfigOption,
    JsonOption,
    SetOption,
    StepsOption,
    WorkloadArgument,
)
from homeostat.cli.output import STYLE, Output
from homeostat.cli.settings import choose
from homeostat.errors import RecordError
from homeostat.plan.budget import parse_duration
from homeostat.wording import format_duration, plural


def probe(
    workload: WorkloadArgument,
    config: ConfigOption = None,
    settings: SetOption = None,
    steps: StepsOption = None,
    seconds: Annotated[
        str | None,
        typer.Option(
            "--seconds",
            "--budget",
            "-b",
            help="About how long to spend, like 30s; 25s, or what a slow start needs.",
        ),
    ] = None,
    fix: Annotated[
        bool,
        typer.Option(
            "--fix", help="Where it does not learn, try every cure that needs no edit of the code."
        ),
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Also each finding in order, and why others were skipped.")
    ] = False,
    junit: Annotated[
        Path | None,
        typer.Option("--junit", help="Also write a JUnit XML file, each finding a test case."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Does it learn, is every knob connected, is every parameter trained, does data leak?

    One verdict first, then what may be the cause, most evidence first. The exit code is 1 if there
    is a fault, 0 otherwise.
    """
    from homeostat.inspect.probe.audit import probe as run_probe
    from homeostat.inspect.probe.bench import USUAL_S
    from homeostat.inspect.probe.junit import write_junit
    from homeostat.inspect.probe.page import page

    chosen = choose(workload, config, settings)
    out = Output(as_json=as_json)
    with out.working(f"probing {chosen.name}, about {seconds or format_duration(USUAL_S)}"):
        found = run_probe(
            chosen.workload,
            config=chosen.config,
            steps=steps,
            seconds=parse_duration(seconds) if seconds else None,
            fix=fix,
            say=out.line,
        )
    for status, text in page(found, everything=everything):
        out.line(text, style={"verdict": "bold", "head": "bold"}.get(status) or STYLE.get(status))
    out.line(
        f"{plural(len(found.faults), 'fault')}, {plural(len(found.warnings), 'warning')} in "
        f"{len(found.checks)} findings; {found.steps} {chosen.workload.unit}s a run, "
        f"{format_duration(found.seconds)}."
    )
    if junit is not None:
        try:
            write_junit(found, junit)
        except OSError as error:
            raise RecordError(
                f"The JUnit file {junit} cannot be written: {error.strerror or error}.",
                hint="Name a file in a folder that exists:  --junit out.xml",
            ) from None
    out.document(found)
    if not found.ok:
        raise typer.Exit(1)
