"""How a CfC's heads become the next state, and the slopes of that, for the fused sequence.

Both classes work in place on the heads p of all steps: `step` writes the state after one step, and
the rest is asked for on the way back, for a chunk of steps at a time.
"""

from __future__ import annotations

import torch
from torch import Tensor

# M members, T steps, B sequences, H neurons, K heads.


class Gated:
    """The default and no_gate modes: two candidates and a gate that opens with time."""

    def __init__(self, p_TMBK: Tensor, dt_TMB1: Tensor, *, leave_ungated: bool) -> None:
        size = p_TMBK.shape[-1] // 4
        self.leave_ungated = leave_ungated
        self.dt_TMB1 = dt_TMB1
        both, self.t_a, self.gate = p_TMBK.split([2 * size, size, size], dim=-1)
        self.f1, self.f2 = both.split(size, dim=-1)
        # Views per step, made once: indexing inside the loop costs as much as the arithmetic.
        self._both, self._f1, self._f2 = both.unbind(), self.f1.unbind(), self.f2.unbind()
        self._t_a, self._gate, self._dt = (
            self.t_a.unbind(),
            self.gate.unbind(),
            dt_TMB1.unbind(),
        )

    def step(self, t: int, out: Tensor) -> None:
        # The gate takes the place of t_b.
        gate = self._gate[t].addcmul_(self._t_a[t], self._dt[t]).sigmoid_()
        self._both[t].tanh_()
        if self.leave_ungated:
            torch.addcmul(self._f1[t], gate, self._f2[t], out=out)
        else:
            torch.lerp(self._f1[t], self._f2[t], gate, out=out)

    def slopes(self, here: slice) -> Tensor:
        """dh'/dp over a chunk of steps, shape (T, M, B, K, H)."""
        f1, f2, gate = self.f1[here], self.f2[here], self.gate[here]
        moved = f2 if self.leave_ungated else f2 - f1
        from_b = moved * gate * (1.0 - gate)
        from_1 = 1.0 - f1 * f1
        if not self.leave_ungated:
            from_1 *= 1.0 - gate
        from_a = from_b * self.dt_TMB1[here]
        return torch.stack([from_1, gate * (1.0 - f2 * f2), from_a, from_b], dim=-2)

    def add_gradients(
        self, here: slice, dp_TMBK: Tensor, dh_TMBH: Tensor, d_dt_TMB1: Tensor | None
    ) -> None:
        """Write the time steps' gradient of a chunk, where it is wanted."""
        if d_dt_TMB1 is not None:
            each = dp_TMBK[..., 3 * self.t_a.shape[-1] :] * self.t_a[here]
            d_dt_TMB1[here] = each.sum(dim=-1, keepdim=True)

    def own_gradients(self) -> tuple[None, None]:
        return None, None


class Pure:
    """The pure mode: the closed form itself, with the parameters A and w_tau."""

    def __init__(self, p_TMBH: Tensor, dt_TMB1: Tensor, a_MH: Tensor, w_tau_MH: Tensor) -> None:
        self.f, self.dt_TMB1, self.a_MH, self.w_tau_MH = p_TMBH, dt_TMB1, a_MH, w_tau_MH
        self.a_M1H, self.floor_M1H = a_MH.unsqueeze(1), w_tau_MH.abs().unsqueeze(1)
        self.d_a_MH, self.slower_MH = torch.zeros_like(a_MH), torch.zeros_like(a_MH)
        self._f, self._dt = p_TMBH.unbind(), dt_TMB1.unbind()

    def step(self, t: int, out: Tensor) -> None:
        torch.abs(self._f[t], out=out).add_(self.floor_M1H).mul_(self._dt[t]).neg_().exp_()
        torch.addcmul(self.a_M1H, out.mul_(self._f[t]), self.a_M1H, value=-1.0, out=out)

    def _speed(self, here: slice) -> Tensor:
        return self.floor_M1H + self.f[here].abs()

    def _decay(self, here: slice) -> Tensor:
        return torch.exp(-self.dt_TMB1[here] * self._speed(here))

    def slopes(self, here: slice) -> Tensor:
        """dh'/df = -A e (1 - dt |f|) over a chunk of steps, shape (T, M, B, 1, H)."""
        a = self.a_M1H
        shift = 1.0 - self.dt_TMB1[here] * self.f[here].abs()
        return (-a * self._decay(here) * shift).unsqueeze(-2)

    def add_gradients(
        self, here: slice, dp_TMBH: Tensor, dh_TMBH: Tensor, d_dt_TMB1: Tensor | None
    ) -> None:
        """Add a chunk's share to the gradients of A and w_tau; write that of its time steps."""
        moved = self._decay(here) * self.f[here]
        pulled = dh_TMBH * moved
        self.d_a_MH += sum_rows(by_member(dh_TMBH - pulled))
        self.slower_MH += sum_rows(by_member(pulled * self.dt_TMB1[here])) * self.a_MH
        if d_dt_TMB1 is not None:
            each = pulled * self._speed(here) * self.a_M1H
            d_dt_TMB1[here] = each.sum(dim=-1, keepdim=True)

    def own_gradients(self) -> tuple[Tensor, Tensor]:
        """Gradients of A and w_tau, each (M, H); the slope of |w_tau| at 0 is 1."""
        d_a, slower = self.d_a_MH, self.slower_MH
        # The next way back through the same graph starts from nothing again.
        self.d_a_MH, self.slower_MH = torch.zeros_like(d_a), torch.zeros_like(d_a)
        return d_a, torch.where(self.w_tau_MH >= 0.0, slower, -slower)


def by_member(*parts_TMBN: Tensor) -> Tensor:
    """All steps and sequences of each member as the rows of one matrix, parts side by side."""
    if len(parts_TMBN) == 1:
        return parts_TMBN[0].transpose(0, 1).flatten(1, 2)
    return torch.cat([part.transpose(0, 1) for part in parts_TMBN], dim=3).flatten(1, 2)


def sum_rows(x_MRN: Tensor) -> Tensor:
    """The sum over rows, as a product: one that adds up in the same order whatever M is."""
    ones = x_MRN.new_ones(x_MRN.shape[0], 1, x_MRN.shape[1])
    return torch.bmm(ones, x_MRN).squeeze(1)
