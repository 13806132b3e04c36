"""The options that several commands share, each explained once."""

from __future__ import annotations

from typing import Annotated

import typer

WorkloadArgument = Annotated[
    str,
    typer.Argument(
        metavar="WORKLOAD",
        help="A built-in name (see: homeostat workloads), my_file.py, my_file.py:name, "
        "or a command workload's .yaml.",
    ),
]
ConfigOption = Annotated[
    str | None,
    typer.Option("--config", "-c", help="A named configuration of the workload, or a YAML file."),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", metavar="NAME=VALUE", help="Set one parameter; may be repeated."),
]
ResultsOption = Annotated[str, typer.Option("--results", help="The folder that keeps everything.")]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on standard output, nothing else.")
]
JobsOption = Annotated[
    int | None,
    typer.Option("--jobs", "-j", min=1, help="Processes at a time; default: one a core."),
]
EngineOption = Annotated[
    str,
    typer.Option(
        "--engine", help="local: supervised processes; inline: in this process; ray: a cluster."
    ),
]
DeviceOption = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:1 or mps.")]
TimeoutOption = Annotated[
    str | None, typer.Option("--timeout", help="Longest time for one seed, like 90s or 10m.")
]
MemoryOption = Annotated[
    int | None, typer.Option("--memory", min=1, help="Most memory for one process, in MB.")
]
StudyOption = Annotated[str, typer.Option("--study", help="The study's name.")]
StepsOption = Annotated[
    int | None,
    typer.Option("--steps", "-n", min=1, help="Training steps (epochs, generations) a seed."),
]
StoreOption = Annotated[
    str | None,
    typer.Option(
        "--storage",
        "--store",
        envvar="HOMEOSTAT_STORAGE",
        help="Another database: a file, or postgresql://user@host/database.",
    ),
]
