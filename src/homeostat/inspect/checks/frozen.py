"""Frozen: what is not to be trained does not move by other ways."""

from __future__ import annotations

from typing import Any

from torch import nn

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.record.check import Checks, Found
from homeostat.wording import some


def check(bench: ShortRuns) -> Checks:
    found = Found("frozen parts")
    run = bench.anatomy
    moving = {name for c in run.calls if c.learnt_from for name, batch in c.norms if batch}
    frozen = False
    moves = run.facts.frozen_moves
    if moves:
        yield found.fault(
            f"What is frozen still moves: {some(sorted(moves))} have requires_grad=False, and "
            f"their optimiser changed them in {max(moves.values())} of the steps looked at, by "
            "momentum, weight decay or a gradient from before.",
            "Set their gradients to None when they are frozen (zero_grad(set_to_none=True)), or "
            "take them out of the optimiser.",
            weights=sorted(moves),
        )
        return
    for label, root in run.models.items():
        named = [
            path for path, module in root.named_modules()
            if vars(module).get("requires_grad") is False
            and any(p.requires_grad for p in module.parameters())
        ]  # fmt: skip
        if named:
            yield found.warning(
                f"{some(named)} of {label.lstrip('0123456789_')} is not frozen: requires_grad was "
                "set to False on the module, where it is a plain attribute, and its parameters "
                "are trained.",
                "Call module.requires_grad_(False), with the underscore.",
                modules=named,
            )
            return
        parameters = list(root.parameters())
        if not parameters or not any(p.requires_grad for p in parameters):
            continue
        parts = _frozen_parts(root)
        frozen |= bool(parts)
        norms = [
            path for path, module in root.named_modules()
            if isinstance(module, nn.modules.batchnorm._BatchNorm)
            and any(path == p or path.startswith(f"{p}.") for p in parts)
            and any(path == n or n.endswith(f".{path}") for n in moving)
        ]  # fmt: skip
        if norms:
            yield found.warning(
                f"A frozen part of {label.lstrip('0123456789_')} moves: the parameters of "
                f"{some(parts)} are not trained, but its batch norms {some(norms)} are in "
                "training mode: their running statistics follow every batch.",
                "Call .eval() on the frozen part after model.train().",
                modules=norms,
            )
            return
    if frozen:
        yield found.ok("What is frozen stays as it is.")


def _frozen_parts(root: Any) -> list[str]:
    """The outermost named parts whose parameters are all frozen."""
    parts: list[str] = []
    for path, module in root.named_modules():
        own = list(module.parameters())
        if not path or not own or any(p.requires_grad for p in own):
            continue
        if not any(path.startswith(f"{p}.") for p in parts):
            parts.append(path)
    return parts
