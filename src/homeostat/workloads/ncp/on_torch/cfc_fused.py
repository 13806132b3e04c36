"""A whole CfC sequence as one differentiable operation, with its gradient derived by hand.

The plain cell records some fifteen small operations per step, and their bookkeeping costs more than
their arithmetic. Here a step is two matrix products and a few operations in place. Three things
leave the loop: the inputs' share of the first product (one product for all steps), the slopes of
every non-linearity (going back, the states are known), and the gradients of the weights.

With dense layers z_0 = x W_x' + b_0 + h W_h',  y_l = act(z_l),  z_l+1 = y_l W_l+1' + b_l+1, the
last z being the heads p, and with the slopes D_l = dy_l/dz_l and C = dh'/dp, the way back is

    dp = C dh,    dz_l = D_l (dz_l+1 W_l+1),    dh one step earlier = dz_0 W_h + what arrives there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from homeostat.workloads.ncp.on_torch.cfc_heads import Gated, Pure
from homeostat.workloads.ncp.spec import LECUN_IN, LECUN_OUT

if TYPE_CHECKING:
    from homeostat.workloads.ncp.on_torch.cfc import CfCCell

# T steps, B sequences, I inputs, H neurons, U backbone units, K heads.


def _gelu_slope(z: Tensor, y: Tensor) -> Tensor:
    slope: Tensor = torch.ops.aten.gelu_backward(torch.ones_like(z), z)
    return slope


def _silu_slope(z: Tensor, y: Tensor) -> Tensor:
    gate = torch.sigmoid(z)
    return torch.addcmul(gate, y, 1.0 - gate)


# Activation -> y written to `out`, and its slope dy/dz from z and y.
FORWARD: dict[str, Callable[..., Any]] = {
    "tanh": torch.tanh,
    "relu": lambda z, out: torch.clamp_min(z, 0.0, out=out),
    "gelu": torch.ops.aten.gelu.out,
    "silu": torch.ops.aten.silu.out,
}
SLOPE: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "tanh": lambda z, y: 1.0 - y * y,
    "relu": lambda z, y: (z > 0.0).to(z.dtype),
    "gelu": _gelu_slope,
    "silu": _silu_slope,
}


def cfc_sequence(cell: CfCCell, x_TBI: Tensor, dt_TB1: Tensor, h0_BH: Tensor) -> Tensor:
    """States h after each step, shape (T, B, H), from inputs, time steps and the first state.

    Differentiable once: a second derivative raises torch's own error; `CfCCell.step` has all.
    """
    spec, backbone = cell.spec, cell.spec.backbone
    weights: list[Tensor] = [
        cell.get_parameter(f"backbone_weight_{i}") for i in range(backbone.layers)
    ]
    biases: list[Tensor] = [
        cell.get_parameter(f"backbone_bias_{i}") for i in range(backbone.layers)
    ]
    weights.append(cell.heads_weight_masked)
    biases.append(cell.get_parameter("heads_bias"))

    activation = backbone.activation
    if activation == "lecun_tanh":
        # Its two constants fold into the weights around it, which leaves a plain tanh in the loop.
        activation = "tanh"
        for i in range(backbone.layers):
            weights[i], biases[i] = LECUN_IN * weights[i], LECUN_IN * biases[i]
            weights[i + 1] = LECUN_OUT * weights[i + 1]

    keep = None
    if backbone.layers and backbone.dropout and cell.training:
        shape = (backbone.layers, *x_TBI.shape[:2], backbone.units)
        keep = F.dropout(x_TBI.new_ones(shape), backbone.dropout)

    pure: tuple[Tensor | None, ...] = (None, None)
    if spec.mode == "pure":
        pure = (cell.get_parameter("A"), cell.get_parameter("w_tau"))
    h_TBH: Tensor = _Sequence.apply(  # type: ignore[no-untyped-call]  # torch's own is untyped
        spec.mode, activation, keep, x_TBI, dt_TB1, h0_BH, *pure, *weights, *biases
    )
    return h_TBH


class _Sequence(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        mode: str,
        activation: str,
        keep_LTBU: Tensor | None,
        x_TBI: Tensor,
        dt_TB1: Tensor,
        h0_BH: Tensor,
        a_H: Tensor | None,
        w_tau_H: Tensor | None,
        *layers: Tensor,
    ) -> Tensor:
        num = len(layers) // 2
        weights, biases = layers[:num], layers[num:]
        first_x, first_h = weights[0].split([x_TBI.shape[2], h0_BH.shape[1]], dim=1)
        length, batch = x_TBI.shape[:2]

        z = [F.linear(x_TBI, first_x, biases[0])]
        z += [x_TBI.new_empty(length, batch, bias.shape[0]) for bias in biases[1:]]
        y = [torch.empty_like(z_l) for z_l in z[:-1]]
        h = x_TBI.new_empty(length + 1, batch, h0_BH.shape[1])
        h[0] = h0_BH
        combine: Gated | Pure
        if a_H is not None and w_tau_H is not None:
            combine = Pure(z[-1], dt_TB1, a_H, w_tau_H)
        else:
            combine = Gated(z[-1], dt_TB1, leave_ungated=mode == "no_gate")

        # Lists of per-step views: indexing a tensor inside the loop costs as much as arithmetic.
        z_t, y_t, h_t = [z_l.unbind() for z_l in z], [y_l.unbind() for y_l in y], h.unbind()
        keep_t = None if keep_LTBU is None else [keep.unbind() for keep in keep_LTBU]
        transposed = [first_h.t(), *(weight.t() for weight in weights[1:])]
        act = FORWARD[activation]
        for t in range(length):
            z_t[0][t].addmm_(h_t[t], transposed[0])
            for i in range(num - 1):
                act(z_t[i][t], out=y_t[i][t])
                if keep_t is not None:
                    y_t[i][t].mul_(keep_t[i][t])
                torch.addmm(biases[i + 1], y_t[i][t], transposed[i + 1], out=z_t[i + 1][t])
            combine.step(t, h_t[t + 1])

        ctx.activation, ctx.combine, ctx.z = activation, combine, z
        ctx.save_for_backward(keep_LTBU, x_TBI, h, *weights, *y)
        return h[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_TBH: Tensor) -> tuple[Tensor | None, ...]:
        num = len(ctx.z)
        keep_LTBU, x_TBI, h, *saved = ctx.saved_tensors
        weights, y = saved[:num], saved[num:]
        first_x, first_h = weights[0].split([x_TBI.shape[2], h.shape[2]], dim=1)
        length = x_TBI.shape[0]

        slopes = []
        for i, (z_l, y_l) in enumerate(zip(ctx.z, y, strict=False)):
            if keep_LTBU is None:
                slopes.append(SLOPE[ctx.activation](z_l, y_l))
            else:
                FORWARD[ctx.activation](z_l, out=(dry := torch.empty_like(z_l)))
                slopes.append(SLOPE[ctx.activation](z_l, dry) * keep_LTBU[i])
        dz = [torch.empty_like(z_l) for z_l in ctx.z]
        dh_TBH = torch.empty_like(grad_TBH)
        head_slopes_TBKH = ctx.combine.slopes()
        dp_TBKH = dz[-1].view(head_slopes_TBKH.shape)

        grad_t, dh_t, dz_t = grad_TBH.unbind(), dh_TBH.unbind(), [d.unbind() for d in dz]
        slope_t, head_t, dp_t = (
            [s.unbind() for s in slopes],
            head_slopes_TBKH.unbind(),
            dp_TBKH.unbind(),
        )
        dh_t[-1].copy_(grad_t[-1])
        for t in range(length - 1, -1, -1):
            torch.mul(head_t[t], dh_t[t].unsqueeze(1), out=dp_t[t])
            for i in range(num - 2, -1, -1):
                torch.mm(dz_t[i + 1][t], weights[i + 1], out=dz_t[i][t]).mul_(slope_t[i][t])
            if t:
                torch.addmm(grad_t[t - 1], dz_t[0][t], first_h, out=dh_t[t - 1])

        flat = [d.flatten(0, 1) for d in dz]
        seen = [torch.cat([x_TBI, h[:-1]], dim=2).flatten(0, 1), *(y_l.flatten(0, 1) for y_l in y)]
        d_weights = [d.t() @ inputs for d, inputs in zip(flat, seen, strict=True)]
        dx = dz[0] @ first_x if ctx.needs_input_grad[3] else None
        dt = ctx.combine.dt_gradient(dz[-1], dh_TBH) if ctx.needs_input_grad[4] else None
        d_own = ctx.combine.own_gradients(dh_TBH)
        return (
            *(None, None, None, dx, dt, dz_t[0][0] @ first_h, *d_own),
            *d_weights,
            *(d.sum(0) for d in flat),
        )
