"""One file a command, or a few that belong together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from homeostat.cli.commands.adopt import adopt
from homeostat.cli.commands.compare import compare
from homeostat.cli.commands.dashboard import dashboard
from homeostat.cli.commands.demo import demo
from homeostat.cli.commands.diagnose import diagnose
from homeostat.cli.commands.exchange import export, import_
from homeostat.cli.commands.init import init
from homeostat.cli.commands.insight import importance, pareto
from homeostat.cli.commands.listing import space, workloads
from homeostat.cli.commands.machine import doctor
from homeostat.cli.commands.measure import batch_size, lr_find
from homeostat.cli.commands.methods import ablate, bisect, grid, random, sweep
from homeostat.cli.commands.predict import predict
from homeostat.cli.commands.probe import probe
from homeostat.cli.commands.report import report
from homeostat.cli.commands.run import resume, run
from homeostat.cli.commands.screen import screen
from homeostat.cli.commands.search import search
from homeostat.cli.commands.study import best, change, status
from homeostat.cli.commands.tune import plan, tune
from homeostat.cli.commands.verify import verify

FIRST, BEGIN, TRAIN, DESIGN, ASK, MACHINE = (
    "The first five",
    "Begin",
    "Train and search",
    "Fixed designs",
    "Look at what there is",
    "This machine",
)

# name -> (function, help panel): five that most people need, then the rest in the order of work.
COMMANDS: dict[str, tuple[Callable[..., Any], str]] = {
    "probe": (probe, FIRST),
    "diagnose": (diagnose, FIRST),
    "tune": (tune, FIRST),
    "report": (report, FIRST),
    "dashboard": (dashboard, FIRST),
    "demo": (demo, BEGIN),
    "init": (init, BEGIN),
    "adopt": (adopt, BEGIN),
    "plan": (plan, BEGIN),
    "run": (run, TRAIN),
    "search": (search, TRAIN),
    "screen": (screen, TRAIN),
    "verify": (verify, TRAIN),
    "resume": (resume, TRAIN),
    "predict": (predict, TRAIN),
    "change": (change, TRAIN),
    "bisect": (bisect, DESIGN),
    "sweep": (sweep, DESIGN),
    "grid": (grid, DESIGN),
    "random": (random, DESIGN),
    "ablate": (ablate, DESIGN),
    "lr-find": (lr_find, DESIGN),
    "batch-size": (batch_size, DESIGN),
    "status": (status, ASK),
    "best": (best, ASK),
    "importance": (importance, ASK),
    "pareto": (pareto, ASK),
    "compare": (compare, ASK),
    "workloads": (workloads, ASK),
    "space": (space, ASK),
    "export": (export, MACHINE),
    "import": (import_, MACHINE),
    "doctor": (doctor, MACHINE),
}
