"""Parts both model families use: what a session adds, and how gaze is described."""

# B clips, T frames, C channels, H x W pixels, N neurons, F features.

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from homeostat.workloads.visioncore.gaze import FRAME_HZ

NUM_GAZE_FEATURES = 20


class Adapter(nn.Module):
    """What differs between eyes: a blur and a contrast for each session, and a surround.

    The surround is subtracted as in the retina. Photographs have most of their power in slow
    changes of brightness; without it the filters of a network see little else for long.
    Blurs stay tensors from parameter to kernel, so that they can be learned.
    """

    def __init__(self, *, surround: bool, centre_px: float = 0.4, surround_px: float = 1.5) -> None:
        super().__init__()
        self.log_centre = nn.Parameter(torch.tensor(math.log(centre_px)))
        self.log_surround: nn.Parameter | None = None
        self.surround_weight: nn.Parameter | None = None
        if surround:
            self.log_surround = nn.Parameter(torch.tensor(math.log(surround_px)))
            self.surround_weight = nn.Parameter(torch.tensor(0.95))
        # What is left without the slow changes is about a third as large.
        self.gain = nn.Parameter(torch.tensor(3.0 if surround else 1.0))

    def forward(self, stimulus_BTHW: Tensor) -> Tensor:
        seen = _blur(stimulus_BTHW, self.log_centre.exp(), radius=2)
        if self.log_surround is not None and self.surround_weight is not None:
            around = _blur(stimulus_BTHW, self.log_surround.exp(), radius=5)
            seen = seen - self.surround_weight * around
        return self.gain * seen


def _blur(stimulus_BTHW: Tensor, width_px: Tensor, *, radius: int) -> Tensor:
    """Average over a Gaussian, at the edge over the part of it that is inside."""
    offsets = torch.arange(-radius, radius + 1.0, device=width_px.device, dtype=width_px.dtype)
    kernel = torch.exp(-0.5 * (offsets / width_px) ** 2)
    H, W = stimulus_BTHW.shape[-2:]
    rows_HH, columns_WW = _edge_held(kernel, H), _edge_held(kernel, W)
    # In the model's precision: a diagnosis repeats a step in 64 bits.
    return rows_HH @ stimulus_BTHW.to(kernel.dtype) @ columns_WW.T


