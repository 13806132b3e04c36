"""A whole LTC sequence as one differentiable operation, with the solver's gradient by hand.

All the work is in synapses: B x N x N of them, `unfolds` times a step. A group of synapses costs
one multiply-add, one sigmoid and one batched product that gives their two sums (strength, and pull)
at once. (The sigmoid is fast on processors of either maker; PyTorch's tanh is not.) Going back,
only the potentials were kept: the sigmoid is computed again, which is cheaper than reading it from
memory. Gradients of the synapses' slopes add up in place, summed over the batch at the very end.

For one solver step v' = P / Q with c = cm / h, P = c v + pull(v), Q = c + strength(v):

    dP = dv' / Q,   dQ = -dv' v' / Q,   dv = c dP + through the synapses,   dc = v dP + dQ
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from homeostat.workloads.ncp.spec import LTC_EPSILON

# T steps, B sequences, M neurons before the synapses, N neurons after them.


@dataclass(frozen=True)
class Synapses:
    """Synapses from M neurons to N: all four of shape (M, N); `w` is 0 where there is none."""

    sigma: Tensor
    mu: Tensor
    w: Tensor
    erev: Tensor

    def pull(self, v_BM: Tensor) -> tuple[Tensor, Tensor]:
        """How strongly each neuron is pulled in all, and strength times target: both (B, N)."""
        open_BMN = torch.sigmoid(self.sigma * (v_BM.unsqueeze(-1) - self.mu))
        return (open_BMN * self.w).sum(1), (open_BMN * (self.w * self.erev)).sum(1)

    def for_loop(self) -> tuple[Tensor, Tensor, Tensor]:
        """Slope and offset of the sigmoid, (N, 1, M), and weights, (N, 2, M).

        The axis of two is (strength, strength times target).
        """
        slope = self.sigma.t().contiguous()
        offset = -slope * self.mu.t()
        weight = self.w.t().contiguous()
        weights = torch.stack([weight, weight * self.erev.t()], dim=1)
        return slope.unsqueeze(1), offset.unsqueeze(1), weights


@dataclass(frozen=True)
class Circuit:
    """What a circuit's equations need: `rest` is gleak times vleak."""

    synapses: Synapses
    sensory: Synapses
    gleak_N: Tensor
    rest_N: Tensor
    cm_N: Tensor

    def total_pull(self, sensory: tuple[Tensor, Tensor], v_BN: Tensor) -> tuple[Tensor, Tensor]:
        """Leak, synapses and given sensory pull together: strength, and strength times target."""
        strength, towards = self.synapses.pull(v_BN)
        return strength + sensory[0] + self.gleak_N, towards + sensory[1] + self.rest_N


def ltc_sequence(
    circuit: Circuit, x_TBI: Tensor, dt_TB1: Tensor, v0_BN: Tensor, unfolds: int
) -> Tensor:
    """Potentials after each step, shape (T, B, N), by the semi-implicit solver.

    Differentiable once; `LTCCell.step` has every derivative.
    """
    inner, sensory = circuit.synapses.for_loop(), circuit.sensory.for_loop()
    constant_2N = torch.stack([circuit.gleak_N + LTC_EPSILON, circuit.rest_N])
    inertia_TBN = circuit.cm_N * (unfolds / dt_TB1)
    v_TBN: Tensor = _Sequence.apply(  # type: ignore[no-untyped-call]  # torch's own is untyped
        unfolds, x_TBI, inertia_TBN, v0_BN, constant_2N, *inner, *sensory
    )
    return v_TBN


class _Group:
    """One group of synapses inside the loop: sums forward, gradients back, buffers reused."""

    def __init__(self, v_BM: Tensor, slope: Tensor, offset: Tensor, weights: Tensor) -> None:
        self.slope_N1M, self.offset_N1M, self.weights_N2M = slope, offset, weights
        shape = (slope.shape[0], v_BM.shape[0], slope.shape[2])
        self.open_NBM = v_BM.new_empty(shape)

    def sums(self, v_BM: Tensor) -> Tensor:
        """Strength and pull, without their constants, shape (2, B, N)."""
        self._open(v_BM)
        # The axis of two first and the long one last: up to four times faster than the reverse.
        return torch.bmm(self.weights_N2M, self.open_NBM.transpose(1, 2)).permute(1, 2, 0)

    def _open(self, v_BM: Tensor) -> None:
        torch.addcmul(self.offset_N1M, self.slope_N1M, v_BM, out=self.open_NBM)
        torch.sigmoid(self.open_NBM, out=self.open_NBM)

    def start_back(self) -> None:
        self.d_weights = torch.zeros_like(self.weights_N2M)
        self.back_NBM = torch.empty_like(self.open_NBM)
        self.sum_NBM = torch.zeros_like(self.open_NBM)
        self.sum_v_NBM = torch.zeros_like(self.open_NBM)

    def back(self, v_BM: Tensor, d_sums_N2B: Tensor) -> Tensor:
        """Gradient of the potentials before the synapses, (B, M); the others add up inside."""
        self._open(v_BM)
        self.d_weights.baddbmm_(d_sums_N2B, self.open_NBM)
        torch.bmm(d_sums_N2B.transpose(1, 2), self.weights_N2M, out=self.back_NBM)
        torch.ops.aten.sigmoid_backward.grad_input(
            self.back_NBM, self.open_NBM, grad_input=self.back_NBM
        )
        self.sum_NBM.add_(self.back_NBM)
        self.sum_v_NBM.addcmul_(self.back_NBM, v_BM)
        return self.back_NBM.mul_(self.slope_N1M).sum(0)

    def gradients(self) -> tuple[Tensor, Tensor, Tensor]:
        """Of slope, offset and weights."""
        d_slope = self.sum_v_NBM.sum(1, keepdim=True)
        return d_slope, self.sum_NBM.sum(1, keepdim=True), self.d_weights


