"""The command `nas`: the Evolution Lab's own words for running, comparing and searching evolution.

It is the command `homeostat` preset to the evolution workload. Any parameter can be set on the
line: `--neat-add-node-rate 0.3` sets neat_add_node_rate.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from homeostat.cli.main import run_app
from homeostat.workloads.evolution.nas import benchmark, look, replay, run, search  # noqa: F401 (their commands)
from homeostat.workloads.evolution.nas.app import app, inline_settings

__all__ = ["app", "inline_settings", "main"]

_ORDER = ("run", "compare", "configs", "show", "replay", "benchmark", "search", "status", "best")
app.registered_commands.sort(key=lambda c: _ORDER.index(getattr(c.callback, "__name__", "")))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and leave with its exit code."""
    sys.exit(run_app(app, arguments, name="nas"))
