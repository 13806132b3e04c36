"""Forward: every call of a model from the loop, and the modules that it passes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.weak import WeakTensorKeyDictionary

from homeostat.inspect.tracer.origins import Origins
from homeostat.inspect.tracer.recording import Call
from homeostat.inspect.tracer.shared import Shared
from homeostat.inspect.tracer.tensors import first_tensor, gain

MOST_SPANS = 20_000
KEPT_CALLS = 400
KEPT_ROWS = 1000
KEPT_CALLS_OF_A_KIND = 40
MOST_NUMBERS = 2_000_000
MOST_OUTPUTS = 200_000
MOST_ROWS = 4096


class Forward:
    """Notes calls: `before` and `after` are hooks that run around every module."""

    def __init__(self, shared: Shared) -> None:
        self.stack: list[nn.Module] = []
        """The modules that are being called, outermost first."""
        self.call: Call | None = None
        """The last call of a model from the loop."""
        self.origins = Origins()
        self.written: Any = WeakTensorKeyDictionary()
        """What a module that is done wrote over -> which module; its answer is another tensor."""
        self._versions: list[tuple[Any, int] | None] = []
        self._shared = shared
        self._spans: list[tuple[int, int, str]] = []
        self._starts: list[int] = []
        self._rows_of: dict[str, int] = {}
        self._kept: dict[str, tuple[int, int]] = {}

    def before(self, module: nn.Module, args: Any) -> None:
        if self._shared.busy:
            return
        if not self.stack:
            self._start_call(module, args)
        self.stack.append(module)
        self._starts.append(_sequence())
        given = args[0] if args and isinstance(args[0], torch.Tensor) else None
        if given is not None and given.requires_grad and not given.is_leaf:
            self._versions.append((given, given._version))
        else:
            self._versions.append(None)
        call = self.call
        if call is None:
            return
        grad = torch.is_grad_enabled()
        if self._shared.update < KEPT_CALLS:
            for parameter in module._parameters.values():
                if parameter is not None:
                    weight = self._shared.weight(parameter)
                    weight.owner = module
                    weight.called_with_grad |= grad
        if isinstance(module, nn.modules.dropout._DropoutNd) and module.p > 0:
            call.dropouts.add((self._shared.names.module(module), module.training))
        elif isinstance(module, nn.modules.batchnorm._BatchNorm) and module.track_running_stats:
            batch = module.training and module.momentum is not None
            call.norms.add((self._shared.names.module(module), batch))
        elif isinstance(module, nn.RNNBase | nn.MultiheadAttention) and module.dropout > 0:
            call.dropouts.add((self._shared.names.module(module), module.training))

    def _start_call(self, module: nn.Module, args: Any) -> None:
        if next(module.parameters(), None) is None:
            return  # a loss, or a layer without weights
        self.call = None
        if self._shared.backward_depth:
            return  # a checkpoint, computed anew
        recording = self._shared.recording
        if len(recording.calls) >= KEPT_CALLS and not self._shared.open:
            recording.calls = [c for c in recording.calls if c.inputs or c.evaluation][:KEPT_CALLS]
        if not self._shared.names.knows(module):
            self._shared.names.add(type(module).__name__, module)
            if not recording.watched:
                recording.models[type(module).__name__] = module
        self.call = Call(
            time=self._shared.tick(),
            report=len(recording.reports),
            model=self._shared.names.module(module),
            module=module,
            grad=torch.is_grad_enabled(),
            training=module.training,
        )
        self.call.derived = any(self.origins.of(a) is not None for a in args)
        if any(isinstance(a, torch.Tensor) for a in args):
            self._keep(self.call, args, {})
        recording.calls.append(self.call)
        self._shared.open.append(self.call)

    def _keep(self, call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Note what a model was called with."""
        tensors = [a for a in (*args, *kwargs.values()) if isinstance(a, torch.Tensor)]
        if not tensors:
            return
        call.coordinates = any(t.requires_grad and t.is_leaf for t in tensors)
        kind = f"{call.model} {call.grad} {call.training}"
        rows, calls = self._kept.get(kind, (0, 0))
        numbers = sum(t.numel() for t in tensors)
        small = numbers < MOST_NUMBERS or (not calls and numbers < 10 * MOST_NUMBERS)
        if small and (calls < 3 or (rows < KEPT_ROWS and calls < KEPT_CALLS_OF_A_KIND)):
            call.args = tuple(map(_copied, args))
            call.kwargs = {name: _copied(a) for name, a in kwargs.items()}
            self._kept[kind] = (rows + (len(tensors[0]) if tensors[0].ndim else 1), calls + 1)
        call.rows = self._rows(tensors[0], kind)

    def _rows(self, tensor: Any, kind: str) -> tuple[int, ...]:
        if tensor.ndim == 0 or self._rows_of.get(kind, 0) > 20 * MOST_ROWS:
            return ()
        rows = tensor.detach()[:MOST_ROWS]
        if rows.numel() > 4_000_000 or rows.dtype == torch.bfloat16:
            rows = rows[:64].float()
        array = np.ascontiguousarray(rows.reshape(len(rows), -1).cpu().numpy())
        self._rows_of[kind] = self._rows_of.get(kind, 0) + len(array)
        return tuple(hash(row.tobytes()) for row in array)

    def after(self, module: nn.Module, args: Any, kwargs: dict[str, Any], output: Any) -> None:
        if self._shared.busy or not self.stack:
            return
        while self.stack:  # a module that raised did not come back here
            start = self._starts.pop()
            given = self._versions.pop()
            if self.stack.pop() is module:
                break
        if given is not None and given[0]._version != given[1]:
            self._note_written(module, given[0], output)
        if self._shared.looking and len(self._spans) < MOST_SPANS:
            now = _sequence()
            self._spans.append((start, now, self._shared.names.module(module)))
        if self.stack or self.call is None or self.call.module is not module:
            return
        if kwargs and not any(isinstance(a, torch.Tensor) for a in args):
            self._keep(self.call, args, kwargs)  # a hook before the call is not told of these
        elif kwargs and self.call.args:
            self.call.kwargs = {name: _copied(a) for name, a in kwargs.items()}
        self.origins.mark(output, self.call)
        tensor = first_tensor(output)
        if tensor is not None:
            self.call.node = tensor.grad_fn
            self.call.pointer = tensor.data_ptr()
            self.call.shape = tuple(tensor.shape)
            if self.call.inputs:
                self.call.output = tensor.detach() if tensor.numel() <= MOST_OUTPUTS else None
                self.call.gain = gain(self.call.inputs[0], tensor)

    def _note_written(self, module: nn.Module, given: Any, output: Any) -> None:
        if not self._shared.looking or not isinstance(output, torch.Tensor):
            return
        if output.untyped_storage().data_ptr() != given.untyped_storage().data_ptr():
            self.written[given] = self._shared.names.module(module)

    def module_of(self, sequence: int) -> str:
        """The innermost module in whose forward pass an autograd node was made."""
        around = [
            (end - start, name) for start, end, name in self._spans if start <= sequence < end
        ]
        return min(around)[1] if around else ""


def _copied(argument: Any) -> Any:
    return argument.detach().clone() if isinstance(argument, torch.Tensor) else argument


def _sequence() -> int:
    """The number that PyTorch gives to the next node of the graph."""
    number: int = torch.autograd._get_sequence_nr()  # type: ignore[attr-defined]  # not exported
    return number
