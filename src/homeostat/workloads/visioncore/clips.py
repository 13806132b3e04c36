"""Clips: short stretches of a session, in batches that mix all sessions."""

# B clips, T frames, H = W = 24 pixels, N neurons.  Spikes are counts per frame.

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from homeostat.workloads.visioncore.data import Split, split_owned, split_session
from homeostat.workloads.visioncore.experiment import LEVELS_PER_SD, Session

CLIP_FRAMES = 48
BURN_IN = 16
"""Frames at the start of a clip that are seen but not predicted, while memory fills."""


@dataclass(frozen=True)
class Clip:
    """One session's part of a batch."""

    stimulus_BTHW: Tensor
    gaze_BT2: Tensor
    spikes_BTN: Tensor
    mask_BT: Tensor
    """True where a prediction counts: after the burn-in, with the eye tracked."""

    def to(self, device: torch.device) -> Clip:
        """The same clip on a device."""
        return Clip(*(getattr(self, field.name).to(device) for field in fields(self)))


Batch = dict[str, Clip]


class Clips:
    """One session as tensors on the device, from which clips are cut.

    Everything is copied to the device once, as bytes, so that cutting a batch costs one gather.
    """

    def __init__(
        self,
        session: Session,
        device: torch.device,
        *,
        seed: int = 0,
        owner_T: np.ndarray | None = None,
    ) -> None:
        """
        Args:
            seed: Of the deal of blocks of time.
            owner_T: Which part owns each frame, where that is not dealt by time.
        """
        self.session = session
        self.stimulus_THW = torch.from_numpy(session.stimulus_THW).to(device)
        self.gaze_T2 = torch.from_numpy(session.gaze_T2).to(device)
        self.spikes_TN = torch.from_numpy(session.spikes_TN).to(device)
        self.valid_T = torch.from_numpy(session.valid_T).to(device)
        self.splits: dict[str, Split] = (
            split_session(len(session.gaze_T2), CLIP_FRAMES, gap_frames=CLIP_FRAMES, seed=seed)
            if owner_T is None
            else split_owned(owner_T, CLIP_FRAMES, gap_frames=CLIP_FRAMES)
        )
        training = self.splits["train"].frames_T & session.valid_T
        self.null_N = session.spikes_TN[training].mean(0, dtype=np.float64)
        self._clip = torch.arange(CLIP_FRAMES, device=device)
        self._predicted = self._clip >= BURN_IN

    def cut(self, starts: np.ndarray) -> Clip:
        """The clips that start at these frames."""
        first = torch.as_tensor(starts, device=self._clip.device)
        frames_BT = first[:, None] + self._clip
        return Clip(
            stimulus_BTHW=self.stimulus_THW[frames_BT].float() / LEVELS_PER_SD,
            gaze_BT2=self.gaze_T2[frames_BT],
            spikes_BTN=self.spikes_TN[frames_BT].float(),
            mask_BT=self.valid_T[frames_BT] & self._predicted,
        )

    def tiles(self, part: str, *, max_clips: int | None = None) -> np.ndarray:
        """Starts of clips that predict each frame of a part once, or an even choice of them."""
        frames = self.splits[part].starts
        runs = np.split(frames, np.flatnonzero(np.diff(frames) > 1) + 1)
        starts = np.concatenate([run[:: CLIP_FRAMES - BURN_IN] for run in runs])
        if max_clips is not None and len(starts) > max_clips:
            starts = starts[np.linspace(0, len(starts) - 1, max_clips).astype(int)]
        return starts


def draw_batch(clips: dict[str, Clips], batch_size: int, rng: np.random.Generator) -> Batch:
    """`batch_size` training clips, shared evenly among the sessions.

    What does not divide goes to sessions drawn at random, so that none is favoured over time.
    """
    names = list(clips)
    counts = dict.fromkeys(names, batch_size // len(names))
    for name in rng.permutation(names)[: batch_size % len(names)]:
        counts[str(name)] += 1
    return {
        name: clips[name].cut(rng.choice(clips[name].splits["train"].starts, count))
        for name, count in counts.items()
        if count
    }


def owned_frames(clips: dict[str, Clips], part: str) -> np.ndarray:
    """Every 24th frame that belongs to a part, as rows of (session, frame)."""
    rows = []
    for number, session in enumerate(clips.values()):
        frames = np.flatnonzero(session.splits[part].frames_T)
        kept = frames[frames % 24 == 0]
        rows.append(np.stack([np.full(len(kept), number), kept], axis=1))
    return np.concatenate(rows)
