"""A waterfall: what each claimed change brings, beside what was claimed, and the whole."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from homeostat.evidence.verdicts import Verdict
from homeostat.pages.plots import BLUE, GREY, INK, ORANGE, new_figure, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from homeostat.evidence.findings import Finding, Verification

_COLOUR = {
    Verdict.SUPPORTED: "#2c9c69",
    Verdict.LARGER: "#1b6b47",
    Verdict.SMALLER: BLUE,
    Verdict.NO_EFFECT: GREY,
    Verdict.CONTRADICTED: "#c2453d",
    Verdict.UNDECIDED: ORANGE,
    Verdict.INERT: INK,
}


def waterfall(verification: Verification) -> str:
    """SVG text: one bar per claim, each from where the last one ended; then all together.

    The pale band is the claim, the line the interval of the measurement. Where the last bar ends
    is what the changes would bring if they added up; the bar of all together is what they do.
    """
    alone = [f for f in verification.findings if f.kind == "alone"]
    together = [f for f in verification.findings if f.kind == "together"]
    rows = [*alone, *together]
    figure, axes = new_figure(7.5, 1.2 + 0.42 * len(rows))
    start = 0.0
    for place, finding in enumerate(rows):
        origin = start if finding.kind == "alone" else 0.0
        _bar(axes, place, finding, 100.0 * origin)
        if finding.kind == "alone" and _counts(finding):
            start += finding.effect
    axes.axvline(0.0, color=INK, linewidth=0.8)
    axes.set_yticks(range(len(rows)), [finding.name for finding in rows])
    axes.invert_yaxis()
    axes.set_xlabel(f"improvement of {verification.metric} over {verification.baseline}, per cent")
    used = [v for v in _COLOUR if any(f.verdict is v for f in rows)]
    handles = [axes.barh([0], [0], color=_COLOUR[v], label=v.value) for v in used]
    axes.legend(handles=handles, frameon=False, fontsize=8, loc="best")
    return to_svg(figure)


def _counts(finding: Finding) -> bool:
    return math.isfinite(finding.effect) and finding.verdict is not Verdict.INERT


def _bar(axes: Axes, place: int, finding: Finding, origin: float) -> None:
    if finding.expected is not None:
        low, high = (100.0 * end for end in finding.expected)
        axes.barh([place], [high - low], left=origin + low, height=0.8, color="#e6ebf2", zorder=0)
    if not _counts(finding):
        axes.plot([origin], [place], "x", color=_COLOUR[finding.verdict])
        return
    effect = 100.0 * finding.effect
    axes.barh([place], [effect], left=origin, height=0.45, color=_COLOUR[finding.verdict])
    if math.isfinite(finding.low):
        ends = [origin + 100.0 * finding.low, origin + 100.0 * finding.high]
        axes.plot(ends, [place, place], color=INK, linewidth=1.2, solid_capstyle="butt")
