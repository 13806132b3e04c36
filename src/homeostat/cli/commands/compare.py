"""`homeostat compare`: runs side by side, pair by pair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from homeostat.cli import complete
from homeostat.cli.options import JsonOption, ResultsOption
from homeostat.cli.output import Output

if TYPE_CHECKING:
    from homeostat.evidence.compare import ComparedRun, RunDifference


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            autocompletion=complete.runs,
            help="Run folders, or the start of their names; the first is the baseline.",
        ),
    ],
    metric: Annotated[
        str | None, typer.Option("--metric", help="Which metric; the objective by default.")
    ] = None,
    goal: Annotated[
        str | None,
        typer.Option(
            "--goal", help="minimize or maximize, for a metric that is none of the objectives."
        ),
    ] = None,
    results: ResultsOption = "results",
    as_json: JsonOption = False,
) -> None:
    """Compare runs with the first: means, intervals, probability of improvement."""
    from homeostat.evidence.compare import compare as compare_runs
    from homeostat.record.index import find_run

    found = compare_runs([find_run(name, results) for name in runs], metric=metric, goal=goal)
    out = Output(as_json=as_json)
    out.heading(f"{found.metric} ({found.goal})")
    out.table(
        ("run", "seeds", "mean", "s.d.", "IQM", "95 % interval"),
        [_arm_row(arm) for arm in found.arms],
    )
    out.heading(f"Against {found.arms[0].name}, paired by seed")
    out.table(
        (
            "run",
            "pairs",
            "difference",
            "95 % interval",
            "relative",
            "p (Holm)",
            "P(better)",
            "verdict",
        ),
        [_contrast_row(contrast) for contrast in found.contrasts],
    )
    for note in found.notes:
        out.line(f"Note: {note}")
    out.document(found)


def _arm_row(arm: ComparedRun) -> tuple[object, ...]:
    interval = f"{arm.interval.low:.4g} .. {arm.interval.high:.4g}" if arm.seeds > 1 else None
    sd = arm.sd if arm.seeds > 1 else None
    return arm.name, arm.seeds, arm.mean, sd, arm.iqm, interval


def _contrast_row(contrast: RunDifference) -> tuple[object, ...]:
    known = contrast.pairs > 1
    return (
        contrast.name,
        contrast.pairs,
        contrast.difference,
        f"{contrast.interval.low:.3g} .. {contrast.interval.high:.3g}" if known else None,
        f"{contrast.relative:+.2%}",
        f"{contrast.p_value:.2g}" if known else None,
        f"{contrast.improvement:.2f}",
        contrast.verdict,
    )
