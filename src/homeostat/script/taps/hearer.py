"""Hearer: what taps see of the run that they tell."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from homeostat.script.process import Process
    from homeostat.workload.trial import Trial


class Hearer(Protocol):
    """A run of a script, as its taps know it."""

    trial: Trial
    process: Process
    inside: bool
    close: bool
    pending: bool
    between: bool
    steps: int
    shift: int
    seeds: list[int]
    loaders: list[weakref.ref[Any]]

    @property
    def listening(self) -> bool:
        """Whether what happens now is the script's own doing."""
        ...

    def boundary(self) -> None:
        """The next step begins."""

    def before_backward(self, roots: Any) -> None:
        """A backward pass begins."""

    def stepped(self, optimizer: Any) -> None:
        """An optimiser has made a step."""
