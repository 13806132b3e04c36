"""ResNet+ConvGRU: a temporal frontend, residual stages on each frame, and a convolutional GRU."""

# B clips, T frames, C channels, H x W pixels, N neurons, F gaze features.

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from homeostat.workloads.visioncore.clips import Batch
from homeostat.workloads.visioncore.layers import (
    NUM_GAZE_FEATURES,
    Adapter,
    GaussianReadout,
    GazeFeatures,
    NeuronWeights,
    banded,
)


@dataclass(frozen=True, kw_only=True)
class ResNetSettings:
    """The shape and the switches of a ResNet+ConvGRU."""

    taps: int = 12
    """Frames the temporal frontend sees."""
    temporal_channels: int = 4
    channels: tuple[int, ...] = (8, 16, 32)
    kernels: tuple[int, ...] = (7, 5, 3)
    strides: tuple[int, ...] = (2, 2, 1)
    rmsnorm_affine: bool = True
    dropout: float = 0.1
    hidden: int = 32
    candidate: str = "cho"
    """How the reset gate enters the candidate state: cho, cudnn, seed or unused."""
    gru_norm: str = "none"
    h0: str = "zero"
    behaviour: str = "concat"
    output: str = "softplus"
    init: str = "proper"


class TemporalFrontend(nn.Module):
    """Causal filters in time, started as a Gaussian and its derivatives about 40 ms ago."""

    def __init__(self, channels: int, taps: int) -> None:
        super().__init__()
        ago = torch.arange(taps - 1, -1, -1.0)
        z = (ago - 5.0) / 2.0
        # Hermite polynomials times the Gaussian are its derivatives.
        hermite = [torch.ones_like(z), -z, z**2 - 1.0, -(z**3) + 3.0 * z]
        filters = torch.stack([hermite[c % 4] * torch.exp(-0.5 * z**2) for c in range(channels)])
        filters = filters / torch.linalg.vector_norm(filters, dim=1, keepdim=True)
        self.weight_CL = nn.Parameter(filters)
        self.taps = taps

    def forward(self, stimulus_BTHW: Tensor) -> Tensor:
        """Shape (B, T, C, H, W)."""
        B, T, H, W = stimulus_BTHW.shape
        # One matrix from all frames to (frame, channel): five times as fast as a convolution.
        matrix_CTT = banded(self.weight_CL, T, 1 - self.taps)
        matrix = matrix_CTT.transpose(0, 1).reshape(-1, T)
        return (matrix @ stimulus_BTHW.flatten(2)).view(B, T, -1, H, W)


EPS = 1e-4


class RMSNorm2d(nn.Module):
    """Divide each pixel's channels by their root mean square; affine adds a learned scale."""

    def __init__(self, channels: int, *, affine: bool) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels)) if affine else None

    def forward(self, x_BCHW: Tensor) -> Tensor:
        normed = x_BCHW * torch.rsqrt(x_BCHW.square().mean(1, keepdim=True) + EPS)
        return normed if self.scale is None else normed * self.scale[:, None, None]


