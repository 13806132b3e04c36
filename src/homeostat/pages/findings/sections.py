"""The sections of a study's findings, each a few blocks, or none where there is nothing to say."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from homeostat.errors import StudyError
from homeostat.pages import figures
from homeostat.pages.document import check_line, escape
from homeostat.pages.figures.curves import Curve
from homeostat.pages.findings.blocks import Block, Picture, Words, bullets, heading, table
from homeostat.pages.findings.facts import Facts
from homeostat.record.runs import RunRecord
from homeostat.search.pareto import pareto
from homeostat.search.review.checklist import checklist
from homeostat.search.review.roles import conclude
from homeostat.space import Choice
from homeostat.space.values import show
from homeostat.study.records import TrialRow
from homeostat.wording import plural
from homeostat.workload.view import best_seed, draw_views

TOP = 5
FEW_SEEDS = 5
PER_PARAMETER = 10


def all_sections(facts: Facts) -> list[Block]:
    """Everything there is to say about a study, the conclusion first."""
    blocks: list[Block] = []
    for section in SECTIONS:
        blocks.extend(section(facts))
    return blocks


def summary(facts: Facts) -> Iterator[Block]:
    yield Words(f"# {escape(facts.row.workload)}: what study {escape(facts.row.name)} found")
    if facts.workload is not None:
        yield Words(escape(facts.workload.doc.partition("\n\n")[0]))
    lines = [_of_the_best(facts)] if facts.ranked else ["No trial has completed yet."]
    counts = Counter(trial.outcome.value for trial in facts.trials)
    if facts.trials:
        told = ", ".join(f"{number} {word}" for word, number in counts.most_common())
        lines.append(f"{plural(len(facts.trials), 'trial')}: {told}. Trial 0 is the default.")
    lines += [escape(told) for told in facts.row.definition.get("sources", {}).values()]
    lines += [
        escape(s) for phase in facts.phases if phase["name"] == "confirm"
        for s in phase["sentences"]
    ]  # fmt: skip
    yield bullets(lines)


def _of_the_best(facts: Facts) -> str:
    best, metric = facts.ranked[0], facts.metric
    default = next((t for t in facts.trials if t.number == 0), None)
    sentence = f"The best of the search is trial {best.number}, {metric} {best.values[metric]:.5g}"
    if default is not None and metric in default.values and default.number != best.number:
        sentence += f"; the default scores {default.values[metric]:.5g}"
    fresh = facts.confirmed(best.number)
    if fresh is not None and fresh.values():
        sentence += f". On {len(fresh.values())} fresh seeds it scores {fresh.mean:.5g}"
    return escape(sentence + ".")


def probed(facts: Facts) -> Iterator[Block]:
    checks = [
        check for phase in facts.phases if phase["name"] == "probe"
        for check in phase["facts"].get("checks", ()) if check["status"] in ("fault", "warning")
    ]  # fmt: skip
    found = [line for p in facts.phases if p["name"] == "diagnose" for line in p["sentences"]]
    if not facts.phases:
        return
    yield heading("What the probe and the diagnosis found")
    if checks:
        yield table(
            ("check", "status", "saw", "what to do"),
            [(c["check"], c["status"], c["saw"], c["remedy"]) for c in checks],
        )
    else:
        yield Words("The probe found no fault and gave no warning.")
    if found:
        yield bullets(escape(line) for line in found)


def searched(facts: Facts) -> Iterator[Block]:
    if not facts.trials:
        return
    yield heading("The search")
    yield Picture(
        "history",
        figures.history(facts.trials, metric=facts.metric, goal=facts.goal),
        f"{facts.metric} of every trial, and the best so far",
    )
    if len(facts.ranked) > 2 and facts.workload is not None:
        yield Picture(
            "parallel",
            figures.parallel(
                facts.ranked, metric=facts.metric, goal=facts.goal, space=facts.workload.space
            ),
            "Each line is a trial; drag along an axis to choose some",
        )


def traded(facts: Facts) -> Iterator[Block]:
    """The Pareto front, if there are two objectives or more."""
    if len(facts.objectives) < 2 or not facts.ranked:
        return
    found = pareto(facts.ranked, facts.objectives)
    best = found.front
    knee = f" The knee is trial {found.knee.number}." if found.knee is not None else ""
    yield heading("Trade-offs between the objectives")
    yield Words(
        f"{len(best)} of {len(facts.ranked)} trials are beaten by no other in every objective; "
        f"they dominate {found.hypervolume:.1%} of the box between the worst and the best values."
        f"{knee}"
    )
    yield Picture(
        "pareto",
        figures.pareto(facts.ranked, objectives=facts.objectives),
        "The front of the first two objectives",
    )
    yield table(
        ("trial", *facts.objectives),
        [(t.number, *(t.values[name] for name in facts.objectives)) for t in best[:TOP]],
    )


def mattered(facts: Facts) -> Iterator[Block]:
    """Which parameters explain the differences between trials."""
    if facts.workload is None or not facts.ranked:
        return
    try:
        ranking = facts.importance()
    except StudyError as error:
        yield heading("Which parameters mattered")
        yield Words(escape(error.message))
        return
    if not ranking.rows:
        return
    yield heading("Which parameters mattered")
    yield Words(escape(" ".join((ranking.sentence, *ranking.remarks))))
    yield Picture(
        "importance",
        figures.ranking(ranking.bars, title=ranking.title, floor=ranking.chance),
        "What involves each parameter, with 95 % intervals; grey where that may be chance",
    )


def options(facts: Facts) -> Iterator[Block]:
    """How each option of a choice did: modes, architectures, optimisers."""
    if facts.workload is None:
        return
    rows: list[tuple[object, ...]] = []
    for name in dict.fromkeys(n for t in facts.ranked for n in t.parameters):
        parameter = facts.workload.space.get(name)
        if not isinstance(parameter, Choice):
            continue
        for option in parameter.options:
            values = [
                t.values[facts.metric] for t in facts.ranked if t.parameters.get(name) == option
            ]
            if values:
                best = facts.goal.best(values)
                rows.append((name, show(option), len(values), statistics.median(values), best))
    if rows:
        yield heading("Options compared")
        yield table(("parameter", "option", "trials", "median", "best"), rows)
        yield Words(
            "A search tries good options more often: medians describe what it tried, not what an "
            "option is worth. `homeostat compare` and `homeostat verify` tell that."
        )


def best_ones(facts: Facts) -> Iterator[Block]:
    if not facts.ranked:
        return
    yield heading("The best configurations")
    top = facts.ranked[:TOP]
    names = list(dict.fromkeys(name for t in top for name in t.parameters))
    yield table(
        ("trial", facts.metric, "s.d.", *names),
        [
            (t.number, t.values[facts.metric], t.sds.get(facts.metric),
             *(t.parameters.get(n) for n in names))
            for t in top
        ],
    )  # fmt: skip
    yield Words("```\n" + "\n".join(facts.command(t) for t in top) + "\n```")
    runs = {f"trial {t.number}": curves_of(facts.run(t.number), facts.metric) for t in top[:3]}
    if top[0].number != 0:
        runs["trial 0, the default"] = curves_of(facts.run(0), facts.metric)
    if any(len(steps) > 1 for seeds in runs.values() for steps, _ in seeds):
        yield Picture(
            "curves",
            figures.curves(runs, metric=facts.metric, unit=facts.unit),
            f"{facts.metric} by {facts.unit}; bands run from the lowest to the highest seed",
        )


def looked_at(facts: Facts) -> Iterator[Block]:
    """What the best trial's run looks like, in the views of its workload."""
    run = facts.run(facts.ranked[0].number) if facts.ranked else None
    if run is None or facts.workload is None:
        return
    views = draw_views(facts.workload.views, run)
    if not views:
        return
    yield heading("What the best looks like")
    yield Words(f"Trial {facts.ranked[0].number}, seed {best_seed(run)}.")
    for name, view in views.items():
        if isinstance(view, str):
            yield Words(escape(view))
        else:
            yield Words(f"### {escape(view.title)}")
            yield Picture(f"view-{name}", view.figure, view.caption)


