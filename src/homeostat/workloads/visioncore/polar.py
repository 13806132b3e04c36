"""Polar-V1: amplitude and phase of oriented filters, relaxed over time at rates set by gaze."""

# B clips, T frames, M quadrature pairs, S pyramid levels, P = H W pixels, N neurons.
# Rates lambda per second, dt in seconds, alphas per frame, velocity in pixels per second.

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from homeostat.workloads.visioncore.clips import Batch
from homeostat.workloads.visioncore.gaze import FRAME_HZ
from homeostat.workloads.visioncore.layers import (
    NUM_GAZE_FEATURES,
    Adapter,
    GaussianReadout,
    GazeFeatures,
    NeuronWeights,
    moving_average,
)

DT = 1.0 / FRAME_HZ
CYCLES_PER_PX = 0.15
"""Spatial frequency of the finest level's filters."""


@dataclass(frozen=True, kw_only=True)
class PolarSettings:
    """The shape and the switches of a Polar-V1."""

    levels: int = 3
    pairs: int = 16
    kernel: int = 9
    stride: int = 2
    """Pixels between filters at the finest level. Amplitudes are smooth, so 2 loses little and
    costs a quarter."""
    bank: str = "gabor"
    """How the filters start: gabor or kaiming."""
    gaze_hidden: int = 64
    gaze: str = "full"
    """What is told of the eyes: full or none."""
    gate: str = "learned"
    """The saccade gate q: learned from the gaze features, or speed, the gate feature itself."""
    dynamics: str = "recurrent"
    """How amplitudes relax: recurrent, per_frame or none."""
    lambda_fix: float = 10.0
    lambda_sac: float = 40.0
    alpha_fast: float = 0.74
    alpha_slow: float = 0.95
    learn_temporal: bool = True
    learn_alphas: bool = True
    """Whether the averages' constants are among those learned."""
    ema_correction: bool = True
    output: str = "softplus"
    init: str = "proper"


def laplacian_pyramid(stimulus_BHW: Tensor, levels: int) -> list[Tensor]:
    """Each level what the next coarser one misses; the last is what remains, blurred and small."""
    current = stimulus_BHW[:, None]
    pyramid = []
    for _ in range(levels - 1):
        smaller = F.avg_pool2d(current, 2)
        pyramid.append(current - F.interpolate(smaller, scale_factor=2.0, mode="bilinear"))
        current = smaller
    return [*pyramid, current]


class QuadratureBank(nn.Module):
    """Pairs of even and odd filters, shared by all levels of the pyramid.

    With one channel of input a mixing layer after the filters would be the same family again, so
    there is none.
    """

    def __init__(self, pairs: int, kernel: int, start: str) -> None:
        super().__init__()
        if start == "gabor":
            weight = _gabor_pairs(pairs, kernel)
        else:
            weight = torch.empty(2 * pairs, 1, kernel, kernel)
            nn.init.kaiming_normal_(weight)
        self.weight = nn.Parameter(weight)

    def forward(self, level_BHW: Tensor, stride: int) -> tuple[Tensor, Tensor, Tensor]:
        """Amplitude, and the cosine and sine of the phase, each (B, M, H, W)."""
        pad = self.weight.shape[-1] // 2
        even, odd = F.conv2d(level_BHW, self.weight, stride=stride, padding=pad).chunk(2, dim=1)
        # The floor keeps the gradient of the root finite where both filters are silent.
        amplitude = torch.sqrt(even.square() + odd.square() + 1e-6)
        return amplitude, even / amplitude, odd / amplitude


def _gabor_pairs(pairs: int, kernel: int) -> Tensor:
    axis = torch.arange(kernel) - (kernel - 1) / 2.0
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    theta = torch.arange(pairs)[:, None, None] * math.pi / pairs
    turn = 2.0 * math.pi * CYCLES_PER_PX * (x * torch.cos(theta) + y * torch.sin(theta))
    envelope = torch.exp(-0.5 * (x**2 + y**2) * (CYCLES_PER_PX / 0.3) ** 2)
    both = torch.cat([envelope * torch.cos(turn), envelope * torch.sin(turn)])
    both = both - envelope * (both.sum((1, 2), keepdim=True) / envelope.sum())
    unit: Tensor = both / torch.linalg.vector_norm(both, dim=(1, 2), keepdim=True)
    return unit[:, None]


