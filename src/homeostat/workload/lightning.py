"""Lightning: a Trainer's own `fit` as a stream of reports, one an epoch.

    from homeostat.workload.lightning import fit

    @hs.workload(space=space, metric="val_loss", goal="minimize", budget=20, unit="epoch")
    def mine(config, trial):
        trainer = Trainer(max_epochs=trial.budget, ...)
        yield from fit(trial, trainer, Module(config), train_loader, val_loader)

`fit` cannot be left and entered again, as a generator can, so it runs on a thread of its own; the
two take turns, and never run at once. Such an attempt can be stopped after any epoch, but it is not
resumed in the middle: it starts again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from homeostat.errors import MissingExtraError, WorkloadError
from homeostat.workload.report import Report

if TYPE_CHECKING:
    from homeostat.workload.trial import Trial


def fit(trial: Trial, trainer: Any, module: Any, *data: Any, **more: Any) -> Iterator[Report]:
    """Train as `trainer.fit(module, *data, **more)` does, with a report at each epoch's end.

    A report holds what the module logged by then (`trainer.callback_metrics`); its step is the
    epoch, from 0. The module and its optimisers are watched, so that the probe sees them.

    Raises:
        WorkloadError: If an epoch ends and nothing has been logged.
        Exception: Whatever `fit` itself raises.
    """
    turns = _Turns(trial)
    trainer.callbacks.append(turns.callback())
    threads = _torch_threads()

    def work() -> None:
        # OpenMP counts threads for each thread apart; a trial has one unless told otherwise.
        _torch_threads(threads)
        try:
            turns.wait()
            trainer.fit(module, *data, **more)
        except BaseException as error:  # handed over, and raised where the reports are pulled
            turns.error = error
        finally:
            turns.done.put(None)

    worker = threading.Thread(target=work, name="homeostat-lightning", daemon=True)
    worker.start()
    try:
        while True:
            turns.go.put(True)
            report = turns.done.get()
            if report is None:
                break
            yield report
    finally:
        turns.go.put(False)
        worker.join()
    if turns.error is not None:
        raise turns.error


class _Turns:
    """Whose turn it is: `go` lets the Trainer work, `done` says that its report is ready."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.go: SimpleQueue[bool] = SimpleQueue()
        self.done: SimpleQueue[Report | None] = SimpleQueue()
        self.error: BaseException | None = None

    def wait(self) -> bool:
        return self.go.get()

    def callback(self) -> Any:
        """What the Trainer calls."""
        try:
            from lightning.pytorch import Callback
        except ModuleNotFoundError:
            raise MissingExtraError("lightning", "models", "A Lightning workload") from None
        turns = self

        class Handover(Callback):
            """Watches what is trained, and reports each epoch."""

            def on_train_start(self, trainer: Any, pl_module: Any) -> None:
                turns.trial.watch(pl_module, *trainer.optimizers)

            def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
                metrics = {name: float(v) for name, v in trainer.callback_metrics.items()}
                if not metrics:
                    raise WorkloadError(
                        f"{type(pl_module).__name__} has logged nothing by the end of an epoch.",
                        hint='Log what matters:  self.log("val_loss", loss)',
                    )
                turns.done.put(Report(trainer.current_epoch, **metrics))
                if not turns.wait():
                    trainer.should_stop = True

        return Handover()


def _torch_threads(number: int | None = None) -> int:
    import torch

    if number is not None:
        torch.set_num_threads(number)
    return torch.get_num_threads()
