"""Three phases, A then B then A again: how fast a network adapts, and what it forgets.

The guide's full run is 5,000 steps on a text, 2,000 on Python source and 1,000 back on the text; a
shorter run is cut in the same proportions.

    adaptation   mean held-out loss on B during phase B: lower is faster
    forgetting   loss on A at the end of B minus loss on A at the end of the first A
    recovery     loss on A at the very end minus loss on A at the end of the first A
"""

from __future__ import annotations

from typing import Any

SHARES = (5, 2, 1)


class PhasePlan:
    """Which text is read at each step."""

    def __init__(self, steps: int, *, three: bool) -> None:
        whole = sum(SHARES)
        self.to_b = steps * SHARES[0] // whole if three else steps
        self.back = steps * (SHARES[0] + SHARES[1]) // whole if three else steps

    def phase(self, step: int) -> int:
        """0 for the first A, 1 for B, 2 for A again; `step` counts from 0."""
        return 0 if step < self.to_b else 1 if step < self.back else 2

    def ends(self, step: int) -> bool:
        """Whether this is the last step of a phase other than the final one."""
        return step + 1 in (self.to_b, self.back)


class PhaseScores:
    """Collects the held-out losses on A and B, phase by phase."""

    def __init__(self) -> None:
        self.end_of_a: list[float] = []
        self.end_of_b: list[float] = []
        self.during_b: list[float] = []

    def see(self, phase: int, loss_a: float, loss_b: float, *, ends: bool) -> None:
        """The two losses at an evaluation."""
        if phase == 1:
            self.during_b.append(loss_b)
        if ends and phase == 0:
            self.end_of_a = [loss_a]
        if ends and phase == 1:
            self.end_of_b = [loss_a]

    def metrics(self, phase: int, loss_a: float) -> dict[str, float]:
        """The scores that can be given by now."""
        found: dict[str, float] = {}
        if self.during_b:
            found["adaptation"] = sum(self.during_b) / len(self.during_b)
        if self.end_of_a and self.end_of_b:
            found["forgetting"] = self.end_of_b[0] - self.end_of_a[0]
        if self.end_of_a and phase == 2:
            found["recovery"] = loss_a - self.end_of_a[0]
        return found

    def state_dict(self) -> dict[str, Any]:
        return {key: list(values) for key, values in vars(self).items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for key, values in state.items():
            setattr(self, key, list(values))
