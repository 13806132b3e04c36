"""Seedwise: leave out the other seeds of a trial whose first seeds are clearly worse.

A trial counts by its mean over all seeds. How much the seeds that are still to run may move that
mean is measured on the trials that have all of theirs: the residuals of their results after the
trial's mean and the seed's mean are taken away.
"""

# C complete trials, S seeds of a trial, J of them known, O objectives, M draws of a possible mean.

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from homeostat.prune.auto import BEST, CHANCE, STARTUP, student
from homeostat.prune.curve import Curve, dominators


@dataclass(frozen=True)
class Seedwise:
    """The rule that leaves out seeds, as every rule does, and stops none that has begun."""

    def rungs(self, trial: int) -> frozenset[int]:
        return frozenset()

    def reason(self, curve: Curve, past: Sequence[Curve]) -> str:
        return ""


def reason_to_skip(bad_JO: np.ndarray, complete_CSO: np.ndarray) -> str:
    """Why the other seeds of a trial need not run; "" if they should.

    Args:
        bad_JO: Its first seeds' values.
        complete_CSO: Those of the trials that completed with every seed, in the same order.
    """
    known, (count, seeds) = len(bad_JO), complete_CSO.shape[:2]
    if count < STARTUP:
        return ""
    means_CO = complete_CSO.mean(axis=1)
    by_seed_SO = complete_CSO.mean(axis=0) - means_CO.mean(axis=0)
    noise_CSO = complete_CSO - means_CO[:, None] - by_seed_SO
    freedom = (count - 1) * (seeds - 1)
    sd_O = np.sqrt((noise_CSO**2).sum(axis=(0, 1)) / freedom)
    # Its mean over all seeds: that of the known ones, each less what its seed does to every trial.
    centre_O = (bad_JO - by_seed_SO[:known]).mean(axis=0)
    spread_O = sd_O * np.sqrt(1 / known - 1 / seeds)
    draws_MO = np.stack([student(freedom, o) for o in range(len(sd_O))], axis=1)
    chance = float((dominators(centre_O + spread_O * draws_MO, means_CO) < BEST).mean())
    if chance >= CHANCE:
        return ""
    words = "seed" if known == 1 else f"{known} seeds"
    return f"after its first {words} a chance of {100 * chance:.0f} % to end among the best {BEST}"