@dataclass(frozen=True)
class GazeState:
    """How the eyes drive the dynamics at each frame."""

    gate_BT: Tensor
    """q: 0 in fixation, 1 in a saccade."""
    turn_SBTM: Tensor
    """Advance of each pair's phase by the eye's movement, radians per frame."""


class GazeEncoder(nn.Module):
    """From gaze to the saccade gate and to how far each pair's phase advances in a frame."""

    def __init__(self, settings: PolarSettings) -> None:
        super().__init__()
        self.settings = settings
        S, M = settings.levels, settings.pairs
        theta = torch.arange(M) * math.pi / M
        direction = torch.stack([torch.cos(theta), torch.sin(theta)], dim=-1)
        per_level = CYCLES_PER_PX * 0.5 ** torch.arange(S)
        self.register_buffer("k_SM2", per_level[:, None, None] * direction, persistent=False)
        self.k_SM2: Tensor
        if settings.gaze == "none":
            return
        hidden = settings.gaze_hidden
        self.features = GazeFeatures()
        self.mlp = nn.Sequential(
            nn.Linear(NUM_GAZE_FEATURES, hidden), nn.GELU(), nn.Linear(hidden, hidden), nn.GELU()
        )
        # Heads are built for what is used, so that no parameter is left without a gradient.
        learned = settings.gate == "learned" and settings.dynamics != "none"
        self.gate = nn.Linear(hidden, 1) if learned else None
        self.velocity = nn.Linear(hidden, 2)
        self.gamma = nn.Linear(hidden, S * M)
        self.rho = nn.Linear(hidden, S * M)

    def forward(self, gaze_BT2: Tensor) -> GazeState:
        B, T, _ = gaze_BT2.shape
        S, M, _ = self.k_SM2.shape
        if self.settings.gaze == "none":
            silent = gaze_BT2.new_zeros(S, B, T, M)
            return GazeState(gaze_BT2.new_zeros(B, T), silent)
        features = self.features(gaze_BT2)
        hidden = self.mlp(features)
        if self.gate is None:
            gate = features[..., SACCADE_GATE]
        else:
            gate = torch.sigmoid(self.gate(hidden)).squeeze(-1)
        velocity = 50.0 * torch.tanh(self.velocity(hidden))
        gamma = 1.0 + F.softplus(self.gamma(hidden)).view(B, T, S, M)
        rho = 0.1 * torch.tanh(self.rho(hidden)).view(B, T, S, M)
        cycles_s = torch.einsum("btd,smd->btsm", velocity, self.k_SM2)
        turn = 2.0 * math.pi * gamma * cycles_s * DT + rho
        return GazeState(gate, turn.permute(2, 0, 1, 3))


SACCADE_GATE = 9
"""Place of the gate among the gaze features."""


class Dynamics(nn.Module):
    """Amplitudes relax towards the image's, at a rate between that of fixation and of saccades.

        recurrent   x_t = e x_{t-1} + (1 - e) A_t,     e = exp(-lambda_t dt)
        per_frame   x_t = abar + e (A_t - abar)        the guide's form, which has no memory
        none        x_t = A_t

    In the recurrent form abar, the resting amplitude, is where each clip starts from; written
    about abar as in the guide, it cancels everywhere else.
    """

    def __init__(self, settings: PolarSettings) -> None:
        super().__init__()
        learn = settings.learn_temporal
        self.form = settings.dynamics
        self.log_lambda_fix: nn.Parameter | None = None
        self.log_lambda_sac: nn.Parameter | None = None
        if self.form == "none":
            return
        self.log_lambda_fix = _constant(math.log(settings.lambda_fix), learn)
        if settings.gaze != "none":
            self.log_lambda_sac = _constant(math.log(settings.lambda_sac), learn)
        self.abar_SM = nn.Parameter(torch.full((settings.levels, settings.pairs), 0.5))

    @property
    def lambda_fix(self) -> Tensor | None:
        """Relaxation per second in fixation; positive by construction. None without dynamics."""
        return None if self.log_lambda_fix is None else self.log_lambda_fix.exp()

    @property
    def lambda_sac(self) -> Tensor | None:
        """Relaxation per second in saccades; None without dynamics or gaze."""
        return None if self.log_lambda_sac is None else self.log_lambda_sac.exp()

    def decay_BT(self, gate_BT: Tensor) -> Tensor:
        """lambda dt for every frame."""
        fix, sac = self.lambda_fix, self.lambda_sac
        if fix is None:
            return torch.zeros_like(gate_BT)
        rate = fix.expand_as(gate_BT) if sac is None else (1.0 - gate_BT) * fix + gate_BT * sac
        return rate * DT

    def forward(self, seen_BTMN: Tensor, level: int, decay_BT: Tensor) -> Tensor:
        if self.form == "none":
            return seen_BTMN
        rest_M1 = self.abar_SM[level][:, None]
        if self.form == "per_frame":
            return rest_M1 + torch.exp(-decay_BT)[..., None, None] * (seen_BTMN - rest_M1)
        weight_BTT, start_BT = relaxation_weights(decay_BT)
        relaxed = torch.bmm(weight_BTT, seen_BTMN.flatten(2)).view_as(seen_BTMN)
        return relaxed + start_BT[..., None, None] * rest_M1


