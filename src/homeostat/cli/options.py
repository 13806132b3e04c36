"""The options that several commands share, each explained once."""

from __future__ import annotations

from typing import Annotated

import typer

from homeostat.cli import complete

WorkloadArgument = Annotated[
    str,
    typer.Argument(
        metavar="WORKLOAD",
        autocompletion=complete.references,
        help="A built-in name (see: homeostat workloads), my_file.py, my_file.py:name, "
        "or a command workload's .yaml.",
    ),
]
ConfigOption = Annotated[
    str | None,
    typer.Option(
        "--config",
        "-c",
        autocompletion=complete.configurations,
        help="A named configuration of the workload, or a YAML file.",
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        "-s",
        metavar="NAME=VALUE",
        autocompletion=complete.settings,
        help="Set one parameter; may be repeated.",
    ),
]
WorkloadOption = Annotated[
    str | None,
    typer.Option(
        "--workload",
        metavar="WORKLOAD",
        autocompletion=complete.references,
        help="The workload, like my_file.py: a file that results name is not run unless you name "
        "it too. Built-in ones are known.",
    ),
]
ResultsOption = Annotated[
    str, typer.Option("--results", help="The folder in which results are kept.")
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on standard output, nothing else.")
]
JobsOption = Annotated[
    int | None,
    typer.Option("--jobs", "-j", min=1, help="Processes at a time; default: one per core."),
]
EngineOption = Annotated[
    str,
    typer.Option(
        "--engine",
        help="local: supervised processes; inline: in this process; ray, slurm: a cluster.",
    ),
]
DeviceOption = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:1 or mps.")]
TimeOption = Annotated[
    str | None, typer.Option("--budget", "-b", help="Wall time for this call, like 90s or 30m.")
]
TimeoutOption = Annotated[
    str | None, typer.Option("--timeout", help="Time limit for each seed, like 90s or 10m.")
]
MemoryOption = Annotated[
    int | None, typer.Option("--memory", min=1, help="Memory limit for each process, in MB.")
]
FromOption = Annotated[
    list[str] | None,
    typer.Option(
        "--from",
        metavar="STUDY",
        help="Learn from an earlier study too: its name, or a path such as other/studies/first; "
        "may be repeated.",
    ),
]
StudyOption = Annotated[
    str,
    typer.Option("--study", autocompletion=complete.studies, help="The study's name."),
]
StepsOption = Annotated[
    int | None,
    typer.Option("--steps", "-n", min=1, help="Training steps (epochs, generations) per seed."),
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
