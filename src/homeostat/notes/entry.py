"""One entry of the running log: what was trained, how it went, what to do next.

An entry is written in a fixed form, and `homeostat.notes.markdown` reads that form back.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

Span = tuple[float, float]
"""Lowest and highest value: of several seeds, or as a person noted it; equal for one value."""

FIRST_ROWS = 3
"""How many of the first epochs an entry shows."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One run in the log."""

    number: int
    title: str
    context: str = ""
    """Date and circumstances."""
    learning_rate: float | None = None
    schedule: tuple[str, ...] = ()
    """How the learning rate moves, as sentences."""
    optimizer: str = ""
    settings: tuple[str, ...] = ()
    """Other hyperparameters."""
    losses: tuple[str, ...] = ()
    metrics: Mapping[float, Mapping[str, Span]] = field(default_factory=dict)
    """Epoch (or step) -> metric -> value, for the first few."""
    unit: str = "epoch"
    behaviour: tuple[str, ...] = ()
    assessment: tuple[str, ...] = ()
    next_steps: tuple[str, ...] = ()


def render(entry: Entry) -> str:
    """The entry as Markdown, ending with a line break."""
    lines = [f"## Run {entry.number} – {entry.title}", ""]
    if entry.context:
        lines.append(f"- **Date / context:** {entry.context}")
    lines += _rate(entry)
    if entry.optimizer:
        lines.append(f"- **Optimizer:** {entry.optimizer}")
    lines += _section("Other hyperparameters", entry.settings)
    lines += _section("Losses", entry.losses)
    for at, metrics in entry.metrics.items():
        shown = [f"`{name} ≈ {show_span(span)}`" for name, span in metrics.items()]
        lines += _section(f"Key metrics ({entry.unit} {at})", shown)
    lines += _section("Behavior", entry.behaviour)
    lines += _section("Assessment", entry.assessment)
    lines += _section("Next steps", entry.next_steps)
    return "\n".join(lines) + "\n"


def _rate(entry: Entry) -> list[str]:
    if entry.learning_rate is None:
        return _section("Effective learning rate schedule", entry.schedule)
    rate = show_number(entry.learning_rate)
    if not entry.schedule:
        return [f"- **Effective learning rate:** `{rate}`"]
    return _section("Effective learning rate schedule", (f"`initial_lr = {rate}`", *entry.schedule))


def _section(title: str, items: tuple[str, ...] | list[str]) -> list[str]:
    return [f"- **{title}:**", *(f"  - {item}" for item in items)] if items else []


def show_span(span: Span) -> str:
    """A value, or two with a dash between."""
    low, high = span
    if low == high or math.isnan(low) or math.isnan(high):
        return show_number(low)
    return f"{show_number(low)}–{show_number(high)}"


def show_number(value: float) -> str:
    """Four digits, as short as they go: 0.259, 9.68e-06, nan."""
    return f"{value:.4g}"
