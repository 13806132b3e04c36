"""Views: the pictures of a finished run that only its workload knows how to draw.

    def disc(kept):
        found = kept.artifact("disc.npz")
        if found is None:
            return None
        return View("Poincaré disc", figure, "Each point is a gene; ...")

    @hs.workload(..., views=(disc,))

Reports and the dashboard show whatever a workload declares, and know none of them by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from homeostat.errors import HomeostatError, WorkloadError
from homeostat.record.curves import Curves
from homeostat.record.runs import RunRecord, seed_folder
from homeostat.record.snapshot import read_snapshot
from homeostat.workload.goal import Goal

if TYPE_CHECKING:
    from pathlib import Path

    import plotly.graph_objects as go


@dataclass(frozen=True)
class View:
    """A picture of a run, and the sentence that says how to read it.

    Example:
        >>> import homeostat as hs
        >>> import plotly.graph_objects as go
        >>> def course(kept):
        ...     x, y = kept.curves.of("loss")
        ...     return hs.View("Course", go.Figure(go.Scatter(x=x, y=y)), "The loss of each step.")
    """

    title: str
    figure: go.Figure
    caption: str

    def __post_init__(self) -> None:
        if not hasattr(self.figure, "to_plotly_json"):
            raise WorkloadError(
                f"The view {self.title!r} needs a plotly figure, got {type(self.figure).__name__}.",
                hint="hs.View(title, plotly.graph_objects.Figure(...), caption)",
            )


@dataclass(frozen=True)
class Kept:
    """What a view may look at: one seed of a run, as it was kept on disk."""

    run: RunRecord
    seed: int

    @property
    def config(self) -> Mapping[str, Any]:
        """Every parameter's value."""
        return self.run.config

    @property
    def artifacts(self) -> Path:
        """Where the workload left its files."""
        return seed_folder(self.run.folder, self.seed) / "artifacts"

    @property
    def curves(self) -> Curves:
        """What the seed reported."""
        return self.run.curves()[self.seed]

    @property
    def extra(self) -> Mapping[str, Any]:
        """What the workload left in `trial.extra`."""
        return next(a.extra for a in self.run.attempts if a.seed == self.seed)

    def artifact(self, name: str) -> Any:
        """A tree written by `Trial.write`, or None where the run kept none.

        Raises:
            RecordError: If the file is damaged.
        """
        path = self.artifacts / name
        return read_snapshot(path) if path.exists() else None


Look: TypeAlias = "Callable[[Kept], View | None]"


def draw_views(
    looks: Sequence[Look], run: RunRecord, seed: int | None = None
) -> dict[str, View | str]:
    """Draw every view of one seed of a run; the keys are the names of the functions.

    A view for which the run kept nothing is left out. For a view that cannot be drawn, the value is
    a line that says why.

    Args:
        looks: The functions that draw, usually `workload.views`.
        run: The run to draw.
        seed: Which of its seeds; the one with the best value when None.
    """
    chosen = best_seed(run) if seed is None else seed
    if chosen not in {attempt.seed for attempt in run.attempts}:
        return {}
    kept = Kept(run, chosen)
    found: dict[str, View | str] = {}
    for look in looks:
        try:
            view = look(kept)
            if not isinstance(view, View | None):
                raise WorkloadError(
                    f"{look.__name__} returned {type(view).__name__}, not an hs.View or None."
                )
        except HomeostatError as error:
            found[look.__name__] = str(error)
        # Files may be damaged in any way, and the code may be a user's own: neither may take the
        # rest of the page down with it.
        except Exception as error:
            where = f"{run.name}, seed {chosen}"
            found[look.__name__] = (
                f"{look.__name__} of {where} cannot be drawn: {type(error).__name__}: {error}."
            )
        else:
            if view is not None:
                found[look.__name__] = view
    return found


def best_seed(run: RunRecord) -> int | None:
    """The completed seed with the best value; without any, the first that was started."""
    values = run.values()
    if values:
        return Goal(run.goal).best(values, key=lambda seed: values[seed])
    return run.attempts[0].seed if run.attempts else None
