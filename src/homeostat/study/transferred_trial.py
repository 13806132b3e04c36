"""A trial of an earlier study, as a new one keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class TransferredTrial:
    """A trial of an earlier study, from which the sampler learns; it is no trial of the new one."""

    study: str
    """Where it comes from, as it was named."""
    number: int
    """Its number there."""
    parameters: Mapping[str, Any]
    """What the new study would have drawn to get it."""
    values: Mapping[str, float]
    """Objective -> its mean over seeds; nothing where it diverged."""
