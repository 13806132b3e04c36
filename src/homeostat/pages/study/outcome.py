"""What came of a study: the verdict with its evidence, what was wrong, and what mattered."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator

from homeostat.errors import StudyError
from homeostat.pages import figures
from homeostat.pages.study.blocks import (
    Block,
    Bullets,
    Heading,
    Picture,
    TableBlock,
    Typed,
    Words,
    check_table,
)
from homeostat.pages.study.facts import Facts
from homeostat.record.tested import table_of
from homeostat.search.pareto import pareto
from homeostat.search.review.roles import conclude
from homeostat.space import Choice
from homeostat.space.values import same, show
from homeostat.study.definition import Definition
from homeostat.wording import plural

TOP = 5


def verdict(facts: Facts) -> Iterator[Block]:
    """The conclusion, seed by seed where it rests on fresh ones."""
    yield Heading(f"{facts.workload.name}: what study {facts.name} found", 1)
    if facts.workload.doc:
        yield Words(facts.workload.doc.partition("\n\n")[0].replace("\n", " "))
    found = facts.verdict
    if found is None:
        stopped = [p for p in facts.phases if p["status"] == "stopped"]
        told = [line for phase in stopped[-1:] for line in phase["sentences"]]
        yield Bullets.of(told or ["Nothing was searched: the plan's phases say what was found."])
        return
    yield Bullets(found.lines)
    yield from _paired(facts)
    lines = []
    if facts.trials:
        counts = Counter(trial.outcome.value for trial in facts.trials)
        ended = ", ".join(f"{number} {word}" for word, number in counts.most_common())
        lines.append(f"{plural(len(facts.trials), 'trial')}: {ended}.")
    if facts.row is not None:
        lines += Definition.from_json(facts.row.definition).told
    if lines:
        yield Bullets.of(lines)
    trial = facts.to_take
    if trial is not None and facts.command(trial):
        yield Words(f"Run trial {trial.number} again:")
        yield Typed(facts.command(trial))


def _paired(facts: Facts) -> Iterator[Block]:
    """Each fresh seed under the default and its challenger; under all that ran on it, a table."""
    found = facts.verdict
    scores = {} if found is None else found.fresh.get(facts.metric, {})
    seeds = sorted({seed for score in scores.values() for seed in score.values})
    if found is None or not seeds:
        return
    default, challenger = (found.on_fresh_seeds(t) for t in (found.default, found.challenger))
    if default is not None and challenger is not None and default is not challenger:
        assert found.challenger is not None
        yield Picture(
            "paired",
            figures.paired(
                default.values, challenger.values, metric=facts.metric, goal=facts.goal,
                names=("the default", f"trial {found.challenger.number}"),
            ),
            "The same fresh seeds under both; a dotted line is a mean",
        )  # fmt: skip
    names = [
        f"trial {n}, the default" if found.default and n == found.default.number else f"trial {n}"
        for n in scores
    ]
    rows = [(seed, *(score.values.get(seed) for score in scores.values())) for seed in seeds]
    yield TableBlock.of(("fresh seed", *names), rows)
    again = {name: facts.run_on_fresh_seeds(n) for name, n in zip(names, scores, strict=True)}
    head, tested = table_of({name: run for name, run in again.items() if run is not None})
    if tested:
        yield Words("On data that no choice has seen; ± is the s.d. between these seeds.")
        yield TableBlock.of(head, tested)


def wrong(facts: Facts) -> Iterator[Block]:
    """What the probe and the diagnosis of the plan found."""
    if not facts.phases:
        return
    checks = [c for c in facts.checks if c["status"] in ("fault", "warning")]
    yield Heading("What was wrong")
    if checks:
        yield check_table(checks)
    else:
        yield Words("The probe found no fault and gave no warning.")
    untried = [n for c in facts.checks for n in c.get("evidence", {}).get("no_time", ())]
    if untried:
        yield Words(f"It had no time to try whether these act on anything: {', '.join(untried)}.")
    diagnosed = [p for p in facts.phases if p["name"] == "diagnose" and p["status"] != "skipped"]
    for phase in diagnosed:
        yield Bullets(tuple(phase["sentences"]))


def mattered(facts: Facts) -> Iterator[Block]:
    """Which parameters explain the differences between trials, and what may be chance."""
    if not facts.ranked:
        return
    try:
        ranking = facts.importance()
    except StudyError as error:
        yield Heading("What mattered")
        yield Words(error.message)
        return
    if not ranking.rows:
        return
    yield Heading("What mattered")
    yield Words(" ".join((ranking.sentence, *ranking.remarks)))
    yield Picture(
        "importance",
        figures.ranking(ranking.bars, title=ranking.title, floor=ranking.chance),
        "What involves each parameter, with 95 % intervals; left of the dashed line is chance, "
        "and what does not clear it is grey",
    )


def options(facts: Facts) -> Iterator[Block]:
    """The study's own question, where it has one; how each option of a choice did."""
    now = facts.round
    found = conclude(now) if now is not None else None
    if found is not None and (found.question or found.sentences):
        yield Heading(found.question or "For which values this is known")
        for comparison in found.comparisons:
            yield TableBlock.of(*comparison.table())
        yield Bullets(tuple(found.sentences))
    rows: list[tuple[object, ...]] = []
    for name in facts.names:
        parameter = facts.workload.space.get(name)
        if not isinstance(parameter, Choice):
            continue
        for option in parameter.options:
            values = [
                t.values[facts.metric]
                for t in facts.ranked
                if name in t.parameters and same(t.parameters[name], option)
            ]
            if values:
                best = facts.goal.best(values)
                rows.append((name, show(option), len(values), statistics.median(values), best))
    if rows:
        yield Heading("Options compared")
        yield TableBlock.of(("parameter", "option", "trials", "median", "best"), rows)
        yield Words(
            "A search tries good options more often: medians describe what it tried, not what an "
            "option is worth. `homeostat compare` and `homeostat verify` tell that."
        )


def traded(facts: Facts) -> Iterator[Block]:
    """The Pareto front, if there are two objectives or more."""
    if len(facts.objectives) < 2 or not facts.ranked:
        return
    found = pareto(facts.ranked, facts.objectives)
    yield Heading("Trade-offs between the objectives")
    yield Words(found.sentence)
    yield Picture(
        "pareto",
        figures.pareto(facts.ranked, objectives=facts.objectives),
        "The front of the first two objectives",
    )
    yield TableBlock.of(
        ("trial", *facts.objectives),
        [(t.number, *(t.values[name] for name in facts.objectives)) for t in found.front[:TOP]],
    )
