"""A whole CfC sequence as one differentiable operation, with its gradient derived by hand.

The plain cell records some fifteen small operations per step, and their bookkeeping costs more than
their arithmetic. Here a step is two matrix products and a few operations in place. What leaves the
loop: the inputs' share of the first product (one product for all steps), and, in chunks of steps
that stay in the cache, the slopes of every non-linearity and the gradients of the weights.

With dense layers z_0 = x W_x' + b_0 + h W_h',  y_l = act(z_l),  z_l+1 = y_l W_l+1' + b_l+1, the
last z being the heads p, and with the slopes D_l = dy_l/dz_l and C = dh'/dp, the way back is

    dp = C dh,    dz_l = D_l (dz_l+1 W_l+1),    dh one step earlier = dz_0 W_h + what arrives there.

Several cells of one shape (members) go through together: each operation then does the work of all,
and its bookkeeping is paid once. Members lie next to each other at every step: products of many
matrices are fast where their results are one piece of memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from homeostat.workloads.ncp.on_torch.cfc_heads import Gated, Pure, by_member, sum_rows
from homeostat.workloads.ncp.spec import SMALL_STEP

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

# Numbers in a chunk of the heads' gradients on the way back: 1 MB, half of a usual second cache. A
# small network may run with others: its share is an eighth of that, and the same when it runs by
# itself, since sums over other chunks would differ in their last digits.
CHUNK, SMALL_CHUNK, LEAST_STEPS = 2**18, 2**15, 8


class CfCSequence(torch.autograd.Function):
    """From inputs, time steps, first states, `A`, `w_tau`, weights and biases to all states."""

    @staticmethod
    def forward(
        ctx: Any,
        mode: str,
        activation: str,
        keep_LTMBU: Tensor | None,
        x_TMBI: Tensor,
        dt_TMB1: Tensor,
        h0_MBH: Tensor,
        a_MH: Tensor | None,
        w_tau_MH: Tensor | None,
        *layers: Tensor,
    ) -> Tensor:
        num = len(layers) // 2
        weights, biases = layers[:num], [bias.unsqueeze(1) for bias in layers[num:]]
        first_x, first_h = weights[0].split([x_TMBI.shape[3], h0_MBH.shape[2]], dim=2)
        length, members, batch = x_TMBI.shape[:3]

        z = [x_TMBI.new_empty(length, members, batch, b.shape[2]) for b in biases]
        from_x = torch.bmm(by_member(x_TMBI), first_x.transpose(1, 2))
        torch.add(from_x.unflatten(1, (length, batch)).transpose(0, 1), biases[0], out=z[0])
        # Where the slope follows from y alone, y takes the place of z.
        y = z[:-1] if activation in FROM_OUTPUT else [torch.empty_like(z_l) for z_l in z[:-1]]
        h = x_TMBI.new_empty(length + 1, members, batch, h0_MBH.shape[2])
        h[0] = h0_MBH
        combine: Gated | Pure
        if a_MH is not None and w_tau_MH is not None:
            combine = Pure(z[-1], dt_TMB1, a_MH, w_tau_MH)
        else:
            combine = Gated(z[-1], dt_TMB1, leave_ungated=mode == "no_gate")

        # Lists of per-step views: indexing a tensor inside the loop costs as much as arithmetic.
        z_t, y_t, h_t = [z_l.unbind() for z_l in z], [y_l.unbind() for y_l in y], h.unbind()
        keep_t = None if keep_LTMBU is None else [keep.unbind() for keep in keep_LTMBU]
        # Transposed in memory once: products with a transposed view take a third longer.
        turned = [w.transpose(1, 2).contiguous() for w in (first_h, *weights[1:])]
        act = FORWARD[activation]
        for t in range(length):
            z_t[0][t].baddbmm_(h_t[t], turned[0])
            for i in range(num - 1):
                act(z_t[i][t], out=y_t[i][t])
                if keep_t is not None:
                    y_t[i][t].mul_(keep_t[i][t])
                torch.baddbmm(biases[i + 1], y_t[i][t], turned[i + 1], out=z_t[i + 1][t])
            combine.step(t, h_t[t + 1])

        ctx.activation, ctx.combine, ctx.z, ctx.y = activation, combine, z, y
        ctx.save_for_backward(keep_LTMBU, x_TMBI, h, *weights)
        return h[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_TMBH: Tensor) -> tuple[Tensor | None, ...]:
        z, y, combine = ctx.z, ctx.y, ctx.combine
        keep_LTMBU, x_TMBI, h, *weights = ctx.saved_tensors
        first_x, first_h = weights[0].split([x_TMBI.shape[3], h.shape[3]], dim=2)
        length, members, batch = x_TMBI.shape[:3]
        size = batch * z[-1].shape[3]
        steps = max(SMALL_CHUNK // size, LEAST_STEPS) if size < SMALL_STEP else CHUNK // size
        steps = min(max(steps, 1), length)

        # Gradients of one chunk, reused; those of the weights add up over the chunks.
        dz = [z_l.new_empty(steps, members, batch, z_l.shape[3]) for z_l in z]
        dh = h.new_empty(steps, members, batch, h.shape[3])
        d_weights = [torch.zeros_like(weight) for weight in weights]
        d_biases = [weight.new_zeros(weight.shape[:2]) for weight in weights]
        dx = torch.empty_like(x_TMBI) if ctx.needs_input_grad[3] else None
        d_dt = torch.empty_like(combine.dt_TMB1) if ctx.needs_input_grad[4] else None

        d_first = h.new_zeros(members, batch, h.shape[3])  # of the state before the chunk after
        for stop in range(length, 0, -steps):
            here = slice(max(stop - steps, 0), stop)
            count = here.stop - here.start
            slope_t = [_slopes(ctx, keep_LTMBU, i, here).unbind() for i in range(len(y))]
            head_t = combine.slopes(here).unbind()
            dz_t, dh_t, grad_t = [d.unbind() for d in dz], dh.unbind(), grad_TMBH[here].unbind()
            dp_t = dz[-1].unflatten(3, (-1, h.shape[3])).unbind()
            torch.add(grad_t[-1], d_first, out=dh_t[count - 1])
            for t in range(count - 1, -1, -1):
                torch.mul(head_t[t], dh_t[t].unsqueeze(2), out=dp_t[t])
                for i in range(len(y) - 1, -1, -1):
                    torch.bmm(dz_t[i + 1][t], weights[i + 1], out=dz_t[i][t]).mul_(slope_t[i][t])
                if t:
                    torch.baddbmm(grad_t[t - 1], dz_t[0][t], first_h, out=dh_t[t - 1])
            d_first = torch.bmm(dz_t[0][0], first_h)

            flat = [by_member(d[:count]) for d in dz]
            seen = [by_member(x_TMBI[here], h[here]), *(by_member(y_l[here]) for y_l in y)]
            for d, inputs, d_weight, d_bias in zip(flat, seen, d_weights, d_biases, strict=True):
                d_weight.baddbmm_(d.transpose(1, 2), inputs)
                d_bias.add_(sum_rows(d))
            if dx is not None:
                dx[here] = torch.bmm(flat[0], first_x).unflatten(1, (count, batch)).transpose(0, 1)
            combine.add_gradients(here, dz[-1][:count], dh[:count], d_dt)
        own = combine.own_gradients()
        return None, None, None, dx, d_dt, d_first, *own, *d_weights, *d_biases


def _slopes(ctx: Any, keep_LTMBU: Tensor | None, layer: int, here: slice) -> Tensor:
    """dy/dz of a backbone layer over a chunk of steps, dropout included."""
    z, y = ctx.z[layer][here], ctx.y[layer][here]
    if keep_LTMBU is None:
        return SLOPE[ctx.activation](z, y)
    keep = keep_LTMBU[layer][here]
    # What dropout kept was scaled up with it; what it did not keep has no slope anyway.
    return SLOPE[ctx.activation](z, torch.where(keep > 0.0, y / keep, y)) * keep
