"""Sampling: what is remembered of a large tensor, so that a model is looked at without copies.

Small tensors are copied whole. Of a large one evenly spaced entries are kept, which is enough for
norms and slopes, and a checksum of all of its bits, so that "it never moved" stays exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

LARGE = 250_000
"""A tensor of more numbers than this is sampled."""
SAMPLE = 32_768
FEW = 4096
CHUNK = 1 << 20
_INTEGERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


@dataclass(frozen=True)
class Remembered:
    """A tensor as it was."""

    shape: tuple[int, ...]
    values: Any
    """All of its entries, or evenly spaced ones, flat."""
    bits: tuple[int, int] | None = None
    """The checksum of a large one."""

    def same_as(self, tensor: Any) -> bool:
        """Whether a tensor still has the values that were remembered, bit by bit."""
        if self.shape != tuple(tensor.shape):
            return False
        if not torch.equal(self.values, sample(tensor)):
            return False
        return self.bits is None or self.bits == checksum(tensor)


def remember(tensor: Any) -> Remembered:
    """Keep what is needed to say later whether a tensor changed."""
    large = tensor.numel() > LARGE
    return Remembered(
        tuple(tensor.shape), sample(tensor).clone(), checksum(tensor) if large else None
    )


def sample(tensor: Any) -> Any:
    """The entries of a tensor, flat; evenly spaced ones of a large one. A view where possible."""
    flat = tensor.detach().reshape(-1)
    return flat if flat.numel() <= LARGE else flat[:: flat.numel() // SAMPLE]


def few(tensor: Any) -> Any:
    """Some entries of a tensor, flat and evenly spaced, to see whether it moved."""
    flat = tensor.detach().reshape(-1)
    return flat if flat.numel() <= FEW else flat[:: flat.numel() // FEW]


def norm(tensor: Any) -> float:
    """The Euclidean norm, without a copy of a large tensor in another type."""
    values = tensor.detach()
    if values.numel() <= LARGE:
        return float(values.double().norm())
    flat = values.reshape(-1)
    parts = [float(part.double().norm()) for part in flat.split(CHUNK)]
    return float(torch.tensor(parts, dtype=torch.float64).norm())


def checksum(tensor: Any) -> tuple[int, int]:
    """Two sums over all bits, the second weighted by place, made chunk by chunk."""
    flat = tensor.detach().reshape(-1)
    integers = flat.view(_INTEGERS[flat.element_size()])
    plain = weighted = 0
    for number, part in enumerate(integers.split(CHUNK)):
        wide = part.long()
        places = torch.arange(1, len(wide) + 1, device=wide.device)
        plain += int(wide.sum())
        weighted += (number + 1) * int((wide * places).sum())
    return plain, weighted
