"""Script arguments: what stands after -- is the script's own: homeostat probe train.py -- --data x.

It becomes part of the workload's name, as `load.find` reads it, so that every command that takes a
workload takes a script with its arguments.
"""

from __future__ import annotations

import shlex
from typing import Any

from typer.core import TyperCommand

TAKES = ("workload", "target", "reference")
"""What commands call their argument that names a workload."""


class TakesScript(TyperCommand):
    """A command whose WORKLOAD may be followed by -- and the arguments of a script."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take what stands after the first -- away, and give it to the workload's name."""
        if "--" not in args or not any(p.name in TAKES for p in self.params):
            return super().parse_args(ctx, args)
        place = args.index("--")
        rest = super().parse_args(ctx, args[:place])
        own = shlex.join(args[place + 1 :])
        name = next(p.name for p in self.params if p.name in TAKES)
        if own and ctx.params.get(name):
            ctx.params[name] = f"{ctx.params[name]} -- {own}"
        return rest
