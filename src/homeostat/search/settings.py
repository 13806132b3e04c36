"""Settings: how a search is driven; kept with the study, so that it can be resumed by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from homeostat.errors import RecordError
from homeostat.execute.engines.table import parse_engine
from homeostat.execute.measure import Limits


@dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """How a search is driven: none of it changes what a trial measures."""

    trials: int = 50
    """How many trials in total."""
    budget_s: float | None = None
    """Seconds for one call, the confirmation included."""
    stop_at: float | None = None
    """The search is over once a trial has this value of the main objective, or a better one."""
    patience: int | None = None
    """The search is over after this many trials in a row that were no better than the best."""
    enough: bool = False
    """The search is over once further trials would, with 95 %, gain less than seeds differ."""
    engine: str = "inline"
    jobs: int = 1
    """Attempts at a time."""
    confirm: bool | int = True
    """Whether to run the best and the default on fresh seeds, or on how many."""
    deterministic: bool = False
    """Whether parallel trials wait for their wave, so that the sequence is repeatable."""
    timeout_s: float | None = None
    """Seconds for each attempt."""
    memory_mb: float | None = None
    """Memory for each attempt."""
    device: str = "cpu"
    goal: str = ""
    """What the study is to find out, in words."""
    scientific: tuple[str, ...] = ()
    """The parameters whose values it compares."""
    reference: str | None = None
    """How another process finds the workload; none if only this one can (a notebook)."""
    default_trial: int | None = 0
    """The number of the trial with the starting configuration; none in a study from elsewhere."""
    code: str | None = None
    """A digest of the workload's file."""

    def __post_init__(self) -> None:
        parse_engine(self.engine)  # refuses what does not exist
        for name in ("trials", "jobs"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise RecordError(f"{name} must be a whole number from 1, got {value!r}.")
        if self.patience is not None and self.patience < 1:
            raise RecordError(f"patience must be a whole number from 1, got {self.patience!r}.")
        for name in ("budget_s", "timeout_s", "memory_mb"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise RecordError(f"{name} must be above 0, got {value!r}.")

    @property
    def limits(self) -> Limits:
        return Limits(timeout_s=self.timeout_s, memory_mb=self.memory_mb, device=self.device)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        known = {field.name for field in fields(cls)}
        chosen = {name: value for name, value in document.items() if name in known}
        return cls(**chosen | {"scientific": tuple(document.get("scientific", ()))})
