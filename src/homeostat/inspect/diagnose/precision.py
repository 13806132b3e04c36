"""Is it rounding? The failing steps again with 64-bit numbers, from the same first weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from homeostat.execute.loop.drive import Watcher
from homeostat.inspect.diagnose.health import Health
from homeostat.inspect.diagnose.replay import Case, replay
from homeostat.record.outcome import Outcome
from homeostat.workload.trial import Trial

_NARROW = (torch.float32, torch.float16, torch.bfloat16)


@dataclass(frozen=True)
class PrecisionTest:
    """What became of the failure in float64."""

    verdict: str
    """rounding (gone), singular (still there), bounds (finite, still too large) or unknown."""
    sentence: str
    failed_at: int | None = None

    def to_json(self) -> dict[str, Any]:
        return vars(self)


class Float64(TorchFunctionMode, Watcher):
    """Turns watched modules into float64, and whatever meets a float64 tensor with them.

    Weights are drawn as they were, in their own type, and then widened: another type would draw
    other numbers.
    """

    def __init__(self) -> None:
        super().__init__()
        self._open = False

    def on_watch(self, trial: Trial) -> None:
        for module in trial.modules.values():
            module.double()
        if not self._open:
            self._open = True
            self.__enter__()  # type: ignore[no-untyped-call]

    def on_end(self, outcome: Outcome) -> None:
        if self._open:
            self._open = False
            self.__exit__(None, None, None)  # type: ignore[no-untyped-call]

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        # A gradient is asked for by the very tensor; a widened copy of it is not in the graph.
        if func is not torch.autograd.grad and any(
            _is_wide(value) for value in (*args, *kwargs.values())
        ):
            # In place operations keep the type of what they change, so that one stays as it is.
            keep = 1 if getattr(func, "__name__", "").endswith("_") else 0
            args = (*args[:keep], *(_widened(value) for value in args[keep:]))
            kwargs = {name: _widened(value) for name, value in kwargs.items()}
        return func(*args, **kwargs)


def _is_wide(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(_is_wide(item) for item in value)
    return isinstance(value, Tensor) and value.dtype == torch.float64


def _widened(value: Any) -> Any:
    if isinstance(value, Tensor) and value.dtype in _NARROW:
        return value.double()
    if type(value) in (list, tuple):
        return type(value)(_widened(item) for item in value)
    return value


def in_float64(case: Case, last_step: int, *, seconds: float = float("inf")) -> PrecisionTest:
    """Replay up to `last_step` in float64."""
    health = Health(case.workload.bounds, case.first_step)
    # Widened first, so that Health's hooks see the parameters as they are stepped.
    seen = replay(
        case, [Float64(), health], until=last_step, stop=lambda: health.failed, seconds=seconds
    )
    if seen.ending.outcome is Outcome.FAILED:
        return PrecisionTest("unknown", f"It cannot run in float64: {seen.ending.reason}.")
    if not seen.trial.modules:
        return PrecisionTest("unknown", "No module was seen.")
    if health.failed and health.out_of_bounds:
        return PrecisionTest(
            "bounds",
            f"In float64 it stays finite and leaves its bounds all the same: {health.reason}.",
            health.failed_at,
        )
    if health.failed:
        return PrecisionTest(
            "singular",
            "It fails in float64 as well: a true singularity, not rounding.",
            health.failed_at,
        )
    if seen.timed_out:
        return PrecisionTest("unknown", "Time ran out before the failing step.")
    return PrecisionTest(
        "rounding",
        "It does not fail in float64 within the same steps: numbers become too small or too "
        "large for their type.",
    )
