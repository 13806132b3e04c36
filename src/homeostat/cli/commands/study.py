"""`homeostat search`, `status` and `best`: the deep search, and where a study stands."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from homeostat.cli.commands.screen import screen_for
from homeostat.cli.engine import CpusOption, GpusOption, RayAddressOption, where
from homeostat.cli.options import (
    ConfigOption,
    DeviceOption,
    EngineOption,
    FromOption,
    JobsOption,
    JsonOption,
    MemoryOption,
    ResultsOption,
    SetOption,
    StepsOption,
    StoreOption,
    TimeoutOption,
    WorkloadArgument,
)
from homeostat.cli.output import Output, cell_text
from homeostat.cli.settings import choose

if TYPE_CHECKING:
    from homeostat.search.result import SearchResult
    from homeostat.search.rows import StudyRow, TrialRow
    from homeostat.search.store import Store


def search(
    workload: WorkloadArgument,
    study: Annotated[
        str | None, typer.Option("--study", help="The study's name; goes on if it exists.")
    ] = None,
    trials: Annotated[int, typer.Option("--trials", min=1, help="How many altogether.")] = 50,
    budget: Annotated[
        str | None, typer.Option("--budget", "-b", help="Wall time for this call, like 30m.")
    ] = None,
    method: Annotated[
        str | None,
        typer.Option("--method", help="auto, random, sobol, tpe, gp, cmaes, nsga2 or nsga3."),
    ] = None,
    prune: Annotated[
        str | None,
        typer.Option("--prune", help="Stop early: auto, median, halving, hyperband, seeds, none."),
    ] = None,
    prune_at: Annotated[
        str | None,
        typer.Option("--prune-at", metavar="STEPS", help="At these steps only, like 10,20,50."),
    ] = None,
    carry_from: FromOption = None,
    scientific: Annotated[
        list[str] | None,
        typer.Option(
            "--scientific",
            metavar="NAME",
            help="Compare the values of this parameter, all else tuned; may be repeated.",
        ),
    ] = None,
    goal: Annotated[
        str | None, typer.Option("--goal", help="What the study is to find out, in words.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="Vary this parameter only; repeat it.")
    ] = None,
    screen_first: Annotated[
        bool,
        typer.Option("--screen-first", help="First find what matters, then search only that."),
    ] = False,
    seeds: Annotated[
        int | None, typer.Option("--seeds", min=1, help="Seeds a trial; its value is their mean.")
    ] = None,
    config: ConfigOption = None,
    settings: SetOption = None,
    steps: StepsOption = None,
    confirm: Annotated[
        bool, typer.Option(help="Run the best and the default again on fresh seeds.")
    ] = True,
    deterministic: Annotated[
        bool, typer.Option("--deterministic", help="The same order of trials for any timing.")
    ] = False,
    jobs: JobsOption = None,
    engine: EngineOption = "local",
    ray_address: RayAddressOption = None,
    cpus: CpusOption = None,
    gpus: GpusOption = None,
    device: DeviceOption = "auto",
    timeout: TimeoutOption = None,
    memory: MemoryOption = None,
    results: ResultsOption = "results",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Search for the best setting; what --config says is the start, what --set says is held."""
    from homeostat.cli.progress import PlanProgress
    from homeostat.plan.budget import parse_duration
    from homeostat.search.search import open_store
    from homeostat.search.search import search as run_search

    chosen = choose(workload, config, settings, budget=steps)
    held = {name: value for name, value in chosen.overrides.items() if name in chosen.typed}
    start = {name: value for name, value in chosen.overrides.items() if name not in held}
    out = Output(as_json=as_json)
    place = where(engine, jobs, device, ray_address, cpus, gpus)
    budget_s = parse_duration(budget) if budget else None
    names: Sequence[str] = only or ()
    if only and screen_first:
        raise typer.BadParameter("--only says what to vary, and --screen-first finds it out.")
    if screen_first and (study is None or open_store(results, store).find(study) is None):
        begun = time.monotonic()
        names = screen_for(
            out, chosen, start=start, pins=held, results=results, engine=place.engine,
            jobs=place.jobs, device=place.device,
            timeout_s=parse_duration(timeout) if timeout else None,
        )  # fmt: skip
        if budget_s is not None:
            budget_s = max(1.0, budget_s - (time.monotonic() - begun))
    with PlanProgress(out) as progress:
        result = run_search(
            chosen.workload,
            trials,
            study=study,
            method=method,
            results=results,
            store=store,
            seeds=seeds,
            budget=chosen.budget if steps or config else None,
            budget_s=budget_s,
            names=names or None,
            start=start or None,
            pins=held or None,
            prune=prune,
            prune_at=_steps(prune_at) if prune_at else None,
            carry_from=carry_from or (),
            goal=goal,
            scientific=scientific,
            confirm=confirm,
            deterministic=deterministic,
            engine=place.engine,
            jobs=place.jobs,
            timeout_s=parse_duration(timeout) if timeout else None,
            memory_mb=memory,
            device=place.device,
            on_event=progress,
        )
    _conclude(out, result)


