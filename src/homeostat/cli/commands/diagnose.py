"""`homeostat diagnose`: what failed first, what it is not, and the smallest cure."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from homeostat.cli.options import (
    ConfigOption,
    DeviceOption,
    JsonOption,
    ResultsOption,
    SetOption,
    StepsOption,
    WorkloadOption,
)
from homeostat.cli.output import Output
from homeostat.cli.settings import choose

if TYPE_CHECKING:
    from homeostat.space import Config
    from homeostat.workload.workload import Workload


def diagnose(
    target: Annotated[
        str, typer.Argument(metavar="RUN|WORKLOAD", help="A run's folder or name, or a workload.")
    ],
    config: ConfigOption = None,
    settings: SetOption = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Which seed to look at.")] = None,
    steps: StepsOption = None,
    seconds: Annotated[
        str, typer.Option("--budget", "-b", help="About how long to spend, like 2m.")
    ] = "2m",
    fix: Annotated[
        bool, typer.Option("--fix", help="Rerun with the smallest cure until it is stable.")
    ] = False,
    notes: Annotated[
        Path | None,
        typer.Option("--notes", help="Add the run, and the fixed run, to this log (.md)."),
    ] = None,
    workload: WorkloadOption = None,
    device: DeviceOption = "auto",
    results: ResultsOption = "results",
    as_json: JsonOption = False,
) -> None:
    """Find the first offender, the causes, and the smallest change that cures it."""
    from homeostat.execute.device import choose_device
    from homeostat.inspect.diagnose import diagnose as run_diagnosis
    from homeostat.plan.budget import parse_duration

    out = Output(as_json=as_json)
    what: Path | Workload | None = _run_folder(target, results)
    setting: str | Config | None = None
    if what is None:
        chosen = choose(target, config, settings, budget=steps)
        what, steps = chosen.workload, chosen.budget
        setting = chosen.config if settings else config
    with out.working(f"diagnosing {target}, {seconds} at most"):
        diagnosis = run_diagnosis(
            what,
            config=setting,
            seed=seed,
            budget=steps,
            device=choose_device(device),
            fix=fix,
            seconds=parse_duration(seconds),
            results=results,
            notes=notes,
            workload=workload,
            on_event=lambda sentence: out.line(sentence, style="dim"),
        )
    out.line(str(diagnosis))
    out.document(diagnosis)
    wrong = diagnosis.failed or diagnosis.confounds
    if wrong and not (diagnosis.fix is not None and diagnosis.fix.stable):
        raise typer.Exit(1)


def _run_folder(target: str, results: str) -> Path | None:
    """The folder of the run that `target` names; None if it names a workload."""
    for folder in (Path(target), Path(results) / target):
        if (folder / "run.json").exists():
            return folder
    return None
