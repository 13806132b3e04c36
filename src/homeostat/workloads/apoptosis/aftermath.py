"""What a death does to the training loss: how high it jumps, and how soon it is back."""

from __future__ import annotations

from typing import Any

WINDOW = 20
"""Steps before and after a death that are compared, as in the documented code."""


class Aftermath:
    """Watches the training loss around deaths.

    spike       the highest of the 20 losses after a death minus the mean of the 20 before it
    null        the highest of the same where nothing died: single batches differ as well
    recovery    steps from a death until the loss is back at or below that mean

    Deaths that come before 20 losses have been seen are compared with those there are.
    """

    def __init__(self) -> None:
        self.recent: list[float] = []
        self.spikes: list[float] = []
        self.recoveries: list[int] = []
        self.quiet: list[float] = []
        self._open: list[dict[str, Any]] = []
        self._calm: dict[str, float] = {}
        """The window without a death that is being watched; empty where there is none."""

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
        self._see_calm(loss, deaths)
        self.recent = [*self.recent[1 - WINDOW :], loss]
        if deaths:
            before = sum(self.recent) / len(self.recent)
            self._open.append(
                {"steps": 0, "peak": float("-inf"), "before": before, "recovered": False}
            )

    def _see_calm(self, loss: float, deaths: int) -> None:
        """Follow 20 steps without a death as those after one are followed."""
        if deaths or self._open:
            self._calm = {}
        elif not self._calm:
            if len(self.recent) == WINDOW:
                before = sum(self.recent) / WINDOW
                self._calm = {"steps": 1, "peak": loss, "before": before}
        else:
            self._calm["steps"] += 1
            self._calm["peak"] = max(self._calm["peak"], loss)
        if self._calm.get("steps") == WINDOW:
            self.quiet.append(self._calm["peak"] - self._calm["before"])
            self._calm = {}

    def metrics(self) -> dict[str, float]:
        """The worst spike and the mean recovery, once there is one."""
        found: dict[str, float] = {}
        if self.spikes:
            found["spike"] = max(self.spikes)
            if self.quiet:
                found["spike_null"] = max(self.quiet)
        if self.recoveries:
            found["recovery_steps"] = sum(self.recoveries) / len(self.recoveries)
        return found

    def state_dict(self) -> dict[str, Any]:
        return {
            "recent": list(self.recent),
            "spikes": list(self.spikes),
            "recoveries": list(self.recoveries),
            "quiet": list(self.quiet),
            "calm": dict(self._calm),
            "open": [dict(death) for death in self._open],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.recent, self.spikes = list(state["recent"]), list(state["spikes"])
        self.recoveries = list(state["recoveries"])
        self._open = [dict(death) for death in state["open"]]
        # Snapshots of older runs do not have these.
        self.quiet, self._calm = list(state.get("quiet", ())), dict(state.get("calm", {}))
