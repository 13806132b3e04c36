"""Put creatures of several populations into one batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from homeostat.workloads.evolution.creatures import Creatures


def joined(parts: Sequence[Creatures]) -> Creatures:
    """All creatures of all parts, in order."""
    if len(parts) == 1:
        return parts[0]
    whole = Creatures(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
    offsets = np.cumsum([0, *(part.first_link[-1] for part in parts)])
    starts = [part.first_link[:-1] + offset for part, offset in zip(parts, offsets, strict=False)]
    return whole._replace(first_link=np.append(np.concatenate(starts), offsets[-1]))
