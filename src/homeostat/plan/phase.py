"""A phase of a plan: what it is for, what it did, what it decided and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["done", "skipped", "stopped", "interrupted"]


@dataclass(frozen=True)
class PhaseResult:
    """What one phase found.

    `stopped` ends the plan before more budget is spent; `interrupted` (Ctrl-C) can be taken up
    again; `skipped` says why in its first sentence.
    """

    name: str
    status: Status
    sentences: tuple[str, ...]
    """What was found, one sentence per finding, with the numbers it rests on."""
    decisions: tuple[str, ...] = ()
    """What follows from it for later phases, each with its reason."""
    facts: dict[str, Any] = field(default_factory=dict)
    """The same for machines; later phases and the report read it."""
    seconds: float = 0.0
    again: str = ""
    """An earlier phase to go back to, because what it measured has changed."""

    def to_json(self) -> dict[str, Any]:
        """The same as a dictionary; `from_json` undoes it."""
        return {
            "name": self.name,
            "status": self.status,
            "sentences": list(self.sentences),
            "decisions": list(self.decisions),
            "facts": self.facts,
            "seconds": self.seconds,
        }

    @staticmethod
    def from_json(content: dict[str, Any]) -> PhaseResult:
        """Rebuild a result that was written by `to_json`."""
        return PhaseResult(
            name=content["name"],
            status=content["status"],
            sentences=tuple(content["sentences"]),
            decisions=tuple(content["decisions"]),
            facts=content["facts"],
            seconds=content["seconds"],
        )


@dataclass(frozen=True)
class Phase:
    """One step of a plan.

    Attributes:
        name: A single word, the heading of its section.
        purpose: What it is for, in one sentence.
        share: The part of the whole budget it may spend, 0 to 1; unused time passes on.
        run: The work itself: from the plan's context and the seconds it may take, what it found.
        risk: How likely the time is spent for nothing, in a word or two.
        payoff: What it is worth if it works.
    """

    name: str
    purpose: str
    share: float
    run: Callable[[Any, float], PhaseResult]
    risk: str = "low"
    payoff: str = ""
