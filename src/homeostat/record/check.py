"""Checks: what was looked at, what was seen, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from homeostat.record.files import plain

Status = Literal["ok", "warning", "fault", "skipped"]


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    """What kind of check; several findings of one kind have the same name."""
    status: Status
    saw: str
    """One sentence with the numbers and names."""
    remedy: str = ""
    """The smallest change that would cure it."""
    evidence: dict[str, Any] = field(default_factory=dict)
    """The same for machines."""

    def to_json(self) -> dict[str, Any]:
        return {
            "check": self.name,
            "status": self.status,
            "saw": self.saw,
            "remedy": self.remedy,
            "evidence": plain(self.evidence),
        }


class Found:
    """The findings of one check function, which it returns as an iterator.

    found = Found("coverage"); yield found.fault("...", remedy); yield found.ok("...")
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def fault(self, saw: str, remedy: str, **evidence: Any) -> Check:
        return Check(self.name, "fault", saw, remedy, evidence)

    def warning(self, saw: str, remedy: str, **evidence: Any) -> Check:
        return Check(self.name, "warning", saw, remedy, evidence)

    def ok(self, saw: str, **evidence: Any) -> Check:
        return Check(self.name, "ok", saw, "", evidence)

    def skipped(self, why: str, **evidence: Any) -> Check:
        return Check(self.name, "skipped", why, "", evidence)


Checks = Iterator[Check]
