"""Static figures, each a function from numbers to SVG text."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from homeostat.workload.goal import Goal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from homeostat.design.lr_find import RangeTest

INK, SOFT, BLUE, ORANGE, GREY = "#1d2330", "#5b6472", "#2a6fdb", "#e07b39", "#b8c0cc"
COLOURS = (BLUE, ORANGE, "#2c9c69", "#8e5bd0", "#c2453d", "#3aa6b9")


def new_figure(width: float = 7.0, height: float = 3.4) -> tuple[Figure, Axes]:
    """Open a figure without a global state, so that plots can be drawn in threads."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    _quiet(axes)
    return figure, axes


def _quiet(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(GREY)
    axes.tick_params(colors=SOFT, labelsize=9)
    axes.xaxis.label.set_color(SOFT)
    axes.yaxis.label.set_color(SOFT)


def to_svg(figure: Figure) -> str:
    """The figure as SVG text, the same for the same numbers."""
    import matplotlib as mpl

    buffer = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "homeostat", "svg.fonttype": "path"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def history(values: Sequence[float | None], *, goal: str, metric: str) -> str:
    """Every trial's value, and the best so far; failed trials are marked on the lower edge."""
    figure, axes = new_figure()
    numbers = np.array([np.nan if value is None else value for value in values], dtype=float)
    trials = np.arange(len(numbers))
    axes.plot(trials, numbers, "o", color=GREY, markersize=5, label="a trial")
    finite = np.isfinite(numbers)
    if finite.any():
        worst = Goal(goal).worst_possible
        running = Goal(goal).best_so_far(np.where(finite, numbers, worst))
        shown = np.where(np.isfinite(running), running, np.nan)
        axes.step(trials, shown, where="post", color=BLUE, linewidth=2, label="best so far")
        _robust_limits(axes, numbers[finite], Goal(goal))
    if not finite.all():
        lost = trials[~finite]
        axes.plot(
            lost, np.zeros(len(lost)), "x", color="#c2453d", transform=axes.get_xaxis_transform(),
            clip_on=False, label="diverged or failed",
        )  # fmt: skip
    axes.set_xlabel("trial")
    axes.set_ylabel(metric)
    axes.legend(frameon=False, fontsize=9)
    return to_svg(figure)


def _robust_limits(axes: Axes, numbers: np.ndarray, goal: Goal) -> None:
    """Limits that leave a few terrible trials out instead of flattening all others."""
    best = goal.best(numbers)
    spread = abs(np.median(numbers) - best) or abs(best) * 0.05 or 1.0
    # One of the worst values, or four spreads from the best: whichever is better.
    far = goal.best([goal.worst(numbers), best + goal.sign * 4 * spread])
    axes.set_ylim(*sorted([best - goal.sign * 0.4 * spread, far + goal.sign * 0.2 * spread]))


def curves(
    arms: Mapping[str, Sequence[tuple[Sequence[float], Sequence[float]]]], *, metric: str, unit: str
) -> str:
    """Training curves of a few arms: a thin line for each seed, a thick one for their mean.

    Args:
        arms: Name -> one (steps, values) pair per seed.
        metric: What the values are.
        unit: What a step is, such as `step` or `epoch`.
    """
    figure, axes = new_figure()
    for (name, seeds), colour in zip(arms.items(), COLOURS, strict=False):
        for steps, values in seeds:
            axes.plot(steps, values, color=colour, alpha=0.35, linewidth=1)
        common = sorted(set.intersection(*(set(steps) for steps, _ in seeds))) if seeds else []
        if common:
            lines = [dict(zip(steps, values, strict=True)) for steps, values in seeds]
            mean = [float(np.mean([line[step] for line in lines])) for step in common]
            axes.plot(common, mean, color=colour, linewidth=2.2, label=name)
    axes.set_xlabel(unit)
    axes.set_ylabel(metric)
    axes.legend(frameon=False, fontsize=9)
    return to_svg(figure)


def slices(
    parameters: Mapping[str, Sequence[float | str | bool | None]],
    values: Sequence[float | None],
    *,
    log: Mapping[str, bool],
    metric: str,
    goal: str = Goal.MINIMIZE,
    best: int | None = None,
) -> str:
    """The value against each parameter, one small panel each; the trial `best` is ringed."""
    from matplotlib.figure import Figure

    names = list(parameters)
    columns = min(3, len(names))
    rows = -(-len(names) // columns)
    figure = Figure(figsize=(7.0, 2.3 * rows), layout="constrained")
    for index, name in enumerate(names):
        axes = figure.add_subplot(rows, columns, index + 1)
        _quiet(axes)
        _slice(axes, parameters[name], values, log=log.get(name, False), best=best)
        finite = np.array([v for v in values if v is not None and np.isfinite(v)])
        if len(finite):
            _robust_limits(axes, finite, Goal(goal))
        axes.set_xlabel(name)
        if index % columns == 0:
            axes.set_ylabel(metric)
    return to_svg(figure)


def _slice(
    axes: Axes,
    settings: Sequence[float | str | bool | None],
    values: Sequence[float | None],
    *,
    log: bool,
    best: int | None,
) -> None:
    shown = [
        i for i, (x, y) in enumerate(zip(settings, values, strict=True))
        if x is not None and y is not None and np.isfinite(y)
    ]  # fmt: skip
    numeric = all(isinstance(settings[i], (int, float)) for i in shown) and not all(
        isinstance(settings[i], bool) for i in shown
    )
    if numeric:
        positions = [float(settings[i]) for i in shown]  # type: ignore[arg-type]
        if log:
            axes.set_xscale("log")
    else:
        labels = sorted({str(settings[i]) for i in shown})
        positions = [float(labels.index(str(settings[i]))) for i in shown]
        axes.set_xticks(range(len(labels)), labels, rotation=20, ha="right")
        axes.set_xlim(-0.5, len(labels) - 0.5)
    heights = [float(values[i] or 0.0) for i in shown]
    axes.plot(positions, heights, "o", color=BLUE, alpha=0.55, markersize=4.5)
    if best in shown:
        at = shown.index(best)
        axes.plot(
            positions[at], heights[at], "o", color="none", markeredgecolor=ORANGE,
            markersize=10, markeredgewidth=2,
        )  # fmt: skip


def paired(
    default: Sequence[float], chosen: Sequence[float], *, metric: str, names: tuple[str, str]
) -> str:
    """The same seeds under two configurations, joined by lines."""
    figure, axes = new_figure(width=4.2, height=3.2)
    for a, b in zip(default, chosen, strict=True):
        axes.plot([0, 1], [a, b], "-o", color=BLUE, alpha=0.6, markersize=5)
    means = [float(np.mean(default)), float(np.mean(chosen))]
    axes.plot([0, 1], means, "_", color=ORANGE, markersize=28, markeredgewidth=3)
    axes.set_xticks([0, 1], list(names))
    axes.set_xlim(-0.4, 1.4)
    axes.set_ylabel(metric)
    return to_svg(figure)


def rate_test(test: RangeTest) -> str:
    """The loss of each short run against its learning rate; failed ones at the upper edge."""
    figure, axes = new_figure()
    sound = [rung for rung in test.rungs if not rung.failed]
    axes.plot([r.rate for r in sound], [r.loss for r in sound], "-o", color=BLUE, markersize=5)
    for rung in test.rungs:
        if rung.failed:
            axes.plot(
                rung.rate, 1.0, "x", color=ORANGE, transform=axes.get_xaxis_transform(),
                clip_on=False,
            )  # fmt: skip
    if test.suggested is not None:
        axes.axvline(test.suggested, color=ORANGE, linestyle="--", linewidth=1.2)
    axes.set_xscale("log")
    axes.set_xlabel(test.parameter)
    axes.set_ylabel(test.metric)
    return to_svg(figure)
