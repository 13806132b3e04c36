"""Closely: where one step ends and the next begins, for whoever looks at every operation.

A plain run learns that a step is over when the next backward pass begins. Probe and diagnosis want
the evaluation after a step apart from the forward pass of the next, so a step is over already when
gradients are cleared, when a training batch is fetched, or when a model in training mode is called.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from homeostat.script.taps.replace import replace

if TYPE_CHECKING:
    from homeostat.script.taps.hearer import Hearer


def attach(run: Hearer, stack: ExitStack, torch: Any) -> None:
    """Until the stack is closed, steps end as early as can be seen."""
    _at_forward(run, stack, torch)
    _at_zero_grad(run, stack, torch)
    _at_batches(run, stack)


def _at_forward(run: Hearer, stack: ExitStack, torch: Any) -> None:
    from torch.nn.modules import module as hooks

    def before(module: Any, args: Any) -> None:
        if run.pending and torch.is_grad_enabled() and run.listening:
            if module.training:
                run.boundary()
            run.between = True

    handle = hooks.register_module_forward_pre_hook(before)
    stack.callback(handle.remove)
    # Before the hooks of whoever looks: the report is of the step before this call.
    hooks._global_forward_pre_hooks.move_to_end(handle.id, last=False)  # type: ignore[attr-defined]


def _at_zero_grad(run: Hearer, stack: ExitStack, torch: Any) -> None:
    def around(original: Any) -> Any:
        def zero_grad(self: Any, *args: Any, **kwargs: Any) -> Any:
            if run.pending and run.listening and not run.between:
                run.boundary()
            return original(self, *args, **kwargs)

        return zero_grad

    replace(stack, torch.optim.Optimizer, "zero_grad", around)


def _at_batches(run: Hearer, stack: ExitStack) -> None:
    from torch.utils.data import dataloader

    trained: set[int] = set()
    last = [0, 0]  # the iterator that was asked last, and the steps made by then

    def around(original: Any) -> Any:
        def fetch(self: Any) -> Any:
            iterator, steps = last
            if iterator == id(self) and run.steps > steps:
                trained.add(id(self))  # a step was made from its last batch
            elif iterator != id(self):
                trained.discard(id(self))  # another one, which has the number of one that is gone
            if run.pending and id(self) in trained and run.listening:
                run.boundary()
            last[:] = id(self), run.steps
            return original(self)

        return fetch

    replace(stack, dataloader._BaseDataLoaderIter, "__next__", around)
