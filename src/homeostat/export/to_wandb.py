"""W&B: an offline run a trial; nothing is sent until somebody types `wandb sync`."""

from __future__ import annotations

from pathlib import Path

import wandb

from homeostat.export.history import History, Past


def write(history: History, folder: Path) -> str:
    """Write the runs; return what to type to send them."""
    for past in history.pasts:
        _write_past(past, history, folder)
    if wandb.run is None:  # the files are whole once its service has ended, which ends all runs
        wandb.teardown()
    return f"wandb sync {folder}/wandb/offline-run-*"


def _write_past(past: Past, history: History, folder: Path) -> None:
    run = wandb.init(
        mode="offline",
        dir=folder,
        project=history.workload,
        group=history.name,
        name=past.name,
        config=dict(past.config),
        notes=history.text if past.roles else None,
        tags=[past.outcome.value, *past.roles],
        reinit="create_new",
        settings=wandb.Settings(console="off", silent=True, disable_git=True, disable_code=True),
    )
    for step, row in past.rows:
        run.log(row, step=step)
    run.summary.update({**past.values, **past.tags})
    run.finish(exit_code=0 if past.outcome.value == "completed" else 1)