def relaxation_weights(decay_BT: Tensor) -> tuple[Tensor, Tensor]:
    """The recurrence x <- e x + (1 - e) A, e = exp(-decay), unrolled into one matrix per clip.

    Returns the weight of A at each earlier frame, (B, T, T), and of the starting state, (B, T).
    """
    T = decay_BT.shape[1]
    age = torch.cumsum(decay_BT, dim=1)
    past = torch.ones(T, T, dtype=torch.bool, device=decay_BT.device).tril()
    # Masked before the exponential: the future's would overflow, and infinity times 0 is no number.
    elapsed = (age[:, :, None] - age[:, None, :]).masked_fill(~past, torch.inf)
    weight = torch.exp(-elapsed) * -torch.expm1(-decay_BT)[:, None, :]
    return weight, torch.exp(-age)


class Summary(nn.Module):
    """What is kept of the recent past: the last value, two moving averages, and the change."""

    def __init__(self, settings: PolarSettings) -> None:
        super().__init__()
        learn = settings.learn_temporal and settings.learn_alphas
        self.logit_alpha_fast = _constant(_logit(settings.alpha_fast), learn)
        self.logit_alpha_slow = _constant(_logit(settings.alpha_slow), learn)
        self.corrected = settings.ema_correction

    @property
    def alpha_fast(self) -> Tensor:
        """What the fast average keeps of itself each frame; in (0, 1) by construction."""
        return torch.sigmoid(self.logit_alpha_fast)

    @property
    def alpha_slow(self) -> Tensor:
        """What the slow average keeps of itself each frame; in (0, 1) by construction."""
        return torch.sigmoid(self.logit_alpha_slow)

    def forward(self, relaxed_BTMN: Tensor) -> Tensor:
        """Four numbers for each pair, shape (B, T, 4 M, N)."""
        flat = relaxed_BTMN.flatten(2)
        fast = moving_average(flat, self.alpha_fast, corrected=self.corrected)
        slow = moving_average(flat, self.alpha_slow, corrected=self.corrected)
        change = F.pad(flat[:, 1:] - flat[:, :-1], (0, 0, 1, 0))
        parts = (flat, fast, slow, change)
        return torch.cat([part.view_as(relaxed_BTMN) for part in parts], dim=2)


def _constant(value: float, learn: bool) -> nn.Parameter:
    return nn.Parameter(torch.tensor(value), requires_grad=learn)


def _logit(p: float) -> float:
    return math.log(p / (1.0 - p))


