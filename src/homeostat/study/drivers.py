"""DriverPart: what one driver of a study knows of the others, and which trials are its own."""

from __future__ import annotations

import time
from collections.abc import Sequence

from homeostat.record.liveness import is_this_process
from homeostat.study.records import DriverRow, TrialRow
from homeostat.study.store import Store

HEARTBEAT_S = 15.0
LOOK_S = 1.0
"""How often a driver that is alone looks whether another has joined."""


class DriverPart:
    """One driver's part in a study."""

    def __init__(self, store: Store, study: int, *, alone: bool) -> None:
        """Join the study.

        Raises:
            StudyLockedError: If another one lives, and either wants to be alone.
        """
        self.driver = store.join(study, alone=alone)
        self._store = store
        self._study = study
        self._handed_out: set[int] = set()
        self._beaten = self._looked = time.monotonic()
        self._others: list[DriverRow] = []

    def is_mine(self, number: int) -> bool:
        """Whether this driver makes or made the trial."""
        return number in self._handed_out

    def hand_out(self, number: int) -> None:
        """The trial is being made from here."""
        self._handed_out.add(number)

    def claim(self, trial: TrialRow) -> bool:
        """Take over a trial that was left behind; False if another driver was quicker."""
        return self._store.claim(trial, self.driver)

    @property
    def must_look(self) -> bool:
        """Whether others may have drawn or finished trials since the last look."""
        return bool(self._others) or time.monotonic() - self._looked > LOOK_S

    def left_behind(self, trials: Sequence[TrialRow], *, at_start: bool = False) -> list[TrialRow]:
        """Trials that nobody runs any more, or that we claimed without hearing the answer.

        Args:
            at_start: Whether to count as dead what was opened in this process before.
        """
        self._looked = time.monotonic()
        there = self._store.drivers(self._study)
        self._others = [d for d in there if d.alive and d.key != self.driver]
        at_work = {d.key for d in self._others if not (at_start and is_this_process(d.owner))}
        return [
            trial
            for trial in trials
            if not trial.outcome.final
            and trial.driver not in at_work
            and not self.is_mine(trial.number)
        ]

    def who_confirms(self) -> DriverRow | None:
        """The other driver that runs the best again on fresh seeds; none if it is for us to do."""
        self._store.beat(self._study, self.driver)
        chosen = self._store.elect(self._study, self.driver)
        return chosen if chosen.key != self.driver else None

    def beat(self, *, at_once: bool = False) -> None:
        """Say now and then that the driver lives; see each time that its database does."""
        self._store.check_file()
        if at_once or time.monotonic() - self._beaten > HEARTBEAT_S:
            self._store.beat(self._study, self.driver)
            self._beaten = time.monotonic()

    def leave(self) -> None:
        self._store.leave(self.driver)
