"""`homeostat status` and `best`: where studies stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from homeostat.cli.options import (
    JsonOption,
    ResultsOption,
    StoreOption,
)
from homeostat.cli.output import Output

if TYPE_CHECKING:
    from homeostat.search.result import SearchResult
    from homeostat.study.records import StudyRow, TrialRow
    from homeostat.study.store import Store


def status(
    study: Annotated[str | None, typer.Option("--study", help="One study; all by default.")] = None,
    results: ResultsOption = "results",
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show where studies stand: trials, outcomes, the best so far; for one, what to do next."""
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
            tell_round(out, found)
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
"""From more parameters than this on, each has a row and each trial a column."""


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
    """A study with its checks; without checks if its workload can no longer be found."""
    from homeostat.errors import HomeostatError
    from homeostat.search.search import read

    try:
        return read(study, results=results, store=store)
    except HomeostatError as error:
        out.line(str(error))
        return None


def _ranked(row: StudyRow, trials: list[TrialRow]) -> list[TrialRow]:
    """The completed trials: the one that did best on fresh seeds, then by the main objective."""
    from homeostat.search.confirm import winner
    from homeostat.study.ranking import objectives_of, ranked

    metric, goal = next(iter(objectives_of(row).items()))
    chosen = winner(row.confirmation, goal) if row.confirmation else None
    return sorted(ranked(trials, metric, goal), key=lambda trial: trial.number != chosen)


def _status(store: Store, row: StudyRow) -> dict[str, object]:
    trials = store.trials(row.key)
    ranked = _ranked(row, trials)
    metric = next(iter(row.definition["objectives"]))
    counts = Counter(trial.outcome.value for trial in trials)
    return {
        "study": row.name,
        "workload": row.workload,
        "state": row.state,
        "trials": len(trials),
        "outcomes": ", ".join(f"{number} {word}" for word, number in counts.most_common()),
        "best_trial": ranked[0].number if ranked else None,
        "value": ranked[0].values[metric] if ranked else None,
    }


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
