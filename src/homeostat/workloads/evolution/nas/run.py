"""`nas run`: evolve one configuration, all seeds at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from homeostat.cli.output import Output
from homeostat.workloads.evolution.nas.app import (
    FREE,
    ConfigOption,
    GenerationsOption,
    ModeOption,
    ResultsOption,
    app,
    compile_first,
    evolution,
    inline_settings,
)
from homeostat.workloads.evolution.nas.search import SearchRequest, modes_of, run_search


@app.command(context_settings=FREE)
def run(
    context: typer.Context,
    config: ConfigOption = None,
    generations: GenerationsOption = None,
    seeds: Annotated[
        int | None,
        typer.Option("--seeds", "-s", min=1, help="How many seeds: 42, 123, 456, 789, 1337."),
    ] = None,
    study_name: Annotated[
        str | None, typer.Option("--study-name", help="Search instead: fixed-arch, ...")
    ] = None,
    mode: ModeOption = None,
    trials: Annotated[
        int | None, typer.Option("--n-trials", min=1, help="Of a search; default: 50.")
    ] = None,
    take_up: Annotated[
        Path | None, typer.Option("--resume", help="Resume this run, which was stopped or killed.")
    ] = None,
    results: ResultsOption = Path("results"),
) -> None:
    """Evolve one configuration, all seeds at once; or, with --study-name, search."""
    from homeostat.cli.settings import choose
    from homeostat.record.seeds import first
    from homeostat.workloads.evolution import runs

    if study_name is not None:
        run_search(
            SearchRequest(
                study=study_name, trials=trials, modes=modes_of(mode), config=config,
                settings=tuple(inline_settings(context.args)), generations=generations,
                seeds=seeds, results=results,
            )
        )  # fmt: skip
        return
    out = Output()
    if take_up is not None:
        evolving, name = runs.resume(evolution(), take_up), str(take_up)
        out.line(f"Going on after generation {evolving.done} of {evolving.budget}.")
    else:
        settings = inline_settings(context.args)
        if mode is not None:
            settings.append(f"neural_mode={mode}")
        chosen = choose(
            "evolution", config, settings, budget=generations, seeds=seeds, default_seeds=3
        )
        name = chosen.name if config is not None else "inline"
        for sentence in chosen.config.adjustments:
            out.line(f"adjusted  {sentence}")
        evolving = runs.start(
            evolution(),
            chosen.config,
            name=name,
            seeds=first(chosen.seeds),
            generations=chosen.budget,
            results=results,
        )
    _evolve(out, evolving)


def _evolve(out: Output, evolving: Any) -> None:
    """Drive a run to its end with the guide's lines."""
    compile_first(out)
    count, budget = len(evolving.seeds), evolving.budget
    every = max(1, budget // 4)
    try:
        for step in evolving.evolve():
            if step.generation % every == 0 or step.generation == budget:
                out.line(
                    f"[seed {step.seed + 1}/{count}] gen {step.generation}/{budget} | "
                    f"best: {step.best:.1f} | avg: {step.average:.1f} | "
                    f"{step.generation_s:.1f}s/gen"
                    + (f" | species: {step.species}" if step.species else "")
                )
    except KeyboardInterrupt:
        evolving.stop()
        out.line(
            f"Stopped after generation {evolving.done}. Go on:  nas run --resume {evolving.folder}"
        )
        raise typer.Exit(130) from None
    _conclude(out, evolving)


def _conclude(out: Output, evolving: Any) -> None:
    from homeostat.inspect.diagnose.lines import finding_lines
    from homeostat.inspect.symptoms.examine import examine
    from homeostat.record.runs import read_run
    from homeostat.workloads.evolution.runs import UNSTABLE

    document = evolving.document("completed")
    final, seen = document["final"]["fitness"], document["final"]["fitness_in_sample"]
    minutes, seconds = divmod(round(document["timing"]["elapsed_s"]), 60)
    out.line(
        f"Config: {document['config_name']} | Seeds: {len(evolving.seeds)} | "
        f"Final: {final['mean']:.1f} ± {final['std']:.1f} | Time: {minutes}m{seconds:02d}s"
    )
    pellets = document["final"]["pellets"]
    layouts = evolving.config.held_out_layouts
    out.line(
        f"Final is the top five on {layouts} held-out layouts; on the layouts they were selected "
        f"on they score {seen['mean']:.1f} ± {seen['std']:.1f}. The best of a seed collects "
        f"{pellets['mean']:.2f} pellets a held-out layout, the best of all {pellets['max']:.2f}."
    )
    if len(evolving.seeds) > 1 and final["std"] > UNSTABLE * final["mean"]:
        out.line(
            f"Unstable: the spread over seeds is {final['std'] / final['mean']:.0%} of the mean."
        )
    workload = evolution()
    own = {symptom.name for symptom in workload.symptoms}  # the general ones speak of training
    for finding in examine(read_run(evolving.folder), workload):
        for text in finding_lines(finding) if finding.symptom in own else ():
            out.line(text)
    out.line(f"Kept in {evolving.json_path}")
    out.line(f"See it:  nas replay --run {evolving.folder}")
