"""Padding: what fills short sequences up has no part in answers or losses.

Rows of tokens that end in a run of one token are cut to their own length, and the model is asked
again: the answer must be the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.tracer.asking import Asked, apart, evaluating, limited, main_calls, spread
from homeostat.inspect.tracer.recording import Call
from homeostat.record.check import Checks, Found

LEAST_LENGTHS = 3
LEAST_SHARE = 0.1
SEEN = 0.03
"""Answers move by more than this share of their spread."""
MOST_LENGTHS = 6
IN_LOSS = 0.05
MASKS = ("key_padding_mask", "src_key_padding_mask", "attn_mask", "src_mask", "mask")


@dataclass
class PaddingTail:
    """Padding of a batch of tokens."""

    token: int
    lengths: Any
    """Of each row, without its padding."""


def check(bench: ShortRuns) -> Checks:
    found = Found("padding")
    run = bench.anatomy
    pads: dict[int, str] = {}
    fine = ""
    for call in main_calls(run):
        tail = tail_of(call)
        if tail is None:
            continue
        pads[tail.token] = call.model
        with evaluating(call.module):
            moved = _moved(call, tail)
            masked = _has_mask(call) if moved is not None and moved > SEEN else False
        if moved is None:
            continue
        if moved <= SEEN:
            fine = call.model
            continue
        saw = (
            f"{call.model} reads padding: without the {_share(tail, call):.0f} % of places that "
            f"hold token {tail.token} at the end of rows, {_by(moved)}"
        )
        if masked:
            yield found.fault(
                f"{saw}, although it is given a mask: the mask does not hide them.",
                "True in a key_padding_mask means that a place is ignored: mask = tokens == PAD. "
                "An attention mask of 1 for real places has the opposite sense.",
                moved=moved,
            )
        else:
            yield found.warning(
                f"{saw}.",
                "Mask padding: key_padding_mask for attention, pack_padded_sequence for a "
                "recurrence, a mean over real places only.",
                moved=moved,
            )
    yield from _in_loss(found, bench, pads)
    if fine:
        yield found.ok(f"{fine} answers the same with padding and without.")


def _by(moved: float) -> str:
    if moved == math.inf:
        return "answers are not finite"
    return f"answers move by {moved:.2g} of their spread"


def tail_of(call: Call) -> PaddingTail | None:
    """The padding at the end of a call's tokens; None if there is none."""
    shown = call.inputs[0]
    if shown.is_floating_point() or shown.ndim != 2 or shown.shape[1] < 3 or len(shown) < 4:
        return None
    if shown.dtype == torch.bool:
        return None
    declared = {
        m.padding_idx for m in call.module.modules()
        if isinstance(m, nn.Embedding) and m.padding_idx is not None
    }  # fmt: skip
    ends, counts = torch.unique(shown[:, -1], return_counts=True)
    for token in sorted(declared) or [int(ends[counts.argmax()])]:
        at_end = (shown == token).flip(1).long().cumprod(1).sum(1)
        lengths = shown.shape[1] - at_end
        real = torch.arange(shown.shape[1], device=shown.device)[None] < lengths[:, None]
        inside = float(((shown == token) & real).sum()) / max(float(real.sum()), 1.0)
        short = float((at_end >= 1).double().mean())
        different = len(torch.unique(lengths[at_end > 0]))
        if short >= 2 * LEAST_SHARE and different >= LEAST_LENGTHS and inside <= 0.01:
            return PaddingTail(int(token), lengths)
    return None


def _share(tail: PaddingTail, call: Call) -> float:
    width = call.inputs[0].shape[1]
    return 100 * float(1 - tail.lengths.double().mean() / width)


def _moved(call: Call, tail: PaddingTail) -> float | None:
    asked = Asked(call)
    if not asked.fits:
        return None
    whole = asked.steady()
    if whole is None or whole.ndim < 1 or len(whole) != asked.count:
        return None
    width = call.inputs[0].shape[1]
    scale = spread(whole)
    worst: float | None = None
    lengths = torch.unique(tail.lengths[(tail.lengths > 0) & (tail.lengths < width)])
    for length in lengths[:: max(1, len(lengths) // MOST_LENGTHS)].tolist():
        index = (tail.lengths == length).nonzero()[:, 0]
        cut = [
            t.narrow(1, 0, length) if t.ndim > 1 and t.shape[1] == width else t
            for t in asked.taken(index)
        ]
        answer = asked.raw(cut)
        wanted = whole.index_select(0, index.to(whole.device))
        if answer is None:
            continue
        if wanted.ndim > 1 and wanted.shape[1] == width and answer.shape[1] == length:
            wanted = wanted.narrow(1, 0, length)
        if answer.shape != wanted.shape:
            continue
        if not bool(torch.isfinite(answer).any()):
            return math.inf  # without its padding, nothing is left of a row
        worst = max(worst or 0.0, apart(wanted, answer.nan_to_num(0.0), scale))
    return worst


def _has_mask(call: Call) -> bool:
    """Whether attention in the model is given a mask of places."""
    seen: list[str] = []

    def note(module: Any, args: Any, kwargs: Any) -> None:
        seen.extend(k for k in MASKS if isinstance(kwargs.get(k), torch.Tensor))
        if isinstance(module, nn.TransformerEncoderLayer | nn.TransformerEncoder):
            seen.extend("args" for a in args[1:] if isinstance(a, torch.Tensor))

    class MaskArguments(torch.overrides.TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            if func is F.scaled_dot_product_attention:
                mask = (kwargs or {}).get("attn_mask", args[3] if len(args) > 3 else None)
                if isinstance(mask, torch.Tensor):
                    seen.append("attn_mask")
            return func(*args, **(kwargs or {}))

    hooks = [m.register_forward_pre_hook(note, with_kwargs=True) for m in call.module.modules()]
    try:
        with MaskArguments():
            limited(Asked(call)).answer()
    finally:
        for hook in hooks:
            hook.remove()
    return bool(seen)


def _in_loss(found: Found, bench: ShortRuns, pads: dict[int, str]) -> Checks:
    """Padding among the targets over which a loss is averaged."""
    run = bench.anatomy
    for token, model in pads.items():
        targets = [
            target
            for call in run.calls if call.model == model and call.learnt_from and call.inputs
            for target in (pair.target for pair in call.pairs) if _by_place(call, target)
        ]  # fmt: skip
        sizes = {t.numel() for t in targets}
        counted = [
            m for m in run.facts.meetings
            if m.model == model and m.loss == m.loss and m.target is not None
            and m.ignored != token and m.target.numel() in sizes
        ]  # fmt: skip
        total = sum(t.numel() for t in targets)
        padding = sum(int((t == token).sum()) for t in targets)
        if counted and padding > IN_LOSS * total:
            yield found.warning(
                f"Padding is learnt: {100 * padding / total:.0f} % of the targets over which "
                f"{counted[0].function} is averaged are token {token}, which fills rows up.",
                f"Give the loss ignore_index={token}, or average over real places only.",
                share=padding / total,
            )


def _by_place(call: Call, target: Any) -> bool:
    """Whether there is a target for each place of a batch of tokens."""
    if target.is_floating_point() or call.inputs[0].ndim != 2:
        return False
    rows, width = call.inputs[0].shape
    return target.numel() in (rows * width, rows * (width - 1))
