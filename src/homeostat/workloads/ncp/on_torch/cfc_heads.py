"""How a CfC's heads become the next state, and the slopes of that, for the fused sequence.

Both classes work in place on the heads p of all steps: `step` writes the state after one step, and
the rest is asked for on the way back, for all steps at once.
"""

from __future__ import annotations

import torch
from torch import Tensor

# M members, T steps, B sequences, H neurons, K heads.


class Gated:
    """The default and no_gate modes: two candidates and a gate that opens with time."""

    def __init__(self, p_MTBK: Tensor, dt_MTB1: Tensor, *, leave_ungated: bool) -> None:
        size = p_MTBK.shape[-1] // 4
        self.leave_ungated = leave_ungated
        self.dt_MTB1 = dt_MTB1
        both, self.t_a, t_b = p_MTBK.split([2 * size, size, size], dim=-1)
        self.f1, self.f2 = both.split(size, dim=-1)
        self.gate = torch.empty_like(self.t_a, memory_format=torch.contiguous_format)
        # Views per step, made once: indexing inside the loop costs as much as the arithmetic.
        self._both, self._f1, self._f2 = both.unbind(1), self.f1.unbind(1), self.f2.unbind(1)
        self._t_a, self._t_b, self._dt = self.t_a.unbind(1), t_b.unbind(1), dt_MTB1.unbind(1)
        self._gate = self.gate.unbind(1)

    def step(self, t: int, out: Tensor) -> None:
        gate = torch.addcmul(self._t_b[t], self._t_a[t], self._dt[t], out=self._gate[t]).sigmoid_()
        self._both[t].tanh_()
        if self.leave_ungated:
            torch.addcmul(self._f1[t], gate, self._f2[t], out=out)
        else:
            torch.lerp(self._f1[t], self._f2[t], gate, out=out)

    def slopes(self) -> Tensor:
        """dh'/dp, shape (M, T, B, K, H)."""
        f1, f2, gate = self.f1, self.f2, self.gate
        moved = f2 if self.leave_ungated else f2 - f1
        from_b = moved * gate * (1.0 - gate)
        from_1 = 1.0 - f1 * f1
        if not self.leave_ungated:
            from_1 *= 1.0 - gate
        return torch.stack([from_1, gate * (1.0 - f2 * f2), from_b * self.dt_MTB1, from_b], dim=-2)

    def dt_gradient(self, dp_MTBK: Tensor, dh_MTBH: Tensor) -> Tensor:
        size = self.t_a.shape[-1]
        return torch.sum(dp_MTBK[..., 3 * size :] * self.t_a, dim=-1, keepdim=True)

    def own_gradients(self, dh_MTBH: Tensor) -> tuple[None, None]:
        return None, None


class Pure:
    """The pure mode: the closed form itself, with the parameters A and w_tau."""

    def __init__(self, p_MTBH: Tensor, dt_MTB1: Tensor, a_MH: Tensor, w_tau_MH: Tensor) -> None:
        self.f, self.dt_MTB1, self.w_tau_MH = p_MTBH, dt_MTB1, w_tau_MH
        self.a_M1H, self.floor_M1H = a_MH.unsqueeze(1), w_tau_MH.abs().unsqueeze(1)
        self._f, self._dt = p_MTBH.unbind(1), dt_MTB1.unbind(1)

    def step(self, t: int, out: Tensor) -> None:
        torch.abs(self._f[t], out=out).add_(self.floor_M1H).mul_(self._dt[t]).neg_().exp_()
        torch.addcmul(self.a_M1H, out.mul_(self._f[t]), self.a_M1H, value=-1.0, out=out)

    def _speed(self) -> Tensor:
        return self.floor_M1H.unsqueeze(1) + self.f.abs()

    def _decay(self) -> Tensor:
        return torch.exp(-self.dt_MTB1 * self._speed())

    def slopes(self) -> Tensor:
        """dh'/df = -A e (1 - dt |f|), shape (M, T, B, 1, H)."""
        a = self.a_M1H.unsqueeze(1)
        return (-a * self._decay() * (1.0 - self.dt_MTB1 * self.f.abs())).unsqueeze(-2)

    def dt_gradient(self, dp_MTBH: Tensor, dh_MTBH: Tensor) -> Tensor:
        each = dh_MTBH * self.a_M1H.unsqueeze(1) * self._decay() * self.f * self._speed()
        return torch.sum(each, dim=-1, keepdim=True)

    def own_gradients(self, dh_MTBH: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients of A and w_tau, each (M, H)."""
        moved = self._decay() * self.f
        d_a = (dh_MTBH * (1.0 - moved)).sum(dim=(1, 2))
        slower = (dh_MTBH * self.dt_MTB1 * moved).sum(dim=(1, 2)) * self.a_M1H.squeeze(1)
        # Slope 1 at 0, as in `magnitude`.
        return d_a, torch.where(self.w_tau_MH >= 0.0, slower, -slower)
