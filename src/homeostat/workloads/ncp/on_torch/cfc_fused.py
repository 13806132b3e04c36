"""A whole CfC sequence as one differentiable operation, with its gradient derived by hand.

The plain cell records some fifteen small operations per step, and their bookkeeping costs more than
their arithmetic. Here a step is two matrix products and a few operations in place. What leaves the
loop: the inputs' share of the first product (one product for all steps), and, in chunks of steps
that stay in the cache, the slopes of every non-linearity and the gradients of the weights.

With dense layers z_0 = x W_x' + b_0 + h W_h',  y_l = act(z_l),  z_l+1 = y_l W_l+1' + b_l+1, the
last z being the heads p, and with the slopes D_l = dy_l/dz_l and C = dh'/dp, the way back is

    dp = C dh,    dz_l = D_l (dz_l+1 W_l+1),    dh one step earlier = dz_0 W_h + what arrives there.

Several cells of one shape (members) go through together: each operation then does the work of all,
and its bookkeeping is paid once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from homeostat.workloads.ncp.on_torch.cfc_heads import Gated, Pure
from homeostat.workloads.ncp.spec import LECUN_IN, LECUN_OUT

if TYPE_CHECKING:
    from homeostat.workloads.ncp.on_torch.cfc import CfCCell

# M members, T steps, B sequences, I inputs, H neurons, U backbone units, K heads.


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


# Activations whose slope follows from their output.
FROM_OUTPUT = ("tanh", "relu")

# Numbers in a chunk of the heads' gradients on the way back: 1 MB, half of a usual second cache.
CHUNK = 2**18


def cfc_sequence(
    cells: Sequence[CfCCell], x_MTBI: Tensor, dt_MTB1: Tensor, h0_MBH: Tensor
) -> Tensor:
    """States h after each step, shape (M, T, B, H), from inputs, time steps and first states.

    Args:
        cells: The members, of one specification; every gradient goes to its own member.

    Differentiable once: a second derivative raises torch's own error; `CfCCell.step` has all.
    """
    spec, backbone = cells[0].spec, cells[0].spec.backbone

    def stacked(name: str) -> Tensor:
        return torch.stack([cell.get_parameter(name) for cell in cells])

    weights = [stacked(f"backbone_weight_{i}") for i in range(backbone.layers)]
    biases = [stacked(f"backbone_bias_{i}") for i in range(backbone.layers)]
    weights.append(torch.stack([cell.heads_weight_masked for cell in cells]))
    biases.append(stacked("heads_bias"))

    activation = backbone.activation
    if activation == "lecun_tanh":
        # Its two constants fold into the weights around it, which leaves a plain tanh in the loop.
        activation = "tanh"
        for i in range(backbone.layers):
            weights[i], biases[i] = LECUN_IN * weights[i], LECUN_IN * biases[i]
            weights[i + 1] = LECUN_OUT * weights[i + 1]

    keep = None
    if backbone.layers and backbone.dropout and cells[0].training:
        shape = (backbone.layers, *x_MTBI.shape[:3], backbone.units)
        keep = F.dropout(x_MTBI.new_ones(shape), backbone.dropout)

    pure: tuple[Tensor | None, ...] = (None, None)
    if spec.mode == "pure":
        pure = (stacked("A"), stacked("w_tau"))
    h_MTBH: Tensor = _Sequence.apply(  # type: ignore[no-untyped-call]  # torch's own is untyped
        spec.mode, activation, keep, x_MTBI, dt_MTB1, h0_MBH, *pure, *weights, *biases
    )
    return h_MTBH


class _Sequence(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        mode: str,
        activation: str,
        keep_LMTBU: Tensor | None,
        x_MTBI: Tensor,
        dt_MTB1: Tensor,
        h0_MBH: Tensor,
        a_MH: Tensor | None,
        w_tau_MH: Tensor | None,
        *layers: Tensor,
    ) -> Tensor:
        num = len(layers) // 2
        weights, biases = layers[:num], [bias.unsqueeze(1) for bias in layers[num:]]
        first_x, first_h = weights[0].split([x_MTBI.shape[3], h0_MBH.shape[2]], dim=2)
        members, length, batch = x_MTBI.shape[:3]

        from_x = torch.baddbmm(biases[0], x_MTBI.flatten(1, 2), first_x.transpose(1, 2))
        z = [from_x.unflatten(1, (length, batch))]
        z += [x_MTBI.new_empty(members, length, batch, b.shape[2]) for b in biases[1:]]
        # Where the slope follows from y alone, y takes the place of z.
        y = z[:-1] if activation in FROM_OUTPUT else [torch.empty_like(z_l) for z_l in z[:-1]]
        h = x_MTBI.new_empty(members, length + 1, batch, h0_MBH.shape[2])
        h[:, 0] = h0_MBH
        combine: Gated | Pure
        if a_MH is not None and w_tau_MH is not None:
            combine = Pure(z[-1], dt_MTB1, a_MH, w_tau_MH)
        else:
            combine = Gated(z[-1], dt_MTB1, leave_ungated=mode == "no_gate")

        # Lists of per-step views: indexing a tensor inside the loop costs as much as arithmetic.
        z_t, y_t, h_t = [z_l.unbind(1) for z_l in z], [y_l.unbind(1) for y_l in y], h.unbind(1)
        keep_t = None if keep_LMTBU is None else [keep.unbind(1) for keep in keep_LMTBU]
        transposed = [first_h.transpose(1, 2), *(w.transpose(1, 2) for w in weights[1:])]
        act = FORWARD[activation]
        for t in range(length):
            z_t[0][t].baddbmm_(h_t[t], transposed[0])
            for i in range(num - 1):
                act(z_t[i][t], out=y_t[i][t])
                if keep_t is not None:
                    y_t[i][t].mul_(keep_t[i][t])
                torch.baddbmm(biases[i + 1], y_t[i][t], transposed[i + 1], out=z_t[i + 1][t])
            combine.step(t, h_t[t + 1])

        ctx.activation, ctx.combine, ctx.z, ctx.y = activation, combine, z, y
        ctx.save_for_backward(keep_LMTBU, x_MTBI, h, *weights)
        return h[:, 1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_MTBH: Tensor) -> tuple[Tensor | None, ...]:
        z, y, combine = ctx.z, ctx.y, ctx.combine
        keep_LMTBU, x_MTBI, h, *weights = ctx.saved_tensors
        first_x, first_h = weights[0].split([x_MTBI.shape[3], h.shape[3]], dim=2)
        members, length, batch = x_MTBI.shape[:3]
        steps = min(max(CHUNK // (members * batch * z[-1].shape[3]), 1), length)

        # Gradients of one chunk, reused; those of the weights add up over the chunks.
        dz = [z_l.new_empty(members, steps, batch, z_l.shape[3]) for z_l in z]
        dh = h.new_empty(members, steps, batch, h.shape[3])
        d_weights = [torch.zeros_like(weight) for weight in weights]
        d_biases = [weight.new_zeros(weight.shape[:2]) for weight in weights]
        dx = torch.empty_like(x_MTBI) if ctx.needs_input_grad[3] else None
        d_dt = torch.empty_like(combine.dt_MTB1) if ctx.needs_input_grad[4] else None

        d_first = h.new_zeros(members, batch, h.shape[3])  # of the state before the chunk after
        for stop in range(length, 0, -steps):
            here = slice(max(stop - steps, 0), stop)
            count = here.stop - here.start
            slope_t = [_slopes(ctx, keep_LMTBU, i, here).unbind(1) for i in range(len(y))]
            head_t = combine.slopes(here).unbind(1)
            dz_t, dh_t, grad_t = (
                [d.unbind(1) for d in dz],
                dh.unbind(1),
                grad_MTBH[:, here].unbind(1),
            )
            dp_t = dz[-1].unflatten(3, (-1, h.shape[3])).unbind(1)
            torch.add(grad_t[-1], d_first, out=dh_t[count - 1])
            for t in range(count - 1, -1, -1):
                torch.mul(head_t[t], dh_t[t].unsqueeze(2), out=dp_t[t])
                for i in range(len(y) - 1, -1, -1):
                    torch.bmm(dz_t[i + 1][t], weights[i + 1], out=dz_t[i][t]).mul_(slope_t[i][t])
                if t:
                    torch.baddbmm(grad_t[t - 1], dz_t[0][t], first_h, out=dh_t[t - 1])
            d_first = torch.bmm(dz_t[0][0], first_h)

            flat = [d[:, :count].flatten(1, 2) for d in dz]
            seen = [torch.cat([x_MTBI[:, here], h[:, here]], dim=3), *(y_l[:, here] for y_l in y)]
            for d, inputs, d_weight, d_bias in zip(flat, seen, d_weights, d_biases, strict=True):
                d_weight.baddbmm_(d.transpose(1, 2), inputs.flatten(1, 2))
                d_bias.add_(d.sum(1))
            if dx is not None:
                dx[:, here] = torch.bmm(flat[0], first_x).unflatten(1, (count, batch))
            combine.add_gradients(here, dz[-1][:, :count], dh[:, :count], d_dt)
        own = combine.own_gradients()
        return None, None, None, dx, d_dt, d_first, *own, *d_weights, *d_biases


def _slopes(ctx: Any, keep_LMTBU: Tensor | None, layer: int, here: slice) -> Tensor:
    """dy/dz of a backbone layer over a chunk of steps, dropout included."""
    z, y = ctx.z[layer][:, here], ctx.y[layer][:, here]
    if keep_LMTBU is None:
        return SLOPE[ctx.activation](z, y)
    keep = keep_LMTBU[layer][:, here]
    # What dropout kept was scaled up with it; what it did not keep has no slope anyway.
    return SLOPE[ctx.activation](z, torch.where(keep > 0.0, y / keep, y)) * keep
