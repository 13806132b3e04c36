"""Script arguments: what stands after -- is the script's own: homeostat probe train.py -- --data x.

It becomes part of the workload's name, as `load.find` reads it, so that every command that takes a
workload takes a script with its arguments.
"""

from __future__ import annotations

import os
import re
import shlex
from typing import Any

from typer.core import TyperCommand

from homeostat.script.trackers import KEEP

WANTED = ("--metric", "--goal")
"""What is to be improved: part of a script's name, as what stands after -- is."""
TAKES = ("workload", "target", "reference")
"""What commands call their argument that names a workload."""


_SCRIPT = re.compile(r"\.(py|ipynb)$")


class TakesScript(TyperCommand):
    """A command whose WORKLOAD may be followed by -- and the arguments of a script."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take what stands after the first -- away, and give it to the workload's name."""
        if any(p.name in TAKES for p in self.params) and any(map(_SCRIPT.search, args)):
            args, settings = self._taken(args)
            rest = self._with_arguments(ctx, args)
            name = next(p.name for p in self.params if p.name in TAKES)
            if settings and ctx.params.get(name):
                head, mark, own = str(ctx.params[name]).partition(" -- ")
                ctx.params[name] = f"{head} {shlex.join(settings)}{mark}{own}"
            return rest
        return self._with_arguments(ctx, args)

    def _taken(self, args: list[str]) -> tuple[list[str], list[str]]:
        """What is left, and --metric and --goal with their values where a command has none such."""
        known = {flag for p in self.params for flag in p.opts}
        end = args.index("--") if "--" in args else len(args)
        left, taken, place = [], [], 0
        while place < end:
            word, equals, value = args[place].partition("=")
            if word == "--keep-trackers" and word not in known:
                os.environ[KEEP] = "1"
            elif word in WANTED and word not in known and (equals or place + 1 < end):
                place += not equals
                taken += [word, value if equals else args[place]]
            else:
                left.append(args[place])
            place += 1
        return [*left, *args[end:]], taken

    def _with_arguments(self, ctx: Any, args: list[str]) -> list[str]:
        if "--" not in args or not any(p.name in TAKES for p in self.params):
            return super().parse_args(ctx, args)
        place = args.index("--")
        rest = super().parse_args(ctx, args[:place])
        own = shlex.join(args[place + 1 :])
        name = next(p.name for p in self.params if p.name in TAKES)
        if own and ctx.params.get(name):
            ctx.params[name] = f"{ctx.params[name]} -- {own}"
        return rest
