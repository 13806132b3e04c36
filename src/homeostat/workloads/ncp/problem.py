"""What a task hands to training: sequences with their time steps, targets and parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from homeostat.errors import DataError

# S sequences, T steps, I inputs, O outputs.
Array = npt.NDArray[np.float32]
Scores = dict[str, float]


@dataclass(frozen=True)
class SequenceSet:
    """Sequences of equal length: inputs, time passed at each step, and what should come out.

    A target counts with its weight; 0 leaves it out, as for padding or for mere context.
    """

    x_STI: Array
    dt_ST: Array
    target_STO: Array
    weight_ST: Array

    def __post_init__(self) -> None:
        shapes = {a.shape[:2] for a in (self.x_STI, self.dt_ST, self.target_STO, self.weight_ST)}
        if len(shapes) != 1:
            raise DataError(f"Inputs, steps, targets and weights differ in rows: {shapes}.")

    def __len__(self) -> int:
        return len(self.x_STI)

    def take(self, rows: npt.NDArray[np.intp] | slice) -> SequenceSet:
        return SequenceSet(
            self.x_STI[rows], self.dt_ST[rows], self.target_STO[rows], self.weight_ST[rows]
        )

    def trimmed(self) -> SequenceSet:
        """Without the last steps if no row has a target there that counts: they teach nothing."""
        used = np.flatnonzero(self.weight_ST.any(axis=0))
        stop = int(used[-1]) + 1 if len(used) else self.weight_ST.shape[1]
        if stop == self.weight_ST.shape[1]:
            return self
        here = slice(0, stop)
        return SequenceSet(
            *(
                np.ascontiguousarray(a[:, here])
                for a in (self.x_STI, self.dt_ST, self.target_STO, self.weight_ST)
            )
        )


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A task: what to train on, what to choose by, and what to report once chosen.

    Attributes:
        train, validation, test: Its parts.
        loss: "squared", or "cross_entropy" where targets are 0 or 1 and outputs are logits.
        ordered: Whether sequences follow each other in time, as windows of one series do.
        overlap: How many following sequences share observations with one.
        score: Further scores of a part (by name) from a model's outputs for it.
        errors: Signed errors of outputs for a part (by name), one a target, in the data's unit.
        oddness: The ways in which every row of a part (by name) is odd, from a model's outputs.
        truths: Labels of those rows, by the part's name; None without labels.
        beside: Scores of simple detectors on a part (by name), by their names.
        rivals: The same errors of the forecasters beside it, by their names.
        framing: How a series became this problem, for predictions later.
        zero_start: Whether an output of 0 is an answer to begin with.
        baselines: Loss on the validation part of predictors that learn nothing.
    """

    train: SequenceSet
    validation: SequenceSet
    test: SequenceSet
    loss: str = "squared"
    ordered: bool = False
    overlap: int = 0
    score: Callable[[str, Array], Scores] | None = None
    errors: Callable[[str, Array], npt.NDArray[np.float64]] | None = None
    rivals: Callable[[str], dict[str, npt.NDArray[np.float64]]] | None = None
    oddness: Callable[[str, Array], dict[str, Any]] | None = None
    truths: dict[str, Any] | None = None
    beside: Callable[[str], dict[str, Scores]] | None = None
    mase_scale: float = 1.0
    framing: Any = None
    scaling: Any = None
    zero_start: bool = False
    baselines: Scores

    @property
    def input_size(self) -> int:
        return int(self.train.x_STI.shape[2])

    @property
    def output_size(self) -> int:
        return int(self.train.target_STO.shape[2])


def weighted_loss(loss: str, outputs_STO: Array, part: SequenceSet) -> float:
    """Mean loss over the targets that count."""
    target = part.target_STO
    if loss == "squared":
        each = (outputs_STO - target) ** 2
    else:
        each = np.logaddexp(0.0, outputs_STO) - target * outputs_STO
    return float(np.average(each.mean(axis=2), weights=part.weight_ST))


def windows(
    x_LI: Array,
    dt_L: Array,
    target_LO: Array,
    length: int,
    stride: int,
    *,
    context: int = 0,
    weight_L: Array | None = None,
) -> SequenceSet:
    """Cut one long series into windows; the first `context` targets of each do not count.

    With a context every later target counts once: where they do not come out even, the last window
    ends with the series, and what was counted before does not count in it.

    Args:
        weight_L: 0 for targets that do not count anywhere, such as gaps.

    Raises:
        DataError: If the series is shorter than one window.
    """
    total = len(x_LI)
    starts = np.arange(0, total - length + 1, stride)
    if not len(starts):
        raise DataError(
            f"{total} observations do not fill one window of {length}.",
            hint="Shorten the window:  --set window=16",
        )
    left = total - length - int(starts[-1])
    if context and left:
        starts = np.append(starts, total - length)
    rows = starts[:, None] + np.arange(length)
    weight = np.ones((len(starts), length), dtype=np.float32)
    weight[:, :context] = 0.0
    if context and left:
        weight[-1, : length - left] = 0.0
    if weight_L is not None:
        weight *= weight_L[rows]
    # A window in which nothing counts teaches nothing, and a batch of such has no mean loss.
    some = weight.any(axis=1) if weight.any() else np.ones(len(starts), dtype=bool)
    rows, weight = rows[some], weight[some]
    return SequenceSet(x_LI[rows], dt_L[rows], target_LO[rows], weight)


def folds(problem: Problem, count: int) -> list[Problem]:
    """The problem `count` times, each with another part of its training data to validate on.

    Windows of a series are never validated by their own past's model: fold k trains on the first
    k blocks of time and validates on the next. Others take each block in turn and train on the
    rest. Training sequences that share observations with the validation block are left out.
    """
    total, gap = len(problem.train), problem.overlap
    blocks = np.array_split(np.arange(total), count + 1 if problem.ordered else count)
    held_out = blocks[1:] if problem.ordered else blocks
    made = []
    for block in held_out:
        before = np.arange(0, max(block[0] - gap, 0)) if len(block) else np.arange(0)
        after = np.arange(0)
        if not problem.ordered and len(block):
            after = np.arange(min(block[-1] + 1 + gap, total), total)
        rows = np.concatenate([before, after])
        if not len(rows) or not len(block):
            raise DataError(
                f"{total} training sequences are too few for {count} folds.",
                hint=f"Use fewer folds:  --set folds={max(count // 2, 2)}",
            )
        made.append(
            replace(
                problem,
                train=problem.train.take(rows),
                validation=problem.train.take(block),
                score=None,
            )
        )
    return made
