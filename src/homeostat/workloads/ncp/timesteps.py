"""Time steps: how much time passes at each step, checked and brought to a workable scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from homeostat.errors import DataError, SpaceError

# B sequences, T steps.  dt_BT is time passed at a step, above 0, in the unit of the data.
Steps = npt.NDArray[np.float32]

SCALINGS = ("raw", "log", "normalized", "bounded")

# Below this spread, relative to the mean, the sampling is regular and its spread is rounding.
REGULAR = 1e-3


@dataclass(frozen=True)
class TimeScaling:
    """A way to scale time steps, fitted on training data and applied to all of it.

    raw         dt
    log         log(1 + dt): for steps of very different lengths
    normalized  dt / s.d.(dt): unit spread. Subtracting the mean as well, as is often written,
                makes the shorter half of the steps negative, in which time cannot pass; this is
                that z-score shifted so that no time stays no time.
    bounded     tanh(dt): no step counts for more than 1

    Whatever the scaling, what it gives is then divided by `unit`. A fresh CfC's gates are half
    open at about 1, some earlier and some later: a unit of a few usual steps puts the gates where
    longer waits end; in one that is too long, all of them stay where they are.
    """

    name: str
    spread: float = 1.0
    unit: float = 1.0

    @classmethod
    def fit(cls, name: str, dt_BT: Steps, unit: float = 1.0) -> TimeScaling:
        """Learn what the scaling needs to know from the training data's steps."""
        if name not in SCALINGS:
            raise SpaceError(
                f"No time scaling {name!r}.", hint=f"Choose one of: {', '.join(SCALINGS)}."
            )
        if name != "normalized":
            return cls(name, unit=unit)
        check_positive(dt_BT)
        mean, spread = float(np.mean(dt_BT)), float(np.std(dt_BT))
        return cls(name, spread if spread > REGULAR * mean else mean, unit)

    def __call__(self, dt_BT: Steps) -> Steps:
        check_positive(dt_BT)
        if self.name == "log":
            scaled = np.log1p(dt_BT)
        elif self.name == "bounded":
            scaled = np.tanh(dt_BT)
        else:
            scaled = dt_BT / np.float32(self.spread)
        return np.asarray(scaled / np.float32(self.unit))


def check_positive(dt_BT: npt.NDArray[np.floating]) -> None:
    """Refuse time that stands still, runs backwards or is not a number, naming the first place."""
    wrong = np.argwhere(~(np.asarray(dt_BT) > 0.0) | ~np.isfinite(dt_BT))
    if len(wrong):
        where = tuple(int(i) for i in wrong[0])
        value = float(np.asarray(dt_BT)[where])
        names = ("row", "step")[-len(where) :] if len(where) <= 2 else ("row", "step", "column")
        place = ", ".join(f"{name} {i}" for name, i in zip(names, where, strict=False))
        raise DataError(
            f"Time steps must be finite and above 0, got {value:g} at {place or 'the only step'}"
            f" ({len(wrong)} such of {np.size(dt_BT)}).",
            hint="Sort the observations by time and merge those at the same time.",
        )


def check_shape(
    shape: tuple[int, ...], batch: int, length: int, *, what: str = "Time steps"
) -> None:
    """Refuse time steps that are neither one number, one per step, nor one per row and step."""
    if shape not in ((), (length,), (batch, length), (batch, length, 1)):
        raise DataError(
            f"{what} have shape {list(shape)}, but the inputs are {batch} rows of {length} steps.",
            hint=f"Give one number, [{length}] or [{batch}, {length}].",
        )
