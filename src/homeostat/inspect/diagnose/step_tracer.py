"""An observer that looks at everything in a step, in the order in which it happens.

    forward     every operation's result
    loss        what the backward pass starts from
    backward    every operation's gradient
    update      gradients and state of each optimiser, when it steps
    parameter   every parameter and buffer, after the step
    metric      what the loop reports

The first thing that is not finite, in a step after which the network is broken, is the offender.
A step that is broken and left out (loss scaling, a check before the update) is not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from homeostat.execute.loop.drive import Watcher
from homeostat.execute.loop.guard import check
from homeostat.inspect.diagnose.backward import BackwardFaultTracer, forward_line, saved_value
from homeostat.inspect.diagnose.facts import (
    ROWS_SHOWN,
    bad_rows,
    has_nonfinite,
    is_finite,
    row_names,
    row_norms,
    tensors,
)
from homeostat.inspect.diagnose.first_fault import FirstFault
from homeostat.inspect.diagnose.forward import ForwardFaultTracer, first_tensor
from homeostat.inspect.diagnose.gauges import Gauges
from homeostat.inspect.diagnose.own_update import why_not_finite
from homeostat.inspect.diagnose.singularities import explain
from homeostat.record.outcome import Outcome
from homeostat.workload.report import Report
from homeostat.workload.trial import Trial
from homeostat.workload.workload import Bounds


@dataclass
class _Step:
    """What was seen since the last report."""

    events: list[FirstFault] = field(default_factory=list)
    infinities: list[FirstFault] = field(default_factory=list)
    bad_gradients: tuple[str, ...] = ()
    loss: float | None = None
    stepped_bad: bool = False
    """Whether an optimiser took a step with a gradient that was not finite."""


class StepTracer(Watcher):
    """Finds the first offender; `offence` is set, and `done` true, once a step broke the network.

    Args:
        bounds: The workload's essential variables.
        first_step: Where the replay begins.
    """

    def __init__(self, bounds: Bounds, first_step: int = 0) -> None:
        self._bounds = bounds
        self._step_number = first_step
        self._now, self._before = _Step(), _Step()
        self._trial: Trial | None = None
        self._seen: set[int] = set()
        self._undo: list[Callable[[], object]] = []
        self._forward = ForwardFaultTracer(self._nan, self._infinity)
        self._backward = BackwardFaultTracer(
            self._forward.made_by,
            on_loss=self._loss,
            on_bad=self._bad_gradient,
            on_done=self._after_backward,
        )
        self._entered = False
        self._stepping = False
        self._finite_before: set[int] = set()
        self.gauges = Gauges()
        self.offence: FirstFault | None = None

    @property
    def done(self) -> bool:
        return self.offence is not None

    def open(self) -> None:
        """Begin to look; the end of the replay closes it."""
        self._entered = True
        self._forward.open()
        self._backward.__enter__()

    # What the driver calls

    def on_watch(self, trial: Trial) -> None:
        self._trial = trial
        several = len(trial.modules) > 1
        for name, module in trial.modules.items():
            if id(module) not in self._seen:
                self._seen.add(id(module))
                prefix = name if several else ""
                self._undo += [h.remove for h in self._forward.follow(module, prefix)]
                self._undo += [h.remove for h in self.gauges.follow(module, prefix)]
        for name, optimizer in trial.optimizers.items():
            if id(optimizer) not in self._seen and hasattr(optimizer, "register_step_pre_hook"):
                self._seen.add(id(optimizer))
                self._undo += [
                    optimizer.register_step_pre_hook(self._before_update).remove,
                    optimizer.register_step_post_hook(self._after_update(name)).remove,
                ]

    def after_report(self, step: int, report: Report) -> None:
        self._step_number = step
        violation = check(report, self._bounds)
        if self.offence is None and (violation is not None or self._broken()):
            if violation is not None:
                self._now.events.append(
                    self._event(
                        "metric",
                        tensor=violation.metric,
                        why=f"{violation.metric} was {violation.value:g}; it {violation.bound}",
                    )
                )
            self.offence = self._first()
            self.gauges.freeze()
        self._before, self._now = self._now, _Step()
        self._forward.forget()
        self._step_number = step + 1

    def on_end(self, outcome: Outcome) -> None:
        for undo in self._undo:
            undo()
        self._undo.clear()
        if self._entered:
            self._entered = False
            self._backward.__exit__(None, None, None)
            self._forward.close()

    # What is seen

    def _nan(self, operation: str, source: str, result: Any, inputs: Any) -> None:
        if self._stepping:
            return  # an operation of the optimiser's own: its step is looked at as a whole
        if self._now.infinities and has_nonfinite(inputs):
            # A NaN is what became of an infinity; the infinity is where it began.
            self._now.events.append(self._now.infinities[0])
        self._now.events.append(self._forward_event(operation, source, result, inputs))

    def _infinity(self, operation: str, source: str, result: Any, inputs: Any) -> None:
        if self._stepping:
            return
        self._now.infinities.append(self._forward_event(operation, source, result, inputs))

    def _forward_event(self, operation: str, source: str, result: Any, inputs: Any) -> FirstFault:
        bad = next(t for t in tensors(result) if not is_finite(t))
        given = first_tensor(inputs)
        same_rows = given is not None and given.ndim and bad.ndim and len(given) == len(bad)
        event = self._event(
            "forward", operation=operation, source=source, module=self._forward.module
        )
        return self._with_tensor(event, bad, given if same_rows else None)

    def _loss(self, loss: Tensor) -> None:
        value = float(loss.detach().reshape(-1)[0]) if loss.numel() else None
        self._now.loss = value
        if not is_finite(loss.detach()):
            # An infinity in the forward pass that reached the loss was its beginning.
            self._now.events += self._now.infinities[:1]
            self._now.events.append(self._event("loss", tensor="the loss"))

    def _bad_gradient(self, node: Any, module: str, spoiled: Tensor) -> None:
        operation = node.name().rpartition("::")[2]
        rows = len(spoiled) if spoiled.ndim else 0
        event = self._event(
            "backward", operation=operation, source=forward_line(node), module=module
        )
        self._now.events.append(self._with_tensor(event, spoiled, saved_value(node, rows)))

    def _after_backward(self) -> None:
        self._now.bad_gradients = tuple(
            name
            for name, p in self._parameters()
            if p.grad is not None and not is_finite(p.grad.detach())
        )

    def _before_update(self, optimizer: Any, *_: Any) -> None:
        self._stepping = True
        self._finite_before = {
            id(p)
            for group in optimizer.param_groups
            for p in group["params"]
            if is_finite(p.detach())
        }
        for group in optimizer.param_groups:
            for p in group["params"]:
                if p.grad is not None and not is_finite(p.grad.detach()):
                    self._now.stepped_bad = True
                    name = self._name_of(p)
                    self._now.events.append(
                        self._event("update", tensor=f"the gradient of {name}", num_bad=1)
                    )
                    return

    def _after_update(self, name: str) -> Callable[..., None]:
        def look(optimizer: Any, *_: Any) -> None:
            self._stepping = False
            self._own_update(name, optimizer)
            for parameter, state in optimizer.state.items():
                for key, value in state.items() if isinstance(state, dict) else ():
                    if isinstance(value, Tensor) and not is_finite(value.detach()):
                        what = f"{key} of {self._name_of(parameter)}"
                        self._now.events.append(self._event("update", operation=name, tensor=what))
                        return

        return look

    def _own_update(self, name: str, optimizer: Any) -> None:
        """Weights that were finite, with finite gradients, and are not after the step."""
        if self._now.stepped_bad:
            return
        for group in optimizer.param_groups:
            for p in group["params"]:
                if id(p) in self._finite_before and not is_finite(p.detach()):
                    why, advice = why_not_finite(optimizer, p)
                    event = self._event(
                        "update", operation=name, tensor=self._name_of(p), why=why, advice=advice
                    )
                    self._now.events.append(self._with_tensor(event, p.detach(), None))
                    return

    # What it comes to

    def _broken(self) -> bool:
        """Whether the network or an optimiser can no longer be finite after this step."""
        if self._now.stepped_bad:
            return True
        if self._trial is None:
            return False
        for name, value in self._state():
            if not is_finite(value.detach()):
                self._now.events.append(
                    self._with_tensor(self._event("parameter", tensor=name), value.detach(), None)
                )
                return True
        return False

    def _first(self) -> FirstFault:
        """The first event; that of the step before, if this one only shows its consequences."""
        step, number = self._now, self._step_number
        late = ("update", "parameter", "metric")
        consequence = not step.events or step.events[0].phase in late
        if consequence and self._before.events and self._before.events[0].phase not in late:
            step = self._before
        first = step.events[0] if step.events else self._event("metric")
        known = explain(first.operation, first.phase, nan=first.num_nan > 0)
        return replace(
            first,
            step=first.step if step is self._before else number,
            why=first.why or (known.why if known else ""),
            advice=first.advice or (known.advice if known else ""),
            bad_gradients=step.bad_gradients,
            num_parameters=sum(1 for _, p in self._parameters() if p.requires_grad),
            loss=step.loss,
        )

    def _event(self, phase: str, **facts: Any) -> FirstFault:
        return FirstFault(step=self._step_number, phase=phase, **facts)

    def _with_tensor(self, event: FirstFault, bad: Tensor, value: Tensor | None) -> FirstFault:
        """The event with the rows of a tensor that is not finite, and the value behind them."""
        bad = bad.detach()
        rows = bad_rows(bad)
        shown = rows[:ROWS_SHOWN]
        names = self._trial.extra.get("rows", ()) if self._trial is not None else ()
        return replace(
            event,
            tensor=event.tensor or f"{tuple(bad.shape)}",
            num_bad=int((~torch.isfinite(bad)).sum()),
            num_nan=int(torch.isnan(bad).sum()),
            num_entries=bad.numel(),
            rows=tuple(rows),
            row_names=tuple(row_names(shown, len(bad), names)) if bad.ndim else (),
            row_norms=tuple(row_norms(value, shown)) if value is not None else (),
        )

    def _parameters(self) -> list[tuple[str, nn.Parameter]]:
        modules = self._trial.modules if self._trial is not None else {}
        several = len(modules) > 1
        return [
            (f"{name}.{path}" if several else path, p)
            for name, module in modules.items()
            for path, p in module.named_parameters()
        ]

    def _state(self) -> list[tuple[str, Tensor]]:
        buffers = [
            (path, buffer)
            for module in (self._trial.modules.values() if self._trial else ())
            for path, buffer in module.named_buffers()
            if buffer.is_floating_point() and bool(torch.isnan(buffer).any())
        ]
        return [*self._parameters(), *buffers]

    def _name_of(self, parameter: Any) -> str:
        return next((n for n, p in self._parameters() if p is parameter), "a parameter")
