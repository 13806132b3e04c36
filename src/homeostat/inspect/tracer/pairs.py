"""Pairs: which target each prediction met, caught where the loss is computed."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from homeostat.inspect.tracer import misuse
from homeostat.inspect.tracer.functions import Functions
from homeostat.inspect.tracer.meetings import MOST_MEETINGS, meeting
from homeostat.inspect.tracer.recorder import Tracer
from homeostat.inspect.tracer.recording import Misuse, Pair

LOSSES = {
    F.cross_entropy, F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss, F.nll_loss,
    F.binary_cross_entropy, F.binary_cross_entropy_with_logits, F.kl_div, F.poisson_nll_loss,
    F.gaussian_nll_loss,
}  # fmt: skip
DIFFERENCES = {torch.Tensor.__sub__, torch.Tensor.sub, torch.sub, torch.Tensor.__rsub__}
KEPT_PAIRS = 200


class TargetPairs(TorchFunctionMode):
    """Sees calls as the loop writes them, before they are taken apart."""

    def __init__(self, recorder: Tracer) -> None:
        super().__init__()
        self._recorder = recorder
        self._functions = Functions(recorder)

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if func in LOSSES:
            self._note_loss(func, args, kwargs, result)
        elif func in DIFFERENCES:
            self._note_difference(args)
        if not self._recorder.shared.busy:
            self._functions.note(func, args, kwargs, result)
        return result

    def _note_loss(self, func: Any, args: Any, kwargs: Any, result: Any) -> None:
        predicted = args[0] if args else kwargs.get("input")
        target = args[1] if len(args) > 1 else kwargs.get("target")
        if isinstance(predicted, torch.Tensor) and predicted.requires_grad:
            self._recorder.recording.losses.add(func.__name__)
            self._note_misuse(misuse.of_loss(func, predicted, target))
            self._note_meeting(func.__name__, predicted, target, _ignored(kwargs), result)
        if isinstance(target, torch.Tensor) and not target.requires_grad:
            self._note(func.__name__, target)
        recorder = self._recorder
        if isinstance(result, torch.Tensor) and result.ndim == 0 and result.requires_grad:
            recorder.backward.known_losses.append((func.__name__, result))

    def _note_difference(self, args: Any) -> None:
        """A model's output minus a target, or the other way round."""
        if len(args) < 2 or not all(isinstance(a, torch.Tensor) for a in args[:2]):
            return
        one, two = args[:2]
        call = self._recorder.forward.call
        if one.ndim == 0 or call is None:
            return
        if one.shape != two.shape:
            if one.requires_grad != two.requires_grad:
                self._note_misuse(misuse.of_difference("a difference", one, two))
            return
        predicted = [t for t in (one, two) if t.data_ptr() == call.pointer]
        if len(predicted) == 1 and not self._recorder.forward.stack:
            target = two if predicted[0] is one else one
            if not target.requires_grad:
                self._note("difference", target)
                if predicted[0].requires_grad:
                    self._note_meeting("difference", predicted[0], target, None, None)

    def _note_meeting(
        self, name: str, predicted: Any, target: Any, ignored: int | None, result: Any
    ) -> None:
        recorder = self._recorder
        meetings = recorder.recording.facts.meetings
        if recorder.shared.busy or len(meetings) >= MOST_MEETINGS:
            return
        if not isinstance(target, torch.Tensor) or target.requires_grad or not predicted.ndim:
            return
        recorder.shared.busy = True
        call = recorder.forward.call
        model = call.model if call is not None else ""
        meetings.append(
            meeting(name, predicted, target, ignored, result, recorder.shared.update, model)
        )
        recorder.shared.busy = False

    def _note_misuse(self, found: Misuse | None) -> None:
        if found is not None and found not in self._recorder.recording.misuses:
            self._recorder.recording.misuses.append(found)

    def _note(self, function: str, target: Any) -> None:
        recorder = self._recorder
        call = recorder.forward.call
        if recorder.shared.busy or call is None or len(call.pairs) > 2:
            return
        if any(m is not call.module and _has_weights(m) for m in recorder.forward.stack):
            return  # a layer's own matter
        if len(recorder.recording.calls) > KEPT_PAIRS:
            return
        recorder.shared.busy = True
        call.pairs.append(Pair(function, target.detach().clone()))
        recorder.shared.busy = False


def _ignored(kwargs: Any) -> int | None:
    """The target that a loss leaves out: its `ignore_index`, or a class of weight 0."""
    weight = kwargs.get("weight")
    if isinstance(weight, torch.Tensor) and weight.ndim == 1 and bool((weight == 0).any()):
        return int((weight == 0).nonzero()[0])
    ignored = kwargs.get("ignore_index")
    return None if ignored is None else int(ignored)


def _has_weights(module: Any) -> bool:
    return next(module.parameters(), None) is not None
