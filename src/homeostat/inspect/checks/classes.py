"""Classes: what is learnt has more than one, one to an example, and leaves out none that counts."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.tracer.recording import Recording
from homeostat.record.check import Checks, Found

LEAST = 32
SHARE = 0.2
"""Of the rows, or of the places: fewer may be slips of the data."""
OF_CLASSES = ("cross_entropy", "nll_loss")


def check(bench: ShortRuns) -> Checks:
    found = Found("classes")
    run = bench.anatomy
    problems = [*_one(found, run), *_several(found, run), *_left_out(found, run),
                *_padding(found, run)]  # fmt: skip
    yield from problems
    if not problems and _learnt(run):
        yield found.ok("Classes are learnt one to an example, and none that counts is left out.")


def _learnt(run: Recording) -> list[Any]:
    """Targets of losses over classes."""
    return [p.target for c in run.calls if c.learnt_from for p in c.pairs
            if p.function in OF_CLASSES and not p.made]  # fmt: skip


def _scored(run: Recording) -> set[int]:
    """Classes that rows are scored against."""
    rows = [p.target for p in run.last_scored if _is_rows(p.target)]
    return set(torch.cat([r.flatten().cpu().long() for r in rows]).tolist()) if rows else set()


def _is_rows(target: Any) -> bool:
    return target.ndim == 1 and not target.is_floating_point() and target.numel() > 1


def _one(found: Found, run: Recording) -> Checks:
    shapes = {c.time: tuple(c.shape) for c in run.calls}
    # Answers that are compared with one another are not the model's classes: the first is right.
    own = [p for p in run.last_trained if p.function in OF_CLASSES and not p.made
           and tuple(p.predicted.shape) == shapes.get(p.call)]  # fmt: skip
    learnt = [p.target.flatten().cpu() for p in own if not p.target.is_floating_point()]
    if sum(t.numel() for t in learnt) < LEAST:
        return
    values, scored = torch.cat(learnt).unique().tolist(), _scored(run)
    if len(values) == 1 and scored - set(values):
        yield found.fault(
            f"Every target that it learns from is {values[0]}, and it is scored on "
            f"{len(scored)} classes.",
            "Print the targets as the loss gets them: fractions that are made whole numbers, and "
            "a filter on one class, both leave one value.",
        )


def _several(found: Found, run: Recording) -> Checks:
    for target in _learnt(run):
        if not target.is_floating_point() or target.ndim < 2 or target.numel() < LEAST:
            continue
        sums = target.double().sum(1)
        over = float((sums > 1.01).double().mean())
        if over > SHARE:
            yield found.warning(
                f"Cross entropy is given targets with several classes at once: in "
                f"{100 * over:.0f} % of the rows they add up to more than 1, to "
                f"{float(sums.max()):.3g} at most. A softmax shares 1 out among all classes.",
                "Where several classes hold at once, each is a question of its own: "
                "binary_cross_entropy_with_logits.",
            )
            return


def _left_out(found: Found, run: Recording) -> Checks:
    scored = _scored(run)
    # Places of sequences, which are left out on purpose, come as rows only when they are flattened.
    shapes = {tuple(c.shape) for c in run.calls}
    for meeting in run.facts.meetings:
        left = meeting.ignored
        if meeting.function not in OF_CLASSES or left is None or left < 0 or left not in scored:
            continue
        own = tuple(meeting.shape) in shapes and len(meeting.shape) == 2
        if own and meeting.target is not None and _is_rows(meeting.target):
            yield found.fault(
                f"Class {left} is never learnt, and counts in the score: the loss is told to leave "
                f"it out (ignore_index={left}, or a weight of 0).",
                "ignore_index is for rows without a class, by a number that is none: -100.",
            )
            return


def _padding(found: Found, run: Recording) -> Checks:
    for call in {id(c.module): c for c in run.calls if c.learnt_from and c.inputs}.values():
        tables = [(name, m) for name, m in call.module.named_modules()
                  if isinstance(m, (nn.Embedding, nn.EmbeddingBag))]  # fmt: skip
        shown = call.inputs[0]
        if len(tables) != 1 or shown.is_floating_point() or shown.ndim != 2:
            continue
        ((name, table),) = tables
        place = table.padding_idx
        if place is None:
            continue
        is_it = (shown == place).long()
        real = 1 - is_it
        inside = is_it * (real.cumsum(1) > 0) * (real.flip(1).cumsum(1).flip(1) > 0)
        if is_it.sum() >= LEAST / 2 and float(inside.sum() / is_it.sum()) > SHARE:
            yield found.warning(
                f"Token {place} is padding to the table {name or call.model} (padding_idx), so its "
                f"row stays at 0 and is never learnt; but {int(inside.sum())} of "
                f"{int(is_it.sum())} of them stand between other tokens, where no padding is.",
                "Leave padding_idx out, or give padding a number of its own.",
            )
            return
