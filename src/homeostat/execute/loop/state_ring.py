"""The flight recorder: a ring of recent states, to replay a failure from before it happened."""

from __future__ import annotations

import copy
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from homeostat.errors import RecordError
from homeostat.execute.loop.drive import Watcher
from homeostat.execute.loop.isolation import capture
from homeostat.record.outcome import Outcome
from homeostat.record.snapshot import read_snapshot, write_snapshot
from homeostat.workload.trial import Trial

FOLDER = "flight"
KEPT = 4
MAX_SHARE = 0.02
FIRST_AFTER_S = 1.0

State = dict[str, Any]


class FlightRecorder(Watcher):
    """Copies the trial's state between steps, as often as a fiftieth of the time allows.

    recorder.before(120)     the newest state from which step 120 is still to be done

    Args:
        folder: Where the states are written if the attempt diverges; nowhere when None.
        max_share: Largest share of the wall time spent on copying; 0 switches it off.
        first_after_s: When the first copy is taken; a failure before it is replayed from the start.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        kept: int = KEPT,
        max_share: float = MAX_SHARE,
        first_after_s: float = FIRST_AFTER_S,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._folder = folder
        self._max_share = max_share
        self._clock = clock
        self._ring: deque[State] = deque(maxlen=kept)
        self._trial: Trial | None = None
        self._due = clock() + first_after_s
        self._cost = 0.0
        self.spent_s = 0.0
        """Seconds spent on copying so far."""

    def on_watch(self, trial: Trial) -> None:
        self._trial = trial

    def before_step(self, step: int) -> None:
        now = self._clock()
        if self._trial is None or self._max_share <= 0 or now < self._due:
            return
        self._ring.append({"trial": copy.deepcopy(self._trial.state(step)), "process": capture()})
        cost = self._clock() - now
        self.spent_s += cost
        # The slowest copy so far sets the pace: the first may be cheap (no optimiser state yet).
        self._cost = max(self._cost, cost)
        self._due = now + cost + self._cost / self._max_share

    def on_end(self, outcome: Outcome) -> None:
        if outcome is not Outcome.DIVERGED or self._folder is None:
            return
        folder = self._folder / FOLDER
        try:
            for path in folder.glob("*.npz"):  # of an earlier attempt in the same place
                path.unlink()
            if self._ring:
                folder.mkdir(parents=True, exist_ok=True)
            for state in self._ring:
                write_snapshot(folder / f"{_step(state):08d}.npz", state)
        except (OSError, RecordError):
            # A diagnosis can begin at step 0 as well; the attempt's own ending matters more.
            return

    def before(self, step: int) -> State | None:
        """The newest state from which `step` is still to be done, if any."""
        return next((state for state in reversed(self._ring) if _step(state) <= step), None)

    def states(self) -> list[State]:
        """The ring, oldest first."""
        return list(self._ring)


def read_flight(folder: Path) -> list[State]:
    """The states that a diverged attempt left in its folder, oldest first; unreadable ones are left
    out."""
    states = []
    for path in sorted((folder / FOLDER).glob("*.npz")):
        try:
            states.append(read_snapshot(path))
        except RecordError:
            continue
    return [state for state in states if isinstance(state, dict) and "trial" in state]


def _step(state: State) -> int:
    return int(state["trial"]["step"])
