"""What to do next: the plan's decisions, the checklist, what is not known, what to type."""

from __future__ import annotations

from collections.abc import Iterator

from homeostat.pages.study.blocks import (
    Block,
    Bullets,
    Heading,
    TableBlock,
    Typed,
    Words,
    check_table,
)
from homeostat.pages.study.facts import Facts
from homeostat.search.review.checklist import checklist
from homeostat.study.records import TrialRow
from homeostat.study.trial_command import search_command
from homeostat.version import __version__

FEW_SEEDS = 5
PER_PARAMETER = 10


def decided(facts: Facts) -> Iterator[Block]:
    """What each phase of the plan found, and what was decided on it."""
    if not facts.phases:
        return
    yield Heading("What was done and decided")
    yield TableBlock.of(
        ("phase", "status", "seconds"),
        [(p["name"], p["status"], float(p.get("seconds", 0.0))) for p in facts.phases],
    )
    told = ("probe", "confirm", "report")  # what they found stands above
    yield Bullets.of(
        f"{phase['name']}: {line}"
        for phase in facts.phases
        for line in (
            *(phase["sentences"] if phase["name"] not in told else ()), *phase["decisions"]
        )
    )  # fmt: skip


def next_round(facts: Facts) -> Iterator[Block]:
    """The checklist after a round."""
    now = facts.round
    if now is not None:
        yield Heading("Before the next round")
        yield check_table(check.to_json() for check in checklist(now))


def unknown(facts: Facts) -> Iterator[Block]:
    """What the study cannot tell."""
    lines = []
    verdict = facts.verdict
    fresh = None if verdict is None else verdict.on_fresh_seeds(verdict.winner)
    if verdict is not None and verdict.trial is not None and fresh is None:
        lines.append(
            "What the best scores on other seeds: its value is the luckiest of "
            f"{len(facts.ranked)}, because {verdict.why}."
        )
    elif fresh is not None and fresh.n < FEW_SEEDS:
        lines.append(f"{fresh.n} fresh seeds give a wide interval.")
    if facts.trials and len(facts.trials) < PER_PARAMETER * len(facts.names):
        lines.append(
            f"{len(facts.trials)} trials over {len(facts.names)} parameters explore only a part "
            "of them; which of them matter is weakly known."
        )
    still = facts.workload.space.searched().keys() - set(facts.names) - facts.held.keys()
    if facts.trials and still:
        lines.append(f"Not varied: {', '.join(sorted(still))}.")
    yield Heading("What is not known")
    yield Bullets.of(lines or ["Nothing in particular."])


def commands(facts: Facts) -> Iterator[Block]:
    """Which configuration for which use, and how to go on."""
    rows = [(use, t.number, _says(t, facts), facts.command(t)) for use, t in _chosen(facts).items()]
    yield Heading("Commands")
    if rows:
        yield TableBlock.of(("to run again", "trial", "in the search", "command"), rows)
    if facts.row is not None:
        on = search_command(facts.row, facts.place, "--trials", str(2 * len(facts.trials)))
        if on:
            yield Words("Go on with the search:")
            yield Typed(on)
    elif facts.chosen_command:
        yield Words("Run what was chosen:")
        yield Typed(facts.chosen_command)
    run = facts.run(facts.to_take.number) if facts.to_take else None
    about = {"homeostat": __version__, **(run.fingerprint if run is not None else {})}
    yield TableBlock.of(
        ("made with", "version"),
        [(name, value) for name, value in about.items() if isinstance(value, str) and value],
    )


def _chosen(facts: Facts) -> dict[str, TrialRow]:
    """Use -> the trial for it: the one to take, a fast one, the best by each other objective."""
    best, verdict = facts.to_take, facts.verdict
    if best is None or verdict is None:
        return {}
    use = "everything" if verdict.winner is not None else "everything, until one is confirmed"
    others: dict[str, TrialRow] = {}
    fast = _fastest(facts)
    if fast is not None:
        others["fast"] = fast
    for name in list(facts.objectives)[1:]:
        told = {t.number: t.values[name] for t in facts.ranked if name in t.values}
        if told:
            number = facts.objectives[name].best(told, key=told.__getitem__)
            others[name] = facts.trial(number)
    return {use: best} | {name: t for name, t in others.items() if t.number != best.number}


def _fastest(facts: Facts) -> TrialRow | None:
    """The quickest of those within a tenth of the spread from the best."""
    timed = [t for t in facts.ranked if t.wall_s]
    if len(timed) < 3:
        return None
    values = [t.values[facts.metric] for t in timed]
    close = 0.1 * (max(values) - min(values))
    near = [t for t, value in zip(timed, values, strict=True) if abs(value - values[0]) <= close]
    return min(near, key=lambda t: t.wall_s or 0.0)


def _says(trial: TrialRow, facts: Facts) -> str:
    told = ", ".join(f"{name} {trial.values[name]:.4g}" for name in facts.objectives
                     if name in trial.values)  # fmt: skip
    return f"{told} in {trial.wall_s:.0f} s" if trial.wall_s else told
