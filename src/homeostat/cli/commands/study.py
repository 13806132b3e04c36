"""`homeostat status` and `best`: where studies stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from homeostat.cli import complete
from homeostat.cli.options import (
    JsonOption,
    ResultsOption,
    StoreOption,
    StudyOption,
    WorkloadOption,
)
from homeostat.cli.output import Output

if TYPE_CHECKING:
    from homeostat.search.result import SearchResult
    from homeostat.search.verdict import StudyVerdict
    from homeostat.study.records import StudyRow, TrialRow


def status(
    study: Annotated[
        str | None,
        typer.Option("--study", autocompletion=complete.studies, help="One study; all by default."),
    ] = None,
    workload: WorkloadOption = None,
    results: ResultsOption = "results",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show where studies stand: trials, outcomes, the best so far; for one, what to do next."""
    from homeostat.errors import HomeostatError
    from homeostat.search.decide import verdict_of
    from homeostat.search.search import look_store
    from homeostat.study.definition import Definition

    out = Output(as_json=as_json)
    opened = look_store(results, store)
    names = [study] if study is not None else opened.names()
    studies, rows = [], []
    verdict: StudyVerdict | None = None
    for name in names:
        try:
            row = opened.study(name)
            trials = opened.trials(row.key)
        except HomeostatError as error:
            if study is not None:
                raise
            rows.append(_damaged(name))
            out.line(str(error))
            continue
        studies.append(row)
        verdict = verdict_of(row, trials)
        rows.append(_status(row, trials, verdict))
    if study is not None and verdict is not None:
        out.verdict(verdict)
    out.table(
        ("study", "workload", "state", "trials", "outcomes", "winner", "on fresh seeds",
         "best in the search", "which scored there (chosen on)"),
        [tuple(value for key, value in row.items() if key != "verdict") for row in rows],
    )  # fmt: skip
    for row in studies:
        for sentence in Definition.from_json(row.definition).told:
            out.line(f"{row.name}: {sentence}" if len(studies) > 1 else sentence)
    if study is not None:
        found = _read(out, study, results, store, workload)
        if found is not None:
            rows[0] |= {"conclusion": found.conclusion, "checklist": found.checklist}
            tell_round(out, found)
    if not rows:
        out.line(f"No studies in {opened.place}.  Start one:  homeostat tune WORKLOAD")
    out.document(rows)


