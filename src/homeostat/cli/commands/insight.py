"""`homeostat importance` and `homeostat pareto`: what a study says beyond its best trial."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from homeostat.cli.options import (
    JsonOption,
    ResultsOption,
    StoreOption,
    StudyOption,
    WorkloadOption,
)
from homeostat.cli.output import Output

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from homeostat.pages.study.facts import Facts

PlotOption = Annotated[
    Path | None, typer.Option("--plot", help="Also draw it in this self-contained HTML file.")
]


def importance(
    study: StudyOption,
    metric: Annotated[
        str | None, typer.Option("--metric", help="Which objective; the main one by default.")
    ] = None,
    plot: PlotOption = None,
    workload: WorkloadOption = None,
    results: ResultsOption = "results",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rank a study's parameters by how much they explain, and say what of it may be chance."""
    from homeostat.errors import UnknownNameError, did_you_mean
    from homeostat.pages import figures

    facts = _facts(study, results, store, workload)
    chosen = metric or facts.metric
    if chosen not in facts.objectives:
        raise UnknownNameError(
            f"{chosen} is no objective of {study}.", hint=did_you_mean(chosen, facts.objectives)
        )
    out = Output(as_json=as_json)
    with out.working(f"ranking parameters over {len(facts.trials)} trials"):
        ranking = facts.importance(chosen)
    out.table(
        ("parameter", "share", "95 %", "trials", ""),
        [
            (r.name, r.share, f"{r.low:.3f} .. {r.high:.3f}", r.trials,
             "" if r.clear else "may be chance")
            for r in ranking.rows
        ],
    )  # fmt: skip
    out.line(ranking.sentence, style="yellow" if ranking.weak else None)
    for remark in ranking.remarks:
        out.line(remark)
    if plot is not None:
        figure = figures.ranking(ranking.bars, title=ranking.title, floor=ranking.chance)
        _draw(figure, plot, out, title=f"{study}: what mattered", caption=ranking.sentence)
    out.document(ranking)


def pareto(
    study: StudyOption,
    plot: PlotOption = None,
    results: ResultsOption = "results",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the trials that no other beats in every objective, with their knee and hypervolume."""
    from homeostat.pages import figures
    from homeostat.search.pareto import pareto as find

    facts = _facts(study, results, store)
    found = find(facts.trials, facts.objectives)
    out = Output(as_json=as_json)
    if facts.verdict is not None:
        out.verdict(facts.verdict)
        out.line()
    out.table(
        ("trial", *(f"{name} in the search" for name in found.objectives), ""),
        [
            (t.number, *(t.values[name] for name in found.objectives),
             "knee" if t is found.knee else "")
            for t in found.front
        ],
    )  # fmt: skip
    out.line(found.sentence)
    chosen = found.knee or found.front[0]
    if facts.command(chosen):
        out.line(f"Rerun the {'knee' if found.knee else 'first'}:  {facts.command(chosen)}")
    if plot is not None:
        figure = figures.pareto(facts.ranked, objectives=facts.objectives)
        _draw(figure, plot, out, title=f"{study}: trade-offs", caption=found.sentence)
    out.document(found)


def _facts(study: str, results: str, store: str | None, workload: str | None = None) -> Facts:
    from homeostat.pages.study.facts import gather
    from homeostat.search.search import look_store

    return gather(study, store=look_store(results, store), results=results, workload=workload)


def _draw(figure: go.Figure, place: Path, out: Output, *, title: str, caption: str) -> None:
    from homeostat.pages.single import write_figure

    write_figure(figure, place, title=title, caption=caption)
    out.line(f"Drawn in {place}")
