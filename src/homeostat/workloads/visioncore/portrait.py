"""What a run keeps of its trained model: a stretch of eyes and rates, and receptive fields."""

# B clips, T frames, H = W = 24 pixels, N neurons.  Rates are spikes per frame.

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from homeostat.workloads.visioncore.clips import BURN_IN, CLIP_FRAMES, Clip, Clips
from homeostat.workloads.visioncore.evaluate import repeated_clips
from homeostat.workloads.visioncore.metrics import correlation_N
from homeostat.workloads.visioncore.training import FreeViewing

MOST_CLIPS = 28
"""Of 32 predicted frames each: seven seconds."""
NUM_FIELDS = 12
LAGS = 16
"""Frames back from a neuron's peak in which its field is looked for: 133 ms."""


def portrait(
    module: FreeViewing, clips: dict[str, Clips], max_clips: int | None = None
) -> dict[str, Any]:
    """All that views draw, from held-out frames of the first session.

    The stimulus that was repeated, where there is one: the mean over its repeats is then the
    response with most of the noise taken out. Otherwise the first test block.
    """
    module.eval()
    name, session = next(iter(clips.items()))
    most = min(max_clips or MOST_CLIPS, MOST_CLIPS)
    clip, gaze_T2, recorded_TN, repeats = _stretch(session, most)
    with torch.no_grad():
        rates_BTN = module({name: clip})[name][:, BURN_IN:].float().cpu()
    predicted_TN = rates_BTN.flatten(0, 1).numpy()
    correlation = correlation_N(predicted_TN.astype(np.float64), recorded_TN.astype(np.float64))
    # Without a spike in these frames there is nothing to compare.
    ranked = np.argsort(-correlation, kind="stable")[: int(np.isfinite(correlation).sum())]
    shown = ranked[sorted({0, len(ranked) // 2, len(ranked) - 1})] if len(ranked) else ranked
    chosen = np.sort(ranked[:NUM_FIELDS])
    fields_NHW, lag_N = receptive_fields(module, name, clip, rates_BTN, chosen)
    return {
        "session": name,
        "repeats": repeats,
        "gaze_T2": gaze_T2,
        "neurons": len(correlation),
        "shown": shown.tolist(),
        "correlations": correlation[shown].tolist(),
        "predicted_TN": predicted_TN[:, shown],
        "recorded_TN": recorded_TN[:, shown].astype(np.float32),
        "field_neurons": chosen.tolist(),
        "fields_NHW": fields_NHW,
        "field_lags": lag_N.tolist(),
    }


def _stretch(session: Clips, most: int) -> tuple[Clip, NDArray[np.floating], NDArray[Any], int]:
    """Clips of held-out frames, the gaze and the response in those they predict, and repeats."""
    shown = session.session.repeats
    if shown is not None:
        clip, frames_BT = repeated_clips(shown, session.gaze_T2.device, max_clips=most)
        frames = frames_BT.ravel()
        return clip, shown.gaze_T2[frames], shown.spikes_RTN[:, frames].mean(0), len(
            shown.spikes_RTN
        )  # fmt: skip
    starts = session.tiles("test")
    together = np.concatenate([[True], np.diff(starts) == CLIP_FRAMES - BURN_IN])
    starts = starts[np.logical_and.accumulate(together)][:most]
    frames = (starts[:, None] + np.arange(BURN_IN, CLIP_FRAMES)).ravel()
    truth = session.session
    return session.cut(starts), truth.gaze_T2[frames], truth.spikes_TN[frames], 0


def receptive_fields(
    module: FreeViewing, name: str, clip: Clip, rates_BTN: torch.Tensor, neurons: NDArray[np.intp]
) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """The receptive field of each neuron at the peak of its predicted rate, and its delay.

    The gradient of the log rate by the image, at the frame before the peak where it is strongest:
    a linear field for simple cells, and for complex ones their field at the phase that was shown.

    Returns:
        Fields, (N, H, W), in log rate per standard deviation; and frames back from the peak.
    """
    if not len(neurons):
        return np.zeros((0, *clip.stimulus_BTHW.shape[2:]), np.float32), np.zeros(0, np.intp)
    peaks = [
        np.unravel_index(int(rates_BTN[:, :, n].argmax()), rates_BTN.shape[:2]) for n in neurons
    ]
    rows = torch.as_tensor([int(clip_number) for clip_number, _ in peaks])
    stimulus = clip.stimulus_BTHW[rows].clone().requires_grad_()
    seen = replace(clip, stimulus_BTHW=stimulus, gaze_BT2=clip.gaze_BT2[rows])
    rates = module({name: seen})[name]
    frames = [int(frame) + BURN_IN for _, frame in peaks]
    places = zip(frames, neurons, strict=True)
    highest = torch.stack([rates[i, t, n] for i, (t, n) in enumerate(places)])
    (slope_BTHW,) = torch.autograd.grad(highest.clamp_min(1e-9).log().sum(), stimulus)
    slopes = slope_BTHW.float().cpu().numpy()
    fields, lags = [], []
    for slope_THW, frame in zip(slopes, frames, strict=True):
        back = slope_THW[frame - np.arange(min(LAGS, frame + 1))]
        lag = int((back**2).sum(axis=(1, 2)).argmax())
        fields.append(back[lag])
        lags.append(lag)
    return np.array(fields), np.array(lags)
