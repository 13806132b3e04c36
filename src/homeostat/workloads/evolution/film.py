"""Film: what a creature did, frame by frame, for replays and for the tests."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from homeostat.workloads.evolution import book as B
from homeostat.workloads.evolution.capacity import COLUMNS, MAX_MUSCLES, MAX_NODES
from homeostat.workloads.evolution.compiled import compiled_part

Array = npt.NDArray[Any]


class Film(NamedTuple):
    """What a creature did on one layout, every `every` control steps. float32."""

    nodes: Array  # (frames, MAX_NODES, 3)
    pellet: Array  # (frames, 3)
    centre: Array  # (frames, 3)
    collected: Array  # (frames,)
    drive: Array  # (frames, MAX_MUSCLES) smoothed outputs
    length: Array  # (frames, MAX_MUSCLES) rest lengths now
    signal: Array  # (frames, COLUMNS) what the neurons read, hidden ones included


def new_film(frames: int) -> Film:
    """An empty film."""
    widths = ((MAX_NODES, 3), (3,), (3,), (), (MAX_MUSCLES,), (MAX_MUSCLES,), (COLUMNS,))
    return Film(*(np.zeros((frames, *width), np.float32) for width in widths))


@compiled_part
def shoot(frame: int, body: Any, film: Any) -> None:
    """Take one frame."""
    film.nodes[frame] = body.place
    for axis in range(3):
        film.pellet[frame, axis] = body.book[B.PELLET + axis, 0]
        film.centre[frame, axis] = body.book[B.X + axis, 0]
    film.collected[frame] = body.book[B.COLLECTED, 0]
    film.drive[frame] = body.drive
    film.length[frame] = body.length
    film.signal[frame] = body.signal
