"""Half-Cheetah: predict the next observation of a simulated running robot.

31 roll-outs of 1,000 steps and 17 joint positions and speeds, in their own units. Files 15-24
train, 0-4 validate, 5-14 test; windows of 32 steps, one every 10.

Source: Hasani et al. 2021, arXiv:2006.04439, section 6; data of that paper's repository.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from homeostat.data import store
from homeostat.workloads.ncp.problem import Problem, SequenceSet

WINDOW, STRIDE = 32, 10
PARTS = {"train": range(15, 25), "validation": range(5), "test": range(5, 15)}


def half_cheetah() -> Problem:
    """The published windows. Losses are squared errors in the robot's units, as published.

    Raises:
        DataError: If the data is not here; it says how to get it.
    """
    folder = store.locate("half_cheetah")
    files = sorted(folder.glob("trace_*.npy"))
    parts = {name: _windows([files[i] for i in rows]) for name, rows in PARTS.items()}
    validation = parts["validation"]
    change = validation.target_STO - validation.x_STI
    return Problem(
        train=parts["train"],
        validation=validation,
        test=parts["test"],
        # Windows of one file overlap and follow each other.
        overlap=-(-WINDOW // STRIDE) - 1,
        baselines={"no change": float(np.mean(change**2))},
    )


def _windows(files: list[Path]) -> SequenceSet:
    x, target = [], []
    for file in files:
        trace = np.load(file, allow_pickle=False).astype(np.float32)
        for start in range(0, len(trace) - WINDOW - 1, STRIDE):
            x.append(trace[start : start + WINDOW])
            target.append(trace[start + 1 : start + WINDOW + 1])
    shape = (len(x), WINDOW)
    ones = np.ones(shape, dtype=np.float32)
    return SequenceSet(np.stack(x), ones, np.stack(target), ones)