def _steps(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter("--prune-at wants steps, like 10,20,50.") from None


def resume_study(out: Output, study: str, results: str, store: str | None) -> None:
    """Go on with a study as it was last driven."""
    from homeostat.cli.progress import PlanProgress
    from homeostat.search.search import resume

    with PlanProgress(out) as progress:
        result = resume(study, results=results, store=store, on_event=progress)
    _conclude(out, result)


def status(
    study: Annotated[str | None, typer.Option("--study", help="One study; all by default.")] = None,
    results: ResultsOption = "results",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show where studies stand: trials, outcomes, the best so far; of one, what to look at next."""
    from homeostat.search.search import open_store

    out = Output(as_json=as_json)
    opened = open_store(results, store)
    names = [study] if study is not None else opened.names()
    studies = [opened.study(name) for name in names]
    rows = [_status(opened, row) for row in studies]
    out.table(
        ("study", "workload", "state", "trials", "outcomes", "best trial", "value"),
        [(*row.values(),) for row in rows],
    )
    for row in studies:
        for sentence in row.definition.get("sources", {}).values():
            out.line(f"{row.name}: {sentence}" if len(studies) > 1 else sentence)
    if study is not None:
        found = _read(out, study, results, store)
        if found is not None:
            rows[0] |= {"conclusion": found.conclusion, "checklist": found.checklist}
            _tell(out, found)
    if not rows:
        out.line(f"No studies in {opened.place}.  Start one:  homeostat tune WORKLOAD")
    out.document(rows)


def best(
    study: Annotated[str, typer.Option("--study", help="The study's name.")],
    top: Annotated[int, typer.Option("--top", "--n-top", min=1, help="How many.")] = 5,
    results: ResultsOption = "results",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a study's best trials, and the command that reruns each."""
    from homeostat.search.result import command
    from homeostat.search.search import open_store

    opened = open_store(results, store)
    row = opened.study(study)
    ranked = _ranked(row, opened.trials(row.key))[:top]
    metric = next(iter(row.definition["objectives"]))
    out = Output(as_json=as_json)
    out.table(*_table(ranked, metric, _on_fresh_seeds(row)))
    reference = row.settings.get("reference") or row.workload
    held = {**row.definition["start"], **row.definition["pins"]}
    commands = [command(reference, {**held, **t.parameters}) for t in ranked]
    for trial, text in zip(ranked, commands, strict=True):
        out.line(f"trial {trial.number}:  {text}")
    if not ranked:
        out.line("No trial of this study has completed yet.")
    out.document(
        [
            {"number": t.number, "values": t.values, "parameters": t.parameters, "command": text}
            for t, text in zip(ranked, commands, strict=True)
        ]
    )


WIDE = 6
"""More parameters than these stand below each other, a column a trial."""


def _table(
    ranked: list[TrialRow], metric: str, fresh: dict[int, float]
) -> tuple[Sequence[str], list[Sequence[object]]]:
    """The trials with their parameters, and what they scored again if they were confirmed."""
    names = list(dict.fromkeys(name for trial in ranked for name in trial.parameters))
    head = ["trial", metric, "s.d.", *(["on fresh seeds"] if fresh else []), *names]
    rows: list[Sequence[object]] = [
        [
            trial.number,
            trial.values[metric],
            trial.sds.get(metric),
            *([fresh.get(trial.number)] if fresh else []),
            *(trial.parameters.get(name) for name in names),
        ]
        for trial in ranked
    ]
    if len(names) <= WIDE:
        return head, rows
    turned: list[Sequence[object]] = [
        [name, *values] for name, values in zip(head, zip(*rows, strict=True), strict=True)
    ]
    return ["trial", *(str(trial.number) for trial in ranked)], turned[1:]


def _on_fresh_seeds(row: StudyRow) -> dict[int, float]:
    """Trial -> its mean over the seeds it was confirmed with."""
    values = (row.confirmation or {}).get("values", {})
    means = {int(n): list(by_seed.values()) for n, by_seed in values.items()}
    return {n: sum(found) / len(found) for n, found in means.items() if found}


def _read(out: Output, study: str, results: str, store: str | None) -> SearchResult | None:
    """A study with its checks; none where its workload cannot be found any more."""
    from homeostat.errors import HomeostatError
    from homeostat.search.search import read

    try:
        return read(study, results=results, store=store)
    except HomeostatError as error:
        out.line(str(error))
        return None


def _ranked(row: StudyRow, trials: list[TrialRow]) -> list[TrialRow]:
    """The completed trials, best main objective first."""
    from homeostat.record.outcome import Outcome

    metric, goal = next(iter(row.definition["objectives"].items()))
    done = [t for t in trials if t.outcome is Outcome.COMPLETED and metric in t.values]
    return sorted(done, key=lambda trial: trial.values[metric], reverse=goal == "maximize")


def _status(store: Store, row: StudyRow) -> dict[str, object]:
    trials = store.trials(row.key)
    ranked = _ranked(row, trials)
    metric = next(iter(row.definition["objectives"]))
    counts = Counter(trial.outcome.value for trial in trials)
    state = "running" if row.driven else "confirmed" if row.confirmation else "stopped"
    return {
        "study": row.name,
        "workload": row.workload,
        "state": state,
        "trials": len(trials),
        "outcomes": ", ".join(f"{number} {word}" for word, number in counts.most_common()),
        "best_trial": ranked[0].number if ranked else None,
        "value": ranked[0].values[metric] if ranked else None,
    }


def _tell(out: Output, result: SearchResult) -> None:
    """What a study says about its question, for which fixed values, and what to do next."""
    found = result.conclusion
    if found is None:
        return
    if found.question:
        out.heading(found.question)
    for comparison in found.comparisons:
        out.table(*comparison.table())
    for sentence in found.sentences:
        out.line(sentence)
    out.heading("Before the next round")
    out.checks(result.checklist)


def _conclude(out: Output, result: SearchResult) -> None:
    for note in result.notes:
        out.line(note)
    out.document(result)
    best = result.best
    if best is None:
        out.line("No trial completed.", style="red")
        raise typer.Exit(130 if result.interrupted else 1)
    changed = ", ".join(f"{k}={cell_text(v)}" for k, v in best.overrides.items()) or "the default"
    out.heading(f"best: trial {best.number}, {result.metric} {best.value:.6g}  ({changed})")
    if best.confirmed is not None and best.default is not None:
        out.line(f"on fresh seeds: {best.confirmed};  the default: {best.default}")
    if best.gain is not None:
        gain = best.gain
        out.line(f"paired gain {gain.mean:.3g}, 95 % interval {gain.low:.3g} .. {gain.high:.3g}")
    out.line(f"Rerun it:  {best.command}")
    _tell(out, result)
    if result.interrupted:
        out.line(f"Stopped; everything is kept. Go on with:  --study {result.study}")
        raise typer.Exit(130)
