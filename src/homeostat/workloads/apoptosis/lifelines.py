"""Every layer's vitality and role over time, at the resolution of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from homeostat.workloads.apoptosis.manager import ApoptosisEvent
from homeostat.workloads.apoptosis.senescence import LayerState

MOST_MOMENTS = 400
MOST_EVENTS = 2_000
ZONES = ("birth", "mature", "stable", "death")


class Lifelines:
    """Watches the layers; of a long run it keeps 400 moments, evenly apart, and the last.

    Args:
        num_steps: Length of the run.
    """

    def __init__(self, num_steps: int) -> None:
        self.num_steps = num_steps
        self.every = -(-num_steps // MOST_MOMENTS)
        self.moments: list[list[Any]] = []

    def see(self, steps_done: int, layers: Sequence[LayerState]) -> None:
        """The layers after a step."""
        if steps_done % self.every == 0 or steps_done == self.num_steps:
            zones = [ZONES.index(layer.layer_zone) for layer in layers]
            self.moments.append([steps_done, [layer.vitality for layer in layers], zones])

    def tree(self, events: Sequence[ApoptosisEvent]) -> dict[str, Any]:
        """What the view draws: moments by layers, and who died when."""
        return {
            "steps": [steps for steps, _, _ in self.moments],
            "vitality_SL": np.array([v for _, v, _ in self.moments], dtype=np.float32),
            "zones_SL": np.array([zones for _, _, zones in self.moments], dtype=np.int8),
            "events": [vars(event) for event in events[:MOST_EVENTS]],
            "num_events": len(events),
        }

    def state_dict(self) -> dict[str, Any]:
        return {"moments": [[s, list(v), list(z)] for s, v, z in self.moments]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.moments = [[s, list(v), list(z)] for s, v, z in state["moments"]]
