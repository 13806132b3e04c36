"""Script arguments: what stands after -- is the script's own: homeostat probe train.py -- --data x.

It becomes part of the workload's name, as `load.find` reads it, so that every command that takes a
workload takes a script with its arguments. So does what is to be improved: --metric and --goal.
"""

from __future__ import annotations

import os
import shlex
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from homeostat.script.trackers import KEEP

TAKES = ("workload", "target", "reference")
"""What commands call their argument that names a workload."""
_PANEL = "A script as the workload"


def _of_scripts(
    metric: Annotated[
        str, typer.Option(help="The number to improve, of those it says.", rich_help_panel=_PANEL)
    ] = "",
    goal: Annotated[
        str, typer.Option(help="minimize or maximize it.", rich_help_panel=_PANEL)
    ] = "",
    keep_trackers: Annotated[
        bool,
        typer.Option(
            "--keep-trackers", help="Leave wandb and the like as they are.", rich_help_panel=_PANEL
        ),
    ] = False,
) -> None:
    """The options that every command has which takes a script."""


def _options() -> list[Any]:
    app = typer.Typer(add_completion=False)
    app.command()(_of_scripts)
    return list(typer.main.get_command(app).params)


class TakesScript(TyperCommand):
    """A command whose WORKLOAD may be a script with arguments of its own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = {flag for p in self.params for flag in p.opts}
        self._workload = next((p.name for p in self.params if p.name in TAKES), None)
        self._added = [] if self._workload is None else [
            option for option in _options() if not known & set(option.opts)
        ]  # fmt: skip
        self.params += self._added

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Give the workload's name what --metric and --goal say, and what stands after the --."""
        if self._workload is None:
            return super().parse_args(ctx, args)
        place = args.index("--") if "--" in args else len(args)
        rest = super().parse_args(ctx, args[:place])
        given = {option.name: ctx.params.pop(option.name) for option in self._added}
        if given.get("keep_trackers"):
            os.environ[KEEP] = "1"
        words = [f"--{n} {shlex.quote(given[n])}" for n in ("metric", "goal") if given.get(n)]
        own = shlex.join(args[place + 1 :])
        if ctx.params.get(self._workload):
            name = " ".join([str(ctx.params[self._workload]), *words])
            ctx.params[self._workload] = f"{name} -- {own}" if own else name
        return rest
