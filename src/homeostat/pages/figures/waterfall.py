"""A waterfall: what each claimed change brings, beside what was claimed, and the whole."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from homeostat.evidence.verdicts import Verdict
from homeostat.pages.figures.style import (
    BLUE,
    FAINT,
    GREEN,
    GREY_BAND,
    INK,
    ORANGE,
    RED,
    dressed,
    literal,
)

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from homeostat.evidence.findings import Finding, Verification

_COLOUR = {
    Verdict.SUPPORTED: GREEN,
    Verdict.LARGER: "#1b6b47",
    Verdict.SMALLER: BLUE,
    Verdict.NO_EFFECT: FAINT,
    Verdict.CONTRADICTED: RED,
    Verdict.UNDECIDED: ORANGE,
    Verdict.INERT: INK,
}


def waterfall(verification: Verification) -> go.Figure:
    """One bar per claim, each from where the last one ended; then all together.

    The pale band is the claim, the line the interval of the measurement. Where the last bar ends
    is what the changes would bring if they added up; the bar of all together is what they do.
    """
    import plotly.graph_objects as go

    alone = [f for f in verification.findings if f.kind == "alone"]
    rows = [*alone, *(f for f in verification.findings if f.kind == "together")]
    origins, start = [], 0.0
    for finding in rows:
        origins.append(start if finding.kind == "alone" else 0.0)
        start += finding.effect if finding.kind == "alone" and _counts(finding) else 0.0
    figure = go.Figure()
    claims = [(f, at) for f, at in zip(rows, origins, strict=True) if f.expected is not None]
    figure.add_bar(
        y=[literal(f.name) for f, _ in claims], orientation="h", width=0.8, name="as claimed",
        x=[100 * (f.expected[1] - f.expected[0]) for f, _ in claims if f.expected],
        base=[100 * (at + f.expected[0]) for f, at in claims if f.expected],
        marker={"color": GREY_BAND}, hoverinfo="skip",
    )  # fmt: skip
    for verdict, colour in _COLOUR.items():
        group = [(f, at) for f, at in zip(rows, origins, strict=True) if f.verdict is verdict]
        sized = [100 * f.effect if _counts(f) else 0.0 for f, _ in group]
        ends = [(f.low, f.high) if math.isfinite(f.low) and _counts(f) else (f.effect, f.effect)
                for f, _ in group]  # fmt: skip
        figure.add_bar(
            y=[literal(f.name) for f, _ in group], x=sized, base=[100 * at for _, at in group],
            orientation="h", width=0.45, marker={"color": colour}, name=verdict.value,
            showlegend=bool(group),
            error_x={
                "type": "data", "symmetric": False, "color": INK, "thickness": 1.2,
                "array": [100 * (high - f.effect) if _counts(f) else 0.0
                          for (f, _), (_, high) in zip(group, ends, strict=True)],
                "arrayminus": [100 * (f.effect - low) if _counts(f) else 0.0
                               for (f, _), (low, _) in zip(group, ends, strict=True)],
            },
            hovertemplate="%{y}: %{x:.3g} %<extra></extra>",
        )  # fmt: skip
    figure.add_vline(x=0.0, line={"color": INK, "width": 1})
    told = f"improvement of {verification.metric} over {verification.baseline}, per cent"
    dressed(figure, x=literal(told), height=130 + 34 * len(rows))
    figure.update_layout(barmode="overlay")
    order = [literal(f.name) for f in rows][::-1]
    figure.update_yaxes(categoryorder="array", categoryarray=order, showgrid=False)
    return figure


def _counts(finding: Finding) -> bool:
    return math.isfinite(finding.effect) and finding.verdict is not Verdict.INERT
