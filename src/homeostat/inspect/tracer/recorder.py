"""Recorder: an observer that notes what a run does, through PyTorch's own hooks.

    forward     hooks that every module passes            -> calls, weights, modes
    backward    torch.autograd.backward                   -> losses, what they lead to
    steps       hooks that every optimiser passes         -> updates, rates, gradients, order

Nothing here changes a number of the run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from homeostat.execute.loop.drive import Watcher
from homeostat.inspect.tracer.backward import BackwardTracer
from homeostat.inspect.tracer.forward import Forward
from homeostat.inspect.tracer.ledger import Ledger
from homeostat.inspect.tracer.recording import Optimizer, Recording
from homeostat.inspect.tracer.shared import Halt, Shared
from homeostat.inspect.tracer.steps import Steps
from homeostat.inspect.tracer.tensors import digest, loose_tensors
from homeostat.workload.report import Report
from homeostat.workload.trial import Trial


class Tracer(Watcher):
    """Fills a Recording.

    Args:
        recording: Where to note.
        look: Which updates are looked at closely; the number counts from 0.
        most_updates: The run is ended before the update after these.
        keep_going: Asked now and then; False ends the run.
    """

    def __init__(
        self,
        recording: Recording,
        look: Callable[[int], bool],
        *,
        most_updates: int | None = None,
        keep_going: Callable[[], bool] = lambda: True,
    ) -> None:
        self.recording = recording
        self.shared = Shared(recording, look, keep_going)
        self.forward = Forward(self.shared)
        self.ledger = Ledger(self.shared)
        self.steps = Steps(self.shared, most_updates, self.ledger)
        self.backward = BackwardTracer(self.shared, self.steps, self.ledger)
        self._trial: Trial | None = None

    def on_watch(self, trial: Trial) -> None:
        self._trial = trial
        recording = self.recording
        recording.watched = True
        recording.train_data = trial.train_data
        recording.validation_data = trial.validation_data
        for label, model in trial.modules.items():
            if label not in recording.models:
                recording.models[label] = model
                self.shared.names.add(label, model)
                if recording.anatomy:
                    loose = [tensor for _, tensor in loose_tensors(model)]
                    for tensor in [*model.parameters(), *loose]:
                        self.shared.weight(tensor).registered = True
        for label, optimizer in trial.optimizers.items():
            self.steps.optimizer(optimizer, label)

    def after_report(self, step: int, report: Report) -> None:
        recording = self.recording
        recording.reports.append(report)
        recording.report_times.append(self.shared.tick())
        for call in self.shared.open:
            call.node = None
        self.shared.open = []
        if not self.shared.keep_going():
            recording.cut = "time"
            raise Halt

    def finish(self) -> None:
        """Settle what is only known when the run is over."""
        recording = self.recording
        for label, model in recording.models.items():
            self.shared.names.add(label, model)
        places: dict[int, list[tuple[int, int]]] = {}
        for i, optimizer in enumerate(recording.optimizers):
            for g, group in enumerate(optimizer.thing.param_groups):
                for parameter in group["params"]:
                    places.setdefault(id(parameter), []).append((i, g))
        now = {id(p) for model in recording.models.values() for p in model.parameters()}
        for weight in recording.weights:
            key = id(weight.tensor)
            weight.name = self.shared.names.weight(
                weight.tensor, self.shared.weights, places.get(key)
            )
            weight.optimizers = places.get(key, [])
            weight.late = recording.watched and not weight.registered and key in now
            if weight.start is not None and weight.start.shape == tuple(weight.tensor.shape):
                weight.moved = not weight.start.same_as(weight.tensor)
            weight.start = None
        recording.settings = self._settings()
        self.backward.finish()
        self.ledger.finish()
        for call in recording.calls:
            call.node = None
            for index in call.stepped_over if call.learnt_from else ():
                recording.optimizers[index].stale += 1
        shown = ([*recording.models.values()], [o.thing for o in self._shown()])
        # Without any, a run ends as one that was made before PyTorch was there.
        recording.digest = digest(*shown) if any(shown) else ""

    def _shown(self) -> list[Optimizer]:
        """The optimisers that were watched, or all if none was."""
        optimizers = self.recording.optimizers
        return [o for o in optimizers if o.shown] or optimizers

    def _settings(self) -> tuple[Any, ...]:
        """The settings of optimisers, schedulers and clipping, in comparable form."""
        recording = self.recording
        told: list[Any] = []
        for optimizer in self._shown():
            known = optimizer.thing.defaults  # an optimiser does not look at anything else
            for group in optimizer.thing.param_groups:
                own = {name: group[name] for name in known if name in group}
                told.append((optimizer.kind, len(group["params"]), _plain_settings(own)))
        watched = self._trial.watched.values() if self._trial is not None else ()
        for thing in [*self.steps.schedulers.values(), *watched]:
            if hasattr(thing, "last_epoch") or hasattr(thing, "decay"):
                told.append((type(thing).__name__, _plain_settings(vars(thing))))
        told += [clip.limit for clip in recording.clips[:1]]
        return tuple(repr(part) for part in told)


def _plain_settings(settings: dict[str, Any]) -> dict[str, Any]:
    kinds = (bool, int, float, str, type(None))
    return {
        name: value
        for name, value in sorted(settings.items())
        if isinstance(value, kinds)
        or (isinstance(value, (list, tuple)) and all(isinstance(v, kinds) for v in value))
    }
