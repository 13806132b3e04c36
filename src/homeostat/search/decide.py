"""Decide: from what the store holds of a study to its verdict; nobody else names a winner."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from homeostat.record.outcome import Outcome
from homeostat.search.scores import FreshScore, gain_over, standing
from homeostat.search.verdict import StudyVerdict
from homeostat.study.constraint import Constraint, closest, parsed, violations
from homeostat.study.ranking import all_equal, forgotten, objectives_of, ranked, tied
from homeostat.study.records import StudyRow, TrialRow
from homeostat.wording import plural, some
from homeostat.workload.goal import Goal

RUNNING = "the study is still running, and its best is run on fresh seeds at the end"
NEVER = "the best in the search has not been run on fresh seeds"


def verdict_of(row: StudyRow, trials: Sequence[TrialRow]) -> StudyVerdict:
    """The verdict of a study as stored; it may be running.

    Args:
        row: The study, with its confirmation.
        trials: All of its trials.
    """
    objectives = objectives_of(row)
    metric, goal = next(iter(objectives.items()))
    best_first = ranked(trials, metric, goal)
    by_number = {t.number: t for t in trials if t.outcome is not Outcome.FORGOTTEN}
    leader = None if all_equal(best_first, metric) else next(iter(best_first), None)
    constraints = parsed(row.definition.get("constraints", ()))
    facts: dict[str, Any] = {
        "study": row.name,
        "constraints": constraints,
        "infeasible": sum(trial.outcome is Outcome.INFEASIBLE for trial in trials),
        "workload": row.workload,
        "objectives": objectives,
        "trials": len(trials),
        "completed": sum(trial.outcome is Outcome.COMPLETED for trial in trials),
        "default": by_number.get(row.default_trial) if row.default_trial is not None else None,
    }
    if leader is None:
        why = _why_no_leader(trials, best_first, objectives, constraints)
        return StudyVerdict(**facts, leader=None, winner=None, why=why)
    facts |= {"leader": leader}
    fresh = _fresh(row, metric)
    why = _why_unconfirmed(row, trials, fresh)
    if why:
        same = tuple(trial.number for trial in tied(best_first, metric))
        return StudyVerdict(**facts, winner=None, why=why, tied=same)
    scores = {n: score for n, score in fresh[metric].items() if n in by_number}
    broken = {n: violations(constraints, _means(fresh, n)) for n in scores}
    facts |= {"broken": {n: told for n, told in broken.items() if told}}
    if all(broken.values()):
        why = f"on fresh seeds none keeps the constraints; {next(iter(broken.values()))}"
        return StudyVerdict(**facts, winner=None, why=why, fresh=fresh)
    numbers = sorted(scores, key=lambda n: (bool(broken[n]), *standing(scores[n], goal), n))
    winner, default = by_number[numbers[0]], facts["default"]
    challenger = leader if winner is default else winner
    gain = None
    if default is not None and default is not challenger:
        before, after = (scores.get(trial.number) for trial in (default, challenger))
        among = len(scores.keys() - {default.number})
        gain = gain_over(before, after, goal, among=among) if before and after else None
    best = standing(scores[winner.number], goal)
    equal = [n for n in numbers[1:] if standing(scores[n], goal) == best and not broken[n]]
    return StudyVerdict(**facts, winner=winner, fresh=fresh, gain=gain, tied=tuple(equal))


def _fresh(row: StudyRow, metric: str) -> dict[str, dict[int, FreshScore]]:
    """Metric -> trial -> its score on fresh seeds, as the study keeps them."""
    kept = row.confirmation or {}
    seeds = len(kept.get("seeds", ()))
    lost = {int(n): _by_seed(ends) for n, ends in kept.get("lost", {}).items()}
    per_metric = {metric: kept.get("values", {}), **kept.get("others", {})}
    return {
        name: {
            int(n): FreshScore(_by_seed(values), seeds, lost.get(int(n), {}))
            for n, values in per_trial.items()
        }
        for name, per_trial in per_metric.items()
    }


def _means(fresh: Mapping[str, Mapping[int, FreshScore]], number: int) -> dict[str, float]:
    """Metric -> a trial's mean on fresh seeds, where it has one."""
    scores = {name: by_trial.get(number) for name, by_trial in fresh.items()}
    return {name: score.mean for name, score in scores.items() if score is not None and score.n}


def _by_seed(values: Mapping[str, Any]) -> dict[int, Any]:
    return {int(seed): value for seed, value in values.items()}


def _why_no_leader(
    trials: Sequence[TrialRow],
    best_first: Sequence[TrialRow],
    objectives: Mapping[str, Goal],
    constraints: Sequence[Constraint],
) -> str:
    metric = next(iter(objectives))
    ended = [t for t in trials if t.outcome.final and t.outcome is not Outcome.FORGOTTEN]
    if not ended:
        return "no trial has ended yet"
    if best_first:
        value = best_first[0].values[metric]
        told = f"all {len(best_first)} completed trials score {metric} {value:.5g}"
        differ = [name for name in list(objectives)[1:] if not all_equal(best_first, name)]
        more = f"; they differ in {some(differ)}" if differ else ""
        return f"{told}, so none of their settings is the best{more}"
    completed = [trial for trial in ended if trial.outcome is Outcome.COMPLETED]
    if completed:
        return f"none of the {plural(len(completed), 'completed trial')} reported {metric}"
    beyond = {t.number: t.values for t in ended if t.outcome is Outcome.INFEASIBLE}
    if beyond:
        bounds = " and ".join(map(str, constraints))
        told = f"none of {plural(len(beyond), 'trial')} that ended well keeps {bounds}"
        nearest = closest(constraints, beyond)
        if nearest is not None:
            broken = violations(constraints, beyond[nearest])
            return f"{told}; the closest is trial {nearest}: {broken}"
        reported = {name for values in beyond.values() for name in values}
        unknown = [c.metric for c in constraints if c.metric not in reported]
        return f"{told}. No trial reported {some(unknown)}: is it spelt so?" if unknown else told
    ends = Counter(trial.outcome.value for trial in ended)
    told = ", ".join(f"{count} {word}" for word, count in ends.most_common())
    return f"none of {plural(len(ended), 'trial')} completed ({told})"


def _why_unconfirmed(
    row: StudyRow, trials: Sequence[TrialRow], fresh: Mapping[str, Mapping[int, FreshScore]]
) -> str:
    """Why what the study keeps of fresh seeds names no winner; empty if it names one."""
    kept = row.confirmation
    newer = 0 if kept is None else len(trials) - kept["after"]
    if row.driven and (kept is None or newer):
        return RUNNING
    if kept is None:
        return NEVER
    if newer:
        # One that is older than the newest trials has compared the best with too few.
        return (
            f"{plural(newer, 'trial')} came after the runs on fresh seeds, which do not count now"
        )
    if kept.get("forgotten", []) != forgotten(trials):
        return "trials were forgotten or restored after the runs on fresh seeds, which do not count"
    if kept.get("why"):
        return str(kept["why"])
    scores = next(iter(fresh.values()))
    if not any(score.n for score in scores.values()):
        ends = Counter(word for score in scores.values() for word in score.lost.values())
        told = ", ".join(f"{count} ended as {word}" for word, count in ends.items())
        return "no attempt on fresh seeds has a value" + (f" ({told})" if told else "")
    return ""
