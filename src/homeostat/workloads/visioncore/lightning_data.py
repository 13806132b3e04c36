"""The sessions as a Lightning data module, for a Trainer of one's own.

config = space.resolve({"recordings": "my_sessions"})
data = SessionData(config)
module = build_module(config, data.clips, budget=1_500)
Trainer(max_epochs=15, gradient_clip_val=config.gradient_clip).fit(module, data)
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from lightning import LightningDataModule
from torch.utils.data import DataLoader, Dataset, IterableDataset

from homeostat.space import Config
from homeostat.workloads.visioncore.build import load_clips
from homeostat.workloads.visioncore.clips import Batch, Clips, draw_batch


class SessionData(LightningDataModule):
    """Random training batches over all sessions, and their validation and test parts in order.

    Args:
        config: Of the workload `visioncore`: which sessions, the batch size, the steps per epoch.
        seed: Of the order of training clips.
    """

    def __init__(self, config: Config, *, seed: int = 42) -> None:
        super().__init__()
        self.clips = load_clips(config, "cpu")
        self.batch_size, self.steps = int(config.batch_size), int(config.steps_per_epoch)
        self.rng = np.random.default_rng(seed)

    def train_dataloader(self) -> DataLoader[Batch]:
        """`steps_per_epoch` batches, other ones in each epoch."""
        return DataLoader(_Drawn(self), batch_size=None)

    def val_dataloader(self) -> DataLoader[Batch]:
        """Every validation frame once."""
        return DataLoader(_Tiled(self.clips, "validation"), batch_size=None)

    def test_dataloader(self) -> DataLoader[Batch]:
        """Every test frame once."""
        return DataLoader(_Tiled(self.clips, "test"), batch_size=None)


class _Drawn(IterableDataset[Batch]):
    def __init__(self, data: SessionData) -> None:
        self.data = data

    def __iter__(self) -> Iterator[Batch]:
        for _ in range(self.data.steps):
            yield draw_batch(self.data.clips, self.data.batch_size, self.data.rng)

    def __len__(self) -> int:
        return self.data.steps


class _Tiled(Dataset[Batch]):
    """One batch of up to 32 clips of one session at a time."""

    def __init__(self, clips: dict[str, Clips], part: str) -> None:
        self.clips = clips
        tiles = {name: session.tiles(part) for name, session in clips.items()}
        self.rows = [
            (name, starts)
            for name, all_starts in tiles.items()
            for starts in np.array_split(all_starts, -(-len(all_starts) // 32))
        ]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> Batch:
        name, starts = self.rows[place]
        return {name: self.clips[name].cut(starts)}
