"""Ledger: which backward pass put a gradient where, and whose step used it.

A loss is taken apart into its summands. A summand whose gradient is always cleared before any
weight that it reached is stepped has taught nothing; a step on a gradient into which another
optimiser's pass went has learnt from a loss that was not its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from homeostat.inspect.tracer.facts import Constant, Term, TraceFacts
from homeostat.inspect.tracer.shared import Shared
from homeostat.inspect.tracer.tensors import is_clear

SUMS = ("AddBackward", "SubBackward")
SCALINGS = ("MulBackward", "DivBackward", "NegBackward", "MeanBackward", "SumBackward")
MOST_TERMS = 12
MOST_NODES = 100_000


@dataclass
class _Pending:
    term: Term
    optimizers: set[int] = field(default_factory=set)


class Ledger:
    """Follows gradients from the pass that made them to the step that used them."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._terms: dict[tuple[Any, ...], Term] = {}
        self._pending: list[_Pending] = []
        self._ownerless: list[tuple[Term, set[int]]] = []
        """Summands that reach weights of no optimiser that is known yet."""
        self._deposits: dict[int, list[int]] = {}
        self._users: dict[int, set[int]] = {}
        """Pass -> optimisers that have stepped on it."""
        self._complete = True
        """Every pass so far was looked at."""
        self.sums: dict[Any, tuple[str, float, str]] = {}
        """Since the last pass: nodes of sums with a summand that has no gradient, where they
        stand, that summand, and the loss function that made it."""

    @property
    def facts(self) -> TraceFacts:
        return self._shared.recording.facts

    def passed(self, root: Any, reached: set[int] | None) -> None:
        """A backward pass begins, which reaches these weights; None if it was not looked at."""
        number = self.facts.passes
        self.facts.passes += 1
        self.facts.leaf_passes += root.grad_fn is None and id(root) not in self._shared.weights
        if reached is None:
            self._complete = False
        summands, sums = _taken_apart(root.grad_fn)
        self._note_constants(sums)
        if not self._complete:
            return
        owners = self._owners()
        for index, parameters in owners.items():
            if self._deposits.get(index) and is_clear(
                self._shared.recording.optimizers[index].thing
            ):
                self.cleared(index)
            if not parameters.isdisjoint(reached or ()):
                self._deposits.setdefault(index, []).append(number)
        if len(summands) < 2:
            return
        whole = frozenset(reached or ())
        for place, node in summands[:MOST_TERMS]:
            weights = self._weights(node)
            if weights:
                self._open((whole, place, node.name()), weights, owners)

    def _note_constants(self, sums: list[Any]) -> None:
        for node in sums:
            if node in self.sums:
                where, value, function = self.sums[node]
                constants = self.facts.constants
                constant = constants.setdefault(where, Constant(where, function=function))
                constant.values.append(value)
        self.sums.clear()

    def _open(self, key: tuple[Any, ...], weights: set[int], owners: dict[int, set[int]]) -> None:
        """A summand's gradient is on its way to its weights."""
        if key not in self._terms:
            self._terms[key] = Term(key[-1].split("Backward")[0])
            self.facts.terms.append(self._terms[key])
        term = self._terms[key]
        term.passes += 1
        if not term.models:
            names = self._shared.recording.models
            term.models = tuple(
                label for label, model in names.items()
                if any(id(p) in weights for p in model.parameters())
            )  # fmt: skip
        mine = {i for i, parameters in owners.items() if not parameters.isdisjoint(weights)}
        if mine:
            self._pending.append(_Pending(term, mine))
        elif any(not parameters.isdisjoint(key[0]) for parameters in owners.values()):
            self._ownerless.append((term, weights))

    def _owners(self) -> dict[int, set[int]]:
        return {
            i: {id(p) for group in optimizer.thing.param_groups for p in group["params"]}
            for i, optimizer in enumerate(self._shared.recording.optimizers)
        }

    def _weights(self, node: Any) -> set[int]:
        found: set[int] = set()
        seen: set[Any] = set()
        waiting = [node]
        while waiting and len(seen) < MOST_NODES:
            node = waiting.pop()
            if node in seen:
                continue
            seen.add(node)
            variable = getattr(node, "variable", None)
            if variable is not None and id(variable) in self._shared.weights:
                found.add(id(variable))
            waiting.extend(n for n, _ in node.next_functions if n is not None)
        return found

    def finish(self) -> None:
        """The run is over: what no optimiser has by now, none has."""
        owned = set().union(*self._owners().values())
        for term, weights in self._ownerless:
            if weights.isdisjoint(owned):
                term.lost += 1
        self._ownerless.clear()

    def stepped(self, index: int) -> None:
        """An optimiser steps."""
        if not self._complete:
            return
        for pending in [p for p in self._pending if index in p.optimizers]:
            pending.term.used += 1
            self._pending.remove(pending)
        deposits = self._deposits.get(index, [])
        self.facts.per_step.setdefault(index, []).append(len(deposits))
        others = {
            user
            for number in deposits[:-1]
            for user in self._users.get(number, ())
            if user != index and index not in self._users[number]
        }
        last = deposits[-1] if deposits else -1
        for user in others - self._users.get(last, set()):
            mine = self.facts.foreign.setdefault(index, {})
            mine[user] = mine.get(user, 0) + 1
        for number in deposits:
            self._users.setdefault(number, set()).add(index)

    def cleared(self, index: int) -> None:
        """The gradients of an optimiser's weights were cleared."""
        self._deposits[index] = []
        for pending in [p for p in self._pending if index in p.optimizers]:
            pending.optimizers.discard(index)
            if not pending.optimizers:
                pending.term.lost += 1
                self._pending.remove(pending)


def _taken_apart(root: Any) -> tuple[list[tuple[tuple[int, ...], Any]], list[Any]]:
    """The summands of a loss with their places in the sum, and the nodes of the sum itself."""
    summands: list[tuple[tuple[int, ...], Any]] = []
    sums = []
    waiting: list[tuple[tuple[int, ...], Any]] = [((), root)]
    while waiting and len(summands) < 4 * MOST_TERMS:
        place, node = waiting.pop()
        if node is None:
            continue
        name = node.name()
        parts = [(i, n) for i, (n, _) in enumerate(node.next_functions) if n is not None]
        if name.startswith(SUMS) or (name.startswith(SCALINGS) and len(parts) == 1):
            sums.append(node)
            waiting.extend(((*place, i), n) for i, n in parts)
        else:
            summands.append((place, node))
    return sorted(summands, key=lambda pair: pair[0]), sums
