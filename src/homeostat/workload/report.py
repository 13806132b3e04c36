"""Report: what a training loop yields, the step it is at and the numbers it measured there."""

from __future__ import annotations

import numbers
from typing import Any

from homeostat.errors import WorkloadError


class Report:
    """The metrics of one step, as floats.

    Report(3, val_loss=0.7) has .step 3 and .metrics {"val_loss": 0.7}. Numbers of any kind are
    taken, and tensors and arrays that hold a single one without an axis. A metric may be NaN or
    infinite: whether that ends the trial is the guard's decision.

    Raises:
        WorkloadError: If a metric is not a number, there is none, or the step is not a whole
            number from 0.

    Example:
        >>> import homeostat as hs
        >>> report = hs.Report(3, val_loss=0.7)
        >>> report.step, dict(report.metrics)
        (3, {'val_loss': 0.7})
    """

    __slots__ = ("metrics", "step")

    step: int
    metrics: dict[str, float]

    def __init__(self, step: Any, /, **metrics: Any) -> None:
        if isinstance(step, bool) or not isinstance(step, numbers.Integral) or step < 0:
            raise WorkloadError(f"Report: step must be a whole number from 0, got {step!r}.")
        if not metrics:
            raise WorkloadError(f"Report({step}) has no metric; write Report({step}, loss=loss).")
        if "step" in metrics:
            raise WorkloadError("Report: no metric may be named 'step': it comes first, without.")
        object.__setattr__(self, "step", int(step))
        object.__setattr__(
            self, "metrics", {name: _number(name, value) for name, value in metrics.items()}
        )

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"A report does not change; yield a new one to set {name}.")

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.step, self.metrics)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Report):
            return NotImplemented
        return self.step == other.step and self.metrics == other.metrics

    __hash__ = None  # type: ignore[assignment]  # holds a dictionary

    def __repr__(self) -> str:
        return (
            f"Report({', '.join([str(self.step), *(f'{k}={v}' for k, v in self.metrics.items())])})"
        )


def _rebuild(step: int, metrics: dict[str, float]) -> Report:
    return Report(step, **metrics)


def _number(name: str, value: Any) -> float:
    if isinstance(value, numbers.Real):  # bool, int, float and NumPy's numbers
        return float(value)
    shape = getattr(value, "shape", None)
    if shape is not None and len(shape) == 0:
        try:
            return float(value.item())
        except (TypeError, ValueError):
            shape = None
    what = f"a {type(value).__name__}"
    if shape is not None:
        what += f" of shape {tuple(shape)}"
    raise WorkloadError(
        f"Metric {name!r} is {what}, not a number; give one number, such as {name}.mean()."
        if shape is not None
        else f"Metric {name!r} is {what}, not a number."
    )
