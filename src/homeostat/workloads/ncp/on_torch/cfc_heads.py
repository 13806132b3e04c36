"""How a CfC's heads become the next state, and the slopes of that, for the fused sequence.

Both classes work in place on the heads p of all steps: `step` writes the state after one step, and
the rest is asked for on the way back, for all steps at once.
"""

from __future__ import annotations

import torch
from torch import Tensor

# T steps, B sequences, H neurons, K heads.


class Gated:
    """The default and no_gate modes: two candidates and a gate that opens with time."""

    def __init__(self, p_TBK: Tensor, dt_TB1: Tensor, *, leave_ungated: bool) -> None:
        size = p_TBK.shape[2] // 4
        self.leave_ungated = leave_ungated
        self.dt_TB1 = dt_TB1
        both, self.t_a, t_b = p_TBK.split([2 * size, size, size], dim=2)
        self.f1, self.f2 = both.split(size, dim=2)
        self.gate = torch.empty_like(self.t_a)
        # Views per step, made once: indexing inside the loop costs as much as the arithmetic.
        self._both, self._f1, self._f2 = both.unbind(), self.f1.unbind(), self.f2.unbind()
        self._t_a, self._t_b, self._dt = self.t_a.unbind(), t_b.unbind(), dt_TB1.unbind()
        self._gate = self.gate.unbind()

    def step(self, t: int, out: Tensor) -> None:
        gate = torch.addcmul(self._t_b[t], self._t_a[t], self._dt[t], out=self._gate[t]).sigmoid_()
        self._both[t].tanh_()
        if self.leave_ungated:
            torch.addcmul(self._f1[t], gate, self._f2[t], out=out)
        else:
            torch.lerp(self._f1[t], self._f2[t], gate, out=out)

    def slopes(self) -> Tensor:
        """dh'/dp, shape (T, B, K, H)."""
        f1, f2, gate = self.f1, self.f2, self.gate
        moved = f2 if self.leave_ungated else f2 - f1
        from_b = moved * gate * (1.0 - gate)
        from_1 = 1.0 - f1 * f1
        if not self.leave_ungated:
            from_1 *= 1.0 - gate
        return torch.stack([from_1, gate * (1.0 - f2 * f2), from_b * self.dt_TB1, from_b], dim=2)

    def dt_gradient(self, dp_TBK: Tensor, dh_TBH: Tensor) -> Tensor:
        size = self.t_a.shape[2]
        return torch.sum(dp_TBK[..., 3 * size :] * self.t_a, dim=2, keepdim=True)

    def own_gradients(self, dh_TBH: Tensor) -> tuple[None, None]:
        return None, None


class Pure:
    """The pure mode: the closed form itself, with the parameters A and w_tau."""

    def __init__(self, p_TBH: Tensor, dt_TB1: Tensor, a_H: Tensor, w_tau_H: Tensor) -> None:
        self.f_TBH, self.dt_TB1, self.a_H, self.w_tau_H = p_TBH, dt_TB1, a_H, w_tau_H
        self._floor_H = w_tau_H.abs()
        self._f, self._dt = p_TBH.unbind(), dt_TB1.unbind()

    def step(self, t: int, out: Tensor) -> None:
        torch.abs(self._f[t], out=out).add_(self._floor_H).mul_(self._dt[t]).neg_().exp_()
        torch.addcmul(self.a_H, out.mul_(self._f[t]), self.a_H, value=-1.0, out=out)

    def _decay(self) -> Tensor:
        return torch.exp(-self.dt_TB1 * (self._floor_H + self.f_TBH.abs()))

    def slopes(self) -> Tensor:
        """dh'/df = -A e (1 - dt |f|), shape (T, B, 1, H)."""
        slope = -self.a_H * self._decay() * (1.0 - self.dt_TB1 * self.f_TBH.abs())
        return slope.unsqueeze(2)

    def dt_gradient(self, dp_TBH: Tensor, dh_TBH: Tensor) -> Tensor:
        speed = self._floor_H + self.f_TBH.abs()
        each = dh_TBH * self.a_H * self._decay() * self.f_TBH * speed
        return torch.sum(each, dim=2, keepdim=True)

    def own_gradients(self, dh_TBH: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients of A and w_tau."""
        moved = self._decay() * self.f_TBH
        d_a = (dh_TBH * (1.0 - moved)).sum(dim=(0, 1))
        slower = (dh_TBH * self.dt_TB1 * moved).sum(dim=(0, 1)) * self.a_H
        # Slope 1 at 0, as in `magnitude`.
        d_w_tau = torch.where(self.w_tau_H >= 0.0, slower, -slower)
        return d_a, d_w_tau
