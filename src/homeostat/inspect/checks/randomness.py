"""Randomness: dropout goes on after an evaluation, and what is scored does not depend on luck."""

from __future__ import annotations

import torch

from homeostat.inspect.checks.shuffling import rows_in_order
from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.tracer.asking import Asked, apart, evaluating, limited, main_calls, tolerance
from homeostat.inspect.tracer.recording import Call
from homeostat.record.check import Checks, Found

LEAST_PASSES = 2


def check(bench: ShortRuns) -> Checks:
    found = Found("randomness")
    run = bench.anatomy
    scored = [c.time for c in run.calls if c.evaluation and not c.training]
    learnt = [c for c in run.calls if c.learnt_from]
    stopped = False
    if scored:
        for calls in _by_module(learnt):
            before = [c for c in calls if c.time < scored[0]]
            after = [c for c in calls if c.time > scored[0] and c.training]
            if len(before) < 1 or len(after) < LEAST_PASSES:
                continue
            if all(c.functional_dropouts for c in before) and not any(
                c.functional_dropouts for c in after
            ):
                stopped = True
                yield found.fault(
                    f"Dropout stops after the first evaluation: {calls[0].model} drops units in "
                    f"the {len(before)} training passes before it, and in none of the "
                    f"{len(after)} after it, though it is in training mode.",
                    "Leave the probability as it was: use p if self.training else 0.0 where it is "
                    "applied, or nn.Dropout.",
                    before=len(before), after=len(after),
                )  # fmt: skip
    lucky = [c for c in main_calls(run) if c.evaluation and not c.training and _by_luck(c)]
    for call in lucky:
        if not call.functional_dropouts:
            yield found.warning(
                f"{call.model} answers the same input otherwise each time in evaluation mode: its "
                "scores depend on luck.",
                "Draw nothing at random in evaluation mode, unless the answer is a sample.",
            )
    for call in main_calls(run):
        if not call.training and _keeps_state(call) and not rows_in_order(run):
            lucky.append(call)
            yield found.warning(
                f"{call.model} keeps a state from call to call: the same input has another answer "
                "the second time, though rows come in changing order, so that the state is of "
                "unrelated rows.",
                "Start each batch from a fresh state, unless one row follows from the other.",
            )
    if not stopped and not lucky and scored:
        yield found.ok("Dropout goes on after evaluations, and scores do not depend on luck.")


def _by_module(calls: list[Call]) -> list[list[Call]]:
    groups: dict[int, list[Call]] = {}
    for call in calls:
        groups.setdefault(id(call.module), []).append(call)
    return list(groups.values())


def _keeps_state(call: Call) -> bool:
    with evaluating(call.module):
        asked = limited(Asked(call))
        if not asked.fits:
            return False
        one = asked.answer(seed=0)
        # Other rows in between: a state that has settled on the same input would not show.
        asked.answer(asked.taken(torch.arange(asked.count).flip(0)), seed=0)
        two = asked.answer(seed=0)
    if one is None or two is None or one.shape != two.shape:
        return False
    return apart(one, two) > tolerance(one)


def _by_luck(call: Call) -> bool:
    with evaluating(call.module):
        asked = limited(Asked(call))
        one, again, two = asked.answer(seed=0), asked.answer(seed=0), asked.answer(seed=1)
    if one is None or two is None or again is None or one.shape != two.shape:
        return False
    return apart(one, again) <= tolerance(one) < apart(one, two)
