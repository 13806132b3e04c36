"""Baselines: the flat guess, and the best predictions there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from homeostat.workloads.visioncore.metrics import bits_per_spike_N

if TYPE_CHECKING:
    from homeostat.space import Config
    from homeostat.workload.trial import Trial
    from homeostat.workloads.visioncore.clips import Clips


def baselines(config: Config, trial: Trial) -> dict[str, float]:
    """Bits per spike on the validation frames: flat guess, oracle of the image, oracle of both.

    Recordings have no truth, so the flat guess is all there is for them.
    """
    from homeostat.workloads.visioncore.build import load_clips

    clips = load_clips(config, trial.device)
    known = {"flat guess": 0.0}
    for label, field in (("oracle of the image", "blind_rates_TN"), ("oracle", "rates_TN")):
        scores = [_score(session, field) for session in clips.values()]
        if all(score is not None for score in scores):
            known[label] = float(np.nanmean(np.concatenate([s for s in scores if s is not None])))
    return known


def _score(session: Clips, field: str) -> np.ndarray | None:
    truth = session.session
    rates = getattr(truth, field)
    if rates is None:
        return None
    frames = session.splits["validation"].frames_T & truth.valid_T
    return bits_per_spike_N(
        rates[frames].astype(np.float64), truth.spikes_TN[frames].astype(np.float64), session.null_N
    )