class _Sequence(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        unfolds: int,
        x_TBI: Tensor,
        inertia_TBN: Tensor,
        v0_BN: Tensor,
        constant_2N: Tensor,
        *groups: Tensor,
    ) -> Tensor:
        inner, sensory = _Group(v0_BN, *groups[:3]), _Group(x_TBI[0], *groups[3:])
        length, (batch, size) = len(x_TBI), v0_BN.shape
        # The last unfold of a step is the first potential of the next.
        v = v0_BN.new_empty(length * unfolds + 1, batch, size)
        v[0] = v0_BN
        divisor = v0_BN.new_empty(length * unfolds, batch, size)
        v_s, divisor_s, constant_21N = v.unbind(), divisor.unbind(), constant_2N.unsqueeze(1)
        solver_step = 0
        for x_BI, inertia_BN in zip(x_TBI.unbind(), inertia_TBN.unbind(), strict=True):
            fixed_2BN = sensory.sums(x_BI) + constant_21N
            fixed_2BN[0].add_(inertia_BN)
            for _ in range(unfolds):
                strength, towards = (fixed_2BN + inner.sums(v_s[solver_step])).unbind()
                divisor_s[solver_step].copy_(strength)
                towards.addcmul_(inertia_BN, v_s[solver_step])
                solver_step += 1
                torch.div(towards, strength, out=v_s[solver_step])
        ctx.unfolds = unfolds
        ctx.save_for_backward(x_TBI, inertia_TBN, v, divisor, *groups)
        return v[unfolds::unfolds]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_TBN: Tensor) -> tuple[Tensor | None, ...]:
        unfolds = ctx.unfolds
        x_TBI, inertia_TBN, v, divisor, *groups = ctx.saved_tensors
        length, batch, size = grad_TBN.shape
        inner, sensory = _Group(v[0], *groups[:3]), _Group(x_TBI[0], *groups[3:])
        inner.start_back()
        sensory.start_back()
        x_t, v_s, divisor_s = x_TBI.unbind(), v.unbind(), divisor.unbind()
        inertia_t, grad_t = inertia_TBN.unbind(), grad_TBN.unbind()
        # Gradients of both sums at every solver step; seen as (S, B, N) they are dQ and dP.
        d_sums = v.new_empty(length * unfolds, size, 2, batch)
        dq, dp = (d_sums[:, :, i].transpose(1, 2) for i in range(2))
        d_sums_s, dq_s, dp_s = d_sums.unbind(), dq.unbind(), dp.unbind()
        dx, d_fixed_TN2B = torch.empty_like(x_TBI), v.new_empty(length, size, 2, batch)
        dv = torch.zeros_like(v[0])
        for t in range(length - 1, -1, -1):
            dv.add_(grad_t[t])
            for s in range((t + 1) * unfolds - 1, t * unfolds - 1, -1):
                d_towards = dv.div_(divisor_s[s])
                dp_s[s].copy_(d_towards)
                torch.mul(d_towards, v_s[s + 1], out=dq_s[s]).neg_()
                dv = inner.back(v_s[s], d_sums_s[s]).addcmul_(inertia_t[t], d_towards)
            torch.sum(d_sums[t * unfolds : (t + 1) * unfolds], dim=0, out=d_fixed_TN2B[t])
            dx[t] = sensory.back(x_t[t], d_fixed_TN2B[t])
        per_step = (length, unfolds, batch, size)
        d_inertia = (v[:-1] * dp + dq).view(per_step).sum(1)
        d_constant = d_fixed_TN2B.sum(dim=(0, 3)).t()
        return None, dx, d_inertia, dv, d_constant, *inner.gradients(), *sensory.gradients()
