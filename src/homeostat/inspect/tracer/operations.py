"""Operations: every tensor operation of a run, as it is dispatched, in modules and outside them.

Notes the first that make something not finite, units that are never on, saturated values, dropout
and the use of random numbers.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from homeostat.inspect.tracer.recorder import Tracer
from homeostat.inspect.tracer.recording import Activation, ActivationLook, Trouble

aten = torch.ops.aten

RANDOM = {
    aten.uniform_, aten.normal_, aten.randn, aten.rand, aten.randint, aten.randperm,
    aten.bernoulli_, aten.bernoulli, aten.normal, aten.multinomial, aten.random_,
    aten.exponential_, aten.native_dropout,
}  # fmt: skip
DROPOUT = {aten.bernoulli_, aten.native_dropout}
# They write infinities on purpose: masks.
MASKS = {
    aten.masked_fill, aten.masked_fill_, aten.fill_, aten.full, aten.full_like, aten.where,
    aten.scalar_tensor, aten.zeros, aten.ones, aten.copy_, aten._to_copy, aten.empty,
    aten.empty_like, aten.empty_strided, aten.new_empty, aten.new_empty_strided, aten.resize_,
    aten.clone, aten.triu, aten.tril, aten.lift_fresh, aten.detach, aten.view, aten.index_put_,
    aten.new_full, aten.set_,
}  # fmt: skip
RELU = {aten.relu, aten.relu_, aten.threshold, aten.clamp_min, aten.clamp_min_}
SIGMOID = {aten.sigmoid, aten.sigmoid_}
TANH = {aten.tanh, aten.tanh_}
SOFTMAX = {aten._softmax}
MOST_TROUBLES = 12
FIRST_LOOKS, LAST_LOOKS = 30, 30
"""Of each activation."""
MOST_VALUES = 4_000_000
"""Larger tensors are not looked at: it would take longer than the operation itself."""
# Values beyond these are at a flat end: of a sigmoid (from its middle), a tanh, a softmax.
FLAT_SIGMOID, FLAT_TANH, FLAT_SOFTMAX = 0.495, 0.995, 0.999


class Operations(TorchDispatchMode):
    """Looks at every operation while the recorder is looking."""

    def __init__(self, recorder: Tracer) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch has no types here
        self._recorder = recorder
        self._orders: dict[str, int] = {}
        self._call: Any = None
        self._activations: dict[tuple[str, str, int], Activation] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        recorder = self._recorder
        if recorder.shared.busy:
            return result
        kind = func._overloadpacket
        if kind in RANDOM:
            recorder.recording.drew = True
            if kind in DROPOUT and recorder.forward.call is not None and recorder.forward.stack:
                recorder.forward.call.functional_dropouts += 1
        if (
            recorder.shared.looking
            and isinstance(result, torch.Tensor)
            and result.is_floating_point()
        ):
            recorder.shared.busy = True
            try:
                self._note(kind, args, result)
            finally:
                recorder.shared.busy = False
        return result

    def _note(self, kind: Any, args: tuple[Any, ...], result: Any) -> None:
        if result.numel() == 0 or result.numel() > MOST_VALUES:
            return
        recorder = self._recorder
        if kind not in MASKS and len(recorder.recording.troubles) < MOST_TROUBLES:
            self._note_trouble(kind, args, result)
        call, stack = recorder.forward.call, recorder.forward.stack
        if recorder.shared.backward_depth or call is None or not call.grad:
            return
        if not stack or not getattr(args[0] if args else None, "requires_grad", False):
            return  # a feature made from data: nothing before it learns
        if kind in RELU:
            self._note_relu(kind, args, result)
        elif kind in SIGMOID:
            self._note_saturation("sigmoid", result, (result - 0.5).abs() > FLAT_SIGMOID)
        elif kind in TANH:
            self._note_saturation("tanh", result, result.abs() > FLAT_TANH)
        elif kind in SOFTMAX and result.shape[args[1]] > 1:
            self._note_saturation("softmax", result, result.amax(args[1]) > FLAT_SOFTMAX)

    def _note_trouble(self, kind: Any, args: tuple[Any, ...], result: Any) -> None:
        why = _singular(kind, args, result) if not self._recorder.shared.backward_depth else ""
        if not why and bool(torch.isfinite(result).all()):
            return
        inputs = [a for a in args if isinstance(a, torch.Tensor) and a.is_floating_point()]
        inputs += [
            t for a in args if isinstance(a, (list, tuple)) for t in a
            if isinstance(t, torch.Tensor) and t.is_floating_point()
        ]  # fmt: skip
        if not why and any(not bool(torch.isfinite(t).all()) for t in inputs if t is not result):
            return
        bad = int((~torch.isfinite(result)).sum())
        recorder = self._recorder
        recorder.recording.troubles.append(
            Trouble(
                self._name(kind), self._where(), str(result.dtype).removeprefix("torch."),
                bad, result.numel(), recorder.shared.update, bool(recorder.shared.backward_depth),
                len(recorder.recording.reports), recorder.shared.tick(), why,
            )
        )  # fmt: skip

    def _name(self, kind: Any) -> str:
        node = torch._C._current_autograd_node() if self._recorder.shared.backward_depth else None
        return str(node.name()).split("Backward")[0] if node else kind.__name__.strip("_")

    def _where(self) -> str:
        stack = self._recorder.forward.stack
        node = torch._C._current_autograd_node() if self._recorder.shared.backward_depth else None
        if node is not None:
            return self._recorder.forward.module_of(node._sequence_nr()) or "the loss"
        return (
            self._recorder.shared.names.module(stack[-1])
            if stack
            else "the loop, outside any module"
        )

    def _activation(self, kind: str) -> Activation:
        recorder = self._recorder
        if recorder.forward.call is not self._call:
            self._call, self._orders = recorder.forward.call, {}
        where = self._where()
        order = self._orders[kind + where] = self._orders.get(kind + where, 0) + 1
        found = self._activations.get((kind, where, order))
        if found is None:
            found = Activation(kind, where, order)
            self._activations[kind, where, order] = found
            recorder.recording.activations.append(found)
        return found

    def _note_relu(self, kind: Any, args: tuple[Any, ...], result: Any) -> None:
        if kind not in (aten.relu, aten.relu_) and any(a != 0 for a in args[1:2]):
            return
        if result.ndim < 2:
            return
        units = 1 if result.ndim >= 4 else result.ndim - 1
        others = [d for d in range(result.ndim) if d != units]
        alive = (result > 0).any(others[0]) if len(others) == 1 else (result > 0).sum(others) > 0
        rows = result.numel() // result.shape[units]
        self._look(
            self._activation("relu"), ActivationLook(self._recorder.shared.update, alive, rows=rows)
        )

    def _note_saturation(self, kind: str, result: Any, mask: Any) -> None:
        rows = result.shape[0] if result.ndim else 1
        look = ActivationLook(
            self._recorder.shared.update, saturated=float(mask.float().mean()), rows=rows
        )
        self._look(self._activation(kind), look)

    def _look(self, activation: Activation, look: ActivationLook) -> None:
        activation.looks.append(look)
        if len(activation.looks) > FIRST_LOOKS + LAST_LOOKS:
            del activation.looks[FIRST_LOOKS]


def _singular(kind: Any, args: tuple[Any, ...], result: Any) -> str:
    """Why the gradient of an operation will not be finite here, though its value is."""
    first = args[0] if args and isinstance(args[0], torch.Tensor) else None
    if first is None or not torch.is_grad_enabled():
        return ""
    if kind in (aten.sqrt, aten.sqrt_) and bool((first == 0).any()):
        return "the gradient of a square root is infinite at 0"
    power = args[1] if kind is aten.pow and len(args) > 1 else None
    if isinstance(power, int | float) and 0 < power < 1 and bool((first == 0).any()):
        return f"the gradient of x ** {power:g} is infinite at 0"
    if kind in (aten.acos, aten.asin, aten.atanh) and bool((first.abs() == 1).any()):
        return f"the gradient of {kind.__name__} is infinite at 1"
    if kind is aten.acosh and bool((first == 1).any()):
        return "the gradient of acosh is infinite at 1"
    if kind is aten.std and bool((result == 0).any()):
        return "the gradient of a standard deviation is infinite where it is 0"
    return ""
