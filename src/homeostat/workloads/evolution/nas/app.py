"""The application `nas`, and the words that its commands share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from homeostat.cli.output import Output
from homeostat.errors import SpaceError, UnknownNameError, did_you_mean

app = typer.Typer(
    name="nas",
    help="Evolve creatures, compare configurations, search for better ones. Every parameter of "
    "the evolution workload is an option too: --population-size 200 (see: nas configs --all).",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_OPTIONS = (
    "budget", "config", "generations", "jobs", "method", "mode", "n_trials", "prune", "results",
    "resume", "screen_first", "seeds", "storage", "study_name",
)  # fmt: skip
FREE = {"allow_extra_args": True, "ignore_unknown_options": True}

ResultsOption = Annotated[
    Path, typer.Option("--results", help="The folder in which results are kept.")
]
ConfigOption = Annotated[
    str | None, typer.Option("--config", "-c", help="A named configuration or a YAML file.")
]
GenerationsOption = Annotated[
    int | None, typer.Option("--generations", "-g", min=1, help="How many generations.")
]
StudyOption = Annotated[str, typer.Option("--study-name", help="The study's name.")]
ModeOption = Annotated[
    str | None, typer.Option("--mode", help="pure, hybrid, neat, or several: pure,hybrid.")
]
"""Of a command that takes every parameter as an option."""


def evolution() -> Any:
    """The workload."""
    from homeostat.workload.load import find

    return find("evolution")


def inline_settings(arguments: Sequence[str]) -> list[str]:
    """Turn `--neat-add-node-rate 0.3` into `neat_add_node_rate=0.3`.

    Raises:
        UnknownNameError: If an option is neither of the command nor a parameter.
        SpaceError: If an option has no value.
    """
    space = evolution().space
    settings, rest = [], list(arguments)
    while rest:
        option = rest.pop(0)
        text, equals, value = option.removeprefix("--").partition("=")
        name = text.replace("-", "_")
        if not option.startswith("--") or name not in space:
            guess = did_you_mean(name, [*space, *_OPTIONS])
            hint = guess if guess.startswith("Did") else "See:  nas configs --all"
            raise UnknownNameError(f"No option or parameter {option!r}.", hint=hint)
        if not equals:
            if not rest or rest[0].startswith("--"):
                raise SpaceError(f"{option} needs a value: {option} VALUE.")
            value = rest.pop(0)
        settings.append(f"{name}={value}")
    return settings


def compile_first(out: Output) -> None:
    """Compile the simulator once, before workers start, and say so; nothing where it is on disk."""
    from homeostat.workloads.evolution.warm import compile_all

    compile_all(out.line)
