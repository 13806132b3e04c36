"""Offences: the first thing that went wrong in a step, with where, what, which rows, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PHASES = ("forward", "loss", "backward", "update", "parameter", "metric")
"""In the order in which they happen and are looked at."""


@dataclass(frozen=True, kw_only=True)
class FirstFault:
    """The first offender of a failing step."""

    step: int
    phase: str
    """One of PHASES: where in the step it happened."""
    module: str = ""
    """The module it happened in, by its path in the model; empty outside of any."""
    operation: str = ""
    """The operation, by PyTorch's name: sqrt, SqrtBackward0, Adam."""
    tensor: str = ""
    """What was not finite: its shape, or a parameter's name."""
    source: str = ""
    """File, line and text of the code that did it (for a gradient: that made its forward)."""
    num_bad: int = 0
    """Entries that are not finite."""
    num_nan: int = 0
    """Those of them that are NaN; the others are infinite."""
    num_entries: int = 0
    rows: tuple[int, ...] = ()
    """Rows along the first axis that are not finite."""
    row_names: tuple[str, ...] = ()
    row_norms: tuple[float, ...] = ()
    """Length of those rows in the forward value the operation worked on."""
    why: str = ""
    """What about this operation can do this, in a sentence."""
    advice: str = ""
    """What to write instead."""
    bad_gradients: tuple[str, ...] = ()
    """Every parameter whose gradient was not finite after the backward pass of this step."""
    num_parameters: int = 0
    """Of how many."""
    loss: float | None = None
    """What the backward pass of this step started from."""
    evidence: dict[str, Any] = field(default_factory=dict)
