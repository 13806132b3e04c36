"""Pairs: which target each prediction met, caught where a loss or a score is computed."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from homeostat.inspect.tracer import misuse
from homeostat.inspect.tracer.facts import Overwritten
from homeostat.inspect.tracer.functions import Functions, line
from homeostat.inspect.tracer.meetings import MOST_MEETINGS, meeting
from homeostat.inspect.tracer.recorder import Tracer
from homeostat.inspect.tracer.recording import Call, Misuse, Pair

LOSSES = {
    F.cross_entropy, F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss, F.nll_loss,
    F.binary_cross_entropy, F.binary_cross_entropy_with_logits, F.kl_div, F.poisson_nll_loss,
    F.gaussian_nll_loss,
}  # fmt: skip
DIFFERENCES = {torch.Tensor.__sub__, torch.Tensor.sub, torch.sub, torch.Tensor.__rsub__}
EQUALITIES = {torch.Tensor.__eq__, torch.Tensor.eq, torch.eq}
# They make values that are no function of the numbers they are given.
EMPTYING = {
    torch.zeros_like, torch.ones_like, torch.full_like, torch.empty_like, torch.rand_like,
    torch.randn_like, torch.randint_like, torch.Tensor.size, torch.Tensor.dim,
}  # fmt: skip
KEPT_CALLS = 200
"""Calls of which the targets are kept, beside those of the last report."""
MOST_NUMBERS = 200_000
MOST_LAST = 64


class TargetPairs(TorchFunctionMode):
    """Sees calls as the loop writes them, before they are taken apart."""

    def __init__(self, recorder: Tracer) -> None:
        super().__init__()
        self._recorder = recorder
        self._with_weights: dict[int, bool] = {}
        self._functions = Functions(recorder)

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if self._recorder.shared.busy:
            return result
        if self._recorder.forward.written:
            self._note_overwritten(func, args, result)
        if func in LOSSES:
            self._note_loss(func, args, kwargs, result)
        elif func in DIFFERENCES:
            self._note_difference(args)
        elif func in EQUALITIES:
            self._note_equality(args)
        if func not in EMPTYING and not self._inside_a_layer():
            self._recorder.forward.origins.follow((*args, *kwargs.values()), result)
        self._functions.note(func, args, kwargs, result)
        return result

    def _note_overwritten(self, func: Any, args: Any, result: Any) -> None:
        """What a module wrote over is used again, by something that a gradient goes through."""
        if not isinstance(result, torch.Tensor) or not result.requires_grad:
            return
        for argument in args:
            written = self._recorder.forward.written
            if isinstance(argument, torch.Tensor) and argument in written:
                where = line()
                overwritten = self._recorder.recording.facts.overwritten
                overwritten.setdefault(
                    where, Overwritten(written[argument], func.__name__.strip("_"), where)
                )

    def _inside_a_layer(self, but: Any = None) -> bool:
        """Whether a module that has weights is computing; a loss without any may be."""
        stack = self._recorder.forward.stack
        return any(module is not but and self._has_weights(module) for module in stack)

    def _has_weights(self, module: Any) -> bool:
        found = self._with_weights.get(id(module))
        if found is None:
            found = next(module.parameters(), None) is not None
            self._with_weights[id(module)] = found
        return found

    def _note_loss(self, func: Any, args: Any, kwargs: Any, result: Any) -> None:
        predicted = args[0] if args else kwargs.get("input")
        target = args[1] if len(args) > 1 else kwargs.get("target")
        if isinstance(predicted, torch.Tensor) and predicted.requires_grad:
            self._recorder.recording.losses.add(func.__name__)
            self._note_misuse(misuse.of_loss(func, predicted, target))
            self._note_meeting(func.__name__, predicted, target, _ignored(kwargs), result)
        if isinstance(target, torch.Tensor) and not target.requires_grad:
            self._note(func.__name__, predicted, target)
        recorder = self._recorder
        if (
            isinstance(result, torch.Tensor)
            and not result.requires_grad
            and isinstance(predicted, torch.Tensor)
            and torch.is_grad_enabled()
        ):
            self._functions.still_losses[result] = func.__name__
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
        if not self._inside_a_layer():
            self._note_one_of("difference", one, two)
        predicted = [t for t in (one, two) if t.data_ptr() == call.pointer]
        if len(predicted) == 1 and predicted[0].requires_grad and not self._recorder.forward.stack:
            target = two if predicted[0] is one else one
            self._note_meeting("difference", predicted[0], target, None, None)

    def _note_equality(self, args: Any) -> None:
        """A guessed class held against the true one."""
        if len(args) < 2 or not all(isinstance(a, torch.Tensor) for a in args[:2]):
            return
        one, two = args[:2]
        if one.shape == two.shape and one.ndim and not self._inside_a_layer():
            self._note_one_of("equality", one, two)

    def _note_one_of(self, function: str, one: Any, two: Any) -> None:
        """Note a pair if one of two tensors was predicted, and the other is data."""
        origins = self._recorder.forward.origins
        from_model = [origins.of(one) is not None, origins.of(two) is not None]
        if from_model == [True, False] and not two.requires_grad:
            self._note(function, one, two)
        elif from_model == [False, True] and not one.requires_grad:
            self._note(function, two, one)

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
        meetings.append(
            meeting(name, predicted, target, ignored, result, recorder.shared.update, call)
        )
        recorder.shared.busy = False

    def _note_misuse(self, found: Misuse | None) -> None:
        if found is not None and found not in self._recorder.recording.misuses:
            self._recorder.recording.misuses.append(found)

    def _note(self, function: str, predicted: Any, target: Any) -> None:
        """A prediction met its target: beside the call it came from, and among the last ones."""
        recorder = self._recorder
        origins = recorder.forward.origins
        call = origins.of(predicted) or recorder.forward.call
        if call is None or not isinstance(predicted, torch.Tensor):
            return
        if self._inside_a_layer(but=call.module):  # a layer's own matter; a model may take targets
            return
        recorder.shared.busy = True
        try:
            made = origins.of(target) is not None
            pair = Pair(function, target.detach(), predicted.detach(), made=made, call=call.time)
            self._keep(call, pair, grad=predicted.requires_grad)
        finally:
            recorder.shared.busy = False

    def _keep(self, call: Call, pair: Pair, *, grad: bool) -> None:
        recording = self._recorder.recording
        if len(call.pairs) <= 2 and len(recording.calls) <= KEPT_CALLS:
            call.pairs.append(Pair(pair.function, pair.target.clone(), made=pair.made))
        last = recording.last_trained if grad else recording.last_scored
        if pair.predicted.numel() + pair.target.numel() <= MOST_NUMBERS:
            last.append(
                Pair(
                    pair.function, pair.target.clone(), pair.predicted.clone(), made=pair.made,
                    call=pair.call, report=len(recording.reports),
                )
            )  # fmt: skip
            del last[:-MOST_LAST]


def _ignored(kwargs: Any) -> int | None:
    """The target that a loss leaves out: its `ignore_index`, or a class of weight 0."""
    weight = kwargs.get("weight")
    if isinstance(weight, torch.Tensor) and weight.ndim == 1 and bool((weight == 0).any()):
        return int((weight == 0).nonzero()[0])
    ignored = kwargs.get("ignore_index")
    return None if ignored is None else int(ignored)