class ResidualStage(nn.Module):
    """Two convolutions with normalisation, and a shortcut around them."""

    def __init__(
        self,
        channels_in: int,
        channels: int,
        kernel: int,
        stride: int,
        *,
        affine: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels_in, channels, kernel, stride, padding=kernel // 2)
        self.norm_1 = RMSNorm2d(channels, affine=affine)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm_2 = RMSNorm2d(channels, affine=affine)
        # Every stride-th pixel, then a product: what a strided 1x1 convolution computes. As one,
        # its backward pass writes out of bounds in PyTorch 2.13 on processors without AVX-512
        # when channels are last in memory and few (4 to 8: the process aborts).
        self.shortcut = nn.Conv2d(channels_in, channels, 1)
        self.stride = stride
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        y = self.dropout(F.silu(self.norm_1(self.first(x_BCHW))))
        shortcut = self.shortcut(x_BCHW[..., :: self.stride, :: self.stride])
        return F.silu(shortcut + self.norm_2(self.second(y)))


class ConvGRU(nn.Module):
    """A gated recurrent unit whose products are convolutions.

    With z the update gate, h <- (1 - z) h + z tanh(candidate), where the candidate is
        cho     Wx x + Wh (r h)       Cho et al. 2014
        cudnn   Wx x + r (Wh h)       as in cuDNN and torch.nn.GRU
        seed    Wx x + Wh h + r h     the "fixed" form of the guide
        unused  Wx x + Wh h           its form before the fix: no reset gate at all
    """

    def __init__(
        self, channels_in: int, hidden: int, *, candidate: str, norm: str, h0: str
    ) -> None:
        super().__init__()
        self.candidate = candidate
        gates = 2 if candidate == "unused" else 3
        self.from_input = nn.Conv2d(channels_in, gates * hidden, 3, padding=1)
        # What passes through the hidden state: the gates, and the candidate's part.
        self.to_gates = nn.Conv2d(hidden, (gates - 1) * hidden, 3, padding=1, bias=False)
        self.to_candidate = nn.Conv2d(hidden, hidden, 3, padding=1, bias=False)
        normed = norm == "groupnorm"
        self.gates_norm = nn.GroupNorm(gates - 1, (gates - 1) * hidden) if normed else None
        self.candidate_norm = nn.GroupNorm(1, hidden) if normed else None
        learned = h0 == "learned"
        self.h0 = nn.Parameter(torch.zeros(hidden)) if learned else None
        self.hidden = hidden

    def forward(self, x_BTCHW: Tensor) -> Tensor:
        """All hidden states, shape (B, T, hidden, H, W)."""
        B, T, _, H, W = x_BTCHW.shape
        inputs = self.from_input(x_BTCHW.flatten(0, 1)).view(B, T, -1, H, W)
        x_gates, x_candidate = inputs.split([inputs.shape[2] - self.hidden, self.hidden], dim=2)
        h = x_BTCHW.new_zeros(B, self.hidden, H, W)
        if self.h0 is not None:
            h = h + self.h0[:, None, None]
        states = []
        # Unbound, not indexed: each index would add a gradient of the size of all frames.
        for x_z, x_n in zip(x_gates.unbind(1), x_candidate.unbind(1), strict=True):
            h = self._step(x_z, x_n, h)
            states.append(h)
        return torch.stack(states, dim=1)

    def _step(self, x_gates: Tensor, x_candidate: Tensor, h: Tensor) -> Tensor:
        gates = self.to_gates(h)
        if self.gates_norm is not None:
            gates = self.gates_norm(gates)
        gates = torch.sigmoid(x_gates + gates)
        if self.candidate == "unused":
            z, r = gates, None
        else:
            z, r = gates.chunk(2, dim=1)
        recurrent = self.to_candidate(r * h if self.candidate == "cho" and r is not None else h)
        if self.candidate_norm is not None:
            recurrent = self.candidate_norm(recurrent)
        if self.candidate == "cudnn" and r is not None:
            recurrent = r * recurrent
        elif self.candidate == "seed" and r is not None:
            recurrent = recurrent + r * h
        return h + z * (torch.tanh(x_candidate + recurrent) - h)


class Behaviour(nn.Module):
    """What the recurrent stage is told of the eyes: nothing, more channels, or a scaling."""

    def __init__(self, kind: str, channels: int, embedding: int = 16) -> None:
        super().__init__()
        self.kind = kind
        self.extra_channels = embedding if kind == "concat" else 0
        if kind == "none":
            return
        self.features = GazeFeatures()
        self.embed = nn.Linear(NUM_GAZE_FEATURES, embedding)
        if kind == "film":
            self.scale_and_shift = nn.Linear(embedding, 2 * channels)

    def forward(self, x_BTCHW: Tensor, gaze_BT2: Tensor) -> Tensor:
        if self.kind == "none":
            return x_BTCHW
        embedded = F.silu(self.embed(self.features(gaze_BT2)))
        if self.kind == "concat":
            H, W = x_BTCHW.shape[-2:]
            tiled = embedded[..., None, None].expand(-1, -1, -1, H, W)
            return torch.cat([x_BTCHW, tiled], dim=2)
        scale, shift = self.scale_and_shift(embedded)[..., None, None].chunk(2, dim=2)
        modulated: Tensor = x_BTCHW * (1.0 + scale) + shift
        return modulated


class ResNetConvGRU(nn.Module):
    """stimulus -> adapter -> frontend -> residual stages -> behaviour -> ConvGRU -> readout."""

    def __init__(self, settings: ResNetSettings, neurons: dict[str, int], side_px: int) -> None:
        super().__init__()
        self.plan = {
            "family": "resnet",
            "settings": asdict(settings),
            "neurons": neurons,
            "side_px": side_px,
        }
        """All it takes to build it again."""
        self.adapters = nn.ModuleDict({name: Adapter(surround=True) for name in neurons})
        self.frontend = TemporalFrontend(settings.temporal_channels, settings.taps)
        widths = (settings.temporal_channels, *settings.channels)
        self.convnet = nn.Sequential(
            *(
                ResidualStage(
                    widths[i],
                    widths[i + 1],
                    settings.kernels[i],
                    stride,
                    affine=settings.rmsnorm_affine,
                    dropout=settings.dropout,
                )
                for i, stride in enumerate(settings.strides)
            )
        )
        self.modulator = Behaviour(settings.behaviour, widths[-1])
        self.recurrent = ConvGRU(
            widths[-1] + self.modulator.extra_channels,
            settings.hidden,
            candidate=settings.candidate,
            norm=settings.gru_norm,
            h0=settings.h0,
        )
        size = side_px
        for stride in settings.strides:
            size = -(-size // stride)
        self.places = nn.ModuleDict(
            {name: GaussianReadout(count, size) for name, count in neurons.items()}
        )
        self.weights = nn.ModuleDict(
            {
                name: NeuronWeights(count, settings.hidden, settings.output)
                for name, count in neurons.items()
            }
        )
        if settings.init == "proper":
            self._initialise()

    def _initialise(self) -> None:
        """Convolutions scaled for SiLU, and residual branches that start at 0.3 of their size."""
        for module in self.convnet.modules():
            if isinstance(module, nn.Conv2d):
                # SiLU halves the variance about as ReLU does; its exact gain is 1.68 against 1.41.
                fan_in = module.weight[0].numel()
                nn.init.normal_(module.weight, std=1.68 / math.sqrt(fan_in))
                nn.init.zeros_(torch.as_tensor(module.bias))
        for stage in self.convnet:
            scale = getattr(stage, "norm_2").scale  # noqa: B009 - Sequential hides the stage's type
            if scale is not None:
                nn.init.constant_(scale, 0.3)
        nn.init.orthogonal_(self.recurrent.to_gates.weight)
        nn.init.orthogonal_(self.recurrent.to_candidate.weight)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Predicted spikes per frame for every session of the batch, shape (B, T, N)."""
        names = list(batch)
        stimulus = torch.cat([self.adapters[name](batch[name].stimulus_BTHW) for name in names])
        gaze = torch.cat([batch[name].gaze_BT2 for name in names])
        features_BTCHW = self.frontend(stimulus)
        # Channels last in memory: the small convolutions run half as long again otherwise.
        frames = self.convnet(features_BTCHW.flatten(0, 1).to(memory_format=torch.channels_last))
        maps = frames.unflatten(0, features_BTCHW.shape[:2])
        states_BTCHW = self.recurrent(self.modulator(maps, gaze))
        parts = states_BTCHW.split([len(batch[name].gaze_BT2) for name in names])
        return {
            name: self.weights[name](self.places[name](part))
            for name, part in zip(names, parts, strict=True)
        }

    def temporal_parameters(self) -> list[nn.Parameter]:
        """Empty: this family has no time constants of its own."""
        return []

    def temporal_constants(self) -> dict[str, Tensor]:
        """Empty: this family has none to show."""
        return {}
