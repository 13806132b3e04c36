"""Verdict: does it learn, and if not, what may be the cause, by weight of evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from homeostat.inspect.probe.experiments import Experiment
from homeostat.record.check import Check

Word = Literal["learns", "does not learn", "does not run", "unseen"]
STATUS_WEIGHT = {"fault": 3.0, "warning": 1.0}
# How far a finding explains that nothing is learnt: 2 where its kind says nothing about that.
EXPLAINS = {
    "runs": 6.0, "gradients": 5.0, "precision": 5.0, "gradient flow": 5.0, "coverage": 5.0,
    "order": 5.0, "movement": 5.0, "loss terms": 5.0, "empty means": 5.0, "half precision": 5.0,
    "labels": 4.0, "losses": 4.0, "activations": 4.0, "shuffling": 4.0, "units": 4.0,
    "input scale": 4.0, "output range": 4.0, "last operation": 4.0, "broadcast": 4.0,
    "gradients of others": 4.0, "optimiser life": 4.0, "rate": 4.0, "scored inputs": 4.0,
    "accuracy": 3.0, "descent": 3.0, "answers": 3.0, "inputs": 3.0, "rows": 3.0, "first loss": 3.0,
    "clipping": 1.0, "update rule": 1.0, "randomness": 1.0, "knobs": 0.5, "repeats": 0.5,
    "overlap": 0.5, "baselines": 0.5, "reach": 0.5, "weight decay": 0.5, "seed": 0.3, "noise": 0.1,
}  # fmt: skip
USUAL = 2.0
OUTCOME_WEIGHT = {"cures": 4.0, "helps": 2.0, "no help": 0.4, "unseen": 1.0}
NOT_A_CAUSE = frozenset({"learning"})
"""The verdict itself."""
SETTLED_BY = "make the change and probe again: the finding goes, and the score moves if it was it"


@dataclass(frozen=True)
class LearningVerdict:
    """Whether the network learns, in a word and a sentence."""

    word: Word
    sentence: str

    def to_json(self) -> dict[str, str]:
        return {"verdict": self.word, "sentence": self.sentence}


@dataclass(frozen=True)
class Candidate:
    """A finding as a possible cause."""

    check: Check
    weight: float
    settled_by: str
    """The experiment that would settle it, or what it gave."""

    def to_json(self) -> dict[str, Any]:
        return {**self.check.to_json(), "weight": self.weight, "settled_by": self.settled_by}


def verdict_of(checks: Sequence[Check]) -> LearningVerdict:
    """The verdict that the findings come to."""
    stopped = next((c for c in checks if c.name == "runs" and c.status == "fault"), None)
    if stopped is not None:
        # Nothing that is trained reaches a score that never changes; the run itself ends well.
        word: Word = "does not learn" if "value" in stopped.evidence else "does not run"
        return LearningVerdict(word, stopped.saw)
    learning = next((c for c in checks if c.name == "learning"), None)
    if learning is None:
        return LearningVerdict("unseen", "Whether it learns was not asked.")
    words: dict[str, Word] = {
        "ok": "learns",
        "fault": "does not learn",
        "warning": "does not learn",
    }
    return LearningVerdict(words.get(learning.status, "unseen"), learning.saw)


def candidates(checks: Sequence[Check], experiments: Sequence[Experiment]) -> list[Candidate]:
    """Faults and warnings by weight of evidence, each with what settles it."""
    found = [
        _candidate(check, experiments)
        for check in checks
        if check.status in STATUS_WEIGHT and check.name not in NOT_A_CAUSE
    ]
    return sorted(found, key=lambda c: -c.weight)


def _candidate(check: Check, experiments: Sequence[Experiment]) -> Candidate:
    weight = STATUS_WEIGHT[check.status] * EXPLAINS.get(check.name, USUAL)
    tried = [e for e in experiments if check.name in e.checks and e.outcome != "unseen"]
    best = max(tried, key=lambda e: OUTCOME_WEIGHT[e.outcome], default=None)
    if best is None:
        waiting = next((e for e in experiments if check.name in e.checks), None)
        settled_by = f"{waiting.name} ({waiting.saw})" if waiting is not None else SETTLED_BY
        return Candidate(check, weight, settled_by)
    told = {"cures": "cures it", "helps": "helps", "no help": "does not help"}[best.outcome]
    return Candidate(
        check, weight * OUTCOME_WEIGHT[best.outcome], f"tried: {best.name} {told} ({best.saw})"
    )
