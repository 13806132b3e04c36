"""Several CfC networks of one shape in one pass: seeds or learning rates side by side.

A small network's step is mostly bookkeeping, paid once for all members here. Each member keeps its
own parameters and gets its own gradients, exactly those it would get alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor

from homeostat.errors import SpaceError
from homeostat.workloads.ncp.model import CfC, time_major
from homeostat.workloads.ncp.on_torch.cfc import CfCCell, cfc_sequence

# M members, B sequences, T steps, I inputs, O outputs.


def forward_together(
    members: Sequence[CfC], x_MBTI: Tensor, dt_MBT: Tensor | None = None
) -> Tensor:
    """Outputs of every member, shape (M, B, T, O), each from its own inputs and from rest.

    Args:
        members: Layers made with the same arguments, except for their random generators.
        x_MBTI: Inputs of each member; `x.expand(M, -1, -1, -1)` gives all the same.
        dt_MBT: Time passed at each step, above 0; 1 by default.

    Raises:
        SpaceError: If members differ in shape, or have mixed memory, which does not run together.
        DataError: If a time step is not above 0.

    Example:
        >>> members = [CfC(5, 16) for _ in range(8)]
        >>> forward_together(members, torch.randn(8, 4, 20, 5)).shape
        torch.Size([8, 4, 20, 16])
    """
    first = members[0]
    shapes = {tuple(p.shape for p in member.parameters()) for member in members}
    if len(shapes) > 1 or any(_traits(member) != _traits(first) for member in members):
        raise SpaceError("Networks that run together must have one shape and the same options.")
    if any(cell.spec.mixed_memory for cell in _cells(first)):
        raise SpaceError("Networks with mixed memory do not run together.")
    count, batch = x_MBTI.shape[:2]
    if count != len(members):
        raise SpaceError(f"{len(members)} members were given inputs for {count}.")
    flat_dt = None if dt_MBT is None else dt_MBT.flatten(0, 1)
    dt_TMB1 = time_major(flat_dt, x_MBTI.flatten(0, 1)).unflatten(1, (count, batch))
    y_TMBO = x_MBTI.permute(2, 0, 1, 3).contiguous()
    projections = [member.projection for member in members]
    y_TMBO = torch.stack(
        [
            y if up is None else up(y.contiguous())
            for up, y in zip(projections, y_TMBO.unbind(1), strict=True)
        ],
        1,
    )
    for depth in zip(*(member.depths() for member in members), strict=True):
        below = y_TMBO
        for cells in zip(*depth, strict=True):
            same = [cast(CfCCell, cell) for cell in cells]
            h0_MBH = y_TMBO.new_zeros(count, batch, same[0].spec.hidden_size)
            y_TMBO = cfc_sequence(same, y_TMBO, dt_TMB1, h0_MBH)
        y_TMBO = first.leave(y_TMBO, below)
    return y_TMBO.permute(1, 2, 0, 3)


def _cells(member: CfC) -> list[CfCCell]:
    return [cast(CfCCell, cell) for depth in member.depths() for cell in depth]


def _traits(member: CfC) -> tuple[object, ...]:
    """What must agree besides shapes: the equations, and whether dropout is on."""
    return (
        member.training,
        member.residual,
        member.num_layers,
        *((cell.spec.mode, cell.spec.backbone) for cell in _cells(member)),
    )