def best(
    study: Annotated[
        str, typer.Option("--study", autocompletion=complete.studies, help="The study's name.")
    ],
    top: Annotated[int, typer.Option("--top", "--n-top", min=1, help="How many.")] = 5,
    results: ResultsOption = "results",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a study's best trials, and the command that reruns each."""
    from homeostat.search.decide import verdict_of
    from homeostat.search.search import look_store
    from homeostat.study.ranking import ranked
    from homeostat.study.trial_command import place_of, search_command, trial_command

    opened = look_store(results, store)
    row = opened.study(study)
    trials = opened.trials(row.key)
    verdict, place = verdict_of(row, trials), place_of(opened, results)
    folder = Path(results) / "studies" / row.name
    best_first = ranked(trials, verdict.metric, verdict.goal)
    shown = sorted(best_first, key=lambda trial: trial is not verdict.trial)[:top]
    out = Output(as_json=as_json)
    out.verdict(verdict)
    if shown:
        out.line()
        out.table(*_table(shown, verdict))
    commands = [trial_command(row, trial, place, folder) for trial in shown]
    for trial, text in zip(shown, commands, strict=True):
        if text:
            out.line(f"trial {trial.number}:  {text}")
    confirm = search_command(row, place, "--trials", str(len(trials)))
    if verdict.status == "unconfirmed" and not row.driven and confirm:
        out.line(f"Run the best on fresh seeds:  {confirm}")
    out.document(
        {
            "verdict": verdict,
            "trials": [
                {
                    "number": t.number,
                    "values": t.values,
                    "parameters": t.parameters,
                    "command": text,
                }
                for t, text in zip(shown, commands, strict=True)
            ],
        }
    )


def change(
    study: StudyOption,
    fix: Annotated[
        list[str] | None,
        typer.Option(
            "--fix", metavar="NAME=VALUE", help="Hold this in further trials; may be repeated."
        ),
    ] = None,
    free: Annotated[
        list[str] | None,
        typer.Option("--free", metavar="NAME", help="Vary this again; may be repeated."),
    ] = None,
    widen: Annotated[
        bool, typer.Option("--widen", help="Search the ranges that the workload has now.")
    ] = False,
    add: Annotated[
        list[str] | None,
        typer.Option(
            "--add",
            metavar="NAME",
            help="Search this too; earlier trials have the value with which it acted there.",
        ),
    ] = None,
    forget: Annotated[
        str | None,
        typer.Option(
            "--forget", metavar="NUMBERS", help="These trials, like 3,5-9, count for nothing."
        ),
    ] = None,
    restore: Annotated[
        str | None,
        typer.Option("--restore", metavar="NUMBERS", help="Forgotten trials that count again."),
    ] = None,
    workload: WorkloadOption = None,
    results: ResultsOption = "results",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change what a study searches from now on, and which trials count; nothing is deleted."""
    from homeostat.errors import HomeostatError
    from homeostat.search.search import change as change_study
    from homeostat.search.search import look_store
    from homeostat.space import Space
    from homeostat.study.definition import Definition
    from homeostat.study.described import ranges
    from homeostat.study.trial_command import place_of, search_command

    opened = look_store(results, store)
    row = opened.study(study)
    searched = ranges(Definition.from_json(row.definition).searched)
    told = change_study(
        study,
        fix=Space(**searched).parse(fix or ()),  # type: ignore[arg-type]  # none is called rules
        free=free or (),
        widen=widen,
        add=add or (),
        forget=_numbers(forget),
        restore=_numbers(restore),
        workload=workload,
        results=results,
        store=store,
    )
    out = Output(as_json=as_json)
    for sentence in told:
        out.line(sentence)
    try:
        count = len(opened.trials(row.key))
        further = search_command(row, place_of(opened, results), "--trials", str(count + 50))
        if further:
            out.line(f"Go on:  {further}")
    except HomeostatError:
        pass
    out.document({"study": study, "changes": list(told)})


def _numbers(text: str | None) -> list[int]:
    """From "3,5-9"."""
    found: list[int] = []
    for part in text.split(",") if text else ():
        first, dash, last = part.strip().partition("-")
        try:
            found += range(int(first), int(last if dash else first) + 1)
        except ValueError:
            raise typer.BadParameter(f"{text!r} are no trials; write numbers like 3,5-9.") from None
    return found


WIDE = 6
"""From more parameters than this on, each has a row and each trial a column."""


def _table(
    shown: list[TrialRow], verdict: StudyVerdict
) -> tuple[Sequence[str], list[Sequence[object]]]:
    """The trials with their parameters, and both of their figures under their own names."""
    metric = verdict.metric
    names = list(dict.fromkeys(name for trial in shown for name in trial.parameters))
    fresh = {trial.number: verdict.on_fresh_seeds(trial, metric) for trial in shown}
    ran = any(fresh.values())
    head = [
        "trial", *(["on fresh seeds"] if ran else []), f"{metric} in the search (chosen on)",
        "s.d.", *names,
    ]  # fmt: skip
    rows: list[Sequence[object]] = [
        [
            trial.number,
            *([fresh[trial.number]] if ran else []),
            trial.values[metric],
            trial.sds.get(metric),
            *(trial.parameters.get(name) for name in names),
        ]
        for trial in shown
    ]
    if len(names) <= WIDE:
        return head, rows
    turned: list[Sequence[object]] = [
        [name, *values] for name, values in zip(head, zip(*rows, strict=True), strict=True)
    ]
    return ["trial", *(str(trial.number) for trial in shown)], turned[1:]


def _read(
    out: Output, study: str, results: str, store: str | None, workload: str | None
) -> SearchResult | None:
    """A study with its checks; without checks, and saying why, if it cannot be read so."""
    from homeostat.errors import HomeostatError
    from homeostat.search.search import read

    try:
        return read(study, workload=workload, results=results, store=store)
    except HomeostatError as error:
        out.line(str(error))
        return None


def _status(row: StudyRow, trials: list[TrialRow], verdict: StudyVerdict) -> dict[str, object]:
    from homeostat.search.standing import figures_of, state_of

    counts = Counter(trial.outcome.value for trial in trials)
    return {
        "verdict": verdict,
        "study": row.name,
        "workload": row.workload,
        "state": state_of(row, verdict),
        "trials": len(trials),
        "outcomes": ", ".join(f"{number} {word}" for word, number in counts.most_common()),
        **figures_of(verdict),
    }


def _damaged(name: str) -> dict[str, object]:
    nothing = ("workload", "trials", "outcomes", "winner", "on_fresh_seeds", "best_in_search",
               "in_search")  # fmt: skip
    return {"verdict": None, "study": name, "workload": None, "state": "damaged"} | dict.fromkeys(
        nothing
    )


def tell_round(out: Output, result: SearchResult) -> None:
    """Print a study's answer, for which fixed values it holds, and what to do next."""
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
