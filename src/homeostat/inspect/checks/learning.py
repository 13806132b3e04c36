"""Learning: does the network learn at all, beside simple models and a constant guess?"""

from __future__ import annotations

from homeostat.inspect.probe.bench import ShortRuns
from homeostat.inspect.probe.skill import Skill
from homeostat.inspect.probe.trend import Trend, trend
from homeostat.record.check import Check, Checks, Found
from homeostat.record.outcome import Outcome
from homeostat.wording import plural

SIGNAL = 4.0
"""A skill of this many times its spread under chance is signal."""
LEAST_SKILL = 0.1
NOTHING = 0.2
"""A network that finds less than this share of what simple models find does not learn;"""
BEGUN = 0.05
"""One that finds more than this, and still gets better at the end, has only begun."""
LITTLE = 0.5
"""one that finds less than this learns little."""
FEW_UPDATES = 30
REMEDY = "Look at the other findings, the one with most evidence first."


def check(bench: ShortRuns) -> Checks:
    found = Found("learning")
    run = bench.attempt
    if run.ending.outcome in (Outcome.DIVERGED, Outcome.FAILED):
        yield found.skipped("It does not get through the run.")
        return
    skill = bench.skill
    # Where no update was seen (weights moved out of sight) only what is reported can be judged.
    if skill is not None and bench.plain().num_updates and _judges(bench, skill):
        yield _beside_others(found, bench, skill)
    else:
        yield _by_curves(found, bench)


def _beside_others(found: Found, bench: ShortRuns, skill: Skill) -> Check:
    facts = {
        "network": skill.network, "simple": skill.simple, "constant": skill.constant,
        "share": skill.share, "terms": skill.terms,
    }  # fmt: skip
    if skill.share >= LITTLE:
        return found.ok(f"It learns: {skill.told}.", **facts)
    score, losses = trend(bench.objective), trend(bench.losses)
    late = trend(bench.objective[len(bench.objective) // 2 :])
    better = late.word == "falls" or (late.word == "unseen" and score.word != "rises")
    if better and skill.share >= BEGUN:
        if skill.share >= NOTHING:
            return found.ok(f"It learns, and is not at its end: {skill.told}.", **facts)
        return found.skipped(
            f"It has begun to learn, and the run ends before it has: {skill.told}."
        )
    if not bench.attempted_whole:
        if bench.attempt.num_updates < FEW_UPDATES or "falls" in (losses.word, score.word):
            return found.skipped(
                f"Whether it learns is not seen within {_length(bench)}: {skill.told}."
            )
        return found.warning(
            f"It does not learn within {_length(bench)}: {skill.told}.", REMEDY, **facts
        )
    if skill.share < NOTHING and not (score.word == "falls" and losses.word == "falls"):
        return found.fault(f"It does not learn: {skill.told}.", REMEDY, **facts)
    much = "hardly anything" if skill.share < NOTHING else "less than simple models do"
    return found.warning(f"It learns {much}: {skill.told}.", REMEDY, **facts)


def _judges(bench: ShortRuns, skill: Skill) -> bool:
    """Whether simple models find something, and the network is to find the same.

    Where several optimisers step, what one network is trained to tell apart another may be trained
    to make alike: only held-out rows can judge it.
    """
    signal = skill.simple_skill > max(SIGNAL * skill.chance, LEAST_SKILL)
    return signal and (skill.held_out or not bench.adversarial)


def _by_curves(found: Found, bench: ShortRuns) -> Check:
    """No targets were seen, or simple models find nothing: the curves alone can tell."""
    losses, score = trend(bench.losses), trend(bench.objective)
    name = bench.workload.metric
    told = _told(bench, losses, score)
    if score.word == "falls":
        return found.ok(f"It learns, by its curves: {told}.")
    if losses.word == "unseen" and score.word == "unseen":
        return found.skipped("Too few reports and training steps to see whether it learns.")
    if losses.word == "falls":
        return found.skipped(
            f"{told}: it fits what it is trained on, and {name} does not show it yet."
        )
    if bench.adversarial or bench.moving_targets:
        return found.skipped(
            f"{told}. Its loss measures something that moves (an adversary, a policy, a target "
            "network), and no score gets better within the run."
        )
    if not bench.attempted_whole or bench.attempt.num_updates < FEW_UPDATES:
        return found.skipped(f"Whether it learns is not seen within {_length(bench)}: {told}.")
    if losses.word == "rises" and score.word != "unseen":
        return found.fault(f"It does not learn: {told}.", REMEDY)
    return found.warning(f"It does not seem to learn: {told}.", REMEDY)


def _told(bench: ShortRuns, losses: Trend, score: Trend) -> str:
    parts = []
    if losses.word != "unseen":
        parts.append(f"the training loss {losses.told}")
    if score.word != "unseen":
        better = {"falls": "gets better", "rises": "gets worse", "stays": "stays"}[score.word]
        sign = bench.workload.goal.sign
        first, last = sign * score.first, sign * score.last
        parts.append(f"{bench.workload.metric} {better} ({first:.4g} to {last:.4g})")
    text = ", ".join(parts)
    return text[:1].upper() + text[1:]


def _length(bench: ShortRuns) -> str:
    run = bench.attempt
    reports = len(run.reports)
    return plural(reports, "report") if reports else plural(run.num_updates, "update")
