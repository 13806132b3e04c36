"""Objective: which of the numbers that a script says is the one to improve, and which way.

A held-out number comes before one of training, a validation before a test, a score before a loss
(a knob that changes the loss itself would win by that), and a number said often before one said
once. Counters are none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from homeostat.script.words import snake, table
from homeostat.workload.goal import Goal

_VALIDATION = table("val", "valid", "validation", "dev", "held_out", "heldout", "holdout", "eval",
                    "evaluation")  # fmt: skip
_TEST = table("test", "testing")
_TRAIN = table("train", "training", "tr", "batch", "running", "step")
_LARGE = table(
    "acc", "accuracy", r"\w*acc", r"\w*accuracy", "f1", r"f1_\w+", r"\w*_f1", "auc", "auroc",
    "roc_auc", "ap", "map", "precision", "recall", "reward", r"\w*reward", "return",
    r"\w*return", "returns",
    "fitness", "r2", "bleu", "rouge", r"rouge\w*", "psnr", "ssim", "iou", "miou", "dice", "mcc",
    "kappa", "top1", "top5", r"acc@?\d", "corr", "correlation", "score", r"\w*_score", "elbo",
    "log_likelihood", "likelihood", "win_rate", "success", "success_rate", "hits", "ndcg", "mrr",
)  # fmt: skip
_SMALL = table(
    "loss", r"\w*loss", "err", "error", r"\w*error", "mse", "rmse", "mae", "mape", "nll", "ppl",
    "perplexity", "bpb", "bpc", "kl", "cost", "fid", "wer", "cer", "logloss", "energy", "regret",
    "objective", "deviance", "rmsle", "mlogloss", "merror", "cross_entropy", "xent", "bce", "brier",
)  # fmt: skip


@dataclass
class Series:
    """One named number as it was said over a run."""

    name: str
    by: str = ""
    line: int = 0
    """Where in the script it was said; 0 when not in its own file."""
    points: list[tuple[int, float]] = field(default_factory=list)
    """(steps so far, value)."""

    @property
    def values(self) -> list[float]:
        return [value for _, value in self.points]

    @property
    def is_counter(self) -> bool:
        """Whether it only rises by the same amount."""
        values = self.values
        if len(values) < 3 or values[0] == values[1]:
            return False
        step = values[1] - values[0]
        return step > 0 and all(abs(b - a - step) <= 1e-9 * abs(step) for a, b in pairwise(values))

    @property
    def is_late(self) -> bool:
        """Whether any of it was said after the first step."""
        return any(step > 0 for step, _ in self.points)


def goal_of(name: str) -> Goal | None:
    """The direction that a name speaks of; None if it speaks of neither."""
    plain = snake(name)
    if _SMALL.search(plain):
        return Goal.MINIMIZE
    return Goal.MAXIMIZE if _LARGE.search(plain) else None


def is_held_out(name: str) -> bool:
    """Whether a name speaks of data that is not trained on."""
    plain = snake(name)
    return bool(_VALIDATION.search(plain) or _TEST.search(plain))


def choose(series: Sequence[Series], by_rank: Mapping[str, int] | None = None) -> Series | None:
    """The number to improve among those a script says; None if none of them is one."""
    candidates = [s for s in series if goal_of(s.name) and not s.is_counter and s.points]
    if not candidates:
        return None
    return max(candidates, key=_rank)


def _rank(series: Series) -> tuple[int, int, int, int, str]:
    plain = snake(series.name)
    held_out = 3 if series.by == "hs.report" and not _TRAIN.search(plain) else (
        2 if _VALIDATION.search(plain) else 1 if _TEST.search(plain)
        else -1 if _TRAIN.search(plain) else 0
    )  # fmt: skip
    values = series.values
    varies = int(len(set(values)) > 1 or len(values) == 1)
    goal = goal_of(series.name)
    score = int(goal is not None and not goal.minimizes)
    # Of two that are alike the first in the alphabet, so that the choice does not hang on order.
    return (
        held_out,
        varies,
        score,
        min(len(values), 2),
        "".join(chr(255 - ord(c) % 255) for c in plain),
    )
