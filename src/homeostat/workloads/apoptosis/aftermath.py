"""What a death does to the training loss: how high it jumps, and how soon it is back."""

from __future__ import annotations

from typing import Any

WINDOW = 20
"""Steps before and after a death that are compared, as in the documented code."""


class Aftermath:
    """Watches the training loss around deaths.

    spike       the highest of the 20 losses after a death minus the mean of the 20 before it
    recovery    steps from a death until the loss is back at or below that mean

    Deaths that come before 20 losses have been seen are compared with those there are.
    """

    def __init__(self) -> None:
        self.recent: list[float] = []
        self.spikes: list[float] = []
        self.recoveries: list[int] = []
        self._open: list[dict[str, Any]] = []

    def see(self, loss: float, deaths: int) -> None:
        """The training loss of a step, and how many layers died at its end."""
        still_open = []
        for death in self._open:
            death["steps"] += 1
            death["peak"] = max(death["peak"], loss)
            if not death["recovered"] and loss <= death["before"]:
                death["recovered"] = True
                self.recoveries.append(death["steps"])
            if death["steps"] == WINDOW:
                self.spikes.append(death["peak"] - death["before"])
            if death["steps"] < WINDOW or not death["recovered"]:
                still_open.append(death)
        self._open = still_open
        self.recent = [*self.recent[1 - WINDOW :], loss]
        if deaths:
            before = sum(self.recent) / len(self.recent)
            self._open.append(
                {"steps": 0, "peak": float("-inf"), "before": before, "recovered": False}
            )

    def metrics(self) -> dict[str, float]:
        """The worst spike and the mean recovery, once there is one."""
        found: dict[str, float] = {}
        if self.spikes:
            found["spike"] = max(self.spikes)
        if self.recoveries:
            found["recovery_steps"] = sum(self.recoveries) / len(self.recoveries)
        return found

    def state_dict(self) -> dict[str, Any]:
        return {
            "recent": list(self.recent),
            "spikes": list(self.spikes),
            "recoveries": list(self.recoveries),
            "open": [dict(death) for death in self._open],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.recent, self.spikes = list(state["recent"]), list(state["spikes"])
        self.recoveries = list(state["recoveries"])
        self._open = [dict(death) for death in state["open"]]
