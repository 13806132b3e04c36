"""Trackers: experiment trackers stay off the network while a script runs under Homeostat.

Their numbers are read all the same, where the script gives them. A variable that the user has set
is left alone, and HOMEOSTAT_KEEP_TRACKERS=1 leaves all of them.
"""

from __future__ import annotations

import os

KEEP = "HOMEOSTAT_KEEP_TRACKERS"
OFF = {
    "WANDB_MODE": "offline",
    "WANDB_SILENT": "true",
    "COMET_MODE": "disabled",
    "NEPTUNE_MODE": "offline",
    "CLEARML_OFFLINE_MODE": "1",
    "DVCLIVE_OPEN": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "MLFLOW_TRACKING_URI": "file:./mlruns",
}
"""Variables by which each of them stays on this machine."""


def switch_off() -> None:
    """Set them in this process's environment; whoever runs the script puts it back."""
    if os.environ.get(KEEP) not in (None, "", "0"):
        return
    for name, value in OFF.items():
        os.environ.setdefault(name, value)
