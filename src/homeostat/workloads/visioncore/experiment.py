"""The simulated free-viewing experiment: sessions of one observer each, with the truth attached."""

# T frames, N neurons, R repeats, H = W = 24 pixels.  Spikes are counts per frame.

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from homeostat.workloads.visioncore.dynamics import (
    DynamicNeurons,
    TimeConstants,
    draw_dynamic_neurons,
    summary_TN,
)
from homeostat.workloads.visioncore.gaze import FRAME_HZ, Gaze, GazeSettings, simulate_gaze
from homeostat.workloads.visioncore.images import PX_PER_DEG, Pixels
from homeostat.workloads.visioncore.neurons import (
    WINDOW_PX,
    Array32,
    Floats,
    behaviour_gain_TN,
    draw_neurons,
    expected_bits,
    rates_TN,
    shared_gain_T,
    stimulus_drive_TN,
)

# Windows are kept as signed bytes: 1/32 of a standard deviation, up to 4 either way.
LEVELS_PER_SD = 32.0
LOOK_FRAMES = 480
"""Frames between two images: 4 s."""


@dataclass(frozen=True)
class Repeats:
    """One stimulus shown again and again, for what noise leaves to be explained."""

    stimulus_THW: NDArray[np.int8]
    gaze_T2: Array32
    spikes_RTN: NDArray[np.uint8]
    rates_TN: Array32 | None


@dataclass(frozen=True)
class Session:
    """What an experimenter has of one session; and, of a simulated one, the true rates."""

    name: str
    stimulus_THW: NDArray[np.int8]
    """The window around the *recorded* gaze, in 1/32 of a standard deviation."""
    gaze_T2: Array32
    """Recorded gaze, degrees."""
    spikes_TN: NDArray[np.uint8]
    valid_T: NDArray[np.bool_]
    """False where the eye tracker lost the eye."""
    rates_TN: Array32 | None = None
    """The oracle: the best prediction from image and true gaze. None for recordings."""
    blind_rates_TN: Array32 | None = None
    """The same without the eyes' gains: the best prediction from the image alone."""
    repeats: Repeats | None = None
    picture_T: NDArray[np.int64] | None = None
    """Which picture, or trial, was shown; None where that is not known."""

    @property
    def num_neurons(self) -> int:
        return int(self.spikes_TN.shape[1])


@dataclass(frozen=True, kw_only=True)
class SessionSettings:
    """How one simulated session differs from the next."""

    name: str
    gaze: GazeSettings = field(default_factory=GazeSettings)
    num_neurons: int = 32
    median_hz: float = 12.0
    tracker_noise_arcmin: float = 1.0
    """Standard deviation of the recorded gaze about the true one."""
    constants: TimeConstants | None = None
    """If given, neurons with these time constants take the place of V1 neurons."""


SESSIONS = (
    SessionSettings(name="ana"),
    SessionSettings(
        name="ben",
        gaze=GazeSettings(amplitude_deg=4.0, drift_arcmin2_s=60.0),
        num_neurons=24,
        median_hz=16.0,
        tracker_noise_arcmin=2.0,
    ),
    SessionSettings(
        name="cleo",
        gaze=GazeSettings(amplitude_deg=5.4, fixation_scale_s=0.095, drift_arcmin2_s=20.0),
        median_hz=9.0,
        tracker_noise_arcmin=0.5,
    ),
    SessionSettings(name="dynamics", constants=TimeConstants(), num_neurons=30),
)


def simulate_session(
    settings: SessionSettings,
    images: Pixels,
    rng: np.random.Generator,
    *,
    num_frames: int = 48_000,
    repeat_frames: int = 960,
    num_repeats: int = 20,
) -> Session:
    """Let one observer look at images and record its neurons.

    The last `repeat_frames` of the simulated time are the stimulus that is shown `num_repeats`
    times, with the same eye movements each time and fresh shared gain and spikes.
    """
    total = num_frames + repeat_frames
    half_field_deg = (images.shape[1] - WINDOW_PX) / 2.0 / PX_PER_DEG - 1.0
    gaze = simulate_gaze(settings.gaze, total, half_field_deg, rng)
    shown_T = _shown_images(len(images), total, rng)
    true_THW = windows_THW(images, shown_T, gaze.position_T2)
    rates, blind = _true_rates(settings, true_THW, gaze, rng)
    recorded_T2, valid_T = record_gaze(gaze.position_T2, settings.tracker_noise_arcmin, rng)
    stimulus = to_levels(windows_THW(images, shown_T, recorded_T2))
    once, again = slice(0, num_frames), slice(num_frames, total)
    return Session(
        name=settings.name,
        stimulus_THW=stimulus[once],
        gaze_T2=recorded_T2[once].astype(np.float32),
        spikes_TN=_spikes(rates[once], rng),
        valid_T=valid_T[once],
        rates_TN=rates[once].astype(np.float32),
        blind_rates_TN=blind[once].astype(np.float32),
        repeats=Repeats(
            stimulus_THW=stimulus[again],
            gaze_T2=recorded_T2[again].astype(np.float32),
            spikes_RTN=np.stack([_spikes(rates[again], rng) for _ in range(num_repeats)]),
            rates_TN=rates[again].astype(np.float32),
        ),
        picture_T=shown_T[once].astype(np.int64),
    )


