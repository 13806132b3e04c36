"""What of a log was not read: how much, why, and the first of it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Skipped:
    """Lines that were not read, by reason."""

    counts: dict[str, int] = field(default_factory=dict)
    first: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Reason -> number and text of the first such line."""

    def add(self, reason: str, line: int, text: str) -> None:
        """Count a line."""
        self.counts[reason] = self.counts.get(reason, 0) + 1
        self.first.setdefault(reason, (line, " ".join(text.split())[:120]))

    @property
    def total(self) -> int:
        """How many lines were not read."""
        return sum(self.counts.values())

    def sentences(self) -> list[str]:
        """One a reason: "3 lines were not read (no number in 'loss'); the first is line 4: ..."."""
        told = []
        for reason, count in self.counts.items():
            line, text = self.first[reason]
            lines = "1 line was" if count == 1 else f"{count} lines were"
            where = f"line {line}: " if line else ""
            first = "" if count == 1 else "the first is "
            told.append(f"{lines} not read ({reason}); {first}{where}{text}")
        return told
