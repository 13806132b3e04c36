"""Evaluation: what a model predicts for a part of every session, and how good it is."""

# T frames, N neurons, R repeats.

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from homeostat.evidence.blocks import block_interval
from homeostat.workloads.visioncore.clips import (
    BURN_IN,
    CLIP_FRAMES,
    Batch,
    Clip,
    Clips,
)
from homeostat.workloads.visioncore.experiment import LEVELS_PER_SD, Repeats
from homeostat.workloads.visioncore.metrics import bits_per_spike_N, ccnorm_N, correlation_N

Floats = NDArray[np.float64]
Predict = Callable[[Batch], dict[str, Tensor]]


@dataclass(frozen=True)
class Score:
    """How well a part of one session was predicted; every array has one value per neuron."""

    bits_N: Floats
    correlation_N: Floats
    oracle_bits_N: Floats | None
    """The same frames predicted by the true rates; None for recordings."""
    sums_C2N: Floats
    """For each clip in order of time, what its frames gain over the flat guess, and its spikes."""


@torch.no_grad()
def score(
    predict: Predict,
    clips: dict[str, Clips],
    part: str,
    *,
    max_clips: int | None = None,
    batch_size: int = 32,
) -> dict[str, Score]:
    """Predict a part of each session, every frame once and never within a clip's burn-in."""
    return {
        name: _score_session(
            predict, name, session, session.tiles(part, max_clips=max_clips), batch_size
        )
        for name, session in clips.items()
    }


def _score_session(
    predict: Predict, name: str, session: Clips, starts: NDArray[np.intp], batch_size: int
) -> Score:
    predicted = []
    for first in range(0, len(starts), batch_size):
        clip = session.cut(starts[first : first + batch_size])
        rates_BTN = predict({name: clip})[name]
        predicted.append(rates_BTN[:, BURN_IN:].flatten(0, 1).float().cpu().numpy())
    rates = np.concatenate(predicted).astype(np.float64)
    frames = (starts[:, None] + np.arange(BURN_IN, CLIP_FRAMES)).ravel()
    truth = session.session
    spikes, valid = truth.spikes_TN[frames].astype(np.float64), truth.valid_T[frames]
    oracle = None
    if truth.rates_TN is not None:
        best = truth.rates_TN[frames].astype(np.float64)
        oracle = bits_per_spike_N(best, spikes, session.null_N, valid)
    return Score(
        bits_N=bits_per_spike_N(rates, spikes, session.null_N, valid),
        correlation_N=correlation_N(rates, spikes, valid),
        oracle_bits_N=oracle,
        sums_C2N=_sums(rates, spikes, session.null_N, valid, len(starts)),
    )


def _sums(
    rates_TN: Floats, spikes_TN: Floats, null_N: Floats, valid_T: NDArray[np.bool_], clips: int
) -> Floats:
    null = np.maximum(null_N, 1e-9)
    rates = np.maximum(rates_TN, 1e-9)
    gain_TN = (spikes_TN * np.log(rates / null) - (rates - null)) * valid_T[:, None]
    both = np.stack([gain_TN, spikes_TN * valid_T[:, None]], axis=1)
    return np.asarray(both.reshape(clips, -1, 2, both.shape[-1]).sum(axis=1))


def interval(scores: dict[str, Score]) -> tuple[float, float]:
    """An interval (95 %) for the mean bits per spike, over stretches of each session's time."""
    shortest = min(len(s.sums_C2N) for s in scores.values())
    joint = np.concatenate([s.sums_C2N[:shortest] for s in scores.values()], axis=2)
    neurons = joint.shape[2]

    def bits(sums_RK: Floats) -> Floats:
        gain_RN, count_RN = sums_RK[:, :neurons], sums_RK[:, neurons:]
        each = np.divide(
            gain_RN, count_RN * np.log(2.0), out=np.full_like(gain_RN, np.nan), where=count_RN > 0
        )
        return np.asarray(np.nanmean(each, axis=1))

    return block_interval(joint.reshape(shortest, -1), bits)


@torch.no_grad()
def score_repeats(predict: Predict, clips: dict[str, Clips], rng: np.random.Generator) -> float:
    """Mean CCnorm over the neurons of every session that has repeats; NaN without any."""
    scores = []
    for name, session in clips.items():
        shown = session.session.repeats
        if shown is None:
            continue
        clip, frames_BT = repeated_clips(shown, session.gaze_T2.device)
        rates_BTN = predict({name: clip})[name][:, BURN_IN:]
        rates = rates_BTN.flatten(0, 1).float().cpu().numpy().astype(np.float64)
        repeats = shown.spikes_RTN[:, frames_BT.ravel()].astype(np.float64)
        scores.append(ccnorm_N(rates, repeats, rng))
    return float(np.nanmean(np.concatenate(scores))) if scores else float("nan")


def repeated_clips(
    shown: Repeats, device: torch.device, *, max_clips: int | None = None
) -> tuple[Clip, NDArray[np.intp]]:
    """Clips that together predict a repeated stimulus, and the frames each predicts, (B, T)."""
    starts = np.arange(0, len(shown.gaze_T2) - CLIP_FRAMES + 1, CLIP_FRAMES - BURN_IN)[:max_clips]
    frames_BT = starts[:, None] + np.arange(CLIP_FRAMES)
    stimulus = torch.from_numpy(shown.stimulus_THW[frames_BT]).to(device)
    clip = Clip(
        stimulus_BTHW=stimulus.float() / LEVELS_PER_SD,
        gaze_BT2=torch.from_numpy(shown.gaze_T2[frames_BT]).to(device),
        spikes_BTN=torch.empty(0),
        mask_BT=torch.empty(0),
    )
    return clip, frames_BT[:, BURN_IN:]


def summarise(scores: dict[str, Score], prefix: str) -> dict[str, float]:
    """Means over all neurons, as metrics for a report."""
    bits = np.concatenate([s.bits_N for s in scores.values()])
    metrics = {
        f"{prefix}_bits_per_spike": float(np.nanmean(bits)),
        f"{prefix}_correlation": float(
            np.nanmean(np.concatenate([s.correlation_N for s in scores.values()]))
        ),
    }
    oracles = [s.oracle_bits_N for s in scores.values() if s.oracle_bits_N is not None]
    if len(oracles) == len(scores):
        ceiling = float(np.nanmean(np.concatenate(oracles)))
        metrics[f"{prefix}_of_oracle"] = metrics[f"{prefix}_bits_per_spike"] / ceiling
    return metrics