def curves_of(run: RunRecord | None, metric: str) -> list[Curve]:
    """(steps, values) of each seed; none without a run."""
    if run is None:
        return []
    found = []
    for curves in run.curves().values():
        steps, values = curves.of(metric)
        found.append((steps.tolist(), values.tolist()))
    return found


def recommended(facts: Facts) -> Iterator[Block]:
    """Which configuration for which use."""
    if not facts.ranked:
        return
    best = facts.ranked[0]
    chosen: dict[str, TrialRow] = {"best": best}
    fast = _fastest(facts)
    if fast is not None:
        chosen["fast"] = fast
    for name in list(facts.objectives)[1:]:
        told = {t.number: t.values[name] for t in facts.ranked if name in t.values}
        if told:
            number = facts.objectives[name].best(told, key=told.__getitem__)
            chosen[name] = facts.trial(number)
    rows = [
        (use, t.number, _says(t, facts), facts.command(t))
        for use, t in chosen.items()
        if use == "best" or t.number != best.number
    ]
    yield heading("Which one to take")
    yield table(("for", "trial", "because", "command"), rows)


def _fastest(facts: Facts) -> TrialRow | None:
    """The quickest of those within a tenth of the spread from the best."""
    timed = [t for t in facts.ranked if t.wall_s]
    if len(timed) < 3:
        return None
    values = [t.values[facts.metric] for t in timed]
    near = [t for t in timed if abs(t.values[facts.metric] - values[0])
            <= 0.1 * (max(values) - min(values))]  # fmt: skip
    return min(near, key=lambda t: t.wall_s or 0.0)