def _shown_images(count: int, num_frames: int, rng: np.random.Generator) -> NDArray[np.intp]:
    looks = -(-num_frames // LOOK_FRAMES)
    rounds = [rng.permutation(count) for _ in range(-(-looks // count))]
    return np.repeat(np.concatenate(rounds)[:looks], LOOK_FRAMES)[:num_frames]


def windows_THW(images: Pixels, shown_T: NDArray[np.intp], position_T2: Floats) -> Array32:
    """The window of the shown image about each gaze position, bilinear between pixels."""
    corner_T2 = (images.shape[1] - WINDOW_PX) / 2.0 + position_T2 * PX_PER_DEG
    corner_T2 = np.clip(corner_T2, 0.0, images.shape[1] - WINDOW_PX - 1.001)
    whole_T2 = np.floor(corner_T2).astype(np.intp)
    right_T, down_T = (corner_T2 - whole_T2).astype(np.float32).T
    patches = np.lib.stride_tricks.sliding_window_view(
        images, (WINDOW_PX + 1, WINDOW_PX + 1), axis=(1, 2)
    )
    windows = np.empty((len(shown_T), WINDOW_PX, WINDOW_PX), np.float32)
    # In pieces that stay in the processor's cache.
    for start in range(0, len(shown_T), 1024):
        part = slice(start, start + 1024)
        patch = patches[shown_T[part], whole_T2[part, 1], whole_T2[part, 0]]
        x, y = right_T[part, None, None], down_T[part, None, None]
        rows = patch[:, :-1] + y * (patch[:, 1:] - patch[:, :-1])
        windows[part] = rows[:, :, :-1] + x * (rows[:, :, 1:] - rows[:, :, :-1])
    return windows


def _true_rates(
    settings: SessionSettings, true_THW: Array32, gaze: Gaze, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Oracle rates, and those of an oracle that does not see the eyes."""
    if settings.constants is not None:
        dynamic = draw_dynamic_neurons(settings.num_neurons, rng, settings.constants)
        rates = _exponential_rates(dynamic, summary_TN(dynamic, true_THW, gaze))
        return rates, rates
    neurons = draw_neurons(settings.num_neurons, rng, median_hz=settings.median_hz)
    drive = stimulus_drive_TN(neurons, true_THW)
    gain = behaviour_gain_TN(neurons, gaze)
    rates = rates_TN(neurons, drive, gain)
    blind = rates / gain
    return rates, blind * rates.mean(0) / blind.mean(0)


def _exponential_rates(neurons: DynamicNeurons, summary_TN: Floats) -> Floats:
    """Log rates in proportion to the summary, as steep as `stimulus_bits_N` asks."""
    columns = []
    for n, target in enumerate(neurons.stimulus_bits_N):

        def excess(slope: float, n: int = n, target: float = float(target)) -> float:
            return expected_bits(np.exp(slope * summary_TN[:, n])) - target

        raw = np.exp(brentq(excess, 0.0, 5.0, xtol=1e-3) * summary_TN[:, n])
        columns.append(neurons.rate_N[n] * raw / raw.mean())
    return np.stack(columns, axis=1)


def record_gaze(
    position_T2: Floats, noise_arcmin: float, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.bool_]]:
    """What an eye tracker writes down: noise, and losses in which the last value is held."""
    recorded = position_T2 + rng.normal(0.0, noise_arcmin / 60.0, position_T2.shape)
    valid = np.ones(len(recorded), dtype=bool)
    num_losses = rng.poisson(0.1 * len(recorded) / FRAME_HZ)
    for start in rng.integers(1, len(recorded), num_losses):
        stop = start + int(rng.integers(6, 30))
        recorded[start:stop] = recorded[start - 1]
        valid[start:stop] = False
    return recorded, valid


def to_levels(windows: Array32) -> NDArray[np.int8]:
    """Windows in standard deviations as signed bytes."""
    return np.asarray(np.clip(np.rint(windows * LEVELS_PER_SD), -127, 127), dtype=np.int8)


def _spikes(rates: Floats, rng: np.random.Generator) -> NDArray[np.uint8]:
    gained = rates * shared_gain_T(len(rates), rng)[:, None]
    return np.minimum(rng.poisson(gained), 255).astype(np.uint8)


def simulate(
    names: tuple[str, ...], images: Pixels, *, seed: int = 0, num_frames: int = 48_000
) -> list[Session]:
    """The named sessions; each depends on the seed and its own place only."""
    known = {settings.name: (place, settings) for place, settings in enumerate(SESSIONS)}
    sessions = []
    for name in names:
        place, settings = known[name]
        rng = np.random.default_rng([seed, place])
        sessions.append(simulate_session(settings, images, rng, num_frames=num_frames))
    return sessions
