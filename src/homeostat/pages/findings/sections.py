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
from homeostat.record.tested import table_of
from homeostat.search.pareto import pareto
from homeostat.search.review.checklist import checklist
from homeostat.search.review.roles import conclude
from homeostat.space import Choice
from homeostat.space.values import same, show
from homeostat.study.records import TrialRow
from homeostat.wording import plural
from homeostat.workload.kept_views import views_of
from homeostat.workload.view import best_seed

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
    if facts.workload.doc:
        yield Words(escape(facts.workload.doc.partition("\n\n")[0]))
    yield bullets(escape(line) for line in facts.verdict.lines)
    trial = facts.to_take
    if trial is not None and facts.command(trial):
        yield Words(f"Run trial {trial.number} again:\n\n{_code(facts.command(trial))}")
    lines = []
    counts = Counter(trial.outcome.value for trial in facts.trials)
    if facts.trials:
        ended = ", ".join(f"{number} {word}" for word, number in counts.most_common())
        lines.append(f"{plural(len(facts.trials), 'trial')}: {ended}.")
    lines += [escape(told) for told in facts.row.definition.get("sources", {}).values()]
    if lines:
        yield bullets(lines)


def _code(text: str) -> str:
    return f"```\n{text.replace('```', '` ` `')}\n```"


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
    if len(facts.ranked) > 2:
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
    yield heading("Trade-offs between the objectives")
    yield Words(found.sentence)
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
    if not facts.ranked:
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
    rows: list[tuple[object, ...]] = []
    for name in dict.fromkeys(n for t in facts.ranked for n in t.parameters):
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
        yield heading("Options compared")
        yield table(("parameter", "option", "trials", "median", "best"), rows)
        yield Words(
            "A search tries good options more often: medians describe what it tried, not what an "
            "option is worth. `homeostat compare` and `homeostat verify` tell that."
        )


def best_ones(facts: Facts) -> Iterator[Block]:
    top = facts.best_first[:TOP]
    if not top:
        return
    yield heading("The best configurations")
    names = list(dict.fromkeys(name for t in top for name in t.parameters))
    fresh = {t.number: facts.verdict.on_fresh_seeds(t) for t in top}
    ran = any(fresh.values())
    yield table(
        (
            "trial", *(["on fresh seeds"] if ran else []),
            f"{facts.metric} in the search (chosen on)", "s.d.", *names,
        ),
        [
            (
                t.number, *([fresh[t.number]] if ran else []), t.values[facts.metric],
                t.sds.get(facts.metric), *(t.parameters.get(n) for n in names),
            )
            for t in top
        ],
    )  # fmt: skip
    commands = [text for t in top if (text := facts.command(t))]
    if commands:
        yield Words(_code("\n".join(commands)))
    runs = {f"trial {t.number}": curves_of(facts.run(t.number), facts.metric) for t in top[:3]}
    default = facts.verdict.default
    if default is not None and default.number not in [t.number for t in top[:3]]:
        run = facts.run(default.number)
        runs[f"trial {default.number}, the default"] = curves_of(run, facts.metric)
    if any(len(steps) > 1 for seeds in runs.values() for steps, _ in seeds):
        yield Picture(
            "curves",
            figures.curves(runs, metric=facts.metric, unit=facts.unit),
            f"{facts.metric} by {facts.unit}; bands run from the lowest to the highest seed",
        )


def seed_by_seed(facts: Facts) -> Iterator[Block]:
    """What the verdict rests on: each fresh seed under every configuration that ran on it."""
    scores = facts.verdict.fresh.get(facts.metric, {})
    seeds = sorted({seed for score in scores.values() for seed in score.values})
    if not seeds:
        return
    yield heading("On fresh seeds, seed by seed")
    default = facts.verdict.default
    names = [
        f"trial {n}, the default" if default is not None and n == default.number else f"trial {n}"
        for n in scores
    ]
    rows = [(seed, *(score.values.get(seed) for score in scores.values())) for seed in seeds]
    yield table(("seed", *names), rows)
    again = {name: facts.run_on_fresh_seeds(n) for name, n in zip(names, scores, strict=True)}
    head, tested = table_of({name: run for name, run in again.items() if run is not None})
    if tested:
        yield Words("On data that no choice has seen; ± is the s.d. between these seeds.")
        yield table(head, tested)


def looked_at(facts: Facts) -> Iterator[Block]:
    """What the run of the trial to take looks like, in the views of its workload."""
    trial = facts.to_take
    run = facts.run(trial.number) if trial is not None else None
    seed = best_seed(run) if run is not None else None
    if trial is None or run is None or seed is None:
        return
    views = views_of(run, seed, facts.workload.views)
    if not views:
        return
    yield heading("What the best looks like")
    yield Words(f"Trial {trial.number}, seed {seed}.")
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
    best = facts.to_take
    if best is None:
        return
    use = "everything" if facts.verdict.winner is not None else "everything, until one is confirmed"
    chosen: dict[str, TrialRow] = {use: best}
    fast = _fastest(facts)
    if fast is not None:
        chosen["fast"] = fast
    for name in list(facts.objectives)[1:]:
        told = {t.number: t.values[name] for t in facts.ranked if name in t.values}
        if told:
            number = facts.objectives[name].best(told, key=told.__getitem__)
            chosen[name] = facts.trial(number)
    rows = [
        (purpose, t.number, _says(t, facts), facts.command(t))
        for purpose, t in chosen.items()
        if purpose == use or t.number != best.number
    ]
    yield heading("Which one to take")
    yield table(("for", "trial", "in the search", "command"), rows)


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
    verdict = facts.verdict
    fresh = verdict.on_fresh_seeds(verdict.winner)
    if verdict.trial is not None and fresh is None:
        lines.append(
            "What the best scores on other seeds: its value is the luckiest of "
            f"{len(facts.ranked)}, because {escape(verdict.why)}."
        )
    elif fresh is not None and fresh.n < FEW_SEEDS:
        lines.append(f"{fresh.n} fresh seeds give a wide interval.")
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
    summary, concluded, recommended, best_ones, seed_by_seed, looked_at, searched, traded,
    mattered, options, probed, checked, unknown, done,
)  # fmt: skip