def _says(trial: TrialRow, facts: Facts) -> str:
    told = ", ".join(f"{name} {trial.values[name]:.4g}" for name in facts.objectives
                     if name in trial.values)  # fmt: skip
    return f"{told} in {trial.wall_s:.0f} s" if trial.wall_s else told


def concluded(facts: Facts) -> Iterator[Block]:
    """The study's own question, where it has one, and the values it is answered for."""
    now = facts.round
    if now is None:
        return
    found = conclude(now)
    if not found.question and not found.sentences:
        return
    yield heading(found.question or "For which values this is known")
    for comparison in found.comparisons:
        yield table(*comparison.table())
    yield bullets(escape(sentence) for sentence in found.sentences)


def checked(facts: Facts) -> Iterator[Block]:
    """The checklist after a round."""
    now = facts.round
    if now is None:
        return
    yield heading("Before the next round")
    yield bullets(check_line(check.to_json()) for check in checklist(now))


def unknown(facts: Facts) -> Iterator[Block]:
    yield heading("What is not known")
    lines = []
    names = {name for trial in facts.trials for name in trial.parameters}
    best = facts.ranked[0] if facts.ranked else None
    fresh = facts.confirmed(best.number) if best is not None else None
    if best is not None and fresh is None:
        lines.append(
            "The best was not run again on fresh seeds, so its value is the luckiest of "
            f"{len(facts.ranked)}: `homeostat search` confirms unless told not to."
        )
    elif fresh is not None and len(fresh.values()) < FEW_SEEDS:
        lines.append(f"{len(fresh.values())} fresh seeds give a wide interval.")
    if names and len(facts.trials) < PER_PARAMETER * len(names):
        lines.append(
            f"{len(facts.trials)} trials over {len(names)} parameters explore only a part of "
            "them; which of them matter is weakly known."
        )
    yield bullets(lines or ["Nothing in particular."])


def done(facts: Facts) -> Iterator[Block]:
    if not facts.phases:
        return
    yield heading("What was done and decided")
    yield table(
        ("phase", "status", "seconds", "decisions"),
        [(p["name"], p["status"], _seconds(p), " ".join(p["decisions"])) for p in facts.phases],
    )


def _seconds(phase: Any) -> str:
    return f"{phase.get('seconds', 0.0):.1f}"


SECTIONS: tuple[Callable[[Facts], Iterator[Block]], ...] = (
    summary, concluded, recommended, best_ones, looked_at, searched, traded, mattered, options,
    probed, checked, unknown, done,
)  # fmt: skip