class PolarV1(nn.Module):
    """stimulus -> adapter -> pyramid -> filters -> amplitude and phase -> readout.

    A neuron's place in the image is a fixed set of weights over pixels, and the dynamics and
    averages are linear in the amplitudes, so each neuron's pixels are summed *first*: the same
    numbers for an eighteenth of the work at the finest level.
    """

    def __init__(self, settings: PolarSettings, neurons: dict[str, int], side_px: int) -> None:
        super().__init__()
        self.plan = {
            "family": "polar",
            "settings": asdict(settings),
            "neurons": neurons,
            "side_px": side_px,
        }
        """All it takes to build it again."""
        self.settings = settings
        self.adapters = nn.ModuleDict({name: Adapter(surround=False) for name in neurons})
        self.bank = QuadratureBank(settings.pairs, settings.kernel, settings.bank)
        self.gaze_encoder = GazeEncoder(settings)
        self.dynamics = Dynamics(settings)
        self.summary = Summary(settings)
        self.strides = [settings.stride] + [1] * (settings.levels - 1)
        sizes = [side_px // 2**s // stride for s, stride in enumerate(self.strides)]
        self.places = nn.ModuleDict(
            {
                name: nn.ModuleList([GaussianReadout(count, size) for size in sizes])
                for name, count in neurons.items()
            }
        )
        features = settings.levels * 5 * settings.pairs
        self.weights = nn.ModuleDict(
            {
                name: NeuronWeights(count, features, settings.output)
                for name, count in neurons.items()
            }
        )

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Predicted spikes per frame for every session of the batch, shape (B, T, N)."""
        names = list(batch)
        sizes = [len(batch[name].gaze_BT2) for name in names]
        stimulus = torch.cat([self.adapters[name](batch[name].stimulus_BTHW) for name in names])
        state = self.gaze_encoder(torch.cat([batch[name].gaze_BT2 for name in names]))
        B, T, H, W = stimulus.shape
        decay_BT = self.dynamics.decay_BT(state.gate_BT)
        features: dict[str, list[Tensor]] = {name: [] for name in names}
        pyramid = laplacian_pyramid(stimulus.view(B * T, H, W), self.settings.levels)
        for s, level in enumerate(pyramid):
            amplitude, cosine, sine = (
                x.unflatten(0, (B, T)) for x in self.bank(level, self.strides[s])
            )
            along, across = phase_products(cosine, sine)
            turn_BTM = self._turn_over_two_frames(state.turn_SBTM[s])
            parts = zip(
                *(x.split(sizes) for x in (amplitude, along, across, turn_BTM, decay_BT)),
                strict=True,
            )
            for name, (a, p, q, turn, decay) in zip(names, parts, strict=True):
                place = cast(nn.ModuleList, self.places[name])[s]
                summary = self.summary(self.dynamics(place(a), s, decay))
                energy = motion_energy(place(p), place(q), turn[..., None])
                features[name] += [summary, energy]
        return {name: self.weights[name](torch.cat(features[name], dim=2)) for name in names}

    def _turn_over_two_frames(self, turn_BTM: Tensor) -> Tensor:
        """How far the predicted phase moves between a frame and the one two before it."""
        if self.settings.dynamics != "recurrent":
            return turn_BTM - F.pad(turn_BTM[:, :-2], (0, 0, 2, 0))
        phase = torch.cumsum(turn_BTM, dim=1)
        return phase - F.pad(phase[:, :-2], (0, 0, 2, 0))

    def temporal_parameters(self) -> list[nn.Parameter]:
        """The parameters behind the time constants, which have a learning rate of their own."""
        behind = (
            self.dynamics.log_lambda_fix,
            self.dynamics.log_lambda_sac,
            self.summary.logit_alpha_fast,
            self.summary.logit_alpha_slow,
        )
        return [parameter for parameter in behind if parameter is not None]

    def temporal_constants(self) -> dict[str, Tensor]:
        """The time constants as they stand: rates per second, alphas, and alphas as times in ms."""
        fast, slow = self.summary.alpha_fast, self.summary.alpha_slow
        constants = {
            "lambda_fix": self.dynamics.lambda_fix,
            "lambda_sac": self.dynamics.lambda_sac,
            "alpha_fast": fast,
            "alpha_slow": slow,
            "tau_fast_ms": -1000.0 * DT / torch.log(fast),
            "tau_slow_ms": -1000.0 * DT / torch.log(slow),
            # The guide's own reading, 1 / (1 - alpha) frames; 4 to 15 % longer.
            "guide_tau_fast_ms": 1000.0 * DT / (1.0 - fast),
            "guide_tau_slow_ms": 1000.0 * DT / (1.0 - slow),
        }
        return {name: value.detach() for name, value in constants.items() if value is not None}


def phase_products(cosine_BTMHW: Tensor, sine_BTMHW: Tensor) -> tuple[Tensor, Tensor]:
    """Cosine and sine of the phase change over two frames, at each pixel; (1, 0) at the start."""
    cosine_2 = torch.cat([cosine_BTMHW[:, :2], cosine_BTMHW[:, :-2]], dim=1)
    sine_2 = torch.cat([sine_BTMHW[:, :2], sine_BTMHW[:, :-2]], dim=1)
    along = cosine_BTMHW * cosine_2 + sine_BTMHW * sine_2
    across = sine_BTMHW * cosine_2 - cosine_BTMHW * sine_2
    return along, across


def motion_energy(along: Tensor, across: Tensor, turn: Tensor) -> Tensor:
    """|U_t e^(i turn) - U_{t-2}|^2 / 2 over the pixels: phase change that gaze did not foretell."""
    return 1.0 - along * torch.cos(turn) + across * torch.sin(turn)