def _edge_held(kernel: Tensor, size: int) -> Tensor:
    """The matrix of a blur whose rows sum to 1 at the edges too."""
    matrix = banded(kernel, size, -(len(kernel) // 2))
    return matrix / matrix.sum(1, keepdim=True)


def banded(kernel: Tensor, size: int, first: int) -> Tensor:
    """The matrix whose row i holds the kernel from column i + `first` on, cut at the edges.

    A product with it is a convolution; for a single channel on a processor it is the faster one.
    Leading axes of the kernel become leading axes of the matrix.
    """
    index = torch.arange(size, device=kernel.device)
    place = index[None, :] - index[:, None] - first
    inside = (place >= 0) & (place < kernel.shape[-1])
    return torch.where(inside, kernel[..., place.clamp(0, kernel.shape[-1] - 1)], 0.0)


class GazeFeatures(nn.Module):
    """Twenty numbers a frame that describe how the eye moves and where it points.

    Velocity, acceleration, speed, direction, acceleration along and across it, a saccade gate and
    two moving averages of it; and the position as Fourier features of learnable frequency.
    Scaled to be of order one. Frames run from the oldest to the newest, and nothing looks ahead.
    """

    def __init__(self) -> None:
        super().__init__()
        self.frequency = nn.Parameter(torch.tensor([1.0 / 64.0, 1.0 / 32.0]))

    def forward(self, gaze_BT2: Tensor) -> Tensor:
        v = _difference(gaze_BT2) * FRAME_HZ
        a = _difference(v) * FRAME_HZ
        speed = torch.linalg.vector_norm(v, dim=-1, keepdim=True)
        direction = v / (speed + 1.0)
        across = torch.stack([-direction[..., 1], direction[..., 0]], dim=-1)
        gate = torch.sigmoid(0.05 * (speed - 200.0))
        turns = 2.0 * math.pi * (gaze_BT2[..., None] * self.frequency).flatten(-2)
        features = [
            v / 100.0,
            a / 20_000.0,
            speed / 100.0,
            direction,
            (a * direction).sum(-1, keepdim=True) / 20_000.0,
            (a * across).sum(-1, keepdim=True) / 20_000.0,
            gate,
            moving_average(gate, gate.new_tensor(0.8)),
            moving_average(gate, gate.new_tensor(0.95)),
            torch.sin(turns),
            torch.cos(turns),
        ]
        return torch.cat(features, dim=-1)


def _difference(signal_BTF: Tensor) -> Tensor:
    """Change since the frame before; 0 at the first frame."""
    return F.pad(signal_BTF[:, 1:] - signal_BTF[:, :-1], (0, 0, 1, 0))


def moving_average(signal_BTF: Tensor, alpha: Tensor, *, corrected: bool = True) -> Tensor:
    """Exponential moving average over time that keeps `alpha` of itself each frame.

    Corrected for its start, so that the average of a constant is that constant from the first
    frame on. Without the correction it starts from 0 and `alpha` also changes the gain.
    """
    T = signal_BTF.shape[1]
    age = torch.arange(T, device=signal_BTF.device)
    age_TT = age[:, None] - age[None, :]
    weight_TT = torch.where(age_TT >= 0, alpha ** age_TT.clamp_min(0), 0.0)
    if corrected:
        weight_TT = weight_TT / weight_TT.sum(1, keepdim=True)
    else:
        weight_TT = (1.0 - alpha) * weight_TT
    return torch.matmul(weight_TT.to(signal_BTF.dtype), signal_BTF)


class GaussianReadout(nn.Module):
    """The place in the image that each neuron reads: a Gaussian over the feature map, summing to 1.

    Positions are in half-widths of the map: 0 the middle, 1 the edge.
    """

    def __init__(self, num_neurons: int, size: int) -> None:
        super().__init__()
        self.mean_N2 = nn.Parameter(0.1 * torch.randn(num_neurons, 2))
        self.log_std_N = nn.Parameter(torch.full((num_neurons,), math.log(0.3)))
        axis = (torch.arange(size) + 0.5) * 2.0 / size - 1.0
        grid = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), dim=-1)
        self.register_buffer("grid_P2", grid.reshape(-1, 2), persistent=False)
        self.grid_P2: Tensor

    def mask_NP(self) -> Tensor:
        """Weight of each place for each neuron."""
        distance_NP = (self.grid_P2[None] - self.mean_N2[:, None]).square().sum(-1)
        return torch.softmax(-0.5 * distance_NP * torch.exp(-2.0 * self.log_std_N)[:, None], dim=1)

    def forward(self, maps_BTCHW: Tensor) -> Tensor:
        """What each neuron sees of each channel, shape (B, T, C, N)."""
        return maps_BTCHW.flatten(-2) @ self.mask_NP().T


class NeuronWeights(nn.Module):
    """Each neuron's weights on what it sees, its bias, and the output that keeps rates positive."""

    def __init__(self, num_neurons: int, num_features: int, output: str) -> None:
        super().__init__()
        scale = 1.0 / math.sqrt(num_features)
        self.weight_NF = nn.Parameter(scale * torch.randn(num_neurons, num_features))
        self.bias_N = nn.Parameter(torch.zeros(num_neurons))
        self.output = output

    def forward(self, seen_BTFN: Tensor) -> Tensor:
        drive_BTN = torch.einsum("btfn,nf->btn", seen_BTFN, self.weight_NF) + self.bias_N
        if self.output == "exp":
            # The clamp keeps an early overshoot finite: e^5 spikes a frame is beyond any neuron.
            return torch.exp(drive_BTN.clamp(max=5.0))
        return F.softplus(drive_BTN) + 1e-6

    @torch.no_grad()
    def start_at(self, rate_N: Tensor) -> None:
        """Begin at these mean rates."""
        rate_N = rate_N.clamp_min(1e-4)
        start = rate_N.log() if self.output == "exp" else torch.log(torch.expm1(rate_N))
        self.bias_N.copy_(start)
